"""Backward kernel of the sweep engine's rows: the forward walk in reverse.

The adjoint state of a position, ``(dL/dv, dL/di)`` of all its channels, is moved
back through each interval by one propagator, like the state before; only neurons
that fired in the interval are taken through their spikes one by one. An input then
reads its derivatives off: ``dL/dw`` for each neuron it reached, and ``dL/dt`` as a
sum over them. Positions are left alone until their last spike comes into sight.

The current is in units of ``gain``, so its adjoint is ``gain`` times dL/di.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.engine.sweep.row_coefficients import coefficients
from eventsim.engine.sweep.row_firing_kernels import Found
from eventsim.engine.sweep.row_kernels import block_of, n_until
from eventsim.engine.sweep.row_spike_adjoint_kernels import Adjoint, Sums, undo_spikes
from eventsim.jit import jit
from eventsim.neurons.adjoint import by_drive, retreat


@jit(inline=True)
def retreat_row(x, p, leak, fade, rise):
    """Move the adjoint state of a position back over an interval."""
    for q in range(x.shape[2]):
        for c in range(x.shape[3]):
            lv = x[p, 0, q, c]
            x[p, 1, q, c] = x[p, 1, q, c] * fade + lv * rise
            x[p, 0, q, c] = lv * leak


@jit(inline=True)
def read_row(x, p, weight, d_weight, r, first, value, gain, beta):
    """Add dL/dw of an input at the adjoint state's time; return its dL/dt."""
    d_arrival = beta - beta
    for q in range(x.shape[2]):
        for c in range(x.shape[3]):
            li = x[p, 1, q, c]
            d_weight[r, first + q, c] += value * li
            d_arrival += weight[r, first + q, c] * (beta * li - gain * x[p, 0, q, c])
    return value * d_arrival


@jit(inline=True)
def retreat_and_read_row(
    x, p, weight, d_weight, r, first, value, leak, fade, rise, gain, beta
):
    """Do `retreat_row` and `read_row` in one pass."""
    d_arrival = beta - beta
    for q in range(x.shape[2]):
        for c in range(x.shape[3]):
            lv = x[p, 0, q, c]
            li = x[p, 1, q, c] * fade + lv * rise
            lv *= leak
            x[p, 1, q, c] = li
            x[p, 0, q, c] = lv
            d_weight[r, first + q, c] += value * li
            d_arrival += weight[r, first + q, c] * (beta * li - gain * lv)
    return value * d_arrival


