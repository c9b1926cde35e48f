"""Neurons of a row that fired in an interval, taken back spike by spike."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.engine.sweep.row_coefficients import fade_of, rise_and_step
from eventsim.jit import jit
from eventsim.neurons.adjoint import cross, unfire
from eventsim.neurons.dynamics import grazing_slope, pin, slope


class Fired(NamedTuple):
    """Spikes of a block at one position, and of its sample.

    Parameters
    ----------
    picked, lane : ndarray, shape (n,), int64
        From `spikes_by_position`.
    time, current, rank : ndarray, shape (n_spikes,)
        Of the sample, see `eventsim.engine.sweep.row_firing_kernels.Found`.
    d_time : ndarray, shape (n_spikes,), float64
        dL/dT.
    clip : float
        Largest ``1 / slope``.
    """

    picked: np.ndarray
    lane: np.ndarray
    time: np.ndarray
    current: np.ndarray
    rank: np.ndarray
    d_time: np.ndarray
    clip: float


@jit(inline=True, borrows=True)
def has_fired_since(fired, n_left, rank):
    """Tell whether the last spike left has more than `rank` inputs before it."""
    return n_left > 0 and fired.rank[fired.picked[n_left - 1]] > rank


@jit(inline=True)
def undo_spike(d, i, theta, drive, lv, li, d_time, clip):
    """Take the adjoint state of a neuron back through one spike.

    Returns
    -------
    lv, li, d_theta, d_drive : float
        Adjoint state just before it, and the spike's own shares.
    is_grazing : bool
        Whether the potential crossed with nearly no slope.
    """
    v = pin(d, 0.0, 0.0, theta)
    rise = slope(d, v, i, 0.0, 0.0, drive)
    lv, li, _, _, total, d_theta, d_drive = unfire(
        d, v, i, 0.0, 0.0, drive, theta, False, lv, li, 0.0, 0.0, d_time
    )
    lv, _, by_crossing = cross(d, lv, 0.0, total, rise, clip)
    is_grazing = rise < grazing_slope(d, theta)
    return lv, li, d_theta + by_crossing, d_drive, is_grazing


@jit(inline=True)
def undo_silence(d, dt, lv, li):
    """Move an adjoint state back by `dt`; return it and dL/ddrive."""
    leak = math.exp(-d.alpha * dt)
    fade = fade_of(d, leak, dt)
    rise, step = rise_and_step(d, dt, leak, fade)
    return leak * lv, fade * li + rise * lv, step * lv


@jit(inline=True, borrows=True)
def undo_spikes(d, block, row, fired, n_left, rank, t_next, t, sums):
    """Take the neurons of a position that fired in an interval back through it.

    Parameters
    ----------
    d : Dynamics
        Constants.
    block : Block
        The neurons.
    row : AdjointRow
        Their adjoint state at the end of the interval. `fired` is written; `x` is set
        to 0 for the neurons that fired: the row adds its share by the drive, they
        their own.
    fired : Fired
        Spikes.
    n_left : int
        How many of them are not undone.
    rank : int
        Spikes with more input spikes before them are in the interval.
    t_next, t : float, network time units
        End and beginning of the interval.
    sums : Sums
        Added to.

    Returns
    -------
    n_left, n_fired, n_grazing : int
        Spikes not undone, neurons that fired, crossings with nearly no slope.
    """
    states = row.fired
    n_fired = n_grazing = 0
    while has_fired_since(fired, n_left, rank):
        n_left -= 1
        m, lane = fired.picked[n_left], fired.lane[n_left]
        n = row.turn[lane]
        if n < 0:
            n = n_fired
            n_fired += 1
            row.turn[lane] = n
            states[0, n] = lane
            states[1, n] = row.x[lane]
            states[2, n] = float(row.y[lane]) / d.gain
            states[3, n] = t_next
            row.x[lane] = 0
        at, j = float(fired.time[m]), float(block.drive[lane])
        lv, li, by_silence = undo_silence(
            d, max(states[3, n] - at, 0.0), states[1, n], states[2, n]
        )
        i, theta = float(fired.current[m]), float(block.theta[lane])
        lv, li, by_theta, by_drive, is_grazing = undo_spike(
            d, i, theta, j, lv, li, fired.d_time[m], fired.clip
        )
        states[1, n], states[2, n], states[3, n] = lv, li, at
        sums.theta[block.first + lane] += by_theta
        if block.is_driven:
            sums.drive[block.first + lane] += by_silence + by_drive
        n_grazing += is_grazing
    for n in range(n_fired):
        lane = int(states[0, n])
        row.turn[lane] = -1
        lv, li, by_silence = undo_silence(
            d, max(states[3, n] - t, 0.0), states[1, n], states[2, n]
        )
        if block.is_driven:
            sums.drive[block.first + lane] += by_silence
        states[1, n], states[2, n] = lv, li
    return n_left, n_fired, n_grazing


@jit()
def spikes_by_position(neurons, ranks, n_positions, n_channels, first, last):
    """Pick the spikes of a block of channels, position by position.

    Parameters
    ----------
    neurons, ranks : ndarray, shape (n_spikes,), int32
        Of one sample, in order of time.
    n_positions, n_channels : int
        Of the layer.
    first, last : int
        Block of channels.

    Returns
    -------
    picked : ndarray, shape (n,), int64
        Spikes of each position by rank, and those of one rank in order of time.
    lanes : ndarray, shape (n,), int64
        Their channels, counted from the start of the block.
    ends : ndarray, shape (n_positions + 1,), int64
        Those of position p are ``ends[p]:ends[p + 1]``.
    """
    ends = np.zeros(n_positions + 1, np.int64)
    n_picked = neurons.size
    if n_positions > 1:
        n_picked = 0
        for m in range(neurons.size):
            p, c = place_of(neurons[m], n_positions, n_channels)
            if first <= c < last:
                ends[p + 1] += 1
                n_picked += 1
        for p in range(n_positions):
            ends[p + 1] += ends[p]
    picked, lanes = np.empty(n_picked, np.int64), np.empty(n_picked, np.int64)
    n_taken = np.zeros(n_positions, np.int64)
    for m in range(neurons.size if n_picked > 0 else 0):
        p, c = place_of(neurons[m], n_positions, n_channels)
        if not first <= c < last:
            continue
        at = ends[p] + n_taken[p]
        n_taken[p] += 1
        # Only spikes at the very time of an input are out of order.
        while at > ends[p] and ranks[picked[at - 1]] > ranks[m]:
            picked[at], lanes[at] = picked[at - 1], lanes[at - 1]
            at -= 1
        picked[at], lanes[at] = m, c - first
    if n_positions == 1:
        ends[1] = n_taken[0]
        picked, lanes = picked[: ends[1]], lanes[: ends[1]]
    return picked, lanes, ends


@jit(inline=True)
def place_of(neuron, n_positions, n_channels):
    """Return the position and the channel of a neuron."""
    if n_positions == 1:
        return np.int64(0), np.int64(neuron)
    return np.int64(neuron) // n_channels, np.int64(neuron) % n_channels
