"""Routes on the mesh: x first, then y; unicast and multicast.

A hop is one link between two neighbouring routers. The route of a packet is as long
as the Manhattan distance. Unicast sends one packet to each destination core;
multicast sends one packet that is copied where routes part, so that its tree is the
union of the XY routes and uses each link once.
"""

from __future__ import annotations

import numpy as np

from hwmodel.mesh.grid import Grid
from hwmodel.mesh.loads import LinkLoads


def xy_route(source: tuple[int, int], target: tuple[int, int]) -> list[tuple[int, int]]:
    """List the routers on the way, x first.

    Parameters
    ----------
    source, target : tuple of int
        (x, y) of two routers.

    Returns
    -------
    list of tuple of int
        From `source` to `target`, both included.
    """
    (x, y), (target_x, target_y) = source, target
    step_x = 1 if target_x > x else -1
    step_y = 1 if target_y > y else -1
    along_x = [(column, y) for column in range(x, target_x, step_x)]
    along_y = [(target_x, row) for row in range(y, target_y, step_y)]
    return [*along_x, *along_y, target]


def xy_distance(
    source_x: np.ndarray,
    source_y: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
) -> np.ndarray:
    """Count the links of XY routes.

    Parameters
    ----------
    source_x, source_y, target_x, target_y : ndarray, int64
        Routers; the four are broadcast.

    Returns
    -------
    ndarray, int64
        Hops, the Manhattan distance.
    """
    return np.abs(target_x - source_x) + np.abs(target_y - source_y)


def unicast_loads(
    grid: Grid,
    source_x: np.ndarray,
    source_y: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
    packets: np.ndarray,
) -> LinkLoads:
    """Add up the links of many XY routes.

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
    along_x = _along_x(grid, source_y, source_x, target_x, packets)
    along_y = _along_y(grid, target_x, source_y, target_y, packets)
    return LinkLoads(grid, np.stack([*along_x, *along_y]))


def multicast_loads(
    grid: Grid,
    source_x: np.ndarray,
    source_y: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
    reaches: np.ndarray,
    packets: np.ndarray,
) -> LinkLoads:
    """Add up the links of many XY trees.

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

    Notes
    -----
    The tree has one stretch to the left and one to the right in the source's row, as
    far as the farthest targets, and in each column with targets one stretch up and
    one down. These never share a directed link.
    """
    far, near = grid.width + grid.height, -1
    east = np.where(reaches, target_x, near).max(axis=1)
    west = np.where(reaches, target_x, far).min(axis=1)
    plus_x, _ = _along_x(grid, source_y, source_x, np.maximum(east, source_x), packets)
    _, minus_x = _along_x(grid, source_y, source_x, np.minimum(west, source_x), packets)
    plus_y, minus_y = np.zeros((2, grid.height, grid.width), dtype=np.int64)
    for column in np.unique(target_x):
        inside = target_x == column
        at = np.full(source_x.shape, column)
        reached, rows = reaches[:, inside], target_y[inside]
        south = np.maximum(np.where(reached, rows, near).max(axis=1), source_y)
        north = np.minimum(np.where(reached, rows, far).min(axis=1), source_y)
        plus_y += _along_y(grid, at, source_y, south, packets)[0]
        minus_y += _along_y(grid, at, source_y, north, packets)[1]
    return LinkLoads(grid, np.stack([plus_x, minus_x, plus_y, minus_y]))


def _along_x(
    grid: Grid,
    row: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    packets: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Cover stretches of rows: loads (+x, -x), each (height, width)."""
    return _stretches(grid.height, grid.width, row, start, stop, packets)


def _along_y(
    grid: Grid,
    column: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    packets: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Cover stretches of columns: loads (+y, -y), each (height, width)."""
    forth, back = _stretches(grid.width, grid.height, column, start, stop, packets)
    return forth.T, back.T


def _stretches(
    n_lines: int,
    length: int,
    line: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    packets: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Cover each line from start to stop; add up by differences, then cumulate.

    Going forth leaves routers start..stop-1, going back leaves stop+1..start.
    """
    forth = np.zeros((n_lines, length + 1), dtype=np.int64)
    back = np.zeros((n_lines, length + 1), dtype=np.int64)
    up = stop > start
    np.add.at(forth, (line[up], start[up]), packets[up])
    np.add.at(forth, (line[up], stop[up]), -packets[up])
    down = stop < start
    np.add.at(back, (line[down], stop[down] + 1), packets[down])
    np.add.at(back, (line[down], start[down] + 1), -packets[down])
    return forth.cumsum(axis=1)[:, :length], back.cumsum(axis=1)[:, :length]
