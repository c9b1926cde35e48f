"""Places by pulling forces: each core moves to the middle of those it talks to.

In a round every core is pulled from its place towards the mean place of its partners,
weighted by packets [1]_. All cores are then put back on free slots at once, so that the
squared distances to where they were pulled, weighted by the pull, are smallest. If the
objective is better, the next round goes on from there; if not, it pulls half as far
from the best places so far.

References
----------
.. [1] N. R. Quinn, M. A. Breuer, "A forced directed component placement procedure for
   printed circuit boards", IEEE Transactions on Circuits and Systems 26, 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hwmodel.mesh.grid import Grid
from hwmodel.placing.attraction import attraction
from hwmodel.placing.budget import Budget, Clock
from hwmodel.placing.problem import Problem

if TYPE_CHECKING:
    from scipy.sparse import coo_array

SHORTEST_PULL = 1 / 16
"""Share of the way to the mean place below which a search ends."""

LEAST_WEIGHT = 1e-6
"""Weight of a core without traffic, next to the one that is pulled most."""

MOST_PAIRS = 2**21
"""Pairs of a core and a slot up to which cores are assigned to slots exactly."""


def force(
    problem: Problem, starts: Sequence[np.ndarray], budget: Budget | None = None
) -> np.ndarray:
    """Improve placements by pulling cores towards their partners.

    Parameters
    ----------
    problem : Problem
        What to place and how it is judged.
    starts : sequence of ndarray, shape (n_cores,), int64
        Where the cores start, one search each, the best start first: ``router *
        cores_per_router + k``, all different in one start.
    budget : Budget, optional
        Rounds, or seconds, of all searches together. Without one, each ends when a
        pull over a sixteenth of the way is no better.

    Returns
    -------
    ndarray, shape (n_cores,), int64
        The best slots that were met, never worse than the best start.
    """
    pulls = attraction(problem).tocoo()
    clock = Clock("pulling cores", budget or Budget(), "round")
    values = [problem.value_of(start) for start in starts]
    order = sorted(range(len(starts)), key=values.__getitem__)
    best, best_value = starts[order[0]], values[order[0]]
    for i in order:
        slots, value, share = starts[i], values[i], 1.0
        while share >= SHORTEST_PULL and clock.spent() < 1:
            pulled = _round(problem, pulls, slots, share)
            clock.add(1)
            if (reached := problem.value_of(pulled)) < value:
                slots, value = pulled, reached
            else:
                share /= 2
        if value < best_value:
            best, best_value = slots, value
    clock.close()
    return best


def _round(
    problem: Problem, pulls: coo_array, slots: np.ndarray, share: float
) -> np.ndarray:
    """Pull all cores over a share of the way to the mean of their partners."""
    grid, n_cores = problem.grid, problem.n_cores
    router = slots // grid.cores_per_router
    x = np.append(router % grid.width, problem.input_port[0])
    y = np.append(router // grid.width, problem.input_port[1])
    core, partner = pulls.coords
    strength = np.bincount(core, pulls.data, n_cores + 1)
    at = []
    for place, size in ((x, grid.width), (y, grid.height)):
        away = _shortest(place[partner] - place[core], size, grid)
        moment = np.bincount(core, pulls.data * away, n_cores + 1)
        mean = np.divide(
            moment, strength, out=np.zeros(n_cores + 1), where=strength > 0
        )
        at.append((place + share * mean)[:n_cores])
    if n_cores * grid.n_cores > MOST_PAIRS:
        return in_order(grid, at[0], at[1])
    strength = strength[:n_cores]
    weight = np.maximum(strength / (strength.max(initial=0.0) or 1.0), LEAST_WEIGHT)
    return nearest(grid, at[0], at[1], weight)


def _shortest(away: np.ndarray, size: int, grid: Grid) -> np.ndarray:
    """Go over the border of a torus where that is shorter."""
    if grid.topology == "mesh":
        return away
    return (away + size / 2) % size - size / 2


def nearest(grid: Grid, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Put cores on different slots as near as possible to where they should be.

    Parameters
    ----------
    grid : Grid
        Routers.
    x, y : ndarray, shape (n_cores,), float64
        Where the cores should be, in columns and rows.
    weight : ndarray, shape (n_cores,), float64
        How much the squared distance of each core counts.

    Returns
    -------
    ndarray, shape (n_cores,), int64
        Slots with the least sum of weighted squared distances.
    """
    from scipy.optimize import linear_sum_assignment

    router = np.arange(grid.n_cores) // grid.cores_per_router
    dx = _shortest(router % grid.width - x[:, None], grid.width, grid)
    dy = _shortest(router // grid.width - y[:, None], grid.height, grid)
    slots = linear_sum_assignment(weight[:, None] * (dx**2 + dy**2))[1]
    return np.asarray(slots, dtype=np.int64)


def in_order(grid: Grid, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Put cores into a compact rectangle in the order of where they should be.

    Parameters
    ----------
    grid : Grid
        Routers.
    x, y : ndarray, shape (n_cores,), float64
        Where the cores should be, in columns and rows.

    Returns
    -------
    ndarray, shape (n_cores,), int64
        Slots: from left to right into columns, in each from top to bottom; cores that
        should be at the same place keep their order. The rectangle is around the mean
        place.
    """
    middle = round(float(x.mean())), round(float(y.mean()))
    left, top, _, height = grid.rectangle(x.size, middle)
    in_column = height * grid.cores_per_router
    slots = np.zeros(x.size, dtype=np.int64)
    by_x = np.argsort(x, kind="stable")
    for column in range(-(-x.size // in_column)):
        cores = np.sort(by_x[column * in_column : (column + 1) * in_column])
        cores = cores[np.argsort(y[cores], kind="stable")]
        row, k = np.divmod(np.arange(cores.size), grid.cores_per_router)
        router = (top + row) * grid.width + left + column
        slots[cores] = router * grid.cores_per_router + k
    return slots
