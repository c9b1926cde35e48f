"""Rows of different lengths that stand one after the other in one array."""

from __future__ import annotations

import numpy as np


def rows_of(offsets: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Say where the entries of some rows stand.

    Parameters
    ----------
    offsets : ndarray, shape (n_rows + 1,), int64
        Row r is ``offsets[r]`` to ``offsets[r + 1]``, the end not included.
    row : ndarray, shape (n,), int64
        Rows to take, in any order and any number of times.

    Returns
    -------
    place : ndarray, int64
        Places of the entries of these rows, one row after the other.
    ends : ndarray, shape (n + 1,), int64
        Where each of them begins in `place`, and the end.
    """
    counts = np.diff(offsets)[row]
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return np.arange(ends[-1]) + np.repeat(offsets[row] - ends[:-1], counts), ends
