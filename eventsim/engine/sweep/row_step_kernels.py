"""Moving whole rows of neurons through an interval, and asking who may have fired.

Currents are in units of ``gain``, so that an input adds its bare weight. All
arrays are indexed in place: a view of an array would cost more here than the few
dozen neurons it is used for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eventsim.jit import jit


class Row(NamedTuple):
    """Constants of a block of channels, cut into equal chunks.

    Parameters
    ----------
    theta, low, drive : ndarray, shape (n_chunks, chunk)
        Threshold, threshold minus the safety margin of the bound, drive.
    weight : ndarray, shape (fan_in, n_chunks of the layer, chunk)
        Weights.
    first : int
        First chunk of the block.
    is_plain : bool
        No drive, and all inputs have the value 1.
    """

    theta: np.ndarray
    low: np.ndarray
    drive: np.ndarray
    weight: np.ndarray
    first: int
    is_plain: bool


class State(NamedTuple):
    """State of a block of channels at all positions.

    Parameters
    ----------
    x : ndarray, shape (2, n_positions, 2, n_chunks, chunk)
        Potential and current on two sides: at the last event and before it.
    side : ndarray, shape (n_positions,), int8
        Which side is the newer one.
    n_fired : ndarray, shape (n_positions, n_chunks, chunk), int32
        Spikes so far.
    t_last : ndarray, shape (n_positions,), float64, network time units
        Time of the last event.
    event : ndarray, shape (n_positions,), int64
        Number of the last event, in the table of exponentials.
    suspects : ndarray, shape (n_chunks,)
        Room for the number of neurons that may have fired.
    excess : ndarray, shape (chunk,)
        Room for bound minus threshold.
    """

    x: np.ndarray
    side: np.ndarray
    n_fired: np.ndarray
    t_last: np.ndarray
    event: np.ndarray
    suspects: np.ndarray
    excess: np.ndarray


@jit(inline=True)
def step_row(row, state, p, r, leak, fade, rise, step):
    """Advance a position and add a plain input; return how many may have fired.

    Without a drive a neuron rises through a positive threshold only while its
    current is positive, so that the bound need not hold for negative ones.
    """
    zero, one = row.low.dtype.type(0), row.low.dtype.type(1)
    n_suspects = zero
    s = state.side[p]
    for q in range(row.low.shape[0]):
        n = zero
        for c in range(row.low.shape[1]):
            rest = state.x[s, p, 0, q, c] * leak
            i = state.x[s, p, 1, q, c]
            n += one if rest + i * step >= row.low[q, c] else zero
            state.x[1 - s, p, 0, q, c] = rest + i * rise
            state.x[1 - s, p, 1, q, c] = i * fade + row.weight[r, row.first + q, c]
        state.suspects[q] = n
        n_suspects += n
    return n_suspects


@jit(inline=True)
def step_driven_row(row, state, p, r, value, leak, fade, rise, step, slack):
    """Do what `step_row` does for a graded input and with a constant drive."""
    zero, one = row.low.dtype.type(0), row.low.dtype.type(1)
    n_suspects = zero
    s = state.side[p]
    for q in range(row.low.shape[0]):
        n = zero
        for c in range(row.low.shape[1]):
            i = state.x[s, p, 1, q, c]
            u = state.x[s, p, 0, q, c] * leak + i * rise + row.drive[q, c] * step
            current = i if i > zero else zero
            n += one if u + current * slack >= row.low[q, c] else zero
            state.x[1 - s, p, 0, q, c] = u
            w = row.weight[r, row.first + q, c]
            state.x[1 - s, p, 1, q, c] = i * fade + value * w
        state.suspects[q] = n
        n_suspects += n
    return n_suspects


@jit(inline=True)
def add_row(row, state, p, r, value):
    """Add an input at the time of the last event; nothing can fire in no time."""
    s = state.side[p]
    for q in range(row.low.shape[0]):
        for c in range(row.low.shape[1]):
            state.x[s, p, 1, q, c] += value * row.weight[r, row.first + q, c]
