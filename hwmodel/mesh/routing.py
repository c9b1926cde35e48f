"""Routes on any grid: what to do is chosen by its topology.

A hop is one link between two routers. The routes from one source make up a tree on
every topology: a router is entered from one side only, whatever the targets are. So a
multicast packet crosses each link of the tree once and reaches each target once.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from hwmodel.mesh import torus_routing, xy_routing
from hwmodel.mesh.grid import Grid
from hwmodel.mesh.loads import LinkLoads


def distance(
    grid: Grid,
    source_x: np.ndarray,
    source_y: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
) -> np.ndarray:
    """Count the links between routers.

    Parameters
    ----------
    grid : Grid
        Routers and links.
    source_x, source_y, target_x, target_y : ndarray, int64
        Routers; the four are broadcast.

    Returns
    -------
    ndarray, int64
        Hops: the least number of links, and the length of the route.
    """
    ends = (source_x, source_y, target_x, target_y)
    if grid.topology == "mesh":
        return xy_routing.xy_distance(*ends)
    return torus_routing.torus_distance(grid, *ends)


def route(
    grid: Grid, source: tuple[int, int], target: tuple[int, int]
) -> list[tuple[int, int]]:
    """List the routers on the way.

    Parameters
    ----------
    grid : Grid
        Routers and links.
    source, target : tuple of int
        (x, y) of two routers.

    Returns
    -------
    list of tuple of int
        From `source` to `target`, both included.
    """
    if grid.topology == "mesh":
        return xy_routing.xy_route(source, target)
    return torus_routing.torus_route(grid, source, target)


def tree(
    grid: Grid, source: tuple[int, int], targets: Iterable[tuple[int, int]]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """List the links of a multicast tree, the union of the routes.

    Parameters
    ----------
    grid : Grid
        Routers and links.
    source : tuple of int
        (x, y) of the router where the packet starts.
    targets : iterable of tuple of int
        (x, y) of the routers it goes to.

    Returns
    -------
    list of pair of tuple of int
        Links from (x, y) to (x, y); the link into a router comes before those out of
        it, and no router has two links in.
    """
    entered_from = {}
    for target in targets:
        for here, following in pairwise(route(grid, source, target)):
            entered_from[following] = here
    return [(here, following) for following, here in entered_from.items()]


def unicast_loads(
    grid: Grid,
    source_x: np.ndarray,
    source_y: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
    packets: np.ndarray,
) -> LinkLoads:
    """Add up the links of many routes.

    Parameters
    ----------
    grid : Grid
        Routers and links.
    source_x, source_y, target_x, target_y : ndarray, shape (n_flows,), int64
        Where each flow starts and ends.
    packets : ndarray, shape (n_flows,), int64
        Packets of each flow.

    Returns
    -------
    LinkLoads
        Packets on each link.
    """
    ends = (source_x, source_y, target_x, target_y)
    if grid.topology == "mesh":
        return xy_routing.unicast_loads(grid, *ends, packets)
    return torus_routing.unicast_loads(grid, *ends, packets)


def multicast_loads(
    grid: Grid,
    source_x: np.ndarray,
    source_y: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
    reaches: np.ndarray,
    packets: np.ndarray,
) -> LinkLoads:
    """Add up the links of many multicast trees.

    Parameters
    ----------
    grid : Grid
        Routers and links.
    source_x, source_y : ndarray, shape (n_flows,), int64
        Where each flow starts.
    target_x, target_y : ndarray, shape (n_cores,), int64
        Where the cores are that may be reached.
    reaches : ndarray, shape (n_flows, n_cores), bool
        Which cores each flow goes to, at least one.
    packets : ndarray, shape (n_flows,), int64
        Packets of each flow.

    Returns
    -------
    LinkLoads
        Packets on each link; a tree uses each of its links once.
    """
    ends = (source_x, source_y, target_x, target_y)
    if grid.topology == "mesh":
        return xy_routing.multicast_loads(grid, *ends, reaches, packets)
    return torus_routing.multicast_loads(grid, *ends, reaches, packets)
