"""How sure a total is, as text and as data; the example of test_presets."""

from __future__ import annotations

import json

from hwmodel_.builders import close, two_by_two_model

from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_model
from hwmodel.report.sensitivity import (
    sensitivity_table,
    uncertainty_dict,
    uncertainty_lines,
)


def example(name, *overrides, **options):
    chip = load_chip(name, ["core.neurons=1", *overrides])
    return estimate_model(two_by_two_model(), chip, mesh=(2, 2), **options)


def test_uncertainty_dict__is_the_hand_computed_interval():
    chip = ["energy.sop.low=10pJ", "energy.static.high=4uJ/frame"]
    data = uncertainty_dict(example("canmore", *chip))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    # 5 SOPs; the input enters at (0, 0), so that 3 hops are left
    total = 5 * 20e-12 + 3 * 100e-12 + 3.52e-6
    low, high = data["energy_interval_j"]
    assert low == close(total - 50e-12)
    assert high == close(total + 0.48e-6)
    static, sop, hop = data["sensitivity"]
    assert static == {
        "constant": "energy.static",
        "value": 3.52e-6,
        "low": None,
        "high": 4e-6,
        "unit": "J/frame",
        "share": close(3.52e-6 / total),
        "total_low_j": close(total),
        "total_high_j": close(high),
    }
    assert (sop["constant"], sop["total_low_j"]) == ("energy.sop", close(low))
    assert (hop["constant"], hop["total_low_j"]) == ("energy.hop", None)
    assert data["monte_carlo"] is None


def test_uncertainty_lines__say_what_has_no_bounds():
    (line,) = uncertainty_lines(example("canmore"))
    assert line == "no bounds known    energy.static, energy.hop, energy.sop"
    interval, rest = uncertainty_lines(example("canmore", "energy.hop.high=200pJ"))
    # 3 hops
    assert interval == (
        "interval           3.52 uJ to 3.521 uJ (0 J less to 300 pJ more), if every "
        "constant lies within its bounds"
    )
    assert rest == "no bounds known    energy.static, energy.sop"


def test_uncertainty_lines__show_the_draws():
    result = example("canmore", "energy.hop.high=200pJ", n_draws=50, seed=7)
    last = uncertainty_lines(result)[-1]
    assert last.startswith("drawn              mean 3.52")
    assert last.endswith("(50 draws, seed 7)")
    draws = uncertainty_dict(result)["monte_carlo"]
    assert set(draws) == {"n", "seed", "mean", "deviation", "p5", "p50", "p95"}


def test_sensitivity_table__has_a_row_for_each_constant_with_bounds():
    assert sensitivity_table(example("canmore")) == ""
    table = sensitivity_table(example("truenorth", "energy.sop.low=13pJ"))
    (row,) = table.splitlines()[2:]
    # 5 x 26 pJ, at 13 pJ half of it
    assert " ".join(row.split()) == ("energy.sop 13 pJ to 28.1 pJ 100.0% 65 pJ 10.5 pJ")
