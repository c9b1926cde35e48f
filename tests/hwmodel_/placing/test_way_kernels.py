from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hwmodel_.placing_builders import judge, layered, places_of, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.placing.problem import Prices, Problem
from hwmodel.placing.search import _Search, unit_of
from hwmodel.placing.way_kernels import load, way
from hwmodel.traffic.flows import Flows

GRIDS = [
    Grid(5, 3, cpr, chip, topology)
    for cpr, chip, topology in product(
        (1, 2), (None, (1, 1), (2, 2), (1, 3), (5, 2)), ("mesh", "triangular torus")
    )
]


@given(
    grid=st.sampled_from(GRIDS),
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
        cost = way(*search.state, entry) * unit_of(problem)
        assert cost == pytest.approx(judge(alone, places)[0])


@given(grid=st.sampled_from(GRIDS), seed=st.integers(0, 999))
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
        load(*search.state, entry, 7, loads)
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
