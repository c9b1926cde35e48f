from __future__ import annotations

import io
import time
from itertools import permutations, product

import numpy as np
import pytest
from hwmodel_.placing_builders import judge, layered, places_of
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.placing import force as module
from hwmodel.placing.budget import Budget
from hwmodel.placing.force import force, in_order, nearest
from hwmodel.placing.problem import Prices, Problem
from hwmodel.traffic.flows import Flows
from hwmodel.traffic.senders import HOST

CASES = list(product(("multicast", "unicast"), ("hops", "energy", "worst-link")))
TORUS = "triangular torus"
GRIDS = [
    Grid(4, 4),
    Grid(7, 5),
    Grid(10, 1),
    Grid(3, 3, 2),
    Grid(5, 4, 1, (2, 2)),
    Grid(5, 4, topology=TORUS),
    Grid(6, 4, 2, (1, 1), TORUS),
]


def value(problem, slots):
    return judge(problem, places_of(slots, problem.grid))


@given(
    case=st.sampled_from(CASES),
    grid=st.sampled_from(GRIDS),
    most_pairs=st.sampled_from([module.MOST_PAIRS, 0]),
    n_starts=st.integers(1, 3),
    seed=st.integers(0, 999),
)
@settings(max_examples=60, deadline=None)
def test_force__places_every_core_once_and_is_never_worse_than_a_start(
    case, grid, most_pairs, n_starts, seed
):
    rng = np.random.default_rng(seed)
    flows, prices = layered((3, 5, 2), rng), Prices(2.0, 3.0, 5.0, 70.0)
    problem = Problem(grid, 10, flows, *case, (1, 0), prices)
    starts = [rng.permutation(grid.n_cores)[:10] for _ in range(n_starts)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_PAIRS", most_pairs)
        slots = force(problem, starts)
        again = force(problem, starts)
    assert len(set(slots.tolist())) == 10
    assert 0 <= slots.min() <= slots.max() < grid.n_cores
    assert value(problem, slots) <= min(value(problem, start) for start in starts)
    assert slots.tolist() == again.tolist()


@pytest.mark.parametrize("topology", ["mesh", TORUS])
def test_force__draws_a_scattered_ring_together(topology):
    # a closed chain of cores at random places, without an input
    n, rng = 16, np.random.default_rng(3)
    reaches = np.roll(np.eye(n, dtype=bool), 1, axis=1)
    flow = Flows(range(n), np.arange(n), reaches, np.full(n, 10))
    problem = Problem(Grid(12, 12, topology=topology), n, (flow,), "unicast")
    start = rng.permutation(144)[:n]
    before, after = (value(problem, s)[0] for s in (start, force(problem, [start])))
    assert after < before / 3


def test_force__pulls_towards_the_input_port():
    flow = Flows(range(4), np.full(4, HOST), np.eye(4, dtype=bool), np.full(4, 9))
    problem = Problem(Grid(9, 9), 4, (flow,), "unicast", "hops", (8, 8))
    slots = force(problem, [np.arange(4)])
    # on the port's router, two at distance 1, one at distance 2
    assert value(problem, slots)[0] == 9 * (0 + 1 + 1 + 2)
    assert 80 in slots


def test_force__on_a_torus_the_way_over_the_border_is_the_shorter():
    # two cores, one on the last column, its partner on the first
    flow = Flows(range(2), np.array([0]), np.array([[False, True]]), np.array([5]))
    problem = Problem(Grid(9, 1, topology=TORUS), 2, (flow,), "unicast")
    slots = module._round(problem, module.attraction(problem).tocoo(),
                          np.array([1, 7]), 1.0)  # fmt: skip
    # each is pulled to where the other was: 3 steps over the border, not 6 back
    assert sorted(slots.tolist()) == [1, 7]
    half = module._round(problem, module.attraction(problem).tocoo(),
                         np.array([1, 7]), 1 / 3)  # fmt: skip
    assert half.tolist() == [0, 8]


@pytest.mark.parametrize("budget", [Budget(1), Budget(2), Budget(None, 1e-9)])
def test_force__keeps_its_budget(budget, monkeypatch):
    problem = Problem(Grid(7, 5), 10, layered((3, 5, 2), np.random.default_rng(0)))
    rounds, starts = [], [np.arange(10), np.arange(20, 30)]
    one = module._round
    monkeypatch.setattr(module, "_round", lambda *a: rounds.append(1) or one(*a))
    force(problem, starts, budget)
    assert len(rounds) == (budget.iterations or 0)


def test_force__silence_and_one_core_are_no_obstacle():
    assert force(Problem(Grid(1, 1), 1, ()), [np.zeros(1, dtype=int)]).tolist() == [0]
    start = np.array([5, 2])
    assert force(Problem(Grid(3, 3), 2, ()), [start]).tolist() == [5, 2]


def test_force__shows_progress_on_a_terminal_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    problem = Problem(Grid(7, 5), 10, layered((3, 5, 2), np.random.default_rng(0)))
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        force(problem, [np.arange(10)])
        assert ("pulling cores" in stream.getvalue()) == shown


@given(
    grid=st.sampled_from([Grid(3, 2), Grid(2, 2, 2), Grid(3, 2, topology=TORUS)]),
    n=st.integers(1, 4),
    seed=st.integers(0, 999),
)
@settings(max_examples=30, deadline=None)
def test_nearest__is_the_best_of_all_assignments(grid, n, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, grid.width - 1, n), rng.uniform(0, grid.height - 1, n)
    weight = rng.uniform(0.1, 1, n)

    def squared(slots):
        total = 0.0
        for core, (to_x, to_y) in enumerate(places_of(slots, grid)):
            dx, dy = abs(to_x - x[core]), abs(to_y - y[core])
            if grid.topology == TORUS:
                dx, dy = min(dx, grid.width - dx), min(dy, grid.height - dy)
            total += weight[core] * (dx * dx + dy * dy)
        return total

    slots = nearest(grid, x, y, weight)
    best = min(squared(s) for s in permutations(range(grid.n_cores), n))
    assert len(set(slots.tolist())) == n
    assert squared(slots) == pytest.approx(best)


def test_in_order__keeps_a_lattice_as_it_is():
    # 4 x 3 cores that are already where they should be, on a grid of 4 x 3
    router = np.random.default_rng(0).permutation(12)
    slots = in_order(Grid(4, 3), router % 4 + 0.1, router // 4 * 1.3)
    assert slots.tolist() == router.tolist()


def test_in_order__fills_a_rectangle_around_the_mean():
    x, y = np.full(12, 20.0), np.full(12, 30.0)
    grid = Grid(50, 50, 2)
    slots = in_order(grid, x, y)
    # 6 routers are 2 x 3 or 3 x 2; equal places keep the order of the cores
    places = places_of(slots, grid)
    assert places == sorted(places)
    assert slots.tolist() != sorted(slots.tolist())
    assert len(set(slots.tolist())) == 12
    assert {x for x, _ in places} == {19, 20}
    assert {y for _, y in places} == {29, 30, 31}


def test_force__a_large_mesh_takes_no_table_of_pairs():
    flows = layered((3, 5, 2), np.random.default_rng(0))
    problem = Problem(Grid(1024, 1024), 10, flows, "unicast")
    start = time.perf_counter()
    slots = force(problem, [np.arange(10)])
    assert time.perf_counter() - start < 60
    assert value(problem, slots) < value(problem, np.arange(10))
