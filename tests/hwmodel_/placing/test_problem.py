from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np
import pytest
from hwmodel_.placing_builders import judge, layered, places_of
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.errors import PlacementError
from hwmodel.mesh.grid import DIRECTIONS, Grid
from hwmodel.placing.problem import HopPrices, Problem, hop_costs
from hwmodel.traffic.senders import HOST

CASES = list(product(("multicast", "unicast"), ("hops", "energy", "worst-link")))


@given(case=st.sampled_from(CASES), seed=st.integers(0, 999), cpr=st.integers(1, 2))
@settings(max_examples=60, deadline=None)
def test_value__equals_the_walked_routes(case, seed, cpr):
    rng = np.random.default_rng(seed)
    grid, flows = Grid(4, 3, cpr), layered([3, 4, 2], rng)
    problem = Problem(grid, 9, flows, *case, (1, 2), HopPrices(2.0, 3.0))
    slots = rng.permutation(grid.n_cores)[:9]
    places = places_of(slots, grid)
    x, y = np.array(places).T
    assert problem.value(x, y) == judge(problem, places)


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_sends__hold_every_packet_of_the_flows(casting):
    flows = layered([3, 4, 2], np.random.default_rng(1))
    sends = Problem(Grid(3, 3), 9, flows, casting).sends
    expected: dict = {}
    for flow in flows:
        for source, row, packets in zip(
            flow.source.tolist(), flow.reaches, flow.packets.tolist(), strict=True
        ):
            for target in np.flatnonzero(row).tolist():
                key = (source, flow.cores[target])
                expected[key] = expected.get(key, 0) + packets
    found: dict = {}
    for i, (source, packets) in enumerate(
        zip(sends.source.tolist(), sends.packets.tolist(), strict=True)
    ):
        for target in sends.targets[sends.offsets[i] : sends.offsets[i + 1]].tolist():
            found[source, target] = found.get((source, target), 0) + packets
    assert found == expected
    assert HOST in sends.source
    if casting == "unicast":
        assert sends.packets.size == len(expected)


@pytest.mark.parametrize("size", [(3, 3), (5, 4), (2, 6), (7, 7)])
def test_hop_costs__are_the_shortest_ways_on_the_triangular_torus(size):
    width, height = size
    graph = nx.Graph(
        ((x, y), ((x + dx) % width, (y + dy) % height))
        for x in range(width)
        for y in range(height)
        for dx, dy in DIRECTIONS["triangular torus"]
    )
    grid = Grid(width, height, topology="triangular torus")
    costs = hop_costs(Problem(grid, 1, (), "unicast"))
    for (x, y), ways in nx.all_pairs_shortest_path_length(graph):
        for (to_x, to_y), hops in ways.items():
            assert costs[y * width + x, to_y * width + to_x] == hops


def test_hop_costs__price_columns_and_rows_apart_on_the_mesh():
    prices = HopPrices(2.0, 5.0)
    problem = Problem(Grid(3, 2), 1, (), "unicast", "energy", prices=prices)
    assert hop_costs(problem)[0].tolist() == [0, 2, 4, 5, 7, 9]


@pytest.mark.parametrize(
    ("casting", "objective"), [("multicast", "hops"), ("unicast", "worst-link")]
)
def test_problem__names_what_is_not_known_on_a_torus(casting, objective):
    grid = Grid(3, 3, topology="triangular torus")
    with pytest.raises(
        PlacementError,
        match=f"{casting} {objective} on a triangular torus is not known.*row-major",
    ):
        Problem(grid, 4, (), casting, objective)
