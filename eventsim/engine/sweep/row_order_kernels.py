"""Spikes of each sample in order of time, ties in order of neuron."""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.jit import jit


@jit(inline=True, borrows=True)
def sort_by_gaps(time, place, neuron):
    """Sort `time`, and `place` along, by Shell's method.

    Ties are ordered by ``neuron[place]`` and then by `place`.
    """
    n, gap = np.uint64(time.size), np.uint64(1)
    while np.uint64(3) * gap + np.uint64(1) < n // np.uint64(2):
        gap = np.uint64(3) * gap + np.uint64(1)
    while gap > 0:
        for m in range(gap, n):
            t, p = time[m], place[m]
            at = np.uint64(m)
            while at >= gap:
                before = time[at - gap]
                if before < t or (before == t and is_first(place[at - gap], p, neuron)):
                    break
                time[at] = before
                place[at] = place[at - gap]
                at -= gap
            time[at] = t
            place[at] = p
        gap //= np.uint64(3)


@jit(inline=True, borrows=True)
def is_first(p, other, neuron):
    """Tell which of two spikes of one time comes first."""
    return neuron[p] < neuron[other] or (neuron[p] == neuron[other] and p < other)


@jit()
def order_spikes(spikes, first, last):
    """Put the spikes ``first:last`` of one sample in order.

    Parameters
    ----------
    spikes : Found
        Changed. Spikes of one neuron at one time stay in the order found.
    first, last : int
        Which.
    """
    if last - first < 2:
        return
    time, neuron = spikes.time[first:last], spikes.neuron[first:last].copy()
    current, rank = spikes.current[first:last].copy(), spikes.rank[first:last].copy()
    place = np.arange(last - first)
    sort_by_gaps(time, place, neuron)
    for m in range(last - first):
        spikes.neuron[first + m] = neuron[place[m]]
        spikes.current[first + m] = current[place[m]]
        spikes.rank[first + m] = rank[place[m]]


@jit(parallel=True)
def collect(found, counts, groups, offsets, spikes):
    """Join the spikes of each sample.

    Parameters
    ----------
    found : Found, each shape (n_blocks, n_groups, room)
        From `row_forward`.
    counts : ndarray, shape (n_blocks, batch), int64
        Number of spikes.
    groups : ndarray, shape (n_groups + 1,), int64
        First sample of each group.
    offsets : ndarray, shape (batch + 1,), int64
        Where each sample begins in what follows.
    spikes : Found, each shape (n_spikes,)
        Written.
    """
    for g in prange(groups.size - 1):
        join(
            (found.time[:, g], found.neuron[:, g]),
            (found.current[:, g], found.rank[:, g]),
            counts,
            groups[g],
            groups[g + 1],
            offsets,
            spikes,
        )


@jit()
def join(found, causes, counts, first_sample, last_sample, offsets, spikes):
    """Join the spikes of the samples of one group; see `collect`."""
    times, neurons = found
    currents, ranks = causes
    time, neuron, current, rank = spikes
    read = np.zeros(counts.shape[0], np.int64)
    for b in range(first_sample, last_sample):
        at = offsets[b]
        for k in range(counts.shape[0]):
            for s in range(read[k], read[k] + counts[k, b]):
                time[at], neuron[at] = times[k, s], neurons[k, s]
                current[at], rank[at] = currents[k, s], ranks[k, s]
                at += 1
            read[k] += counts[k, b]
        if counts.shape[0] > 1:
            order_spikes(spikes, offsets[b], offsets[b + 1])
