from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.placing_builders import layered

from hwmodel.mesh.grid import Grid
from hwmodel.placing.problem import Prices, Problem
from hwmodel.placing.search_tables import room_for, rules_of, traffic_of, unit_of
from hwmodel.traffic.senders import HOST

FLOWS = layered([3, 4, 2], np.random.default_rng(1))
PRICES = Prices(2.0, 3.0, 5.0, 70.0)


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_traffic_of__lists_the_ways_that_touch_each_core(casting):
    problem = Problem(Grid(3, 3), 9, FLOWS, casting)
    sends, traffic = problem.sends, traffic_of(problem)
    for core in range(9):
        start, stop = traffic.of_offsets[core : core + 2]
        expected = [
            i
            for i, source in enumerate(sends.source)
            if source == core
            or core in sends.targets[sends.offsets[i] : sends.offsets[i + 1]]
        ]
        assert traffic.of_core[start:stop].tolist() == expected
    assert (traffic.source == np.where(sends.source == HOST, 9, sends.source)).all()


def test_rules_of__price_ways_along_a_mesh_of_chips():
    problem = Problem(
        Grid(5, 3, 1, (2, 2)), 9, FLOWS, objective="energy", prices=PRICES
    )
    rules, unit = rules_of(problem), unit_of(problem)
    assert unit == 3 + 5
    assert rules.along_x * unit == pytest.approx([0, 2, 9, 11, 18])
    assert rules.along_y * unit == pytest.approx([0, 3, 11])
    assert rules.chip_of.tolist() == [0, 0, 1, 1, 2] * 2 + [3, 3, 4, 4, 5]
    assert rules.chip_price * unit == pytest.approx(70)
    assert rules.last_step.size == rules.way_to.size == rules.link_price.size == 0


@pytest.mark.parametrize(("chip", "alike"), [(None, 1), ((1, 1), 1), ((2, 2), 0)])
def test_rules_of__ways_on_a_torus_cost_the_same_everywhere_or_are_walked(chip, alike):
    grid = Grid(5, 3, 1, chip, "triangular torus")
    problem = Problem(grid, 9, FLOWS, objective="energy", prices=PRICES)
    rules = rules_of(problem)
    assert rules.way_to.size == alike * 15
    assert rules.last_step.size == 15
    assert rules.link_price.reshape(6, 3, 5) * unit_of(problem) == pytest.approx(
        problem.link_prices
    )


def test_rules_of__hops_know_no_chips():
    rules = rules_of(Problem(Grid(5, 3, 1, (2, 2)), 9, FLOWS, prices=PRICES))
    assert rules.along_x.tolist() == [0, 1, 2, 3, 4]
    assert (rules.chip_of.size, rules.chip_price) == (0, 0)


@pytest.mark.parametrize(
    ("objective", "n_links", "n_chips"),
    [("hops", 0, 0), ("energy", 0, 6), ("worst-link", 60, 0)],
)
def test_room_for__follows_only_what_counts(objective, n_links, n_chips):
    grid = Grid(5, 3, 1, (2, 2))
    problem = Problem(grid, 9, FLOWS, "multicast", objective, (4, 1), PRICES)
    places, notes = room_for(problem, np.arange(9), 5)
    assert (places.loads.size, places.on_chip.size) == (n_links, n_chips)
    assert (places.x[-1], places.y[-1]) == (4, 1)
    assert places.slot.tolist() == list(range(9))
    assert notes.random.tolist() == [5]
