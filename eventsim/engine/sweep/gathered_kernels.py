"""All neurons of a layer in parallel, each with its own gathered arrivals.

A task is a block of neurons of one sample. It stores its spikes in its own region,
neuron after neuron; how many there are is only known afterwards, so that tasks
whose region was too small run again.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.engine.neuron_run_kernels import Found, Room, run_neuron
from eventsim.engine.sweep.arrival_kernels import (
    Train,
    Wiring,
    chain,
    gather,
    most_arrivals,
    new_arrivals,
    new_sorting,
    sort,
)
from eventsim.jit import jit


@jit()
def run_block(d, wiring, theta, drive, train, t_end, low, high, found, at, end, stop):
    """Find all spikes of the neurons `low` to `high` of a sample.

    Parameters
    ----------
    d : Dynamics
        Constants.
    wiring : Wiring
        Synapses.
    theta, drive : ndarray, shape (n_out,)
        Thresholds and drives.
    train : Train
        Input spikes of the sample.
    t_end : float, network time units
        End of the run.
    low, high : int
        Neurons.
    found : Found
        Written from `at` to `end`.
    at, end : int
        Region of the block.
    stop : ndarray, shape (1,), int64
        Spikes left before the run is refused; set to -1 when they are used up.

    Returns
    -------
    int
        Number of spikes, stored or not.
    """
    count = np.zeros(wiring.n_in, np.int64)
    room = most_arrivals(wiring, train, count, low, high)
    arrivals = new_arrivals(room)
    sorting = new_sorting(wiring.n_in, train.time.size, room)
    chain(train, sorting)
    allowed = stop[0]
    total = 0
    for neuron in range(low, high):
        if stop[0] < 0:
            break
        n = gather(wiring, train, neuron, sorting, arrivals)
        limit = min(d.max_spikes, allowed - total + 1)
        place = Room(neuron, at + total, end, limit)
        total += run_neuron(
            d, theta[neuron], drive[neuron], arrivals, n, t_end, found, place
        )
        if total > allowed:
            stop[0] = -1
    return total


@jit(parallel=True)
def run_tasks(
    d,
    offsets,
    source,
    weight,
    delay,
    n_in,
    is_multiple,
    theta,
    drive,
    time,
    neuron,
    value,
    samples,
    t_end,
    todo,
    regions,
    found_time,
    found_neuron,
    found_kind,
    found_before,
    counts,
    stop,
):
    """Find all spikes of a layer.

    Parameters
    ----------
    d : Dynamics
        Constants.
    offsets, source, weight, delay, n_in, is_multiple
        Fields of `Wiring`.
    theta, drive : ndarray, shape (n_out,)
        Thresholds and drives.
    time, neuron, value : ndarray, shape (n_spikes,)
        Input spikes of all samples; `value` may be empty.
    samples : ndarray, shape (batch + 1,), int64
        Input spikes of sample b are ``samples[b]:samples[b + 1]``.
    t_end : float, network time units
        End of the run.
    todo : ndarray, shape (batch * n_blocks,), bool
        Which tasks to run; task ``b * n_blocks + k`` is block k of sample b.
    regions : ndarray, shape (n_tasks + 1,), int64
        Where each task stores its spikes.
    found_time, found_neuron, found_kind, found_before : ndarray, shape (n_places,)
        Written: fields of `Found`.
    counts : ndarray, shape (n_tasks,), int64
        Written: spikes of each task, stored or not.
    stop : ndarray, shape (1,), int64
        See `run_block`.
    """
    n_out = theta.size
    n_blocks = todo.size // (samples.size - 1)
    for task in prange(todo.size):
        if todo[task]:
            b, k = task // n_blocks, task % n_blocks
            first, last = samples[b], samples[b + 1]
            values = value[first:last] if value.size else value
            counts[task] = run_block(
                d,
                Wiring(offsets, source, weight, delay, n_in, is_multiple),
                theta,
                drive,
                Train(time[first:last], neuron[first:last], values),
                t_end,
                k * n_out // n_blocks,
                (k + 1) * n_out // n_blocks,
                Found(found_time, found_neuron, found_kind, found_before),
                regions[task],
                regions[task + 1],
                stop,
            )


@jit(parallel=True)
def order_samples(
    places,
    samples,
    time,
    neuron,
    kind,
    n_before,
    out_time,
    out_neuron,
    out_kind,
    out_before,
):
    """Copy spikes, each sample in order of time, ties in order of the neurons.

    Parameters
    ----------
    places : ndarray, shape (n_spikes,), int64
        Where the spikes are stored, sample after sample.
    samples : ndarray, shape (batch + 1,), int64
        Spikes of sample b are ``samples[b]:samples[b + 1]``.
    time, neuron, kind, n_before : ndarray, shape (n_places,)
        As stored.
    out_time, out_neuron, out_kind, out_before : ndarray, shape (n_spikes,)
        Written.
    """
    for b in prange(samples.size - 1):
        first, last = samples[b], samples[b + 1]
        place = places[first:last]
        n = last - first
        order, spare = np.empty(n, np.int64), np.empty(n, np.int64)
        sort(time[place], neuron[place], order, spare, n)
        for k in range(n):
            x = place[order[k]]
            out_time[first + k] = time[x]
            out_neuron[first + k] = neuron[x]
            out_kind[first + k] = kind[x]
            out_before[first + k] = n_before[x]
