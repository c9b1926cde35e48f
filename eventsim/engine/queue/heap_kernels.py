"""Two binary heaps: alarms of neurons, and spikes that are still on their way.

*Alarms* are indexed: a neuron's key is changed where it stands, so the heap never
holds more than one entry per neuron. *Pending* spikes have one entry each, which
points at the spike's next connection; the connections of a neuron are in order of
delay, so an entry only ever moves back.
"""

from __future__ import annotations

import math

from eventsim.engine.queue.neuron_kernels import (
    N_ALARMS,
    N_KINDS,
    N_PENDING,
    N_SENT,
    N_SPIKES,
)
from eventsim.jit import jit

ABSENT = -1
# Columns of a pending spike: its next arrival, the connection that it takes, its
# serial number, when it was fired, what it carries, the end of its connections.
ARRIVAL, NEXT, SERIAL, FIRED, VALUE, END = range(6)
N_COLUMNS = 6


@jit(inline=True)
def first_alarm(alarm, heap, counters):
    """Return the earliest alarm, ``inf`` if there is none."""
    return alarm[heap[0]] if counters[N_ALARMS] > 0 else math.inf


@jit()
def alarm_up(alarm, heap, place, at, n):
    """Move neuron `n` from a place towards the top, as far as it belongs."""
    time = alarm[n]
    while at > 0:
        parent = (at - 1) >> 1
        other = heap[parent]
        if alarm[other] <= time:
            break
        heap[at], place[other] = other, at
        at = parent
    heap[at], place[n] = n, at


@jit()
def alarm_down(alarm, heap, place, size, at, n):
    """Move neuron `n` from a place towards the bottom, as far as it belongs."""
    time = alarm[n]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and alarm[heap[child + 1]] < alarm[heap[child]]:
            child += 1
        other = heap[child]
        if alarm[other] >= time:
            break
        heap[at], place[other] = other, at
        at = child
    heap[at], place[n] = n, at


@jit()
def set_alarm(alarm, heap, place, counters, n, time):
    """Give a neuron a new alarm.

    Parameters
    ----------
    alarm : ndarray, shape (n_neurons,), network time units
        Alarm of each neuron.
    heap : ndarray, shape (n_neurons,), int32
        Neurons with finite alarms, the earliest first.
    place : ndarray, shape (n_neurons,), int32
        Where in the heap a neuron is; -1 = not there.
    counters : ndarray, shape (N_COUNTERS,)
        Number of entries.
    n : int
        Neuron.
    time : float, network time units
        ``inf`` takes it out of the heap.
    """
    old, at, size = alarm[n], place[n], counters[N_ALARMS]
    alarm[n] = time
    if at == ABSENT:
        if time < math.inf:
            counters[N_ALARMS] = size + 1
            alarm_up(alarm, heap, place, size, n)
    elif time < old:
        alarm_up(alarm, heap, place, at, n)
    elif time < math.inf:
        alarm_down(alarm, heap, place, size, at, n)
    else:
        place[n] = ABSENT
        counters[N_ALARMS] = size - 1
        last = heap[size - 1]
        if last != n:
            # The last entry fills the gap; it may belong above or below it.
            alarm_up(alarm, heap, place, at, last)
            alarm_down(alarm, heap, place, size - 1, place[last], last)


@jit(inline=True)
def first_arrival(pending, counters):
    """Return the earliest arrival, ``inf`` if there is none."""
    return pending[0, ARRIVAL] if counters[N_PENDING] > 0 else math.inf


@jit(inline=True)
def comes_before(pending, a, arrival, connection, serial):
    """Tell whether entry `a` acts before another: time, connection, serial."""
    if pending[a, ARRIVAL] != arrival:
        return pending[a, ARRIVAL] < arrival
    if pending[a, NEXT] != connection:
        return pending[a, NEXT] < connection
    return pending[a, SERIAL] < serial


@jit(inline=True)
def write(pending, at, arrival, connection, serial, fired, value, end):
    """Write an entry."""
    pending[at, ARRIVAL], pending[at, NEXT] = arrival, connection
    pending[at, SERIAL], pending[at, FIRED] = serial, fired
    pending[at, VALUE], pending[at, END] = value, end


@jit(inline=True)
def copy(pending, at, origin):
    """Copy an entry."""
    for column in range(N_COLUMNS):
        pending[at, column] = pending[origin, column]


@jit()
def sink(pending, size, arrival, connection, serial, fired, value, end):
    """Put an entry in place of the first one and move it down to where it belongs."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and comes_before(
            pending,
            child + 1,
            pending[child, ARRIVAL],
            pending[child, NEXT],
            pending[child, SERIAL],
        ):
            child += 1
        if not comes_before(pending, child, arrival, connection, serial):
            break
        copy(pending, at, child)
        at = child
    write(pending, at, arrival, connection, serial, fired, value, end)


@jit()
def drop_first(pending, counters):
    """Take out the first entry."""
    last = counters[N_PENDING] - 1
    counters[N_PENDING] = last
    if last > 0:
        sink(
            pending,
            last,
            pending[last, ARRIVAL],
            pending[last, NEXT],
            pending[last, SERIAL],
            pending[last, FIRED],
            pending[last, VALUE],
            pending[last, END],
        )


@jit()
def put_off(pending, counters, connection, arrival):
    """Let the first entry wait for its next connection."""
    serial, fired = pending[0, SERIAL], pending[0, FIRED]
    value, end = pending[0, VALUE], pending[0, END]
    size = counters[N_PENDING]
    sink(pending, size, arrival, connection, serial, fired, value, end)


@jit()
def add_pending(pending, counters, arrival, connection, serial, fired, value, end):
    """Add a spike; there must be room."""
    at = counters[N_PENDING]
    counters[N_PENDING] = at + 1
    while at > 0:
        parent = (at - 1) >> 1
        if comes_before(pending, parent, arrival, connection, serial):
            break
        copy(pending, at, parent)
        at = parent
    write(pending, at, arrival, connection, serial, fired, value, end)


@jit()
def send(offsets, delay, pending, counters, node, serial, fired, value, t_end):
    """Put a spike on its way, if it arrives anywhere before the end of the run."""
    k, end = offsets[node], offsets[node + 1]
    if k < end and fired + delay[k] <= t_end:
        arrival = fired + delay[k]
        add_pending(pending, counters, arrival, k, serial, fired, value, end)


@jit()
def send_new(offsets, delay, pending, counters, n_inputs, time, code, t_end):
    """Put the neurons' new spikes on their way, as far as there is room."""
    while (
        counters[N_SENT] < counters[N_SPIKES] and counters[N_PENDING] < pending.shape[0]
    ):
        s = counters[N_SENT]
        counters[N_SENT] = s + 1
        node = n_inputs + code[s] // N_KINDS
        send(offsets, delay, pending, counters, node, s, time[s], 1.0, t_end)
