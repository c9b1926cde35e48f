"""The examples about hwmodel in docs are run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hwmodel_.early_exit.exit_reports import REPORT as EXITS

from hwmodel.chip.chip import Chip, load_chip
from hwmodel.chip.constants import Constant
from hwmodel.chip.files import preset_names
from hwmodel.cli import commands
from hwmodel.errors import WorkloadError
from hwmodel.estimate import estimate_workload
from hwmodel.fig_8 import fig_8
from hwmodel.report.chips import bounds_text, price_text, what_is_priced
from hwmodel.report.early_exit import HEADS, exits_text
from hwmodel.workload.declared import read_declared

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_energy_model__the_worked_example_prints_what_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (program,) = blocks("explanation/energy-model.md", "python")
    exec(compile(program, "energy-model.md", "exec"), {})
    sessions = blocks("explanation/energy-model.md", "console")
    assert len(sessions) == 2
    for session in sessions:
        command, _, shown = session.partition("\n")
        command = command.removeprefix("$ hwmodel ")
        assert CliRunner().invoke(commands, command.split()).stdout == shown


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


def preset_tables() -> list[list[str]]:
    """The two tables of presets, as the page has to show them."""
    prices = ["chip", "synaptic operation", "bounds", "neuron update", "hop"]
    prices += ["static", "step"]
    structure = ["chip", "technology", "routers", "cores", "neurons a core", "casting"]
    structure += ["priced"]
    chips = [load_chip(name) for name in preset_names()]
    return [
        _table(prices, [_price_cells(chip) for chip in chips if chip.energy.sop.value]),
        _table(structure, [_structure_cells(chip) for chip in chips]),
    ]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _price_cells(chip: Chip) -> list[str]:
    def cell(constant: Constant | None) -> str:
        if constant is None:
            return "not charged"
        if constant.included_in:
            return f"in {constant.included_in}"
        return price_text(constant.value, constant.unit, None)

    energy = chip.energy
    hop = cell(energy.hop)
    if energy.hop_y is not None:
        hop += f", {cell(energy.hop_y)} along y"
    return [
        f"`{chip.name}`",
        f"{cell(energy.sop)}, {energy.sop.kind}",
        bounds_text(energy.sop) or "-",
        cell(energy.neuron_update),
        hop,
        cell(energy.static),
        cell(chip.timing.step),
    ]


def _structure_cells(chip: Chip) -> list[str]:
    grid = chip.mesh.grid()
    shape = "" if grid.topology == "mesh" else f", {grid.topology}"
    return [
        f"`{chip.name}`",
        chip.technology,
        f"{grid}{shape}",
        str(grid.n_cores),
        str(chip.core.neurons),
        "unknown" if chip.casting is None else chip.casting.value,
        what_is_priced(chip),
    ]


def test_chips__the_tables_of_presets_are_true():
    text = (DOCS / "reference/chips.md").read_text("utf-8")
    for table in preset_tables():
        assert "\n".join(table) + "\n\n" in text


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
    rows = re.findall(r"^\| (features|space) \| (same|any) \| (.*) \|$", text, re.M)
    shown = {}
    for axis, rule, rest in rows:
        mesh, casting, hops, more, spike, sop = rest.replace("*", "").split(" | ")
        casting = "least" if casting.startswith("one hop") else casting
        shown[axis, rule, mesh.replace(" ", ""), casting] = (hops, more, spike, sop)
    found = {
        (r.partition.removeprefix("along "), r.after_pool, r.mesh, r.casting): r
        for r in fig_8()
        if r.network == "VGG11"
    }
    assert len(shown) == 15
    for key, (hops, more, spike, sop) in shown.items():
        r = found[key]
        for value, cell in ((r.hops, hops), (r.hops + r.input_hops, more)):
            scale, form = (1e6, ".1f") if cell.endswith("M") else (1e3, ",.0f")
            assert f"{value / scale:{form}}" == cell[:-2]
        assert f"{r.per_spike * 1e6:.1f} uJ" == spike
        assert f"{r.per_sop * 1e6:.0f} uJ" == sop


def test_results__the_short_table_of_fig_8_is_what_is_printed():
    (session,) = blocks("results.md", "console")
    command, _, shown = session.partition("\n")
    printed = CliRunner().invoke(commands, command.removeprefix("$ hwmodel ").split())
    assert printed.stdout.startswith(shown.removesuffix("...\n"))


@pytest.mark.parametrize("page", ["early-exit.md", "early-exit-on-chips.md"])
def test_early_exit__the_samples_have_the_lines_of_the_report(page):
    text = (DOCS / "how-to" / page).read_text("utf-8")
    (sample,) = re.findall(r"^early exit, .*?(?=^```)", text, re.DOTALL | re.MULTILINE)
    head, *chips = sample.split("\n\n")
    *_, shape = exits_text(EXITS, short=True).partition("settings: ")
    assert " ".join(shape.split("\n\n")[0].split()) in " ".join(head.split())
    titles = [line for line in sample.splitlines() if line.startswith("policy ")]
    assert titles
    for line in titles:
        assert line.split() == [cell.split()[0] for cell in HEADS]
    assert any(re.match(r"\w+: \d+ cores on an? ", block) for block in chips)
