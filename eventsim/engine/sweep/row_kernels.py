"""Forward kernel of the sweep engine: a spike acts on whole rows of neurons.

Neurons are ``(position, channel)``, see `eventsim.engine.fan_out`; a task owns a
block of channels at all positions of one sample. Between two events that touch a
position, all its channels share one propagator, and one multiply-add per neuron
moves the potential to the end of the interval. Whether it crossed on the way is
first asked of an upper bound: in the variable ``exp(-alpha t)`` the answer to a
current is concave, so it stays below its tangent, and

    u(t) <= max(u at the beginning, u at the end + max(i, 0) (phi - kappa)).

Long intervals are cut into pieces, since the bound is loose there. Only neurons
whose bound reaches the threshold are solved, exactly, one by one.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.engine.sweep.row_coefficients import coefficients
from eventsim.engine.sweep.row_firing_kernels import SAFETY, Found, fire_suspects
from eventsim.engine.sweep.row_step_kernels import (
    Row,
    State,
    add_row,
    step_driven_row,
    step_row,
)
from eventsim.jit import jit
from eventsim.neurons.dynamics import start

# Length of the first piece of a silence, in units of 1 / (alpha + beta).
PIECE = 0.25


@jit(inline=True)
def step_and_fire(
    d, row, state, p, r, value, is_silent, dt, coefficient, rank, found, out
):
    """Advance a position over an interval, add an input, record spikes."""
    real = row.theta.dtype.type
    leak, fade, rise, step = coefficient
    slack = max(step - rise, 0.0) * d.gain
    if row.is_plain and not is_silent:
        n_suspects = step_row(
            row,
            state,
            p,
            r,
            real(leak),
            real(fade),
            real(rise * d.gain),
            real(step * d.gain),
        )
    else:
        n_suspects = step_driven_row(
            row,
            state,
            p,
            r,
            real(value),
            real(leak),
            real(fade),
            real(rise * d.gain),
            real(step),
            real(slack),
        )
    if n_suspects > 0:
        begun = found
        for q in range(row.low.shape[0]):
            if state.suspects[q] > 0 and found <= out.time.size:
                found = fire_suspects(
                    d,
                    row,
                    state,
                    p,
                    q,
                    r,
                    value,
                    state.t_last[p],
                    dt,
                    leak,
                    fade,
                    real(slack),
                    found,
                    out,
                )
        for m in range(begun, min(found, out.time.size)):
            out.position[m] = p
            out.rank[m] = rank
    state.side[p] = 1 - state.side[p]
    return found


@jit()
def pass_silence(d, row, state, p, t, rank, found, out):
    """Advance a position to time `t` in pieces that double in length."""
    piece = PIECE / (d.alpha + d.beta)
    while state.t_last[p] < t and found <= out.time.size:
        rest = t - state.t_last[p]
        dt = rest if rest < 2 * piece else piece
        found = step_and_fire(
            d,
            row,
            state,
            p,
            np.int64(0),
            0.0,
            True,
            dt,
            coefficients(d, dt, np.empty((0, 2)), 0, 0),
            rank,
            found,
            out,
        )
        state.t_last[p] = t if dt == rest else state.t_last[p] + dt
        piece *= 2
    return found


@jit(inline=True)
def new_state(d, row, n_positions):
    """Return neurons at rest at time 0."""
    n_chunks, chunk = row.theta.shape
    dtype = row.theta.dtype
    x = np.zeros((2, n_positions, 2, n_chunks, chunk), dtype)
    if d.filters_drive:
        for q in range(n_chunks):
            for c in range(chunk):
                x[0, :, 1, q, c] = start(d, row.drive[q, c]) / d.gain
    return State(
        x,
        np.zeros(n_positions, np.int8),
        np.zeros((n_positions, n_chunks, chunk), np.int32),
        np.zeros(n_positions),
        np.zeros(n_positions, np.int64),
        np.zeros(n_chunks, dtype),
        np.zeros(chunk, dtype),
    )


@jit()
def run_sample(d, train, tables, fan_out, n_positions, row, t_end, out):
    """Run one sample through one block of channels.

    Parameters
    ----------
    d : Dynamics
        Constants.
    train : tuple of ndarrays
        Time, neuron and value (empty: all 1) of the input spikes.
    tables : tuple of ndarrays
        Rows of `tabulate_steps` and `tabulate_exponentials`, or empty.
    fan_out : tuple of ndarrays
        Offsets, position, row.
    n_positions : int
        Number of positions.
    row : Row
        The block.
    t_end : float, network time units
        End of the run.
    out : Found
        Written.

    Returns
    -------
    int
        Number of spikes; ``room + 1`` if there was no room for all.
    """
    times, neurons, values = train
    steps, exponentials = tables
    offsets, position, rows = fan_out
    state = new_state(d, row, n_positions)
    longest = 2 * PIECE / max(d.alpha + d.beta, 1e-300)
    found = 0
    n_events = n_until(times, t_end)
    for k in range(n_events):
        t = float(times[k])
        value = float(values[k]) if values.size > 0 else 1.0
        for e in range(offsets[neurons[k]], offsets[neurons[k] + 1]):
            # One type of position and row: each other one is compiled once more.
            p, r = np.int64(position[e]), np.int64(rows[e])
            dt = t - state.t_last[p]
            if dt > longest:
                found = pass_silence(d, row, state, p, t, k, found, out)
                dt = 0.0
            if dt == 0:
                add_row(row, state, p, r, row.theta.dtype.type(value))
                state.t_last[p] = t
                state.event[p] = k + 1
                continue
            if steps.shape[0] > 0:
                coefficient = (steps[k, 0], steps[k, 1], steps[k, 2], steps[k, 3])
            else:
                coefficient = coefficients(d, dt, exponentials, k + 1, state.event[p])
            found = step_and_fire(
                d,
                row,
                state,
                p,
                r,
                value,
                False,
                dt,
                coefficient,
                k,
                found,
                out,
            )
            state.t_last[p] = t
            state.event[p] = k + 1
            if found > out.time.size:
                return found
    for place in range(n_positions):
        found = pass_silence(d, row, state, place, t_end, n_events, found, out)
        if found > out.time.size:
            return found
    return found


@jit()
def block_of(d, weight, theta, drive, first, last, is_plain):
    """Return chunks ``first:last`` of a layer."""
    heights = theta[first:last]
    low = np.empty_like(heights)
    for q in range(low.shape[0]):
        for c in range(low.shape[1]):
            low[q, c] = d.factor * heights[q, c] * (1 - SAFETY)
    if drive.shape[0] > 0:
        return Row(heights, low, drive[first:last], weight, first, False)
    return Row(heights, low, np.zeros_like(heights), weight, first, is_plain)


@jit()
def n_until(times, t_end):
    """Return how many of the sorted `times` are not after `t_end`."""
    n = times.size
    while n > 0 and times[n - 1] > t_end:
        n -= 1
    return n


@jit(parallel=True)
def row_forward(
    d, trains, tables, fan_out, n_positions, weight, theta, drive, t_end, spikes, counts
):
    """Find the spikes of a layer.

    Parameters
    ----------
    d : Dynamics
        Constants, without refractory period or kernel and without kick.
    trains : tuple of ndarrays
        Input: time, neuron, value (n_spikes,) or (0,) for all 1, offsets (batch + 1,).
    tables : tuple of ndarrays
        From `tabulate_steps` (dense layers) and `tabulate_exponentials`; each may
        be empty.
    fan_out : tuple of ndarrays
        Offsets, position, row of `eventsim.engine.fan_out.FanOut`.
    n_positions : int
        Number of positions.
    weight : ndarray, shape (fan_in, n_chunks, chunk)
        Weights, channels cut into equal chunks.
    theta : ndarray, shape (n_chunks, chunk)
        Thresholds.
    drive : ndarray, shape (n_chunks, chunk) or (0, chunk)
        Constant drives; empty if there are none.
    t_end : float, network time units
        End of the run, finite.
    spikes : Found, each shape (n_blocks, batch, room)
        Written.
    counts : ndarray, shape (n_blocks, batch), int64
        Written: number of spikes; ``room + 1`` if there was no room for all.
    """
    n_blocks, batch = counts.shape
    n_chunks = theta.shape[0]
    times, neurons, values, offsets = trains
    steps, exponentials = tables
    for task in prange(n_blocks * batch):
        k, b = task // batch, task % batch
        lo, hi = offsets[b], offsets[b + 1]
        first, last = k * n_chunks // n_blocks, (k + 1) * n_chunks // n_blocks
        row = block_of(d, weight, theta, drive, first, last, values.size == 0)
        counts[k, b] = run_sample(
            d,
            (times[lo:hi], neurons[lo:hi], values[lo:hi]),
            (steps[lo:hi], exponentials[lo + 2 * b : hi + 2 * b + 2]),
            fan_out,
            n_positions,
            row,
            t_end,
            Found(
                spikes.time[k, b],
                spikes.current[k, b],
                spikes.channel[k, b],
                spikes.position[k, b],
                spikes.rank[k, b],
            ),
        )
