"""Exponential shares of spikes in rows: who is held responsible for a spike's time.

With `exponential_slope` a spike's dL/dT is shared among the inputs since the neuron's
spike before, each by its weight times an exponential of its age, as in
`eventsim.engine.neuron_adjoint_kernels.share_times`. One walk forward adds up the
shares of each spike, one backward hands them out; a row decays from input to input.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from eventsim.engine.sweep.row_arrival_kernels import arrivals_by_position, n_until
from eventsim.engine.sweep.row_spike_adjoint_kernels import spikes_by_position
from eventsim.engine.sweep.row_state_kernels import Inputs, value_of
from eventsim.jit import jit
from eventsim.neurons.dynamics import phi


@jit(inline=True, borrows=True)
def add_decayed(row, decay, amount, weight, at):
    """Let a row decay and add a row of weights that begins at `at`."""
    for c in range(row.size):
        row[c] = row[c] * decay + amount * weight[at + c]


@jit(inline=True, borrows=True)
def read_decayed(row, decay, weight, at):
    """Let a row decay and return its product with a row of weights."""
    total = row.dtype.type(0)
    for c in range(row.size):
        row[c] *= decay
        total += row[c] * weight[at + c]
    return total


@jit(borrows=True)
def add_shares_of_spikes(
    inputs, picked, lanes, time, rank, weight, n_lanes, drive, tau_g, row, since, total
):
    """Add up the shares of every spike of one position.

    Parameters
    ----------
    inputs : Inputs
        What reaches the position.
    picked, lanes : ndarray, shape (n,), int64
        Its spikes, from `spikes_by_position`.
    time, rank : ndarray, shape (n_spikes,)
        Of the sample's spikes.
    weight : ndarray, shape (fan_in * n_lanes,)
        Rows of weights.
    n_lanes : int
        Length of a row.
    drive : ndarray, shape (n_channels,)
        Drives.
    tau_g : float, network time units
        Time constant.
    row, since : ndarray, shape (n_channels,)
        Room.
    total : ndarray, shape (n_spikes,)
        Written for the picked spikes.
    """
    real = row.dtype.type
    row[:] = 0
    since[:] = 0
    now, m = 0.0, 0
    for k in range(picked.size):
        s, lane = picked[k], lanes[k]
        while m < inputs.event.size and inputs.event[m] < rank[s]:
            e = inputs.event[m]
            t = float(inputs.time[e])
            decay = math.exp((now - t) / tau_g) if t > now else 1.0
            at = np.int64(inputs.row[m]) * n_lanes
            add_decayed(row, real(decay), real(value_of(inputs, e)), weight, at)
            now = t
            m += 1
        t = float(time[s])
        total[s] = float(row[lane]) * math.exp(min(now - t, 0.0) / tau_g)
        total[s] += float(drive[lane]) * phi(1 / tau_g, t - since[lane])
        row[lane] = 0
        since[lane] = t


@jit(borrows=True)
def hand_out_shares(
    inputs, picked, lanes, time, rank, d_time, weight, n_lanes, tau_g, row, total,
    d_input,
):  # fmt: skip
    """Share dL/dT of every spike of one position among the inputs before it.

    Parameters
    ----------
    inputs, picked, lanes, time, rank, weight, n_lanes, tau_g, row, total
        As in `add_shares_of_spikes`.
    d_time : ndarray, shape (n_spikes,)
        dL/dT of the sample's spikes.
    d_input : ndarray, shape (n_input_spikes,)
        Added to.
    """
    real = row.dtype.type
    row[:] = 0
    k = picked.size - 1
    now = math.inf
    for m in range(inputs.event.size - 1, -1, -1):
        e = inputs.event[m]
        t = float(inputs.time[e])
        decay = math.exp((t - now) / tau_g) if t < now else 1.0
        if k >= 0 and rank[picked[k]] > e:
            # Neurons that fired have no other answer than this spike's.
            for c in range(row.size):
                row[c] *= real(decay)
            decay = 1.0
            while k >= 0 and rank[picked[k]] > e:
                s = picked[k]
                age = max(float(time[s]) - t, 0.0)
                share = d_time[s] / total[s] if total[s] > 0 else 0.0
                row[lanes[k]] = real(share * math.exp(-age / tau_g))
                k -= 1
        now = t
        at = np.int64(inputs.row[m]) * n_lanes
        found = read_decayed(row, real(decay), weight, at)
        d_input[e] += value_of(inputs, e) * found


@jit()
def share_sample(
    train, fan_out, n_positions, weight, n_lanes, drive, t_end, spikes, d_time, tau_g,
    d_input,
):  # fmt: skip
    """Share dL/dT of the spikes of one sample; see `share_rows`."""
    times, neurons, values = train
    spike_times, spike_neurons, ranks = spikes
    n_channels = drive.size
    picked, lanes, ends = spikes_by_position(
        spike_neurons, ranks, n_positions, n_channels, 0, n_channels
    )
    if picked.size == 0:
        return
    begin, event, rows = arrivals_by_position(
        neurons[: n_until(times, t_end)],
        fan_out[0],
        fan_out[1],
        fan_out[2],
        n_positions,
    )
    row, since = np.empty(n_channels, weight.dtype), np.empty(n_channels)
    total = np.empty(spike_times.size)
    for p in range(n_positions):
        if ends[p] == ends[p + 1]:
            continue
        here, mine = slice(begin[p], begin[p + 1]), slice(ends[p], ends[p + 1])
        inputs = Inputs(event[here], rows[here], times, values, values)
        add_shares_of_spikes(
            inputs, picked[mine], lanes[mine], spike_times, ranks, weight, n_lanes,
            drive, tau_g, row, since, total,
        )  # fmt: skip
        hand_out_shares(
            inputs, picked[mine], lanes[mine], spike_times, ranks, d_time, weight,
            n_lanes, tau_g, row, total, d_input,
        )  # fmt: skip


@jit(parallel=True)
def share_rows(
    trains,
    fan_out,
    n_positions,
    weight,
    n_lanes,
    drive,
    t_end,
    spikes,
    offsets,
    d_time,
    tau_g,
    d_input,
):
    """Share dL/dT of every spike of a layer among the inputs before it.

    Parameters
    ----------
    trains, fan_out, n_positions, t_end
        As in `eventsim.engine.sweep.row_kernels.row_forward`.
    weight : ndarray, shape (fan_in * n_lanes,)
        Padded rows of weights.
    n_lanes : int
        Length of a row.
    drive : ndarray, shape (n_channels,)
        Drives.
    spikes : Found, each shape (n_spikes,)
        All spikes, from `collect`.
    offsets : ndarray, shape (batch + 1,), int64
        Spikes of each sample.
    d_time : ndarray, shape (n_spikes,), float64
        dL/dT of each.
    tau_g : float, network time units
        Time constant.
    d_input : ndarray, shape (n_input_spikes,), float64
        Added to.
    """
    times, neurons, values, starts = trains
    for b in prange(offsets.size - 1):
        lo, hi = starts[b], starts[b + 1]
        here = slice(offsets[b], offsets[b + 1])
        share_sample(
            (times[lo:hi], neurons[lo:hi], values[lo:hi]),
            fan_out,
            n_positions,
            weight,
            n_lanes,
            drive,
            t_end,
            (spikes.time[here], spikes.neuron[here], spikes.rank[here]),
            d_time[here],
            tau_g,
            d_input[lo:hi],
        )
