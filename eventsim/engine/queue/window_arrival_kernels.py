"""Arrivals of a window: taken out of the heap and sorted by neuron and time."""

from __future__ import annotations

import numpy as np

from eventsim.engine.queue.heap_kernels import (
    ARRIVAL,
    END,
    FIRED,
    N_COLUMNS,
    NEXT,
    SERIAL,
    VALUE,
    add_pending,
    drop_first,
    first_arrival,
)
from eventsim.jit import jit

# Columns of an arrival: when, what the connection adds per unit, what the spike
# carries, first of the spike's connections with the same arrival. The last one
# keeps sums in the order of the heap.
TIME, JUMP, SIZE, RUN = range(4)
N_ARRIVAL_COLUMNS = 4
# In a piece, a pending spike that delivers in the window, the first column is the
# connection behind the last one that does.
STOP = ARRIVAL
FEW = 32


@jit()
def first_behind(delay, fired, k, end, until):
    """Return the first connection that delivers at `until` or later."""
    if fired + delay[end - 1] < until:
        return end
    low, high = k, end - 1
    while low < high:
        middle = (low + high) >> 1
        if fired + delay[middle] < until:
            low = middle + 1
        else:
            high = middle
    return low


@jit()
def take(delay, pending, counters, until, most, pieces):
    """Take spikes with arrivals before `until` out of the heap.

    Parameters
    ----------
    delay : ndarray, shape (n_connections,), network time units
        Delays.
    pending, counters : ndarray
        Heap and its size.
    until : float, network time units
        End of the window.
    most : int
        Number of arrivals behind which to stop.
    pieces : ndarray, shape of `pending`
        Written.

    Returns
    -------
    int, int
        Number of pieces and of arrivals.
    """
    n, total = 0, 0
    while first_arrival(pending, counters) < until and total <= most:
        for column in range(N_COLUMNS):
            pieces[n, column] = pending[0, column]
        k, end = int(pieces[n, NEXT]), int(pieces[n, END])
        stop = first_behind(delay, pieces[n, FIRED], k, end, until)
        pieces[n, STOP] = stop
        drop_first(pending, counters)
        total += stop - k
        n += 1
    return n, total


@jit()
def put_back(delay, pending, counters, pieces, n_pieces, is_undone, t_end):
    """Put spikes back into the heap.

    Parameters
    ----------
    delay, pending, counters, pieces
        As in `take`.
    n_pieces : int
        Number of pieces.
    is_undone : bool
        Whether all connections are put back, or only those behind the pieces.
    t_end : float, network time units
        End of the run.
    """
    for s in range(n_pieces):
        k = int(pieces[s, NEXT] if is_undone else pieces[s, STOP])
        end, fired = int(pieces[s, END]), pieces[s, FIRED]
        if k < end and fired + delay[k] <= t_end:
            arrival, serial = fired + delay[k], pieces[s, SERIAL]
            value = pieces[s, VALUE]
            add_pending(pending, counters, arrival, k, serial, fired, value, end)


@jit()
def bucket(target, jump, delay, pieces, n_pieces, count, ends, touched, arrivals):
    """Sort the arrivals of the pieces by neuron, in counted places.

    Parameters
    ----------
    target, jump, delay : ndarray, shape (n_connections,)
        Connections.
    pieces, n_pieces
        What delivers.
    count, ends : ndarray, shape (n_neurons,), int32
        Written: number of arrivals of each neuron (0 before), and where they end.
    touched : ndarray, shape (n_neurons,), int32
        Written: neurons with arrivals.
    arrivals : ndarray, shape (>= n_arrivals, 4)
        Written.

    Returns
    -------
    int
        Number of touched neurons.
    bool
        Whether the arrivals of each neuron are known to be in order: every spike
        arrives everywhere at one time, and the heap gave them in order.
    """
    n_touched, is_ordered = 0, True
    for s in range(n_pieces):
        for k in range(int(pieces[s, NEXT]), int(pieces[s, STOP])):
            n = target[k]
            if count[n] == 0:
                touched[n_touched] = n
                n_touched += 1
            count[n] += 1
    if 8 * n_touched > count.size:
        # Most are touched: their own order is kinder to the caches.
        at = 0
        for n in range(count.size):
            if count[n] > 0:
                touched[at] = n
                at += 1
    at = 0
    for s in range(n_touched):
        ends[touched[s]] = at
        at += count[touched[s]]
    for s in range(n_pieces):
        fired, value = pieces[s, FIRED], pieces[s, VALUE]
        first, stop = int(pieces[s, NEXT]), int(pieces[s, STOP])
        time, run, at_once = fired + delay[first], first, first
        if fired + delay[stop - 1] == time:
            at_once = stop
        else:
            is_ordered = False
        for k in range(first, stop):
            if k >= at_once and fired + delay[k] != time:
                time, run = fired + delay[k], k
            at = ends[target[k]]
            ends[target[k]] = at + 1
            arrivals[at, TIME], arrivals[at, RUN] = time, run
            arrivals[at, JUMP], arrivals[at, SIZE] = jump[k], value
    return n_touched, is_ordered


@jit(inline=True)
def comes_later(arrivals, a, time, run):
    """Tell whether arrival `a` acts after the one given."""
    if arrivals[a, TIME] != time:
        return arrivals[a, TIME] > time
    return arrivals[a, RUN] > run


@jit()
def sort_many(arrivals, first, stop):
    """Sort many arrivals by time; those of one time keep their order."""
    copied = arrivals[first:stop].copy()
    order = np.argsort(copied[:, TIME], kind="mergesort")
    for a in range(stop - first):
        arrivals[first + a] = copied[order[a]]


@jit()
def sort_arrivals(arrivals, first, stop):
    """Sort the arrivals of a neuron by time, then by run; ties keep their order."""
    if stop - first > FEW:
        for a in range(first + 1, stop):
            if arrivals[a - 1, TIME] > arrivals[a, TIME]:
                sort_many(arrivals, first, stop)
                break
    for a in range(first + 1, stop):
        time, run = arrivals[a, TIME], arrivals[a, RUN]
        jump, size, at = arrivals[a, JUMP], arrivals[a, SIZE], a
        while at > first and comes_later(arrivals, at - 1, time, run):
            for column in range(N_ARRIVAL_COLUMNS):
                arrivals[at, column] = arrivals[at - 1, column]
            at -= 1
        arrivals[at, TIME], arrivals[at, RUN] = time, run
        arrivals[at, JUMP], arrivals[at, SIZE] = jump, size


@jit()
def sort_each(arrivals, touched, n_touched, count, ends):
    """Sort the arrivals of every touched neuron; mostly they are in order."""
    for s in range(n_touched):
        n = touched[s]
        first, stop = ends[n] - count[n], ends[n]
        for a in range(first + 1, stop):
            if not arrivals[a - 1, TIME] < arrivals[a, TIME]:
                sort_arrivals(arrivals, first, stop)
                break
