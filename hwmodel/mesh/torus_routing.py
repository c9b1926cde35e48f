"""Routes on the triangular torus: the longest dimension first; unicast and multicast.

A router has links along x, y and the diagonal (1, 1), both ways, and the borders are
joined. A shortest way is a *vector*: steps along x, along y and along the diagonal. One
of the three is 0, and the diagonal goes the same way as the other one, if there is one.

The rule, which leaves nothing open:

1. The target's x and y are each reached going up or, over the border, going down, never
   all the way round. Of these four vectors the shortest is taken; of several, the first
   of (up, up), (x down, y up), (x up, y down), (down, down).
2. The part with more steps is walked first; of two that are as long, the first of x, y,
   diagonal.

Vectors and order are those of SpiNNaker's tools [1]_, [2]_; Rig draws lots in a tie.
The tools join multicast routes so that they share more links ([3]_, neighbour exploring
routing); here they are only laid over each other.

A route up to any router on it is the route to that router. So routes from one source
never meet again after they part: together they are a tree, and each of its routers is
entered from one side.

Why: let v be the vector of a route, e its last step, and suppose another vector u is
preferred to v - e. Then u + e ends where v does and is not longer, so by v's choice it
is as long. Adding e turns a component from up to down, or back, only where it passes
the source's own column or row, and there u and v - e agree. So u + e would be preferred
to v. Nor does the order change: e belongs to the part that is walked last.

References
----------
.. [1] SpiNNMachine, University of Manchester: `FullWrapMachine.get_vector`.
.. [2] PACMAN, University of Manchester: `longest_dimension_first`.
.. [3] J. Navaridas, M. Lujan, L. A. Plana, S. Temple, S. B. Furber, "SpiNNaker:
   Enhanced multicast routing", Parallel Computing 45, 49-66, 2015.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwmodel.mesh.grid import Grid
from hwmodel.mesh.loads import LinkLoads

AXES = ((1, 0), (0, 1), (1, 1))
"""Steps (dx, dy) along x, y and the diagonal; directions 2i and 2i + 1 of the grid are
axis i forth and back."""

PAIRS_AT_ONCE = 1 << 20
"""Flows times cores that multicast looks at together; bounds its memory."""


@dataclass(frozen=True)
class _Routes:
    """Routes from router (0, 0) to each router; from elsewhere they are these, moved.

    A route is two straight legs, the second from the router ``corner`` (n_routers,).
    ``axis`` (2, n_routers) indices of `AXES`, ``steps`` (2, n_routers) links of a leg,
    negative if it goes back, 0 if there is none.
    """

    corner: np.ndarray
    axis: np.ndarray
    steps: np.ndarray


@dataclass(frozen=True)
class _Legs:
    """Straight stretches of links with their packets.

    ``start`` (n,) routers, ``axis`` (n,), ``steps`` (n,) as in `_Routes`, ``packets``
    (n,).
    """

    start: np.ndarray
    axis: np.ndarray
    steps: np.ndarray
    packets: np.ndarray


def torus_distance(
    grid: Grid,
    source_x: np.ndarray,
    source_y: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
) -> np.ndarray:
    """Count the links of the shortest ways.

    Parameters
    ----------
    grid : Grid
        Routers and links.
    source_x, source_y, target_x, target_y : ndarray, int64
        Routers; the four are broadcast.

    Returns
    -------
    ndarray, int64
        Hops.
    """
    hops = np.abs(_routes(grid).steps).sum(axis=0)
    return hops[_router(grid, target_x - source_x, target_y - source_y)]


def torus_route(
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
    (x, y), way = source, [source]
    routes, to = _routes(grid), _router(grid, *np.subtract(target, source))
    for axis, steps in zip(routes.axis[:, to], routes.steps[:, to], strict=True):
        dx, dy = AXES[axis]
        sign = 1 if steps > 0 else -1
        for _ in range(abs(steps)):
            x, y = (x + sign * dx) % grid.width, (y + sign * dy) % grid.height
            way.append((x, y))
    return way


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
    routes = _routes(grid)
    to = _router(grid, target_x - source_x, target_y - source_y)
    starts = (
        _router(grid, source_x, source_y),
        _moved(grid, source_x, source_y, routes.corner[to]),
    )
    loads = LinkLoads.zeros(grid)
    for leg, start in enumerate(starts):
        _cover(
            loads, _Legs(start, routes.axis[leg, to], routes.steps[leg, to], packets)
        )
    return loads


def multicast_loads(
    grid: Grid,
    source_x: np.ndarray,
    source_y: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
    reaches: np.ndarray,
    packets: np.ndarray,
) -> LinkLoads:
    """Add up the links of many trees, the unions of the routes from a source.

    Parameters
    ----------
    grid : Grid
        Routers and links.
    source_x, source_y : ndarray, shape (n_flows,), int64
        Where each flow starts.
    target_x, target_y : ndarray, shape (n_cores,), int64
        Where the cores are that may be reached.
    reaches : ndarray, shape (n_flows, n_cores), bool
        Which cores each flow goes to.
    packets : ndarray, shape (n_flows,), int64
        Packets of each flow.

    Returns
    -------
    LinkLoads
        Packets on each link; a tree uses each of its links once.

    Notes
    -----
    Of the legs of a flow that leave a router in the same direction, all first or all
    second ones, the longest covers the others. Those that remain share no link, because
    the routes make up a tree.
    """
    loads = LinkLoads.zeros(grid)
    at_once = max(1, PAIRS_AT_ONCE // max(1, target_x.size))
    for first in range(0, source_x.size, at_once):
        some = slice(first, first + at_once)
        x, y = source_x[some], source_y[some]
        flow, target = np.nonzero(reaches[some])
        to = _router(grid, target_x[target] - x[flow], target_y[target] - y[flow])
        for legs in _longest_legs(grid, x, y, flow, to, packets[some]):
            _cover(loads, legs)
    return loads


def _router(grid: Grid, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return y % grid.height * grid.width + x % grid.width


def _moved(grid: Grid, x: np.ndarray, y: np.ndarray, router: np.ndarray) -> np.ndarray:
    """Return where a router is, as seen from (x, y)."""
    return _router(grid, x + router % grid.width, y + router // grid.width)


@lru_cache(maxsize=8)
def _routes(grid: Grid) -> _Routes:
    y, x = np.divmod(np.arange(grid.n_routers), grid.width)
    x, y = _shortest(grid, x, y)
    diagonal = np.maximum(np.minimum(x, y), 0) + np.minimum(np.maximum(x, y), 0)
    parts = np.stack([x - diagonal, y - diagonal, diagonal])
    # a stable sort, so that of two equal parts the first axis is walked first
    axis = np.argsort(-np.abs(parts), axis=0, kind="stable")[:2]
    steps = np.take_along_axis(parts, axis, axis=0)
    dx, dy = np.array(AXES).T
    corner = _router(grid, steps[0] * dx[axis[0]], steps[0] * dy[axis[0]])
    return _Routes(corner, axis, steps)


def _shortest(
    grid: Grid, right: np.ndarray, up: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the ways round, by which (right, up) is near; rule 1."""
    left, down = right - grid.width, up - grid.height
    x, y = right, up
    for other_x, other_y in ((left, up), (right, down), (left, down)):
        nearer = _length(other_x, other_y) < _length(x, y)
        x, y = np.where(nearer, other_x, x), np.where(nearer, other_y, y)
    return x, y


