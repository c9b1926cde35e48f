from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hwmodel_.builders import by_link
from hwmodel_.oracle import network_of, torus_walk
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh import torus_routing
from hwmodel.mesh.grid import Grid
from hwmodel.mesh.torus_routing import (
    multicast_loads,
    torus_distance,
    torus_route,
    unicast_loads,
)

SIZES = [(w, h) for w in range(1, 8) for h in range(1, 8)] + [(13, 2), (3, 11)]


def torus(width, height):
    return Grid(width, height, topology="triangular torus")


def columns(pairs):
    return (np.array(c, dtype=np.int64) for c in zip(*pairs, strict=True))


@st.composite
def torus_and_places(draw, n_places):
    width, height = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    place = st.tuples(st.integers(0, width - 1), st.integers(0, height - 1))
    return torus(width, height), draw(st.lists(place, min_size=1, max_size=n_places))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_torus_distance__is_the_least_number_of_links(width, height):
    searched = nx.single_source_shortest_path_length(
        network_of(width, height, "triangular torus"), (0, 0)
    )
    x, y = columns(searched)
    hops = torus_distance(torus(width, height), 0, 0, x, y)
    assert hops.tolist() == list(searched.values())


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_torus_route__up_to_a_router_on_it_is_the_route_to_that_router(width, height):
    grid = torus(width, height)
    for target in np.ndindex(width, height):
        route = torus_route(grid, (0, 0), target)
        for i, router in enumerate(route):
            assert torus_route(grid, (0, 0), router) == route[: i + 1]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_torus_route__never_takes_both_of_two_links_to_the_same_router(width, height):
    # on rings of two, +x and -x lead to the same router; LinkLoads.links names routers
    grid = torus(width, height)
    y, x = np.divmod(np.arange(grid.n_routers), width)
    loads = unicast_loads(grid, 0 * x, 0 * y, x, y, np.ones_like(x))
    assert len(by_link(loads)) == len(loads.links())


@given(torus_and_places(2))
@settings(max_examples=50, deadline=None)
def test_torus_route__is_the_walked_one_and_as_long_as_the_distance(case):
    grid, places = case
    source, target = places[0], places[-1]
    route = torus_route(grid, source, target)
    assert (route[0], route[-1]) == (source, target)
    assert list(pairwise(route)) == torus_walk(source, target, grid.width, grid.height)
    assert len(route) - 1 == torus_distance(grid, *source, *target)


@pytest.mark.parametrize(
    ("size", "target", "route"),
    [
        # half way round: up rather than down, in x, in y, along the diagonal
        ((4, 1), (2, 0), [(1, 0), (2, 0)]),
        ((1, 4), (0, 2), [(0, 1), (0, 2)]),
        ((4, 4), (2, 2), [(1, 1), (2, 2)]),
        # (up, up) is 1 diagonal + 2 x, (down, up) 1 + 1 over the border: the shorter
        ((4, 8), (3, 1), [(3, 0), (3, 1)]),
        # more steps first, whatever the axis
        ((9, 9), (3, 1), [(1, 0), (2, 0), (3, 1)]),
        ((9, 9), (3, 2), [(1, 1), (2, 2), (3, 2)]),
        ((9, 9), (8, 2), [(0, 1), (0, 2), (8, 2)]),
        # as many: x before y before the diagonal
        ((9, 9), (8, 1), [(8, 0), (8, 1)]),
        ((9, 9), (2, 1), [(1, 0), (2, 1)]),
        ((9, 9), (1, 2), [(0, 1), (1, 2)]),
        # over both borders at once
        ((9, 9), (8, 8), [(8, 8)]),
    ],
)
def test_torus_route__follows_the_written_rules(size, target, route):
    assert torus_route(torus(*size), (0, 0), target) == [(0, 0), *route]


@given(torus_and_places(12), st.lists(st.integers(1, 9), min_size=12, max_size=12))
@settings(max_examples=50, deadline=None)
def test_unicast_loads__equal_the_walked_routes(case, packets):
    grid, places = case
    flows = list(zip(places, reversed(places), packets, strict=False))
    expected: dict = {}
    for source, target, n in flows:
        for link in torus_walk(source, target, grid.width, grid.height):
            expected[link] = expected.get(link, 0) + n
    (sources, targets, packets) = zip(*flows, strict=True)
    ends = (*columns(sources), *columns(targets))
    loads = unicast_loads(grid, *ends, np.array(packets))
    assert by_link(loads) == expected
    assert loads.total == int(torus_distance(grid, *ends) @ np.array(packets))


@given(torus_and_places(10), st.integers(0, 999), st.sampled_from([1, 12, 1 << 20]))
@settings(max_examples=60, deadline=None)
def test_multicast_loads__equal_the_union_of_the_walked_routes(case, seed, at_once):
    grid, places = case
    rng = np.random.default_rng(seed)
    sources, cores = places[: len(places) // 2 + 1], places
    reaches = rng.random((len(sources), len(cores))) < 0.5
    packets = rng.integers(1, 9, len(sources))
    expected: dict = {}
    for source, row, n in zip(sources, reaches, packets, strict=True):
        tree = nx.DiGraph()
        tree.add_node(source)
        for core in np.array(cores)[row].tolist():
            walked = torus_walk(source, core, grid.width, grid.height)
            tree.add_edges_from(walked)
        assert nx.is_arborescence(tree)
        for link in tree.edges:
            expected[link] = expected.get(link, 0) + int(n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torus_routing, "PAIRS_AT_ONCE", at_once)
        loads = multicast_loads(
            grid, *columns(sources), *columns(cores), reaches, packets
        )
    assert by_link(loads) == expected


def test_loads__do_not_overflow_32_bits():
    at = [np.array([c]) for c in (0, 0, 5, 3)]
    packets = np.array([3_000_000_000])
    loads = unicast_loads(torus(12, 12), *at, packets)
    assert (loads.total, loads.busiest) == (15_000_000_000, 3_000_000_000)
    reaches = np.ones((1, 1), dtype=bool)
    tree = multicast_loads(torus(12, 12), *at, reaches, packets)
    assert np.array_equal(tree.packets, loads.packets)
