from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hwmodel_.placing_builders import judge, layered, places_of, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.placing import placement_kernels as module
from hwmodel.placing.problem import Prices, Problem
from hwmodel.placing.search import _Search
from hwmodel.placing.search_tables import unit_of
from hwmodel.traffic.flows import Flows

CASES = list(product(("multicast", "unicast"), ("hops", "energy", "worst-link")))


TORUS = "triangular torus"
CHIPS = [None, (1, 1), (2, 2), (3, 1), (4, 2), (1, 3)]
GRIDS = [
    Grid(4, 3, cpr, chip, topology)
    for cpr, chip, topology in product((1, 2), CHIPS, ("mesh", TORUS))
]
PRICES = [Prices(2.0, 3.0), Prices(2.0, 3.0, 5.0), Prices(0.3, 0.7, 1.1, 70.0)]


def totals(problem, slots):
    """What the kernels call total: packets of the busiest link, cost of the rest."""
    value, hops = judge(problem, places_of(slots, problem.grid))
    if problem.objective == "worst-link":
        return [value, hops]
    return [0, value / unit_of(problem)]


@given(
    case=st.sampled_from(CASES),
    seed=st.integers(0, 999),
    grid=st.sampled_from(GRIDS),
    prices=st.sampled_from(PRICES),
)
@settings(max_examples=60, deadline=None)
def test_anneal__follows_every_change_of_the_walked_routes(case, seed, grid, prices):
    rng = np.random.default_rng(seed)
    problem = Problem(grid, 9, layered([3, 4, 2], rng), *case, (3, 1), prices)
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


@given(
    case=st.sampled_from(CASES),
    seed=st.integers(0, 999),
    grid=st.sampled_from(GRIDS),
    prices=st.sampled_from(PRICES),
)
@settings(max_examples=60, deadline=None)
def test_try_swap__changes_by_what_a_full_recomputation_does(case, seed, grid, prices):
    rng = np.random.default_rng(seed)
    problem = Problem(grid, 9, layered([3, 4, 2], rng), *case, (3, 1), prices)
    slots = rng.permutation(grid.n_cores)[:9]
    search = _Search(problem, slots, seed)
    before, unit = totals(problem, slots), unit_of(problem)
    for core, slot in rng.integers((9, grid.n_cores), size=(8, 2)):
        other = slots.copy()
        other[slots == slot] = slots[core]
        other[core] = slot
        _, busiest, of_hops, of_chips = search.kernels.try_swap(
            *search.state, core, slot
        )
        after = totals(problem, other)
        assert search.places.slot.tolist() == other.tolist()
        assert busiest == after[0]
        assert of_hops + of_chips == pytest.approx(after[1] - before[1], abs=1e-9)
        if case[1] == "energy":
            chips = [np.unique(grid.chip_of(*xy(s, grid))).size for s in (other, slots)]
            of_chips *= unit
            assert of_chips == pytest.approx(prices.chip * (chips[0] - chips[1]))
        search.go_to(slots)


def xy(slots, grid):
    router = slots // grid.cores_per_router
    return router % grid.width, router // grid.width


@pytest.mark.parametrize("case", CASES)
def test_look_around__changes_nothing(case):
    flows = layered([3, 4, 2], np.random.default_rng(0))
    prices = Prices(2.0, 3.0, 5.0, 70.0)
    problem = Problem(Grid(4, 3, 1, (2, 2)), 9, flows, *case, prices=prices)
    search = _Search(problem, np.arange(9), 0)
    before = [a.copy() for a in (search.places.slot, search.places.total)]
    n_changes, squares = search.kernels.look_around(*search.state, 200)
    assert 0 < n_changes <= 200
    assert squares > 0
    assert search.places.slot.tolist() == before[0].tolist()
    assert search.places.total.tolist() == before[1].tolist()
    search.kernels.start(*search.state)
    assert search.places.total.tolist() == before[1].tolist()


def test_look_around__leaves_out_the_chips_in_use():
    flows = layered([3, 4, 2], np.random.default_rng(0))
    found = []
    for chip in (0.0, 1e9):
        prices = Prices(2.0, 3.0, 5.0, chip)
        problem = Problem(
            Grid(4, 3, 1, (2, 2)), 9, flows, objective="energy", prices=prices
        )
        search = _Search(problem, np.arange(9), 0)
        found.append(search.kernels.look_around(*search.state, 200))
    assert found[0] == found[1]


def test_random__is_splitmix64():
    # first outputs of SplitMix64 seeded with 1234567, a usual test vector
    problem = Problem(Grid(1, 1), 1, (), "unicast")
    notes = _Search(problem, np.zeros(1, dtype=np.int64), 1234567).notes
    from hwmodel.placing.placement_kernels import _random

    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [_random(notes) for _ in outputs] == [(z >> 11) / 2**53 for z in outputs]


WIDE_GRIDS = [
    Grid(5, 3, cpr, chip, topology)
    for cpr, chip, topology in product(
        (1, 2), (None, (1, 1), (2, 2), (1, 3), (5, 2)), ("mesh", "triangular torus")
    )
]


@given(
    grid=st.sampled_from(WIDE_GRIDS),
    casting=st.sampled_from(["multicast", "unicast"]),
    crossing=st.sampled_from([0.0, 5.0]),
    seed=st.integers(0, 999),
)
@settings(max_examples=40, deadline=None)
def test_way__costs_what_its_walked_links_do(grid, casting, crossing, seed):
    rng = np.random.default_rng(seed)
    prices = Prices(2.0, 3.0, crossing)
    problem = Problem(
        grid, 9, layered([3, 4, 2], rng), casting, "energy", (3, 1), prices
    )
    slots = rng.permutation(grid.n_cores)[:9]
    places, search = places_of(slots, grid), _Search(problem, slots, 0)
    sends = problem.sends
    for entry in range(sends.source.size):
        targets = sends.targets[sends.offsets[entry] : sends.offsets[entry + 1]]
        flow = Flows(
            range(9),
            sends.source[entry : entry + 1],
            np.isin(np.arange(9), targets)[None],
            np.ones(1, dtype=np.int64),
        )
        alone = Problem(grid, 9, (flow,), "multicast", "energy", (3, 1), prices)
        cost = module.way(*search.state, entry) * unit_of(problem)
        assert cost == pytest.approx(judge(alone, places)[0])


@given(grid=st.sampled_from(WIDE_GRIDS), seed=st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_load__adds_packets_to_the_walked_links(grid, seed):
    rng = np.random.default_rng(seed)
    flows = layered([3, 4, 2], rng)
    problem = Problem(grid, 9, flows, "multicast", "worst-link", (3, 1))
    slots = rng.permutation(grid.n_cores)[:9]
    places, search = places_of(slots, grid), _Search(problem, slots, 0)
    sends = problem.sends
    for entry in range(sends.source.size):
        loads = np.zeros(len(grid.directions) * grid.n_routers, dtype=np.int64)
        module.load(*search.state, entry, 7, loads)
        start = (3, 1) if sends.source[entry] < 0 else places[sends.source[entry]]
        expected = set()
        for target in sends.targets[sends.offsets[entry] : sends.offsets[entry + 1]]:
            expected |= set(walk(grid, start, places[target]))
        found = loads.reshape(len(grid.directions), grid.height, grid.width)
        links = {
            ((x, y), ((x + dx) % grid.width, (y + dy) % grid.height))
            for (dx, dy), of_step in zip(grid.directions, found, strict=True)
            for y, x in np.argwhere(of_step).tolist()
        }
        assert links == expected
        assert set(loads[loads != 0].tolist()) <= {7}
