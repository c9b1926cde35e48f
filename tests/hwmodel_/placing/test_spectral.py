from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.placing_builders import layered

from hwmodel.mesh.grid import Grid
from hwmodel.placing import spectral as module
from hwmodel.placing.problem import Problem
from hwmodel.placing.spectral import spectral
from hwmodel.traffic.flows import Flows


def lattice(width, height, rng):
    """Cores of a lattice in random order; each sends to its neighbours."""
    n = width * height
    place = rng.permutation(n)
    x, y = place % width, place // width
    near = abs(x[:, None] - x) + abs(y[:, None] - y) == 1
    return (Flows(range(n), np.arange(n), near, np.full(n, 10)),)


@pytest.mark.parametrize("most_dense", [500, 0])
def test_spectral__unfolds_a_lattice(most_dense, monkeypatch):
    # not a square, whose second and third eigenvalue are equal
    monkeypatch.setattr(module, "MOST_DENSE", most_dense)
    flows = lattice(8, 5, np.random.default_rng(2))
    problem = Problem(Grid(8, 5), 40, flows, "unicast")
    slots = spectral(problem)
    hops, _ = problem.value(slots % 8, slots // 8)
    random, _ = problem.value(np.arange(40) % 8, np.arange(40) // 8)
    flat = 2 * (7 * 5 + 8 * 4) * 10
    assert random > 3 * flat
    assert hops < 1.5 * flat


@pytest.mark.parametrize("cpr", [1, 2])
@pytest.mark.parametrize("port", [(0, 0), (8, 4), (4, 2)])
def test_spectral__fills_a_compact_rectangle_around_the_port(cpr, port):
    flows = layered([4, 3, 2], np.random.default_rng(1))
    problem = Problem(Grid(9, 5, cpr), 9, flows, "multicast", "hops", port)
    slots = spectral(problem)
    assert len(set(slots.tolist())) == 9
    x, y = slots // cpr % 9, slots // cpr // 9
    assert max(np.ptp(x), np.ptp(y)) < 3
    assert abs(x - port[0]).min() <= 1
    assert abs(y - port[1]).min() <= 1


def test_spectral__few_cores_and_silence_are_no_obstacle():
    silent = Flows(
        range(1), np.zeros(0, np.int64), np.zeros((0, 1), bool), np.zeros(0, np.int64)
    )
    assert spectral(Problem(Grid(1, 1), 1, (silent,))).tolist() == [0]
    assert sorted(spectral(Problem(Grid(2, 1), 2, ())).tolist()) == [0, 1]


def test_spectral__uses_a_narrow_grid_as_it_is():
    problem = Problem(Grid(1, 7), 5, layered([2, 3], np.random.default_rng(0)))
    assert sorted(spectral(problem).tolist()) == [0, 1, 2, 3, 4]
