"""Routes on the mesh: x first, then y; unicast and multicast.

A hop is one link between two neighbouring routers. The route of a packet is as long
as the Manhattan distance. Unicast sends one packet to each destination core;
multicast sends one packet that is copied where routes part, so that its tree is the
union of the XY routes and uses each link once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LinkLoads:
    """Packets that crossed each link.

    Parameters
    ----------
    plus_x, minus_x, plus_y, minus_y : ndarray, shape (height, width), int64
        Entry ``[y, x]``: packets that left router (x, y) in that direction.
    """

    plus_x: np.ndarray
    minus_x: np.ndarray
    plus_y: np.ndarray
    minus_y: np.ndarray

    @classmethod
    def zeros(cls, mesh: tuple[int, int]) -> LinkLoads:
        """Return idle links for a mesh of (width, height)."""
        return cls(*(np.zeros(mesh[::-1], dtype=np.int64) for _ in range(4)))

    def __add__(self, other: LinkLoads) -> LinkLoads:
        return LinkLoads(
            self.plus_x + other.plus_x,
            self.minus_x + other.minus_x,
            self.plus_y + other.plus_y,
            self.minus_y + other.minus_y,
        )

    @property
    def total(self) -> int:
        """Hops of all packets."""
        arrays = (self.plus_x, self.minus_x, self.plus_y, self.minus_y)
        return sum(int(a.sum()) for a in arrays)

    @property
    def busiest(self) -> int:
        """Packets on the busiest link."""
        arrays = (self.plus_x, self.minus_x, self.plus_y, self.minus_y)
        return max(int(a.max()) for a in arrays)


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


def unicast_loads(
    mesh: tuple[int, int],
    source_x: np.ndarray,
    source_y: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
    packets: np.ndarray,
) -> LinkLoads:
    """Add up the links of many XY routes.

    Parameters
    ----------
    mesh : tuple of int
        (width, height).
    source_x, source_y, target_x, target_y : ndarray, shape (n_flows,), int64
        Where each flow starts and ends.
    packets : ndarray, shape (n_flows,), int64
        Packets of each flow.

    Returns
    -------
    LinkLoads
        Packets on each link.
    """
    return LinkLoads(
        *_along_x(mesh, source_y, source_x, target_x, packets),
        *_along_y(mesh, target_x, source_y, target_y, packets),
    )


def multicast_loads(
    mesh: tuple[int, int],
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
    mesh : tuple of int
        (width, height).
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
    far, near = mesh[0] + mesh[1], -1
    east = np.where(reaches, target_x, near).max(axis=1)
    west = np.where(reaches, target_x, far).min(axis=1)
    plus_x, _ = _along_x(mesh, source_y, source_x, np.maximum(east, source_x), packets)
    _, minus_x = _along_x(mesh, source_y, source_x, np.minimum(west, source_x), packets)
    plus_y, minus_y = np.zeros((2, *mesh[::-1]), dtype=np.int64)
    for column in np.unique(target_x):
        inside = target_x == column
        at = np.full(source_x.shape, column)
        reached, rows = reaches[:, inside], target_y[inside]
        south = np.maximum(np.where(reached, rows, near).max(axis=1), source_y)
        north = np.minimum(np.where(reached, rows, far).min(axis=1), source_y)
        plus_y += _along_y(mesh, at, source_y, south, packets)[0]
        minus_y += _along_y(mesh, at, source_y, north, packets)[1]
    return LinkLoads(plus_x, minus_x, plus_y, minus_y)


def _along_x(
    mesh: tuple[int, int],
    row: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    packets: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Cover stretches of rows: loads (+x, -x), each (height, width)."""
    width, height = mesh
    return _stretches(height, width, row, start, stop, packets)


def _along_y(
    mesh: tuple[int, int],
    column: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    packets: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Cover stretches of columns: loads (+y, -y), each (height, width)."""
    width, height = mesh
    forth, back = _stretches(width, height, column, start, stop, packets)
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
