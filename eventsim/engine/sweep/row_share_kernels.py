"""Exponential shares of spikes in rows: who is held responsible for a spike's time.

With `exponential_slope` a spike's dL/dT is shared among the inputs since the neuron's
spike before, each by its weight times an exponential of its age, as in
`eventsim.engine.neuron_adjoint_kernels.share_times`. One walk forward adds up the
shares of each spike, one backward hands them out. Rows do not decay from input to
input: they are in the scale of a block of time, in which inputs weigh more the later
they come.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import prange

from eventsim.engine.sweep.row_arrival_kernels import arrivals_by_position, n_until
from eventsim.engine.sweep.row_lanes import add_to_one, product_with
from eventsim.engine.sweep.row_spike_adjoint_kernels import spikes_by_position
from eventsim.engine.sweep.row_vectors import LANES
from eventsim.jit import jit
from eventsim.neurons.dynamics import phi

# Time constants after which a row is brought to another scale: e^30 is far inside the
# range of float32.
BLOCK = 30.0


class Scaled(NamedTuple):
    """What input spikes weigh, growing instead of what came before them decaying.

    Parameters
    ----------
    amount : ndarray, shape (n_inputs,), float64
        Value of each spike times ``exp(t / tau_g - BLOCK block)``.
    block : ndarray, shape (n_inputs,), int64
        In which block of BLOCK time constants it comes.
    """

    amount: np.ndarray
    block: np.ndarray


@jit()
def scale_inputs(time, value, n, tau_g):
    """Return what the first `n` input spikes of a sample weigh."""
    amount, block = np.empty(n), np.empty(n, np.int64)
    for e in range(n):
        age = float(time[e]) / tau_g
        whole = math.floor(age / BLOCK)
        block[e] = np.int64(whole)
        amount[e] = math.exp(age - BLOCK * whole)
        if value.size > 0:
            amount[e] *= float(value[e])
    return Scaled(amount, block)


@jit(borrows=True)
def fade_by(row, n_blocks):
    """Bring a row to the scale of another block."""
    factor = row.dtype.type(math.exp(-BLOCK * n_blocks))
    for c in range(row.size):
        row[c] *= factor


@jit(borrows=True)
def add_shares_of_spikes(
    arrived, scaled, picked, lanes, time, rank, weight, drive, tau_g, row, since, total
):
    """Add up the shares of every spike of one position.

    Parameters
    ----------
    arrived : tuple of ndarray, shape (n_arrived,)
        Inputs of the position: number of the input spike, row of weights.
    scaled : Scaled
        What they weigh.
    picked, lanes : ndarray, shape (n,), int64
        Spikes of the position, from `spikes_by_position`.
    time, rank : ndarray, shape (n_spikes,)
        Of the sample's spikes.
    weight : ndarray, shape (fan_in * n_lanes,)
        Rows of weights.
    drive : ndarray, shape (n_channels,)
        Drives.
    tau_g : float, network time units
        Time constant.
    row, since : ndarray, shape (n_lanes,)
        Room.
    total : ndarray, shape (n_spikes,)
        Written for the picked spikes, in the scale of the input before each.
    """
    event, rows = arrived
    n_groups = np.int64(row.size // LANES)
    row[:] = 0
    since[:] = 0
    block, m = np.int64(0), 0
    for k in range(picked.size):
        s, lane = picked[k], lanes[k]
        while m < event.size and event[m] < rank[s]:
            e = event[m]
            if scaled.block[e] > block:
                fade_by(row, scaled.block[e] - block)
                block = scaled.block[e]
            at = np.int64(rows[m]) * row.size
            add_to_one(row, weight, at, n_groups, (scaled.amount[e],))
            m += 1
        t = float(time[s])
        total[s] = float(row[lane])
        if drive[lane] != 0:
            by_drive = float(drive[lane]) * phi(1 / tau_g, t - since[lane])
            total[s] += by_drive * math.exp(t / tau_g - BLOCK * block)
        row[lane] = 0
        since[lane] = t


@jit(borrows=True)
def hand_out_shares(
    arrived, scaled, picked, lanes, rank, d_time, weight, row, total, d_input
):
    """Share dL/dT of every spike of one position among the inputs before it.

    Parameters
    ----------
    arrived, scaled, picked, lanes, rank, weight, row, total
        As in `add_shares_of_spikes`.
    d_time : ndarray, shape (n_spikes,)
        dL/dT of the sample's spikes.
    d_input : ndarray, shape (n_input_spikes,)
        Added to.
    """
    event, rows = arrived
    real, n_groups = row.dtype.type, np.int64(row.size // LANES)
    row[:] = 0
    k, m = picked.size - 1, event.size - 1
    last = rank[picked[k]]
    while m >= 0 and event[m] >= last:
        m -= 1
    block = scaled.block[event[m]] if m >= 0 else 0
    while m >= 0:
        e = event[m]
        if scaled.block[e] < block:
            fade_by(row, block - scaled.block[e])
            block = scaled.block[e]
        while k >= 0 and rank[picked[k]] > e:
            s = picked[k]
            # Before this spike the neuron answers for no other.
            row[lanes[k]] = real(d_time[s] / total[s]) if total[s] > 0 else real(0)
            k -= 1
        at = np.int64(rows[m]) * row.size
        d_input[e] += product_with(row, weight, at, n_groups, (scaled.amount[e],))
        m -= 1


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
    n_inputs = n_until(times, t_end)
    begin, event, rows = arrivals_by_position(
        neurons[:n_inputs],
        fan_out[0],
        fan_out[1],
        fan_out[2],
        n_positions,
    )
    scaled = scale_inputs(times, values, n_inputs, tau_g)
    row, since = np.empty(n_lanes, weight.dtype), np.empty(n_lanes)
    total = np.empty(spike_times.size)
    for p in range(n_positions):
        if ends[p] == ends[p + 1]:
            continue
        here, mine = slice(begin[p], begin[p + 1]), slice(ends[p], ends[p + 1])
        arrived = event[here], rows[here]
        add_shares_of_spikes(
            arrived, scaled, picked[mine], lanes[mine], spike_times, ranks, weight,
            drive, tau_g, row, since, total,
        )  # fmt: skip
        hand_out_shares(
            arrived, scaled, picked[mine], lanes[mine], ranks, d_time, weight, row,
            total, d_input,
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
