from __future__ import annotations

from itertools import pairwise

import numpy as np
from hwmodel_.builders import by_link
from hwmodel_.oracle import walk
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.mesh.xy_routing import multicast_loads, unicast_loads, xy_route

MESH = Grid(5, 4)
PLACES = st.tuples(st.integers(0, 4), st.integers(0, 3))


def columns(pairs):
    return (np.array(c, dtype=np.int64) for c in zip(*pairs, strict=True))


@given(source=PLACES, target=PLACES)
def test_xy_route__is_as_long_as_manhattan_and_x_comes_first(source, target):
    route = xy_route(source, target)
    assert (route[0], route[-1]) == (source, target)
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(route)]
    assert len(steps) == abs(source[0] - target[0]) + abs(source[1] - target[1])
    assert all(abs(dx) + abs(dy) == 1 for dx, dy in steps)
    moved_in_y = [dy != 0 for _, dy in steps]
    assert moved_in_y == sorted(moved_in_y)


@given(flows=st.lists(st.tuples(PLACES, PLACES, st.integers(1, 9)), max_size=12))
@settings(max_examples=80, deadline=None)
def test_unicast_loads__equal_the_walked_routes(flows):
    expected: dict = {}
    for source, target, packets in flows:
        for link in walk(source, target):
            expected[link] = expected.get(link, 0) + packets
    if not flows:
        flows = [((0, 0), (0, 0), 1)]
    source_x, source_y = columns([f[0] for f in flows])
    target_x, target_y = columns([f[1] for f in flows])
    packets = np.array([f[2] for f in flows])
    loads = unicast_loads(MESH, source_x, source_y, target_x, target_y, packets)
    assert by_link(loads) == expected
    distance = abs(source_x - target_x) + abs(source_y - target_y)
    assert loads.total == int((distance * packets).sum())
    assert loads.busiest == max(expected.values(), default=0)


@given(
    cores=st.lists(PLACES, min_size=1, max_size=8, unique=True),
    sources=st.lists(st.tuples(PLACES, st.integers(1, 9)), min_size=1, max_size=6),
    data=st.data(),
)
@settings(max_examples=80, deadline=None)
def test_multicast_loads__equal_the_union_of_the_routes(cores, sources, data):
    reaches = np.array(
        [
            data.draw(st.lists(st.booleans(), min_size=len(cores), max_size=len(cores)))
            for _ in sources
        ]
    )
    reaches[~reaches.any(axis=1), 0] = True
    expected: dict = {}
    for (source, packets), row in zip(sources, reaches, strict=True):
        tree = set()
        for core, reached in zip(cores, row, strict=True):
            tree |= set(walk(source, core)) if reached else set()
        for link in tree:
            expected[link] = expected.get(link, 0) + packets
    source_x, source_y = columns([s[0] for s in sources])
    target_x, target_y = columns(cores)
    packets = np.array([s[1] for s in sources])
    loads = multicast_loads(
        MESH, source_x, source_y, target_x, target_y, reaches, packets
    )
    assert by_link(loads) == expected
    flow, target = np.nonzero(reaches)
    unicast = unicast_loads(
        MESH,
        source_x[flow],
        source_y[flow],
        target_x[target],
        target_y[target],
        packets[flow],
    )
    assert loads.total <= unicast.total


def test_multicast_loads__shares_the_way_to_a_target_behind_another():
    # (0, 0) to (1, 0), (0, 1), (1, 1): unicast 1 + 1 + 2, the tree has 3 links
    loads = multicast_loads(
        Grid(2, 2),
        np.array([0]),
        np.array([0]),
        np.array([1, 0, 1]),
        np.array([0, 1, 1]),
        np.ones((1, 3), dtype=bool),
        np.array([10]),
    )
    assert by_link(loads) == {
        ((0, 0), (1, 0)): 10,
        ((0, 0), (0, 1)): 10,
        ((1, 0), (1, 1)): 10,
    }
