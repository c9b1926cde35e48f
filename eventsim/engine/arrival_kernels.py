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


class Wiring(NamedTuple):
    """Synapses of a layer, see `eventsim.engine.fan_in`; `delay` may be empty."""

    offsets: np.ndarray
    source: np.ndarray
    slot: np.ndarray
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
    time: np.ndarray
    spike: np.ndarray
    synapse: np.ndarray
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
    """Return the largest number of arrivals at one of the neurons `low` to `high`.

    ``count`` (n_in,) is scratch, all 0 before and after.
    """
    for k in range(train.neuron.size):
        count[train.neuron[k]] += 1
    most = 0
    for neuron in range(low, high):
        n = 0
        for s in range(wiring.offsets[neuron], wiring.offsets[neuron + 1]):
            n += count[wiring.source[s]]
        most = max(most, n)
    for k in range(train.neuron.size):
        count[train.neuron[k]] = 0
    return most


@jit()
def chain(train, sorting):
    """Chain the spikes of each input neuron."""
    for k in range(train.neuron.size - 1, -1, -1):
        source = train.neuron[k]
        sorting.following[k] = sorting.head[source]
        sorting.head[source] = k


@jit()
def collect_marked(wiring, train, neuron, sorting):
    """Write the arrivals at a neuron to the scratch, in order of the spikes."""
    for s in range(wiring.offsets[neuron], wiring.offsets[neuron + 1]):
        k = sorting.head[wiring.source[s]]
        while k >= 0:
            sorting.mark[k] = s
            k = sorting.following[k]
    n = 0
    for k in range(train.neuron.size):
        s = sorting.mark[k]
        if s >= 0:
            sorting.spike[n] = k
            sorting.synapse[n] = s
            sorting.mark[k] = -1
            n += 1
    return n


@jit()
def collect(wiring, neuron, sorting):
    """Write the arrivals at a neuron to the scratch, in order of the synapses."""
    n = 0
    for s in range(wiring.offsets[neuron], wiring.offsets[neuron + 1]):
        k = sorting.head[wiring.source[s]]
        while k >= 0:
            sorting.spike[n] = k
            sorting.synapse[n] = s
            n += 1
            k = sorting.following[k]
    return n


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
    n_synapses = wiring.offsets[neuron + 1] - wiring.offsets[neuron]
    if n_synapses * MARKS_FROM >= wiring.n_in and not wiring.is_multiple:
        n = collect_marked(wiring, train, neuron, sorting)
    else:
        n = collect(wiring, neuron, sorting)
    has_delay = wiring.delay.size > 0
    is_sorted = True
    for a in range(n):
        t = train.time[sorting.spike[a]]
        if has_delay:
            t += wiring.delay[wiring.slot[sorting.synapse[a]]]
        sorting.time[a] = t
        if a > 0 and precedes(sorting.time, sorting.spike, a, a - 1):
            is_sorted = False
    if not is_sorted:
        sort(sorting.time, sorting.spike, sorting.order, sorting.spare, n)
    for a in range(n):
        x = a if is_sorted else sorting.order[a]
        k, s = sorting.spike[x], sorting.synapse[x]
        weight = wiring.weight[wiring.slot[s]]
        arrivals.time[a] = sorting.time[x]
        arrivals.weight[a] = weight * train.value[k] if train.value.size else weight
        arrivals.spike[a] = k
        arrivals.synapse[a] = s
    return n
