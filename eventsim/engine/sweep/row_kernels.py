"""Forward kernel of the sweep engine: a spike acts on whole rows of neurons.

Neurons are ``(position, channel)``, see `eventsim.engine.fan_out`; a task owns a
block of channels at all positions of one sample. Positions are run one after the
other: an input adds its row of weights to the states of all channels, and in the
same pass a bound tells which groups of neurons may fire before the next one. Only
they are solved, exactly, one by one. States are kept as seen from a base time, see
`eventsim.engine.sweep.row_coefficients`, so that nothing else has to be done.

Rows with a constant drive are moved at every event instead: their base is always the
last event.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.engine.sweep.row_arrival_kernels import arrivals_by_position, n_until
from eventsim.engine.sweep.row_bounds import NARROW, flat_polygon_of, polygon_of
from eventsim.engine.sweep.row_coefficients import tabulate_event
from eventsim.engine.sweep.row_firing_kernels import Found
from eventsim.engine.sweep.row_order_kernels import order_spikes
from eventsim.engine.sweep.row_position_kernels import run_position
from eventsim.engine.sweep.row_state_kernels import Block, Inputs, Row, rest
from eventsim.engine.sweep.row_vectors import LANES
from eventsim.jit import jit


@jit(inline=True, borrows=True)
def tabulate_train(d, times, t_end, growth):
    """Write `growth` of one sample and the end, see `tabulate_growth`."""
    if growth.shape[0] > 0:
        for k in range(times.size):
            tabulate_event(d, times[k], growth, k)
        tabulate_event(d, t_end, growth, times.size)


@jit()
def run_samples(
    d,
    trains,
    first_sample,
    last_sample,
    is_tabulated,
    fan_out,
    n_positions,
    layer,
    first,
    last,
    t_end,
    out,
    counts,
):
    """Run some samples through one block of channels.

    Parameters
    ----------
    d, trains, fan_out, n_positions, layer, t_end
        As in `row_forward`.
    first_sample, last_sample : int
        The samples.
    is_tabulated : bool
        Whether exponentials of the input times are in range.
    first, last : int
        Block of padded channels.
    out : Found
        Spikes of these samples, one after another.
    counts : ndarray, shape (2, batch), int64
        Written: see `row_forward`.
    """
    times, neurons, values, offsets = trains
    block = block_of(layer, first, last)
    x = np.zeros_like(block.theta)
    row = Row(x, np.zeros_like(x), np.empty(x.size, np.int64), np.empty((3, x.size)))
    longest = np.diff(offsets[first_sample : last_sample + 1]).max()
    table = np.empty((longest + 1 if is_tabulated else 0, 4))
    is_narrow = x.size <= NARROW * LANES
    polygon = flat_polygon_of(d) if is_narrow else polygon_of(d)
    found = 0
    for b in range(first_sample, last_sample):
        lo, hi = offsets[b], offsets[b + 1]
        hi = lo + n_until(times[lo:hi], t_end)
        time, value = times[lo:hi], values[lo:hi]
        growth = table[: hi - lo + 1] if is_tabulated else table
        tabulate_train(d, time, t_end, growth)
        begin, event, rows = arrivals_by_position(
            neurons[lo:hi], fan_out[0], fan_out[1], fan_out[2], n_positions
        )
        before = found
        counts[1, b] = 0
        for p in range(n_positions):
            here = slice(begin[p], begin[p + 1])
            is_idle = begin[p] == begin[p + 1] and not block.is_driven
            if is_idle or found > out.time.size:
                continue
            rest(d, block, row)
            inputs = Inputs(event[here], rows[here], time, value, growth)
            before_position = found
            found, n = run_position(d, block, row, inputs, t_end, polygon, found, out)
            counts[1, b] += n
            for m in range(before_position, min(found, out.time.size)):
                out.neuron[m] += p * block.n_channels + first
        counts[0, b] = found - before
        if found <= out.time.size:
            order_spikes(out, before, found)


@jit(inline=True)
def block_of(layer, first, last):
    """Return the block of padded channels ``first:last``."""
    weight, n_lanes, n_channels, theta, low, drive = layer
    is_driven = drive.size > 0
    drive = drive[first:last] if is_driven else np.zeros_like(theta[first:last])
    return Block(
        weight,
        n_lanes,
        n_channels,
        first,
        theta[first:last],
        low[first:last],
        drive,
        is_driven,
    )


@jit(parallel=True)
def row_forward(
    d,
    trains,
    is_tabulated,
    fan_out,
    n_positions,
    layer,
    blocks,
    groups,
    t_end,
    spikes,
    counts,
):
    """Find the spikes of a layer.

    Parameters
    ----------
    d : Dynamics
        Constants, without refractory period or kernel and without kick.
    trains : tuple of ndarrays
        Input: time, neuron, value (n_spikes,) or (0,) for all 1, offsets (batch + 1,).
    is_tabulated : bool
        Whether exponentials of the input times are in range.
    fan_out : tuple of ndarrays
        Offsets, position, row of `eventsim.engine.fan_out.FanOut`.
    n_positions : int
        Number of positions.
    layer : tuple
        Weights (fan_in * n_lanes,), padded channels `n_lanes`, channels, and, padded,
        thresholds, firing heights less the safety margin, drives (empty: none).
    blocks : ndarray, shape (n_blocks + 1,), int64
        Where each block of padded channels begins.
    groups : ndarray, shape (n_groups + 1,), int64
        Where each group of samples begins.
    t_end : float, network time units
        End of the run, finite.
    spikes : Found, each shape (n_blocks, n_groups, room)
        Written: those of a group's samples, one sample after another, each in order.
    counts : ndarray, shape (2, n_blocks, batch), int64
        Written: number of spikes, of a group more than `room` if there was no room
        for all, and of grazing crossings.
    """
    n_blocks, n_groups = blocks.size - 1, groups.size - 1
    for task in prange(n_blocks * n_groups):
        k, g = task // n_groups, task % n_groups
        run_samples(
            d,
            trains,
            groups[g],
            groups[g + 1],
            is_tabulated,
            fan_out,
            n_positions,
            layer,
            blocks[k],
            blocks[k + 1],
            t_end,
            Found(
                spikes.time[k, g],
                spikes.neuron[k, g],
                spikes.current[k, g],
                spikes.rank[k, g],
            ),
            counts[:, k],
        )
