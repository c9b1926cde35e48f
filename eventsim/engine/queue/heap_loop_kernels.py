"""The event queue with two heaps: whatever comes first is done first.

One step of the loop does everything that happens at one time: alarms that have
come, then all arrivals, then, in the topological order of the zero-delay
connections, what the neurons that were touched do about it. A neuron's alarm in
the heap may be too early, never too late: arrivals that put its spike off leave
the heap as it is, and an alarm that comes too early is renewed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.engine.queue.heap_kernels import (
    ABSENT,
    END,
    FIRED,
    N_COLUMNS,
    NEXT,
    VALUE,
    drop_first,
    first_alarm,
    first_arrival,
    put_off,
    send,
    send_new,
    set_alarm,
)
from eventsim.engine.queue.neuron_kernels import (
    CURRENT,
    DRIVE,
    FREE,
    GOAL,
    GROUP,
    HEIGHT,
    KICK,
    LAST,
    MOST_EVENTS,
    MOST_SPIKES,
    N_ALARMS,
    N_COUNTERS,
    N_EVENTS,
    N_LISTED,
    N_PENDING,
    N_SENT,
    N_SPIKES,
    V,
    alarm_bound,
    can_go_on,
    crossing_time,
    discharge,
    doubled,
    group_of,
    move_row,
    moved_instant,
    wait,
)
from eventsim.engine.queue.spike_order_kernels import sort_ties
from eventsim.jit import jit

# Columns of ``marks``: what is known of the alarm, next touched neuron of the same
# level, level.
KNOWN, FOLLOWING, LEVEL = range(3)
N_MARKS = 3
# What is known of an alarm: a lower bound, the exact time, or nothing any more,
# because inputs came in the current step (and met it above its threshold).
BOUND, EXACT, TOUCHED, TOUCHED_ABOVE = range(4)
NOBODY, NOT_LISTED = -1, -2
FIRST_ROOM = 1024


class Wiring(NamedTuple):
    """A circuit as the kernels read it.

    Parameters
    ----------
    n_inputs : int
        Nodes before it are inputs.
    offsets, target, delay
        As in `CircuitTables`.
    jump : ndarray, shape (n_connections,), float64
        What a spike of value 1 adds to the target's potential, if its synapses are
        instantaneous, or to its current.
    constants : ndarray, shape (n_populations, 17)
        See `eventsim.engine.queue.neuron_kernels.Group`.
    rows, more : ndarray, shape (n_neurons, 8) and (n_neurons, 3)
        The neurons at rest.
    level : ndarray, shape (n_neurons,), int32
        As in `CircuitTables`.
    """

    n_inputs: int
    offsets: np.ndarray
    target: np.ndarray
    jump: np.ndarray
    delay: np.ndarray
    constants: np.ndarray
    rows: np.ndarray
    more: np.ndarray
    level: np.ndarray


class InputSpikes(NamedTuple):
    """Spikes from outside; ``value`` is empty if all are 1."""

    time: np.ndarray
    node: np.ndarray
    value: np.ndarray
    offsets: np.ndarray


@jit()
def arrive(target, jump, delay, constants, rows, more, marks, head, pending, counters,
           t, t_end):  # fmt: skip
    """Apply the arrivals at `t` of the first pending spike."""
    fired, value = pending[0, FIRED], pending[0, VALUE]
    k, end = int(pending[0, NEXT]), int(pending[0, END])
    first, number, g = k, -1, group_of(constants, 0)
    while k < end and fired + delay[k] == t:
        n = target[k]
        if rows[n, GROUP] != number:
            number = rows[n, GROUP]
            g = group_of(constants, int(number))
        is_instant = g.d.kick != 0
        if t > rows[n, LAST]:
            if is_instant:
                v, goal, j = rows[n, V], rows[n, GOAL], rows[n, DRIVE]
                rows[n, V] = moved_instant(g.d.alpha, v, goal, j, t - rows[n, LAST])
                rows[n, LAST] = t
            else:
                move_row(g, rows, more, n, t)
        is_new = marks[n, FOLLOWING] == NOT_LISTED
        if is_new:
            level = marks[n, LEVEL]
            marks[n, FOLLOWING], head[level] = head[level], n
            counters[N_LISTED] += 1
        if is_new or marks[n, KNOWN] == EXACT:
            is_above = rows[n, V] >= rows[n, HEIGHT]
            marks[n, KNOWN] = TOUCHED_ABOVE if is_above else TOUCHED
        if is_instant:
            rows[n, V] += jump[k] * value
        else:
            rows[n, CURRENT] += jump[k] * value
        k += 1
    counters[N_EVENTS] += k - first
    if k < end and fired + delay[k] <= t_end:
        put_off(pending, counters, k, fired + delay[k])
    else:
        drop_first(pending, counters)


@jit()
def sharpen(constants, rows, more, marks, alarm, heap, place, counters, n, t_end):
    """Renew an alarm that is only a bound."""
    g = group_of(constants, int(rows[n, GROUP]))
    time, marks[n, KNOWN] = alarm_bound(g, rows, n), BOUND
    if rows[n, FREE] > rows[n, LAST]:
        marks[n, KNOWN] = EXACT
    elif time <= alarm[n]:
        time, marks[n, KNOWN] = crossing_time(g, rows, more, n, t_end), EXACT
    set_alarm(alarm, heap, place, counters, n, time)


@jit()
def ring(constants, rows, more, marks, head, alarm, heap, place, counters, t, t_end,
         time, code):  # fmt: skip
    """Do what alarms at `t` say.

    Continuous potentials are decided by the state before the inputs of that time,
    the others wait for them.
    """
    while first_alarm(alarm, heap, counters) <= t and can_go_on(counters):
        n = heap[0]
        if marks[n, KNOWN] != EXACT:
            sharpen(
                constants, rows, more, marks, alarm, heap, place, counters, n, t_end
            )
        elif constants[int(rows[n, GROUP]), KICK] != 0:
            level = marks[n, LEVEL]
            marks[n, FOLLOWING], head[level] = head[level], n
            counters[N_LISTED] += 1
            set_alarm(alarm, heap, place, counters, n, math.inf)
        else:
            later = wait(constants, rows, more, n, t, True, t_end, time, code, counters)
            marks[n, KNOWN] = BOUND
            set_alarm(alarm, heap, place, counters, n, later)


@jit()
def erupt(constants, rows, more, marks, alarm, heap, place, counters, n, t, t_end,
          time, code):  # fmt: skip
    """Let a touched neuron fire, as often as it does at `t`.

    Returns
    -------
    bool
        Whether there was room to finish.
    """
    if not can_go_on(counters):
        return False
    g, known = group_of(constants, int(rows[n, GROUP])), marks[n, KNOWN]
    if g.d.kick != 0 and known != EXACT:
        is_released = rows[n, FREE] == t and known == TOUCHED_ABOVE
        discharge(g, rows, more, n, is_released, time, code, counters)
    later = wait(constants, rows, more, n, t, True, t_end, time, code, counters)
    marks[n, KNOWN] = BOUND
    if later == -math.inf:
        marks[n, KNOWN] = EXACT
        return False
    set_alarm(alarm, heap, place, counters, n, later)
    return True


@jit()
def settle(constants, rows, more, marks, head, alarm, heap, place, counters, t, t_end,
           level, time, code):  # fmt: skip
    """Settle the touched neurons of one level; stops where there is no room."""
    number, g = -1, group_of(constants, 0)
    while head[level] != NOBODY:
        n = head[level]
        if rows[n, GROUP] != number:
            number = rows[n, GROUP]
            g = group_of(constants, int(number))
        later = alarm_bound(g, rows, n)
        is_due = marks[n, KNOWN] == EXACT or (
            rows[n, V] >= rows[n, HEIGHT] and rows[n, FREE] <= t
        )
        if later <= t or (is_due and g.d.kick != 0):
            if not erupt(constants, rows, more, marks, alarm, heap, place, counters, n,
                         t, t_end, time, code):  # fmt: skip
                return
        else:
            marks[n, KNOWN] = BOUND
            # An alarm that is too early may stay: it is renewed when it comes.
            if later < alarm[n]:
                set_alarm(alarm, heap, place, counters, n, later)
        head[level], marks[n, FOLLOWING] = marks[n, FOLLOWING], NOT_LISTED
        counters[N_LISTED] -= 1


@jit()
def begin(wiring, rows, more, marks, head, alarm, heap, place, counters):
    """Bring all neurons to rest and set their alarms."""
    rows[:], more[:] = wiring.rows, wiring.more
    place[:], marks[:, KNOWN] = ABSENT, BOUND
    marks[:, FOLLOWING], marks[:, LEVEL] = NOT_LISTED, wiring.level
    head[:], alarm[:] = NOBODY, math.inf
    counters[N_ALARMS], counters[N_LISTED], counters[N_PENDING] = 0, 0, 0
    counters[N_EVENTS] = 0
    for n in range(alarm.size):
        g = group_of(wiring.constants, int(rows[n, GROUP]))
        time = alarm_bound(g, rows, n)
        set_alarm(alarm, heap, place, counters, n, time)


@jit()
def step(offsets, target, jump, delay, constants, rows, more, marks, head, alarm,
         heap, place, pending, counters, n_inputs, t, t_end, time, code):  # fmt: skip
    """Do everything that happens at `t`, or go on with it; stops without room."""
    ring(constants, rows, more, marks, head, alarm, heap, place, counters, t, t_end,
         time, code)  # fmt: skip
    level = 0
    while True:
        send_new(offsets, delay, pending, counters, n_inputs, time, code, t_end)
        if not can_go_on(counters) or counters[N_SENT] < counters[N_SPIKES]:
            return
        while first_arrival(pending, counters) <= t:
            arrive(target, jump, delay, constants, rows, more, marks, head, pending,
                   counters, t, t_end)  # fmt: skip
        if counters[N_LISTED] == 0:
            return
        while head[level] == NOBODY:
            level += 1
        settle(constants, rows, more, marks, head, alarm, heap, place, counters, t,
               t_end, level, time, code)  # fmt: skip


@jit()
def run_steps(wiring, inputs, at, stop, clock, rows, more, marks, head, alarm, heap,
              place, pending, counters, time, code, t_end):  # fmt: skip
    """Go on with a sample until it is done or room is missing.

    Returns
    -------
    int
        Next input spike.
    bool
        Whether the sample is done.
    """
    offsets, target, delay = wiring.offsets, wiring.target, wiring.delay
    jump, constants, n_inputs = wiring.jump, wiring.constants, wiring.n_inputs
    input_time, node, value = inputs.time, inputs.node, inputs.value
    while can_go_on(counters) and counters[N_PENDING] < pending.shape[0]:
        if counters[N_LISTED] == 0 and counters[N_SENT] == counters[N_SPIKES]:
            arrival = first_arrival(pending, counters)
            if at < stop and input_time[at] <= min(arrival, t_end):
                x = value[at] if value.size > 0 else 1.0
                send(offsets, delay, pending, counters, node[at], at, input_time[at],
                     x, t_end)  # fmt: skip
                at += 1
                continue
            t = first_alarm(alarm, heap, counters)
            if t <= min(arrival, t_end) and marks[heap[0], KNOWN] != EXACT:
                sharpen(constants, rows, more, marks, alarm, heap, place, counters,
                        heap[0], t_end)  # fmt: skip
                continue
            clock[0] = min(t, arrival)
            if clock[0] > t_end:
                return at, True
        step(offsets, target, jump, delay, constants, rows, more, marks, head, alarm,
             heap, place, pending, counters, n_inputs, clock[0], t_end, time,
             code)  # fmt: skip
    return at, False


@jit()
def run_samples(wiring, inputs, first, stop, t_end, limit):
    """Run samples ``first:stop`` one after the other.

    Parameters
    ----------
    wiring : Wiring
        Circuit.
    inputs : InputSpikes
        Of all samples.
    first, stop : int
        Which samples.
    t_end : float, network time units
        End of the run.
    limit : int
        Events per sample at which a run is cut.

    Returns
    -------
    time, code : ndarray
        Spikes, with room behind; a code is the neuron times N_KINDS plus the kind.
    n_spikes, n_events : ndarray, shape (stop - first,), int64
        Of each sample; 0 behind one that was cut.
    """
    n = wiring.level.size
    rows, more = np.empty_like(wiring.rows), np.empty_like(wiring.more)
    marks, place = np.empty((n, N_MARKS), np.int32), np.empty(n, np.int32)
    head, heap = np.empty(wiring.level.max() + 1, np.int32), np.empty(n, np.int32)
    alarm, clock = np.empty(n), np.zeros(1)
    pending, counters = (
        np.empty((FIRST_ROOM, N_COLUMNS)),
        np.zeros(N_COUNTERS, np.int64),
    )
    time, code = np.empty(FIRST_ROOM), np.empty(FIRST_ROOM, np.int64)
    n_spikes, n_events = (
        np.zeros(stop - first, np.int64),
        np.zeros(stop - first, np.int64),
    )
    counters[MOST_SPIKES], counters[MOST_EVENTS] = FIRST_ROOM, limit
    for sample in range(first, stop):
        begin(wiring, rows, more, marks, head, alarm, heap, place, counters)
        before, is_done = counters[N_SPIKES], False
        counters[N_SENT] = before
        at, end = inputs.offsets[sample], inputs.offsets[sample + 1]
        while not is_done and counters[N_EVENTS] < limit:
            if counters[N_SPIKES] == counters[MOST_SPIKES]:
                time, code = doubled(time), doubled(code)
                counters[MOST_SPIKES] = time.size
            if counters[N_PENDING] == pending.shape[0]:
                pending = doubled(pending)
            at, is_done = run_steps(
                wiring, inputs, at, end, clock, rows, more, marks, head, alarm, heap,
                place, pending, counters, time, code, t_end)  # fmt: skip
        sort_ties(time, code, before, counters[N_SPIKES])
        n_spikes[sample - first] = counters[N_SPIKES] - before
        n_events[sample - first] = counters[N_EVENTS]
        if not is_done:
            break
    return time, code, n_spikes, n_events
