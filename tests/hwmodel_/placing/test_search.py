from __future__ import annotations

import io
import time
from itertools import product

import numpy as np
import pytest
from hwmodel_.placing_builders import every_value, judge, layered, places_of

from hwmodel.mesh.grid import Grid
from hwmodel.placing.budget import Budget
from hwmodel.placing.problem import Prices, Problem
from hwmodel.placing.search import anneal, descend

CASES = list(product(("multicast", "unicast"), ("hops", "energy", "worst-link")))
SMALL = Budget(20_000)


GRID = Grid(4, 4)


def problem_of(case, seed=0, grid=GRID, sizes=(3, 5, 2), port=(1, 0)):
    flows = layered(sizes, np.random.default_rng(seed))
    return Problem(grid, sum(sizes), flows, *case, port, Prices(2.0, 3.0))


def value(problem, slots):
    return judge(problem, places_of(slots, problem.grid))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_anneal__reaches_the_optimum_of_tiny_problems(case, seed):
    problem = problem_of(case, seed, Grid(3, 2), (1, 2, 1), (2, 1))
    best = min(every_value(problem))
    assert value(problem, anneal(problem, np.arange(4), seed, SMALL)) == best


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("search", [anneal, descend])
def test_search__never_ends_worse_than_it_started(case, search):
    problem = problem_of(case)
    start = np.random.default_rng(5).permutation(16)[:10]
    for budget in (Budget(1), Budget(100), SMALL):
        slots = search(problem, start, 3, budget)
        assert len(set(slots.tolist())) == 10
        assert value(problem, slots) <= value(problem, start)


@pytest.mark.parametrize("search", [anneal, descend])
def test_search__same_seed_same_places(search):
    problem = problem_of(("multicast", "hops"))
    first, again, other = (
        search(problem, np.arange(10), seed, Budget(3000)) for seed in (7, 7, 8)
    )
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


@pytest.mark.parametrize("case", CASES)
def test_descend__ends_where_no_swap_is_better(case):
    problem = problem_of(case)
    slots = descend(problem, np.arange(10))
    reached = value(problem, slots)
    for core in range(10):
        for slot in range(16):
            other = slots.copy()
            other[slots == slot] = slots[core]
            other[core] = slot
            assert value(problem, other) >= reached


def test_descend__stays_with_equal_placements():
    problem = problem_of(("unicast", "hops"), sizes=(1,), grid=Grid(3, 3))
    slots = descend(problem, np.array([1]))
    assert slots.tolist() == [1]


def test_search__a_limit_in_seconds_is_kept():
    problem = problem_of(("multicast", "hops"))
    descend(problem, np.arange(10), 0, SMALL)  # compiles
    anneal(problem, np.arange(10), 0, SMALL)
    start = time.perf_counter()
    anneal(problem, np.arange(10), 0, Budget(seconds=0.3))
    assert 0.25 < time.perf_counter() - start < 3


def test_search__without_traffic_stays():
    problem = Problem(Grid(2, 2), 3, (), "multicast")
    assert anneal(problem, np.arange(3), 0, SMALL).tolist() == [0, 1, 2]
    assert descend(problem, np.arange(3)).tolist() == [0, 1, 2]


def test_search__shows_progress_on_a_terminal_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        anneal(problem_of(("unicast", "hops")), np.arange(10), 0, SMALL)
        assert ("annealing" in stream.getvalue()) == shown
