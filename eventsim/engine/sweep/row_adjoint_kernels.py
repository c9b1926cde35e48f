"""Backward kernel of the sweep engine's rows: the forward walk in reverse.

The adjoint state of a position, ``(dL/dv, gain dL/di)`` of all its channels, is kept
at a base time, like the state before. As seen from there nothing changes in silence,
so that an input reads its derivatives off at once, with the factors with which it
came in: ``dL/dw`` for each neuron it reached, and ``dL/dt`` as a sum over them. Where
neurons fired, they are taken through their spikes one by one, and the base of the
others is moved. Positions are left alone until their last spike comes into sight.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.engine.sweep.row_adjoint_state_kernels import (
    AdjointRow,
    Sums,
    put_back,
    read_ties,
    retreat_to,
    undo_start,
)
from eventsim.engine.sweep.row_arrival_kernels import arrivals_by_position, n_until
from eventsim.engine.sweep.row_coefficients import SPAN, base_at, since_base
from eventsim.engine.sweep.row_kernels import block_of
from eventsim.engine.sweep.row_spike_adjoint_kernels import (
    Fired,
    has_fired_since,
    spikes_by_position,
    undo_spikes,
)
from eventsim.engine.sweep.row_state_kernels import Inputs
from eventsim.jit import jit


@jit(inline=True, borrows=True)
def unrun_position(d, block, row, inputs, fired, t_end, sums):
    """Run the row of one position backwards through its input spikes.

    Parameters
    ----------
    d, block, inputs, t_end
        As in `eventsim.engine.sweep.row_position_kernels.run_position`.
    row : AdjointRow
        Adjoint state at the end: zeros.
    fired : Fired
        Spikes, at least one.
    sums : Sums
        Added to.

    Returns
    -------
    int
        Crossings with nearly no slope.
    """
    span = SPAN / max(d.alpha, d.beta, 1e-300)
    # The first base may have no exponentials: it moves at once.
    farthest = -1.0
    event, growth = inputs.event, inputs.growth
    n_left, n_grazing, m = fired.picked.size, 0, event.size
    while m > 0 and event[m - 1] >= fired.rank[fired.picked[n_left - 1]]:
        m -= 1
    # The adjoint state is zero up to here.
    base = base_at(growth, -1, t_end)
    if m < event.size:
        base = base_at(growth, event[m], float(inputs.time[event[m]]))
    while m > 0 or (m == 0 and block.is_driven):
        m -= 1
        k, t = np.int64(-1), 0.0
        if m >= 0:
            k, t = np.int64(event[m]), float(inputs.time[event[m]])
        # Whether the base moves must not depend on who fired, see `run_position`.
        is_over = block.is_driven or base[0] - t > farthest
        if is_over or has_fired_since(fired, n_left, k):
            n_left, n_fired, n = undo_spikes(
                d, block, row, fired, n_left, k, base[0], t, sums
            )
            n_grazing += n
            if is_over:
                retreat_to(d, block, row, base[0] - t, n_fired, sums)
                base, farthest = base_at(growth, k, t), span
            else:
                put_back(d, row, n_fired, since_base(d, growth, k, t, base))
        if k < 0:
            break
        lift, up_a, _, up_b, _ = since_base(d, growth, k, t, base)
        a, b = -lift * up_b, up_b
        last = m + 1
        while m > 0 and inputs.time[event[m - 1]] == t:
            m -= 1
        numbers = (a, b, d.beta * a - d.gain * up_a, d.beta * b)
        read_ties(block, row, inputs, m, last, numbers, sums)
    undo_start(d, block, row, sums)
    return n_grazing


@jit()
def unrun_sample(d, train, fan_out, n_positions, block, row, t_end, spikes, clip, sums):
    """Run one sample backwards through one block of channels.

    Parameters
    ----------
    d, fan_out, n_positions, block, t_end
        As in `eventsim.engine.sweep.row_kernels.run_samples`.
    train : tuple of ndarrays
        Time, neuron, value (empty: all 1) of the input spikes, rows of
        `tabulate_growth` or none.
    row : AdjointRow
        Room.
    spikes : tuple of ndarrays
        Time, neuron, current, rank of its spikes, and dL/dT.
    clip : float
        Largest ``1 / slope``.
    sums : Sums
        Of this task and sample, added to.

    Returns
    -------
    int
        Crossings with nearly no slope.
    """
    times, neurons, values, growth = train
    spike_times, spike_neurons, currents, ranks, d_time = spikes
    last = block.first + row.x.size
    picked, lanes, ends = spikes_by_position(
        spike_neurons, ranks, n_positions, block.n_channels, block.first, last
    )
    if picked.size == 0:
        return 0
    begin, event, rows = arrivals_by_position(
        neurons[: n_until(times, t_end)],
        fan_out[0],
        fan_out[1],
        fan_out[2],
        n_positions,
    )
    n_grazing = 0
    for p in range(n_positions):
        if ends[p] == ends[p + 1]:
            continue
        here, mine = slice(begin[p], begin[p + 1]), slice(ends[p], ends[p + 1])
        row.x[:] = 0
        row.y[:] = 0
        inputs = Inputs(event[here], rows[here], times, values, growth)
        fired = Fired(
            picked[mine], lanes[mine], spike_times, currents, ranks, d_time, clip
        )
        n_grazing += unrun_position(d, block, row, inputs, fired, t_end, sums)
    return n_grazing


@jit(parallel=True)
def row_backward(
    d,
    trains,
    growth,
    fan_out,
    n_positions,
    layer,
    blocks,
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
    d, trains, growth, fan_out, n_positions, layer, blocks, t_end
        As in `eventsim.engine.sweep.row_kernels.row_forward`.
    spikes : Found, each shape (n_spikes,)
        All spikes, from `collect`.
    offsets : ndarray, shape (batch + 1,), int64
        Spikes of each sample.
    d_time : ndarray, shape (n_spikes,), float64
        dL/dT of each.
    clip : float
        Largest ``1 / slope``.
    sums : Sums
        Zeroed by the caller; the number of grazing crossings is written.
    """
    n_groups, n_blocks = sums.weight.shape[0], blocks.size - 1
    batch = offsets.size - 1
    times, neurons, values, starts = trains
    for task in prange(n_blocks * n_groups):
        g, k = task // n_blocks, task % n_blocks
        block = block_of(layer, blocks[k], blocks[k + 1])
        row = adjoint_row_of(block)
        n_grazing = 0
        for b in range(g * batch // n_groups, (g + 1) * batch // n_groups):
            lo, hi = starts[b], starts[b + 1]
            here = slice(offsets[b], offsets[b + 1])
            n_grazing += unrun_sample(
                d,
                (times[lo:hi], neurons[lo:hi], values[lo:hi], growth[lo:hi]),
                fan_out,
                n_positions,
                block,
                row,
                t_end,
                (
                    spikes.time[here],
                    spikes.neuron[here],
                    spikes.current[here],
                    spikes.rank[here],
                    d_time[here],
                ),
                clip,
                Sums(
                    sums.weight[g],
                    sums.arrival[k, lo:hi],
                    sums.theta[g],
                    sums.drive[g],
                    sums.n_grazing,
                ),
            )
        sums.n_grazing[task] = n_grazing


@jit(inline=True)
def adjoint_row_of(block):
    """Return room for the adjoint states of a block."""
    n, dtype = block.theta.size, block.theta.dtype
    return AdjointRow(
        np.empty(n, dtype),
        np.empty(n, dtype),
        np.empty((4, n)),
        np.full(n, -1),
        np.empty(4, dtype),
    )