def _length(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Links from (0, 0) to (x, y) where no borders are joined."""
    return np.maximum(np.maximum(np.abs(x), np.abs(y)), np.abs(x - y))


def _longest_legs(
    grid: Grid,
    x: np.ndarray,
    y: np.ndarray,
    flow: np.ndarray,
    to: np.ndarray,
    packets: np.ndarray,
) -> Iterator[_Legs]:
    """Keep the longest leg of each flow, start and direction: first legs, then second.

    ``x``, ``y``, ``packets`` (n_flows,); ``flow``, ``to`` (n_routes,): what is reached,
    seen from the source.
    """
    routes = _routes(grid)
    directions = 2 * routes.axis + (routes.steps < 0)
    sizes = np.abs(routes.steps)
    shape = (grid.n_routers, 2 * len(AXES), int(sizes.max()) + 1)
    for leg, corner in enumerate((np.zeros_like(routes.corner), routes.corner)):
        code = np.ravel_multi_index((corner, directions[leg], sizes[leg]), shape)
        codes = np.sort(flow * math.prod(shape) + code[to])
        is_longest = np.diff(codes // shape[-1], append=-1) != 0
        of_flow, code = np.divmod(codes[is_longest], math.prod(shape))
        start, direction, size = map(np.asarray, np.unravel_index(code, shape))
        axis, goes_back = np.divmod(direction, 2)
        yield _Legs(
            _moved(grid, x[of_flow], y[of_flow], start),
            axis,
            np.where(goes_back, -size, size),
            packets[of_flow],
        )


def _cover(loads: LinkLoads, legs: _Legs) -> None:
    """Add the links of legs to the loads."""
    for axis in range(len(AXES)):
        rings = _rings(loads.grid, axis)
        on_axis = legs.axis == axis
        part = (legs.start[on_axis], legs.steps[on_axis], legs.packets[on_axis])
        forth, back = _cover_rings(rings, *part)
        loads.packets[2 * axis] += forth.reshape(loads.grid.height, -1)
        loads.packets[2 * axis + 1] += back.reshape(loads.grid.height, -1)


def _rings(grid: Grid, axis: int) -> np.ndarray:
    """Routers in the order of an axis, shape (n_rings, length); rings are closed.

    Along the diagonal there are gcd(width, height) rings of lcm(width, height) routers,
    which begin in the first row.
    """
    dx, dy = AXES[axis]
    length = math.lcm(grid.width if dx else 1, grid.height if dy else 1)
    begin, step = np.arange(grid.n_routers // length)[:, None], np.arange(length)
    return _router(grid, begin + step if dx else begin, step if dy else begin)


def _cover_rings(
    rings: np.ndarray, start: np.ndarray, steps: np.ndarray, packets: np.ndarray
) -> np.ndarray:
    """Add up by differences, then cumulate: loads forth and back, (2, n_routers).

    From place ``at`` of a ring, n steps forth leave the places from ``at`` to before
    ``at + n``, and n steps back those from after ``at - n`` to ``at``. Each ring is
    laid out twice, end to end, for what goes over its end; the second round is added to
    the first.
    """
    n_rings, length = rings.shape
    place = np.empty(rings.size, dtype=np.int64)
    place[rings.ravel()] = np.arange(rings.size)
    ring, at = np.divmod(place[start], length)
    at += ring * (2 * length + 1)
    loads = np.zeros((2, rings.size), dtype=np.int64)
    after = at + length + 1
    for which, chosen, low, high in (
        (0, steps > 0, at, at + steps),
        (1, steps < 0, after + steps, after),
    ):
        change = np.zeros(n_rings * (2 * length + 1), dtype=np.int64)
        np.add.at(change, low[chosen], packets[chosen])
        np.add.at(change, high[chosen], -packets[chosen])
        rounds = change.reshape(n_rings, -1).cumsum(axis=1)
        loads[which, rings] = rounds[:, :length] + rounds[:, length : 2 * length]
    return loads
