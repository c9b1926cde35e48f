"""Which input spikes reach each position, in order of time."""

from __future__ import annotations

import numpy as np

from eventsim.jit import jit


@jit(inline=True, borrows=True)
def n_until(times, t_end):
    """Return how many of the sorted `times` are not after `t_end`."""
    n = times.size
    while n > 0 and times[n - 1] > t_end:
        n -= 1
    return n


@jit()
def arrivals_by_position(neurons, offsets, position, row, n_positions):
    """List what reaches each position.

    Parameters
    ----------
    neurons : ndarray, shape (n_spikes,), int32
        Input neurons, in order of their spike times.
    offsets, position, row : ndarray
        Of `eventsim.engine.fan_out.FanOut`.
    n_positions : int
        Number of positions.

    Returns
    -------
    begin : ndarray, shape (n_positions + 1,), int64
        Arrivals of position p are ``begin[p]:begin[p + 1]`` of what follows.
    event, row : ndarray, shape (n_arrivals,), int32
        Number of the input spike, and its row of weights.
    """
    begin = np.zeros(n_positions + 1, np.int64)
    # Only where every input reaches the one position is there one row for each.
    if n_positions == 1 and row.size == offsets.size - 1:
        begin[1] = neurons.size
        event, arrived = (
            np.empty(neurons.size, np.int32),
            np.empty(neurons.size, np.int32),
        )
        for k in range(neurons.size):
            event[k], arrived[k] = k, row[neurons[k]]
        return begin, event, arrived
    for k in range(neurons.size):
        for e in range(offsets[neurons[k]], offsets[neurons[k] + 1]):
            begin[position[e] + 1] += 1
    for p in range(n_positions):
        begin[p + 1] += begin[p]
    event = np.empty(begin[n_positions], np.int32)
    arrived = np.empty(begin[n_positions], np.int32)
    for k in range(neurons.size):
        for e in range(offsets[neurons[k]], offsets[neurons[k] + 1]):
            at = begin[position[e]]
            event[at] = k
            arrived[at] = row[e]
            begin[position[e]] = at + 1
    for p in range(n_positions, 0, -1):
        begin[p] = begin[p - 1]
    begin[0] = 0
    return begin, event, arrived
