"""What arrives at one neuron, in order of time.

Spikes of a sample are chained by the neuron that fired them; a neuron visits the
chains of its synapses. A neuron that is connected to a good part of the inputs
marks the spikes it receives and reads the marks in order of time; other neurons,
and synapses with delays, sort.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eventsim.jit import jit

RUN = 8
MARKS_FROM = 16
SMALL_TRAIN = 10_000


class Wiring(NamedTuple):
    """Synapses of a layer, see `eventsim.engine.fan_in`, with their weights.

    ``weight`` and ``delay``, which may be empty, have an entry for each synapse.
    """

    offsets: np.ndarray
    source: np.ndarray
    weight: np.ndarray
    delay: np.ndarray
    n_in: int
    is_multiple: bool


class Train(NamedTuple):
    """Spikes of one sample in order of time; `value` may be empty, meaning 1."""

    time: np.ndarray
    neuron: np.ndarray
    value: np.ndarray


class Arrivals(NamedTuple):
    """Arrivals at one neuron: time, weight times value, spike number, synapse."""

    time: np.ndarray
    weight: np.ndarray
    spike: np.ndarray
    synapse: np.ndarray


class Sorting(NamedTuple):
    """Scratch of `gather`.

    ``head[n]`` is the first spike of input neuron n, ``following[k]`` the next one
    of the same neuron, -1 = none; ``mark[k]`` is -1 between calls.
    """

    head: np.ndarray
    following: np.ndarray
    mark: np.ndarray
    numbers: np.ndarray
    order: np.ndarray
    spare: np.ndarray


@jit(inline=True)
def precedes(key, tie, a, b):
    """Tell whether entry `a` comes before entry `b`."""
    return key[a] < key[b] or (key[a] == key[b] and tie[a] < tie[b])


@jit()
def merge(key, tie, order, spare, low, middle, high):
    """Merge two sorted neighbouring parts of `order`."""
    n = middle - low
    for x in range(n):
        spare[x] = order[low + x]
    x, y, at = 0, middle, low
    while x < n:
        if y < high and precedes(key, tie, order[y], spare[x]):
            order[at] = order[y]
            y += 1
        else:
            order[at] = spare[x]
            x += 1
        at += 1


@jit()
def sort(key, tie, order, spare, n):
    """Sort entries by key, then by tie, then by number.

    Parameters
    ----------
    key, tie : ndarray, shape (n or more,)
        What to sort by.
    order : ndarray, shape (n or more,), int64
        Written: entry numbers in order.
    spare : ndarray, shape (n or more,), int64
        Scratch.
    n : int
        Number of entries.
    """
    for low in range(0, n, RUN):
        for x in range(low, min(low + RUN, n)):
            at = x
            while at > low and precedes(key, tie, x, order[at - 1]):
                order[at] = order[at - 1]
                at -= 1
            order[at] = x
    width = RUN
    while width < n:
        for low in range(0, n - width, 2 * width):
            middle = low + width
            if precedes(key, tie, order[middle], order[middle - 1]):
                high = min(middle + width, n)
                merge(key, tie, order, spare, low, middle, high)
        width *= 2


@jit()
def new_sorting(n_in, n_spikes, n_arrivals):
    """Return scratch for samples of up to `n_spikes` spikes."""
    return Sorting(
        np.full(n_in, -1, np.int64),
        np.empty(n_spikes, np.int64),
        np.full(n_spikes, -1, np.int64),
        np.empty(n_arrivals),
        np.empty(n_arrivals, np.int64),
        np.empty(n_arrivals, np.int64),
    )


@jit()
def new_arrivals(n_arrivals):
    """Return room for the arrivals at one neuron."""
    return Arrivals(
        np.empty(n_arrivals),
        np.empty(n_arrivals),
        np.empty(n_arrivals, np.int64),
        np.empty(n_arrivals, np.int64),
    )


@jit()
def most_arrivals(wiring, train, count, low, high):
    """Return how many arrivals one of the neurons `low` to `high` has at most.

    ``count`` (n_in,) is scratch, all 0 before and after.
    """
    neuron, source, offsets = train.neuron, wiring.source, wiring.offsets
    if neuron.size <= SMALL_TRAIN and not wiring.is_multiple:
        return neuron.size
    for k in range(neuron.size):
        count[neuron[k]] += 1
    most = 0
    for o in range(low, high):
        n = 0
        for s in range(offsets[o], offsets[o + 1]):
            n += count[source[s]]
        most = max(most, n)
    for k in range(neuron.size):
        count[neuron[k]] = 0
    return most


@jit()
def chain(train, sorting):
    """Chain the spikes of each input neuron."""
    neuron, head, following = train.neuron, sorting.head, sorting.following
    for k in range(neuron.size - 1, -1, -1):
        following[k] = head[neuron[k]]
        head[neuron[k]] = k


@jit()
def collect_all(neuron, first, spike, synapse):
    """Write what arrives at a neuron that has a synapse with every input."""
    for k in range(neuron.size):
        spike[k] = k
        synapse[k] = first + neuron[k]
    return neuron.size


@jit()
def collect_marked(source, first, end, head, following, mark, spike, synapse):
    """Write what arrives at a neuron, in order of the spikes."""
    for s in range(first, end):
        k = head[source[s]]
        while k >= 0:
            mark[k] = s
            k = following[k]
    n = 0
    for k in range(following.size):
        s = mark[k]
        if s >= 0:
            spike[n] = k
            synapse[n] = s
            mark[k] = -1
            n += 1
    return n


@jit()
def collect(source, first, end, head, following, spike, synapse):
    """Write what arrives at a neuron, in order of the synapses."""
    n = 0
    for s in range(first, end):
        k = head[source[s]]
        while k >= 0:
            spike[n] = k
            synapse[n] = s
            n += 1
            k = following[k]
    return n


@jit()
def complete(wiring, train, arrivals, n):
    """Write times and weights of arrivals whose spikes and synapses are known."""
    # Fields are taken out of their records once: each time has a price.
    spike, synapse = arrivals.spike, arrivals.synapse
    time, weight = arrivals.time, arrivals.weight
    spike_time, value = train.time, train.value
    synapse_weight, delay = wiring.weight, wiring.delay
    for a in range(n):
        time[a] = spike_time[spike[a]]
        weight[a] = synapse_weight[synapse[a]]
    if value.size > 0:
        for a in range(n):
            weight[a] *= value[spike[a]]
    if delay.size > 0:
        for a in range(n):
            time[a] += delay[synapse[a]]


@jit()
def is_ordered(time, spike, n):
    """Tell whether arrivals are in order of time, ties in order of the spikes."""
    a = 1
    while a < n and not precedes(time, spike, a, a - 1):
        a += 1
    return a >= n


@jit()
def reorder(arrivals, sorting, n):
    """Put arrivals in order of time, ties in order of the spikes."""
    order = sorting.order
    sort(arrivals.time, arrivals.spike, order, sorting.spare, n)
    for values, spare in (
        (arrivals.time, sorting.numbers),
        (arrivals.weight, sorting.numbers),
    ):
        spare[:n] = values[:n]
        for a in range(n):
            values[a] = spare[order[a]]
    for indices, copy in (
        (arrivals.spike, sorting.spare),
        (arrivals.synapse, sorting.spare),
    ):
        copy[:n] = indices[:n]
        for a in range(n):
            indices[a] = copy[order[a]]


@jit()
def gather(wiring, train, neuron, sorting, arrivals):
    """Write the arrivals at a neuron in order of time, ties in order of the spikes.

    Parameters
    ----------
    wiring : Wiring
        Synapses.
    train : Train
        Spikes of the sample, chained by `chain`.
    neuron : int
        Output neuron.
    sorting : Sorting
        Scratch.
    arrivals : Arrivals
        Written.

    Returns
    -------
    int
        Number of arrivals.
    """
    first, end = wiring.offsets[neuron], wiring.offsets[neuron + 1]
    source, head, following = wiring.source, sorting.head, sorting.following
    spike, synapse = arrivals.spike, arrivals.synapse
    by_synapse = wiring.is_multiple or (end - first) * MARKS_FROM < wiring.n_in
    if by_synapse:
        n = collect(source, first, end, head, following, spike, synapse)
    elif end - first < wiring.n_in:
        mark = sorting.mark
        n = collect_marked(source, first, end, head, following, mark, spike, synapse)
    else:
        n = collect_all(train.neuron, first, spike, synapse)
    complete(wiring, train, arrivals, n)
    may_differ = by_synapse or wiring.delay.size > 0
    if may_differ and not is_ordered(arrivals.time, spike, n):
        reorder(arrivals, sorting, n)
    return n
