"""Spikes of each sample in order of time, ties in order of neuron."""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.jit import jit

# More spikes in a bucket than this take too long to insert one by one.
CROWD = 16


@jit(inline=True, borrows=True)
def is_before(t, p, other_t, other_p, neuron):
    """Tell which of two spikes comes first: by time, neuron, place."""
    if t != other_t:
        return t < other_t
    return neuron[p] < neuron[other_p] or (neuron[p] == neuron[other_p] and p < other_p)


@jit(inline=True, borrows=True)
def insert_by_gaps(time, place, neuron, gap):
    """Sort `time`, and `place` along, by Shell's method from a gap on.

    Ties are ordered by ``neuron[place]`` and then by `place`.
    """
    n = np.uint64(time.size)
    while gap > 0:
        for m in range(gap, n):
            t, p = time[m], place[m]
            at = np.uint64(m)
            while at >= gap and is_before(
                t, p, time[at - gap], place[at - gap], neuron
            ):
                time[at] = time[at - gap]
                place[at] = place[at - gap]
                at -= gap
            time[at] = t
            place[at] = p
        gap //= np.uint64(3)


@jit(inline=True, borrows=True)
def put_in_buckets(time, begin, bucket, ordered, place):
    """Write times in nearly their order: by buckets, as many as there are times.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Finite times.
    begin : ndarray, shape (n + 1,), int32
        Zeros; changed.
    bucket : ndarray, shape (n,), int32
        Changed.
    ordered, place : ndarray, shape (n,)
        Written: times, and where they were.

    Returns
    -------
    int
        The number of times in the fullest bucket.
    """
    n = np.uint64(time.size)
    low, high = time[0], time[0]
    for m in range(n):
        low, high = min(low, time[m]), max(high, time[m])
    if not low < high:
        for m in range(n):
            ordered[m], place[m] = time[m], m
        return 1
    scale = (n - np.uint64(1)) / (float(high) - float(low))
    for m in range(n):
        bucket[m] = np.int32((float(time[m]) - float(low)) * scale)
        begin[np.uint64(bucket[m]) + np.uint64(1)] += 1
    fullest = 0
    for m in range(n):
        fullest = max(fullest, begin[m + np.uint64(1)])
        begin[m + np.uint64(1)] += begin[m]
    for m in range(n):
        at = begin[bucket[m]]
        begin[bucket[m]] = at + 1
        ordered[at], place[at] = time[m], m
    return fullest


@jit()
def order_spikes(spikes, first, last):
    """Put the spikes ``first:last`` of one sample in order.

    They are spread over as many buckets as there are spikes and then inserted, which
    takes a time proportional to their number unless they crowd.

    Parameters
    ----------
    spikes : Found
        Changed. Spikes of one neuron at one time stay in the order found.
    first, last : int
        Which.
    """
    n = last - first
    if n < 2:
        return
    time, neuron = spikes.time[first:last], spikes.neuron[first:last].copy()
    current, rank = spikes.current[first:last].copy(), spikes.rank[first:last].copy()
    ordered, place = np.empty_like(time), np.empty(n, np.int32)
    begin, bucket = np.zeros(n + 1, np.int32), np.empty(n, np.int32)
    fullest = put_in_buckets(time, begin, bucket, ordered, place)
    gap = 1
    while fullest > CROWD and 3 * gap + 1 < n // 2:
        gap = 3 * gap + 1
    insert_by_gaps(ordered, place, neuron, np.uint64(gap))
    time[:] = ordered
    for m in range(n):
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
    n_blocks, at = counts.shape[0], offsets[first_sample]
    if n_blocks == 1:
        n = offsets[last_sample] - at
        time[at : at + n], neuron[at : at + n] = times[0, :n], neurons[0, :n]
        current[at : at + n], rank[at : at + n] = currents[0, :n], ranks[0, :n]
        return
    read = np.zeros(n_blocks, np.int64)
    for b in range(first_sample, last_sample):
        for k in range(n_blocks):
            for s in range(read[k], read[k] + counts[k, b]):
                time[at], neuron[at] = times[k, s], neurons[k, s]
                current[at], rank[at] = currents[k, s], ranks[k, s]
                at += 1
            read[k] += counts[k, b]
        order_spikes(spikes, offsets[b], offsets[b + 1])
