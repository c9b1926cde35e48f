from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hwmodel_.oracle import walk
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.mesh.loads import LinkLoads
from hwmodel.mesh.xy_routing import unicast_loads

GRID = Grid(5, 4, chip=(2, 3))
PLACES = st.tuples(st.integers(0, 4), st.integers(0, 3))


@given(source=PLACES, target=PLACES, packets=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_link_loads__equal_the_walked_links(source, target, packets):
    at = [np.array([c]) for c in (*source, *target, packets)]
    loads = unicast_loads(GRID, *at)
    links = walk(source, target)
    assert {(a, b) for a, b, _ in loads.links()} == set(links)
    assert loads.total == packets * len(links)
    assert loads.hops_y == packets * abs(source[1] - target[1])
    chip = [(x // 2, y // 3) for x, y in [source, *(b for _, b in links)]]
    changes = sum(a != b for a, b in pairwise(chip))
    assert loads.chip_crossings == packets * changes
    assert loads.busiest == (packets if links else 0)


def test_link_loads__of_one_chip_have_no_crossings():
    loads = LinkLoads.zeros(Grid(3, 2))
    assert (loads + loads).chip_crossings == 0


@pytest.mark.parametrize("topology", ["mesh", "triangular torus"])
def test_link_loads__have_one_plane_a_direction(topology):
    grid = Grid(3, 2, topology=topology)
    n_directions = {"mesh": 4, "triangular torus": 6}[topology]
    assert LinkLoads.zeros(grid).packets.shape == (n_directions, 2, 3)


def test_hops_by_direction__sum_the_links_of_each_step():
    grid = Grid(3, 2, topology="triangular torus")
    packets = np.arange(36).reshape(6, 2, 3)
    hops = LinkLoads(grid, packets).hops_by_direction
    assert list(hops) == [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)]
    # the plane of direction d holds 6d .. 6d + 5
    assert list(hops.values()) == [36 * d + 15 for d in range(6)]


def test_worst_link__is_the_first_with_the_most_packets():
    loads = LinkLoads.zeros(Grid(3, 2))
    assert loads.worst_link is None
    loads.packets[2, 0, 1] = loads.packets[3, 1, 0] = loads.packets[2, 0, 2] = 7
    assert loads.worst_link == ((1, 0), (1, 1), 7)
    loads.packets[3, 1, 0] = 8
    assert loads.worst_link == ((0, 1), (0, 0), 8)
    assert loads.worst_link[2] == loads.busiest


def test_links__of_a_torus_go_over_the_border():
    loads = LinkLoads.zeros(Grid(3, 2, topology="triangular torus"))
    loads.packets[0, 1, 2], loads.packets[5, 0, 0] = 4, 5
    assert loads.links() == [((2, 1), (0, 1), 4), ((0, 0), (2, 1), 5)]
    assert loads.worst_link == ((0, 0), (2, 1), 5)
