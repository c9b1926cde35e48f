"""Numbers of Wei et al. 2023 against values worked out by hand."""

from __future__ import annotations

import pytest
from hwmodel_.builders import close

from hwmodel import paper_tables
from hwmodel.chip.chip import load_chip
from hwmodel.errors import ChipError
from hwmodel.paper_tables import (
    comparisons,
    eq_12,
    rounding_interval,
    table_2,
    vgg11_sops,
)

# share x steps/512 + share x spikes/2.612M with shares (.6, .4) and (.36, .64)
BY_HAND = {
    ("Rate", "truenorth"): 1.0,
    ("Rate", "spinnaker"): 1.0,
    ("Phase", "truenorth"): 7.14771,
    ("Phase", "spinnaker"): 9.67852,
    ("Burst", "truenorth"): 2.37808,
    ("Burst", "spinnaker"): 2.48657,
    ("TTFS (T2FSNN)", "truenorth"): 0.80744,
    ("TTFS (T2FSNN)", "spinnaker"): 0.49503,
    ("TTFS (Park 2021)", "truenorth"): 0.64776,
    ("TTFS (Park 2021)", "spinnaker"): 0.39892,
    ("DTA-TTFS", "truenorth"): 0.19868,
    ("DTA-TTFS", "spinnaker"): 0.13039,
}


def test_table_2__every_cell_as_worked_out():
    cells = {(cell.coding, cell.chip): cell.computed for cell in table_2()}
    assert cells == pytest.approx(BY_HAND, abs=5e-6)


def test_table_2__two_of_twelve_cells_differ_by_one_in_the_last_digit():
    differences = {(c.coding, c.chip): c.difference for c in table_2() if c.difference}
    assert differences == {
        ("Phase", "truenorth"): 0.0001,
        ("Burst", "spinnaker"): 0.0001,
    }


def test_eq_12__readings():
    # 71e6 x 20 pJ + 45.4e6 x 100 pJ + 3.52 uJ = 1420 + 4540 + 3.52 uJ, and so on
    assert [reading.computed for reading in eq_12()] == close(
        [5963.52e-6, 50.34e-6, 50.36e-6, 50.34e-6]
    )


def test_rounding_interval__contains_the_printed_total():
    # 70.5 K, 453.5 K, 3.515 uJ: 1.41 + 45.35 + 3.515; 71.5 K, 454.5 K, 3.525 uJ
    assert rounding_interval() == close((50.275e-6, 50.405e-6))


def test_vgg11_sops__are_connections_times_sparsity():
    # 171.7 M multiply-accumulates x 0.4387
    assert vgg11_sops() == pytest.approx(171.7e6 * 0.4387, rel=1e-3)


def test_comparisons__esser_and_the_saving():
    rows = {row.what: row.computed for row in comparisons()}
    assert rows[
        "Esser et al. 2016: 204.4 mW / 1249 frames per second"
    ] == pytest.approx(163.651e-6, abs=1e-9)
    assert rows["saving over it, from the printed 50.36 uJ"] == pytest.approx(
        0.6923, abs=5e-5
    )
    assert rows["saving over it, from the computed 50.34 uJ"] == pytest.approx(
        0.6924, abs=5e-5
    )


def use_prices(monkeypatch, *overrides):
    monkeypatch.setattr(
        paper_tables, "load_chip", lambda name: load_chip(name, overrides)
    )


@pytest.mark.parametrize("table", [eq_12, rounding_interval, comparisons])
@pytest.mark.parametrize("constant", ["energy.sop", "energy.hop", "energy.static"])
def test_canmore_prices__unknown_is_an_error_and_not_zero(monkeypatch, table, constant):
    use_prices(monkeypatch, f"{constant}=unknown")
    with pytest.raises(ChipError, match=f"canmore: {constant} is unknown, and the tab"):
        table()


def test_comparisons__label_shows_the_computed_total(monkeypatch):
    # 71 K x 30 pJ + 454 K x 100 pJ + 3.52 uJ = 2.13 + 45.4 + 3.52 uJ
    use_prices(monkeypatch, "energy.sop=30pJ")
    rows = {row.what: row.computed for row in comparisons()}
    assert rows["saving over it, from the computed 51.05 uJ"] == close(
        1 - 51.05 / 163.65
    )
