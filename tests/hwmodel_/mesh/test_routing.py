"""What holds on every topology, and a 2 x 2 example of each worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hwmodel_.builders import by_link
from hwmodel_.oracle import network_of
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.mesh.routing import distance, multicast_loads, route, tree, unicast_loads

TOPOLOGIES = ["mesh", "triangular torus"]


@st.composite
def grid_and_flows(draw):
    """A grid, sources (2, n_flows), cores (2, n_cores), reaches, packets."""
    grid = Grid(
        draw(st.integers(1, 8)),
        draw(st.integers(1, 8)),
        topology=draw(st.sampled_from(TOPOLOGIES)),
    )
    n_flows, n_cores = draw(st.integers(1, 6)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    limits = np.array([[grid.width], [grid.height]])
    reaches = rng.random((n_flows, n_cores)) < draw(st.sampled_from([0.1, 0.5, 1.0]))
    reaches[np.arange(n_flows), rng.integers(0, n_cores, n_flows)] = True
    return (
        grid,
        rng.integers(0, limits, (2, n_flows)),
        rng.integers(0, limits, (2, n_cores)),
        reaches,
        rng.integers(1, 9, n_flows),
    )


@given(grid_and_flows())
@settings(max_examples=60, deadline=None)
def test_routing__hops_agree_however_they_are_counted(case):
    grid, sources, cores, reaches, packets = case
    flow, core = np.nonzero(reaches)
    hops = distance(grid, *sources[:, flow], *cores[:, core])
    unicast = unicast_loads(grid, *sources[:, flow], *cores[:, core], packets[flow])
    multicast = multicast_loads(grid, *sources, *cores, reaches, packets)
    assert unicast.total == sum(unicast.hops_by_direction.values())
    assert unicast.total == int(hops @ packets[flow])
    expected: dict = {}
    trees: dict = {}
    for i, (source, row) in enumerate(zip(sources.T.tolist(), reaches, strict=True)):
        targets = [tuple(at) for at in cores.T[row].tolist()]
        routes = [route(grid, tuple(source), target) for target in targets]
        assert [len(r) - 1 for r in routes] == hops[flow == i].tolist()
        for link in (link for r in routes for link in pairwise(r)):
            expected[link] = expected.get(link, 0) + packets[i]
        for link in tree(grid, tuple(source), targets):
            trees[link] = trees.get(link, 0) + packets[i]
    assert by_link(unicast) == expected
    assert by_link(multicast) == trees
    assert multicast.total <= unicast.total
    assert (multicast.packets <= unicast.packets).all()


@given(grid_and_flows())
@settings(max_examples=60, deadline=None)
def test_tree__reaches_each_target_by_one_shortest_way(case):
    grid, sources, cores, _, _ = case
    source = tuple(sources[:, 0].tolist())
    targets = [tuple(at) for at in cores.T.tolist()]
    links = tree(grid, source, targets)
    graph = nx.DiGraph()
    graph.add_node(source)
    for here, following in links:
        assert here in graph
        assert following not in graph
        graph.add_edge(here, following)
    network = network_of(grid.width, grid.height, grid.topology)
    assert graph.edges <= network.edges
    far = nx.single_source_shortest_path_length(network, source)
    depth = nx.single_source_shortest_path_length(graph, source)
    assert all(depth[router] == far[router] for router in graph)
    leaves = {router for router in graph if not graph.out_degree(router)}
    assert leaves <= set(targets) <= set(graph)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_distance__is_broadcast_and_counts_links(topology):
    grid = Grid(5, 4, topology=topology)
    network = network_of(5, 4, topology)
    y, x = np.divmod(np.arange(20), 5)
    hops = distance(grid, x[:, None], y[:, None], x, y)
    for i, source in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        searched = nx.single_source_shortest_path_length(network, source)
        found = [searched[at] for at in zip(x.tolist(), y.tolist(), strict=True)]
        assert hops[i].tolist() == found
    assert np.array_equal(hops, hops.T)


# 10 packets from (0, 0) to (1, 0), (0, 1), (1, 1): 1 + 1 + 2 hops, or the tree of 3;
# 1 packet from (1, 1) to (0, 0), on the mesh over (0, 1)
BACK = [((0, 1), (0, 0), 1), ((1, 1), (0, 1), 1)]
MESH_UNICAST = [((0, 0), (0, 1), 10), ((0, 0), (1, 0), 20), ((1, 0), (1, 1), 10), *BACK]
MESH_TREE = [((0, 0), (0, 1), 10), ((0, 0), (1, 0), 10), ((1, 0), (1, 1), 10), *BACK]
# on the torus every router is one hop from every other
TORUS = [((0, 0), (0, 1), 10), ((0, 0), (1, 0), 10), ((0, 0), (1, 1), 10)]
TORUS += [((1, 1), (0, 0), 1)]


@pytest.mark.parametrize(
    ("topology", "unicast", "multicast"),
    [("mesh", MESH_UNICAST, MESH_TREE), ("triangular torus", TORUS, TORUS)],
)
def test_loads__two_by_two_by_hand(topology, unicast, multicast):
    grid = Grid(2, 2, topology=topology)
    ends = np.array([[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 1], [1, 1, 0, 0]]).T
    loads = unicast_loads(grid, *ends, np.array([10, 10, 10, 1]))
    assert sorted(loads.links()) == sorted(unicast)
    cores = np.array([[1, 0], [0, 1], [1, 1], [0, 0]]).T
    reaches = np.array([[True, True, True, False], [False, False, False, True]])
    sources = np.array([[0, 0], [1, 1]]).T
    loads = multicast_loads(grid, *sources, *cores, reaches, np.array([10, 1]))
    assert sorted(loads.links()) == sorted(multicast)
