from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hwmodel_.placing_builders import judge, layered, places_of
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.placing.problem import HopPrices, Problem
from hwmodel.placing.search import _Search

CASES = list(product(("multicast", "unicast"), ("hops", "energy", "worst-link")))


def totals(problem, slots):
    """What the kernels call total: packets of the busiest link, cost of hops."""
    value, hops = judge(problem, places_of(slots, problem.grid))
    if problem.objective == "worst-link":
        return [value, hops]
    return [0, value / max(problem.weights)]


@given(
    case=st.sampled_from(CASES),
    seed=st.integers(0, 999),
    cpr=st.integers(1, 2),
    topology=st.sampled_from(["mesh", "triangular torus"]),
)
@settings(max_examples=30, deadline=None)
def test_anneal__follows_every_change_of_the_walked_routes(case, seed, cpr, topology):
    rng = np.random.default_rng(seed)
    grid = Grid(4, 3, cpr, topology=topology)
    problem = Problem(grid, 9, layered([3, 4, 2], rng), *case, (3, 1), HopPrices(2, 3))
    search = _Search(problem, rng.permutation(grid.n_cores)[:9], seed)
    for temperature in (1e9, 10.0, 1e-9):
        search.kernels.anneal(*search.state, 40, temperature, 4)
        slots = search.places.slot
        assert len(set(slots.tolist())) == 9
        assert search.places.core_at[slots].tolist() == list(range(9))
        assert (search.places.core_at >= 0).sum() == 9
        assert search.places.total == pytest.approx(totals(problem, slots))
    best = search.notes.best_slot
    assert search.notes.best_total == pytest.approx(totals(problem, best))


@pytest.mark.parametrize("case", CASES)
def test_look_around__changes_nothing(case):
    problem = Problem(
        Grid(4, 3), 9, layered([3, 4, 2], np.random.default_rng(0)), *case
    )
    search = _Search(problem, np.arange(9), 0)
    before = [a.copy() for a in (search.places.slot, search.places.total)]
    n_changes, squares = search.kernels.look_around(*search.state, 200)
    assert 0 < n_changes <= 200
    assert squares > 0
    assert search.places.slot.tolist() == before[0].tolist()
    assert search.places.total.tolist() == before[1].tolist()
    search.kernels.start(*search.state)
    assert search.places.total.tolist() == before[1].tolist()


def test_random__is_splitmix64():
    # first outputs of SplitMix64 seeded with 1234567, a usual test vector
    problem = Problem(Grid(1, 1), 1, (), "unicast")
    notes = _Search(problem, np.zeros(1, dtype=np.int64), 1234567).notes
    from hwmodel.placing.placement_kernels import _random

    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [_random(notes) for _ in outputs] == [(z >> 11) / 2**53 for z in outputs]
