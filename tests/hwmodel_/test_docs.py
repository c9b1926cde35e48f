"""The examples about hwmodel in docs are run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hwmodel_.builders import close

from hwmodel.chip.chip import load_chip
from hwmodel.cli import commands

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_energy_model__the_worked_example_prints_what_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (program,) = blocks("explanation/energy-model.md", "python")
    exec(compile(program, "energy-model.md", "exec"), {})
    (session,) = blocks("explanation/energy-model.md", "console")
    command, _, shown = session.partition("\n")
    result = CliRunner().invoke(commands, command.removeprefix("$ hwmodel ").split())
    assert result.stdout == shown


def test_own_chip__the_file_with_a_base_is_one(tmp_path):
    text, _ = blocks("how-to/own-chip.md", "yaml")
    path = tmp_path / "fast.yaml"
    path.write_text(text)
    chip, base = load_chip(path), load_chip("canmore")
    assert chip.energy.hop.value == pytest.approx(2.3e-12)
    assert chip.energy.sop == base.energy.sop


def test_own_chip__the_complete_file_is_one(tmp_path):
    _, text = blocks("how-to/own-chip.md", "yaml")
    path = tmp_path / "mesh16.yaml"
    path.write_text(text)
    chip = load_chip(path, ["energy.hop=1pJ"])
    assert (chip.name, chip.mesh.width, chip.energy.hop.value) == ("mesh16", 16, 1e-12)


@pytest.mark.parametrize("name", ["truenorth", "spinnaker", "canmore"])
def test_chips__the_table_of_presets_is_true(name):
    text = (DOCS / "reference/chips.md").read_text("utf-8")
    rows = re.findall(r"^\| (.*) \|$", text, re.M)[:9]
    head, _, *body = ([cell.strip() for cell in row.split(" | ")] for row in rows)
    column = head.index(f"`{name}`")
    table = {row[0]: row[column] for row in body}
    chip = load_chip(name)
    units = {"pJ": 1e-12, "nJ": 1e-9, "uJ/frame,": 1e-6, "W": 1.0, "ms": 1e-3}
    for label, constant in (
        ("energy per SOP", chip.energy.sop),
        ("energy per hop", chip.energy.hop),
        ("static", chip.energy.static),
        ("time step", chip.timing.step),
    ):
        shown = table[label]
        if constant.included_in:
            holder = {"sop": "SOP", "router": "router"}[constant.included_in]
            assert shown == f"in the {holder} price"
        elif constant.value is None:
            assert shown == "unknown"
        else:
            number, unit = shown.replace(",", "").split()[:2]
            factor = units.get(unit, units["uJ/frame,"])
            assert float(number) * factor == close(constant.value)
    assert table["mesh"].startswith(f"{chip.mesh.width} x {chip.mesh.height}")
    assert table["neurons a core in the mapping"] == str(chip.core.neurons)
