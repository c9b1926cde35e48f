"""Orders in which cores can fill the routers of a grid: rows, a snake, a Hilbert curve.

They look at the grid alone, not at the traffic; core i comes to router
``order[i // cores_per_router]``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwmodel.mesh.grid import Grid

Step = tuple[int, int]


def row_major(grid: Grid) -> np.ndarray:
    """Go through the grid row by row, each from the left, one chip after the other.

    Parameters
    ----------
    grid : Grid
        Routers.

    Returns
    -------
    ndarray, shape (n_routers,), int64
        Router numbers ``y * width + x`` in order.
    """
    return grid.row_major


def snake(grid: Grid) -> np.ndarray:
    """Go through the grid row by row, every other one from the right.

    Parameters
    ----------
    grid : Grid
        Routers.

    Returns
    -------
    ndarray, shape (n_routers,), int64
        Router numbers ``y * width + x`` in order; neighbours in it are neighbours on
        the grid.
    """
    rows = np.arange(grid.n_routers).reshape(grid.height, grid.width)
    rows[1::2] = rows[1::2, ::-1]
    return rows.ravel()


def hilbert(grid: Grid) -> np.ndarray:
    """Go through the grid along a Hilbert curve for rectangles.

    Parameters
    ----------
    grid : Grid
        Routers.

    Returns
    -------
    ndarray, shape (n_routers,), int64
        Router numbers ``y * width + x`` in order from router (0, 0), along the longer
        side. Neighbours in it are neighbours on the grid, but for one diagonal step
        where the longer side is odd and the shorter one even.

    Notes
    -----
    A long rectangle is cut into two, any other into three (out, along, back), as
    Hilbert's square is into four; cuts fall on even lengths where they can, so that
    each part ends next to where the following one starts. The idea is J. Cerveny's
    ("gilbert", a generalised Hilbert curve for rectangles of arbitrary size).
    """
    along, across = (grid.width, 0), (0, grid.height)
    if grid.height > grid.width:
        along, across = across, along
    places = list(_fill((0, 0), along, across))
    return np.array([y * grid.width + x for x, y in places])


def _fill(start: Step, along: Step, across: Step) -> Iterator[Step]:
    """Fill the rectangle that two axes span, from its corner at `start`.

    Ends in the corner at the other end of `along`.
    """
    length, breadth = _length(along), _length(across)
    if breadth == 1 or length == 1:
        step = _unit(along if breadth == 1 else across)
        for i in range(max(length, breadth)):
            yield start[0] + i * step[0], start[1] + i * step[1]
        return
    near = _half(along)
    if 2 * length > 3 * breadth:
        yield from _fill(start, near, across)
        yield from _fill(_add(start, near), _minus(along, near), across)
        return
    out = _half(across)
    yield from _fill(start, out, near)
    yield from _fill(_add(start, out), along, _minus(across, out))
    last = _add(start, _add(_minus(along, _unit(along)), _minus(out, _unit(across))))
    yield from _fill(last, _minus((0, 0), out), _minus(near, along))


def _length(axis: Step) -> int:
    return abs(axis[0]) + abs(axis[1])


def _unit(axis: Step) -> Step:
    return int(np.sign(axis[0])), int(np.sign(axis[1]))


def _half(axis: Step) -> Step:
    """Halve an axis, to an even length if it is longer than 2."""
    length, unit = _length(axis), _unit(axis)
    half = length // 2
    half += half % 2 == 1 and length > 2
    return half * unit[0], half * unit[1]


def _add(one: Step, other: Step) -> Step:
    return one[0] + other[0], one[1] + other[1]


def _minus(one: Step, other: Step) -> Step:
    return one[0] - other[0], one[1] - other[1]
