"""Pareto front: the points that no other point beats."""

from __future__ import annotations

import numpy as np


def is_on_front(costs: np.ndarray) -> np.ndarray:
    """Tell which points no other one dominates.

    Parameters
    ----------
    costs : ndarray, shape (n_points, n_criteria)
        Smaller is better in each; what should be large comes with a minus sign.

    Returns
    -------
    ndarray, shape (n_points,), bool
        A point is dominated if another one is at least as good in every criterion
        and better in one. Numbers are compared as they are, without tolerance, so
        points that are equal in every criterion do not dominate each other: all of
        them are on the front, or none.
    """
    found = np.ones(len(costs), dtype=bool)
    for i, own in enumerate(costs):
        no_worse = (costs <= own).all(axis=1)
        better = (costs < own).any(axis=1)
        found[i] = not np.any(no_worse & better)
    return found
