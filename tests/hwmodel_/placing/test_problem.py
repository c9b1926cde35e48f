from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hwmodel_.placing_builders import chip_at, judge, layered, places_of
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.mesh.routing import route
from hwmodel.placing.problem import Prices, Problem, ways_from_origin
from hwmodel.traffic.senders import HOST

CASES = list(product(("multicast", "unicast"), ("hops", "energy", "worst-link")))


@given(
    case=st.sampled_from(CASES),
    seed=st.integers(0, 999),
    cpr=st.integers(1, 2),
    chip=st.sampled_from([None, (1, 1), (2, 2), (3, 1), (4, 2), (1, 3)]),
    topology=st.sampled_from(["mesh", "triangular torus"]),
)
@settings(max_examples=60, deadline=None)
def test_value__equals_the_walked_routes(case, seed, cpr, chip, topology):
    rng = np.random.default_rng(seed)
    grid = Grid(4, 3, cpr, chip, topology)
    flows = layered([3, 4, 2], rng)
    problem = Problem(grid, 9, flows, *case, (1, 2), Prices(2.0, 3.0, 5.0, 70.0))
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


@pytest.mark.parametrize("size", [(5, 4), (3, 6), (1, 1)])
@pytest.mark.parametrize("topology", ["mesh", "triangular torus"])
def test_ways_from_origin__follow_the_routes_back(topology, size):
    grid = Grid(*size, topology=topology)
    prices = Prices(2.0, 5.0)
    problem = Problem(grid, 1, (), "unicast", "energy", prices=prices)
    cost, last_step = ways_from_origin(problem)
    assert (cost[0, 0], last_step[0, 0]) == (0, -1)
    for y, x in np.ndindex(grid.height, grid.width):
        there, paid, passed = (x, y), 0.0, [(x, y)]
        while there != (0, 0):
            dx, dy = grid.directions[last_step[there[::-1]]]
            there = (there[0] - dx) % grid.width, (there[1] - dy) % grid.height
            paid += 5 if dy else 2
            passed.append(there)
        assert cost[y, x] == paid
        assert passed[::-1] == route(grid, (0, 0), (x, y))


@pytest.mark.parametrize("chip", [(1, 1), (1, 4), (5, 1), (2, 3)])
@pytest.mark.parametrize("topology", ["mesh", "triangular torus"])
def test_link_prices__are_those_of_packets_that_cross_one_link(topology, chip):
    grid = Grid(5, 4, 1, chip, topology)
    for objective in ("hops", "energy"):
        problem = Problem(
            grid, 2, (), "unicast", objective, prices=Prices(2.0, 3.0, 5.0)
        )
        for d, y, x in np.ndindex(problem.link_prices.shape):
            dx, dy = grid.directions[d]
            to_x, to_y = x + dx, y + dy
            if topology == "mesh" and not (0 <= to_x < 5 and 0 <= to_y < 4):
                continue
            end = to_x % 5, to_y % 4
            price = 3 if dy else 2
            price += 5 * (chip_at(grid, (x, y)) != chip_at(grid, end))
            expected = price if objective == "energy" else 1
            assert problem.link_prices[d, y, x] == expected
