"""Spikes of each sample in order of time, ties in order of neuron."""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.jit import jit


@jit(borrows=True)
def order_spikes(spikes, first, last):
    """Put the spikes ``first:last`` of one sample in order, by Shell's method.

    Parameters
    ----------
    spikes : Found
        Changed. Spikes of one neuron at one time are ordered by rank.
    first, last : int
        Which.
    """
    time, neuron, current, rank = spikes
    gap = 1
    while gap < (last - first) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for m in range(first + gap, last):
            t, n, i, r = time[m], neuron[m], current[m], rank[m]
            at = m
            while at >= first + gap:
                before = at - gap
                if time[before] < t or (
                    time[before] == t and (neuron[before], rank[before]) <= (n, r)
                ):
                    break
                time[at], neuron[at] = time[before], neuron[before]
                current[at], rank[at] = current[before], rank[before]
                at = before
            time[at], neuron[at], current[at], rank[at] = t, n, i, r
        gap //= 3


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