@jit(inline=True)
def retreat_position(
    d, row, adjoint, p, t, rank, coefficient, spikes, d_time, clip, sums
):
    """Move a position back over an interval in which neurons fired or are driven."""
    leak, fade, rise, step = coefficient
    x, head = adjoint.x, adjoint.head
    n_fired = 0
    if head[p] >= 0 and spikes.rank[head[p]] > rank:
        n_fired = undo_spikes(d, row, adjoint, p, t, rank, spikes, d_time, clip, sums)
    d_drive, first = sums.drive, row.first
    if d_drive.size > 0:
        for q in range(x.shape[2]):
            for c in range(x.shape[3]):
                d_drive[first + q, c] += x[p, 0, q, c] * step
    real = x.dtype.type
    retreat_row(x, p, real(leak), real(fade), real(rise * d.gain))
    chunk, fired = x.shape[3], adjoint.fired
    for m in range(n_fired):
        place = int(fired[0, m])
        x[p, 0, place // chunk, place % chunk] = fired[1, m]
        x[p, 1, place // chunk, place % chunk] = fired[2, m] * d.gain


@jit(inline=True)
def new_adjoint(row, n_positions, spikes, n_spikes, t_end, n_events):
    """Return the adjoint state at the end of a run, spikes linked by position."""
    n_chunks, chunk = row.theta.shape
    head = np.full(n_positions, -1, np.int32)
    link = np.empty(n_spikes, np.int32)
    for m in range(n_spikes):
        if row.first <= spikes.channel[m] // chunk < row.first + n_chunks:
            link[m] = head[spikes.position[m]]
            head[spikes.position[m]] = m
    return Adjoint(
        np.zeros((n_positions, 2, n_chunks, chunk), row.theta.dtype),
        np.full(n_positions, t_end),
        np.full(n_positions, n_events + 1, np.int64),
        head,
        link,
        np.zeros(n_positions, np.bool_),
        np.empty((4, n_chunks * chunk)),
        np.full(n_chunks * chunk, -1, np.int32),
    )


@jit(inline=True)
def since(d, t, k, following, t_next, n_events, steps, exponentials):
    """Return the coefficients of the interval between event `k` and the one undone."""
    if t_next == t or following == k + 1:
        return 1.0, 1.0, 0.0, 0.0
    if steps.shape[0] > 0 and following == k + 2 and k + 1 < n_events:
        return steps[k + 1, 0], steps[k + 1, 1], steps[k + 1, 2], steps[k + 1, 3]
    return coefficients(d, t_next - t, exponentials, following, k + 1)


@jit()
def unrun_sample(
    d,
    train,
    tables,
    fan_out,
    n_positions,
    row,
    t_end,
    spikes,
    n_spikes,
    d_time,
    clip,
    sums,
):
    """Run one sample backwards through one block of channels.

    Parameters
    ----------
    d, train, tables, fan_out, n_positions, row, t_end
        As in `eventsim.engine.sweep.row_kernels.run_sample`.
    spikes : Found
        Its spikes, channels counted from the start of the layer.
    n_spikes : int
        Number of spikes.
    d_time : ndarray, shape (n_spikes,)
        dL/dT of each.
    clip : float
        Largest ``1 / slope``.
    sums : Sums
        Added to; `arrival` belongs to this sample.
    """
    times, neurons, values = train
    steps, exponentials = tables
    offsets, position, rows = fan_out
    if n_spikes == 0:
        return
    n_events = n_until(times, t_end)
    adjoint = new_adjoint(row, n_positions, spikes, n_spikes, t_end, times.size)
    x, t_next, event, head, _, is_live, _, _ = adjoint
    ranks, spike_times, weight, first = spikes.rank, spikes.time, row.weight, row.first
    d_weight, arrival, has_drive = sums.weight, sums.arrival, sums.drive.size > 0
    real = x.dtype.type
    gain, beta = real(d.gain), real(d.beta)
    for k in range(min(ranks.max(), n_events) - 1, -1, -1):
        t = float(times[k])
        value = real(values[k]) if values.size > 0 else real(1)
        for e in range(offsets[neurons[k] + 1] - 1, offsets[neurons[k]] - 1, -1):
            p, r = np.int64(position[e]), np.int64(rows[e])
            has_fired = head[p] >= 0 and ranks[head[p]] > k
            if not (is_live[p] or has_fired):
                continue
            if not is_live[p]:
                # The adjoint state is zero from the last spike on.
                is_live[p] = True
                t_next[p] = max(float(spike_times[head[p]]), t)
                event[p] = k + 1
            coefficient = since(
                d, t, k, event[p], t_next[p], n_events, steps, exponentials
            )
            leak, fade, rise, _ = coefficient
            is_moved = has_fired or has_drive or t_next[p] == t
            if has_fired or (has_drive and t_next[p] != t):
                retreat_position(
                    d, row, adjoint, p, t, k, coefficient, spikes, d_time, clip, sums
                )
            if is_moved:
                by_time = read_row(x, p, weight, d_weight, r, first, value, gain, beta)
            else:
                by_time = retreat_and_read_row(
                    x,
                    p,
                    weight,
                    d_weight,
                    r,
                    first,
                    value,
                    real(leak),
                    real(fade),
                    real(rise * d.gain),
                    gain,
                    beta,
                )
            arrival[k] += by_time
            t_next[p] = t
            event[p] = k + 1
    if has_drive:
        undo_start(d, row, adjoint, spikes, d_time, clip, sums)


@jit()
def undo_start(d, row, adjoint, spikes, d_time, clip, sums):
    """Go back from each position's first event to time 0, for the drive's sake."""
    chunk = row.theta.shape[1]
    for p in range(adjoint.head.size):
        head = adjoint.head[p]
        if not adjoint.is_live[p] and head < 0:
            continue
        if not adjoint.is_live[p]:
            adjoint.t_next[p] = float(spikes.time[head])
        n_fired = undo_spikes(d, row, adjoint, p, 0.0, -1, spikes, d_time, clip, sums)
        dt = adjoint.t_next[p]
        for q in range(row.theta.shape[0]):
            for c in range(chunk):
                lv, li = float(adjoint.x[p, 0, q, c]), float(adjoint.x[p, 1, q, c])
                sums.drive[row.first + q, c] += by_drive(d, lv, dt)
                if d.filters_drive:
                    lv, li, _, _ = retreat(d, lv, li / d.gain, 0.0, 0.0, dt)
                    adjoint.x[p, 1, q, c] = li
        for m in range(n_fired):
            place = int(adjoint.fired[0, m])
            q, c = place // chunk, place % chunk
            adjoint.x[p, 1, q, c] = adjoint.fired[2, m]
        if d.filters_drive:
            for q in range(row.theta.shape[0]):
                for c in range(chunk):
                    sums.drive[row.first + q, c] -= adjoint.x[p, 1, q, c]


@jit(parallel=True)
def row_backward(
    d,
    trains,
    tables,
    fan_out,
    n_positions,
    weight,
    theta,
    drive,
    t_end,
    spikes,
    offsets,
    d_time,
    clip,
    sums,
):
    """Differentiate the spike times of a layer.

    Parameters
    ----------
    d, trains, tables, fan_out, n_positions, weight, theta, drive, t_end
        As in `eventsim.engine.sweep.row_kernels.row_forward`.
    spikes : Found, each shape (n_spikes,)
        All spikes, in the order found, channels counted from the start of the layer.
    offsets : ndarray, shape (batch + 1,), int64
        Spikes of each sample.
    d_time : ndarray, shape (n_spikes,), float64
        dL/dT of each.
    clip : float
        Largest ``1 / slope``.
    sums : Sums
        Zeroed by the caller. `weight`, `theta` and `drive` have one more axis in
        front, for groups of samples, and `arrival` and `n_grazing` one for blocks.
    """
    n_groups, n_blocks = sums.weight.shape[0], sums.arrival.shape[0]
    batch, n_chunks = offsets.size - 1, theta.shape[0]
    steps, exponentials = tables
    for task in prange(n_blocks * n_groups):
        g, k = task // n_blocks, task % n_blocks
        first, last = k * n_chunks // n_blocks, (k + 1) * n_chunks // n_blocks
        row = block_of(d, weight, theta, drive, first, last, False)
        for b in range(g * batch // n_groups, (g + 1) * batch // n_groups):
            lo, hi = trains[3][b], trains[3][b + 1]
            begin, end = offsets[b], offsets[b + 1]
            values = trains[2][lo:hi] if trains[2].size > 0 else trains[2]
            unrun_sample(
                d,
                (trains[0][lo:hi], trains[1][lo:hi], values),
                (
                    steps[lo:hi] if steps.shape[0] > 0 else steps,
                    exponentials[lo + 2 * b : hi + 2 * b + 2]
                    if exponentials.shape[0] > 0
                    else exponentials,
                ),
                fan_out,
                n_positions,
                row,
                t_end,
                Found(
                    spikes.time[begin:end],
                    spikes.current[begin:end],
                    spikes.channel[begin:end],
                    spikes.position[begin:end],
                    spikes.rank[begin:end],
                ),
                end - begin,
                d_time[begin:end],
                clip,
                Sums(
                    sums.weight[g],
                    sums.arrival[k, lo:hi],
                    sums.theta[g],
                    sums.drive[g],
                    sums.n_grazing[task : task + 1],
                ),
            )
