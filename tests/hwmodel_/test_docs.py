"""The examples about hwmodel in docs are run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hwmodel_.builders import close

from hwmodel.chip.chip import load_chip
from hwmodel.cli import commands
from hwmodel.errors import WorkloadError
from hwmodel.estimate import estimate_workload
from hwmodel.fig_8 import fig_8
from hwmodel.workload.declared import read_declared

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


def test_workload_file__the_file_shown_is_one(tmp_path):
    (text,) = blocks("reference/workload-file.md", "yaml")
    path = tmp_path / "small.yaml"
    path.write_text(text)
    workload = read_declared(path)
    assert [layer.n_neurons for layer in workload.layers] == [1024, 100, 10]
    assert workload.layers[1].nonzero.mean() == 0.5
    # 1 - 0.7^4 = 0.7599
    assert workload.spikes_in[1][0] * 10**4 == 7599 * workload.n_samples


def test_workload_file__the_mistake_shown_is_the_message(tmp_path):
    (text,) = blocks("reference/workload-file.md", "yaml")
    path = tmp_path / "small.yaml"
    path.write_text(text.replace("units: 100", "unit: 100"))
    with pytest.raises(WorkloadError, match=r"layers\.2\.unit is not a known key; did"):
        read_declared(path)


@pytest.mark.parametrize(
    ("chip", "printed"), [("truenorth", 0.1987), ("spinnaker", 0.1304)]
)
def test_results__vgg16_gives_the_row_of_table_2(chip, printed):
    workload = read_declared(DOCS.parent / "examples/workloads/vgg16_cifar10.yaml")
    result = estimate_workload(workload, load_chip(chip))
    assert (result.latency.steps, round(result.normalised, 4)) == (160, printed)


def test_results__hops_of_fig_8_are_those_of_the_table():
    text = (DOCS / "results.md").read_text("utf-8")
    rows = re.findall(r"^\| (same|any) \| (.*) \|$", text, re.M)
    shown = {}
    for rule, rest in rows:
        mesh, casting, hops, more, spike, sop = rest.replace("*", "").split(" | ")
        casting = "least" if casting.startswith("one hop") else casting
        shown[rule, mesh.replace(" ", ""), casting] = (hops, more, spike, sop)
    found = {
        (r.after_pool, r.mesh, r.casting): r for r in fig_8() if r.network == "VGG11"
    }
    assert len(shown) == 10
    for key, (hops, more, spike, sop) in shown.items():
        r = found[key]
        for value, cell in ((r.hops, hops), (r.hops + r.input_hops, more)):
            scale, form = (1e6, ".1f") if cell.endswith("M") else (1e3, ",.0f")
            assert f"{value / scale:{form}}" == cell[:-2]
        assert f"{r.per_spike * 1e6:.1f} uJ" == spike
        assert f"{r.per_sop * 1e6:.0f} uJ" == sop
