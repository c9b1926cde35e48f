"""From spikes in the order found, block by block, to spike trains in order of time."""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.jit import jit

MOVES_PER_SPIKE = 32


@jit(inline=True)
def sort_places(time, neuron, order, n_moves):
    """Sort by insertion; return False if more than `n_moves` moves are needed."""
    for m in range(1, order.size):
        place = order[m]
        t, n = time[place], neuron[place]
        at = m
        while at > 0:
            other = order[at - 1]
            if time[other] < t or (time[other] == t and neuron[other] <= n):
                break
            order[at] = other
            at -= 1
            n_moves -= 1
        order[at] = place
        if n_moves < 0:
            return False
    return True


@jit(parallel=True)
def collect(found, counts, chunks, n_channels, offsets, spikes, time, neuron, place):
    """Join the blocks of each sample, and order its spikes.

    Parameters
    ----------
    found : Found, each shape (n_blocks, batch, room)
        From `row_forward`.
    counts : ndarray, shape (n_blocks, batch), int64
        Number of spikes.
    chunks : ndarray, shape (n_blocks,), int64
        First channel of each block.
    n_channels : int
        Channels of the layer.
    offsets : ndarray, shape (batch + 1,), int64
        Where each sample begins in what follows.
    spikes : Found, each shape (n_spikes,)
        Written: spikes in the order found, channels of the layer.
    time, neuron : ndarray, shape (n_spikes,)
        Written: spikes in order of time, ties in order of neuron.
    place : ndarray, shape (n_spikes,), int64
        Written: which found spike each of them is.
    """
    for b in prange(offsets.size - 1):
        first, last = offsets[b], offsets[b + 1]
        join(found, counts, chunks, b, first, spikes)
        order_sample(
            spikes.time[first:last],
            spikes.channel[first:last],
            spikes.position[first:last],
            n_channels,
            first,
            time[first:last],
            neuron[first:last],
            place[first:last],
        )


@jit()
def join(found, counts, chunks, b, m, spikes):
    """Write the found spikes of sample `b`, block after block, from `m` on."""
    for k in range(counts.shape[0]):
        for s in range(counts[k, b]):
            spikes.time[m] = found.time[k, b, s]
            spikes.current[m] = found.current[k, b, s]
            spikes.channel[m] = found.channel[k, b, s] + chunks[k]
            spikes.position[m] = found.position[k, b, s]
            spikes.rank[m] = found.rank[k, b, s]
            m += 1


@jit()
def order_sample(times, channels, positions, n_channels, first, time, neuron, place):
    """Write the spikes of one sample in order; see `collect`."""
    n = times.size
    neurons = positions.astype(np.int64) * n_channels + channels
    order = np.arange(n)
    if not sort_places(times, neurons, order, MOVES_PER_SPIKE * n):
        order = np.argsort(times, kind="mergesort")
        sort_places(times, neurons, order, n * n)
    for s in range(n):
        place[s] = first + order[s]
        time[s] = times[order[s]]
        neuron[s] = neurons[order[s]]
