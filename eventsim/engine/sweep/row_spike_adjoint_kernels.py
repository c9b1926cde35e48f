"""Neurons of a row that fired in an interval, taken back spike by spike."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.engine.sweep.row_coefficients import rise_and_step
from eventsim.engine.sweep.row_firing_kernels import fade_of
from eventsim.jit import jit
from eventsim.neurons.adjoint import cross, unfire
from eventsim.neurons.dynamics import grazing_slope, pin, slope


class Adjoint(NamedTuple):
    """Adjoint state of a block of channels at all positions.

    Parameters
    ----------
    x : ndarray, shape (n_positions, 2, n_chunks, chunk)
        dL/dv and gain times dL/di at the event that was undone last.
    t_next : ndarray, shape (n_positions,), network time units
        Its time.
    event : ndarray, shape (n_positions,), int64
        Its number, in the table of exponentials.
    head : ndarray, shape (n_positions,), int32
        Latest spike that was not undone yet, -1 for none.
    link : ndarray, shape (n_spikes,), int32
        Spike before it at the same position.
    is_live : ndarray, shape (n_positions,), bool
        Whether a spike was undone, so that the adjoint state is not zero.
    fired : ndarray, shape (4, n), float64
        Room for the neurons that fired in an interval: place in the block, dL/dv,
        dL/di, and the time they have been taken back to.
    turn : ndarray, shape (n,), int32
        Where in `fired` a neuron of the block is, -1 for nowhere.
    """

    x: np.ndarray
    t_next: np.ndarray
    event: np.ndarray
    head: np.ndarray
    link: np.ndarray
    is_live: np.ndarray
    fired: np.ndarray
    turn: np.ndarray


class Sums(NamedTuple):
    """What the backward run adds up.

    Parameters
    ----------
    weight : ndarray, shape (fan_in, n_chunks of the layer, chunk)
        dL/dw.
    arrival : ndarray, shape (n_spikes of the sample,)
        dL/dt of each input spike.
    theta, drive : ndarray, shape (n_chunks of the layer, chunk), float64
        dL/dtheta, dL/ddrive.
    n_grazing : ndarray, shape (1,), int64
        Crossings with nearly no slope.
    """

    weight: np.ndarray
    arrival: np.ndarray
    theta: np.ndarray
    drive: np.ndarray
    n_grazing: np.ndarray


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
def undo_spikes(d, row, adjoint, p, t, rank, spikes, d_time, clip, sums):
    """Take the neurons of a position that fired since `t` back to `t`.

    Returns
    -------
    int
        How many neurons, see `Adjoint.fired`.
    """
    # Reading a field of arrays costs an atomic count: once here, not in the loop.
    x, t_next, _, head, link, _, fired, turn = adjoint
    times, currents, channels, _, ranks = spikes
    theta, drive, first = row.theta, row.drive, row.first
    d_theta, d_drive, n_grazing = sums.theta, sums.drive, sums.n_grazing
    n_fired = 0
    chunk = theta.shape[1]
    has_drive = d_drive.size > 0
    m = head[p]
    while m >= 0 and ranks[m] > rank:
        place = channels[m] - first * chunk
        q, c = place // chunk, place % chunk
        n = turn[place]
        if n < 0:
            n = n_fired
            n_fired += 1
            turn[place] = n
            fired[0, n] = place
            fired[1, n] = x[p, 0, q, c]
            fired[2, n] = x[p, 1, q, c] / d.gain
            fired[3, n] = t_next[p]
            # The row adds its own share by the drive: none for this neuron.
            x[p, 0, q, c] = 0
        by_silence = undo_silence(d, fired, n, float(times[m]))
        lv, li, by_theta, share, is_grazing = undo_spike(
            d,
            float(currents[m]),
            float(theta[q, c]),
            float(drive[q, c]),
            fired[1, n],
            fired[2, n],
            d_time[m],
            clip,
        )
        fired[1, n] = lv
        fired[2, n] = li
        d_theta[first + q, c] += by_theta
        if has_drive:
            d_drive[first + q, c] += by_silence + share
        n_grazing[0] += is_grazing
        m = link[m]
    head[p] = m
    for n in range(n_fired):
        place = int(fired[0, n])
        turn[place] = -1
        by_silence = undo_silence(d, fired, n, t)
        if has_drive:
            d_drive[first + place // chunk, place % chunk] += by_silence
    return n_fired


@jit(inline=True)
def undo_silence(d, fired, n, t):
    """Move the adjoint state of a neuron that fired back to `t`; return dL/ddrive."""
    dt = max(fired[3, n] - t, 0.0)
    leak = math.exp(-d.alpha * dt)
    fade = fade_of(d, leak, dt)
    rise, step = rise_and_step(d, dt, leak, fade)
    lv = fired[1, n]
    fired[1, n] = leak * lv
    fired[2, n] = fade * fired[2, n] + rise * lv
    fired[3, n] = t
    return step * lv
