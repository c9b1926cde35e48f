"""The heaps of the event queue, run until the spikes of some neurons decide.

The loop is that of `eventsim.engine.queue.heap_loop_kernels`, with the same steps in
the same order. It has its own module so that runs to the end pay nothing for it.
"""

from __future__ import annotations

import math

import numpy as np

from eventsim.engine.queue.heap_kernels import (
    N_COLUMNS,
    first_alarm,
    first_arrival,
    send,
)
from eventsim.engine.queue.heap_loop_kernels import (
    EXACT,
    FIRST_ROOM,
    KNOWN,
    N_MARKS,
    begin,
    sharpen,
    step,
)
from eventsim.engine.queue.neuron_kernels import (
    MOST_EVENTS,
    MOST_SPIKES,
    N_COUNTERS,
    N_EVENTS,
    N_KINDS,
    N_LISTED,
    N_PENDING,
    N_SENT,
    N_SPIKES,
    can_go_on,
    doubled,
)
from eventsim.engine.queue.spike_order_kernels import sort_ties
from eventsim.jit import jit

# Before the first time of a run.
NOT_BEGUN = -1.0
# Columns of a rule: a decision needs a watched spike, this lead of one neuron over
# all others, and this share of the spikes in the window. The share is that of a count
# plus the smoothing, of all counts plus the floor (the smoothing of all neurons). At
# the last column's time it falls in any case.
LEAD, SHARE, SMOOTHING, FLOOR, WINDOW, TIME = range(6)
N_NUMBERS = 6
# Places in ``look``: the first spike that was not looked at, and the first that may
# still be in the window.
SEEN, OLDEST = range(2)


def room_for(wiring, limit, t_end):
    """Return the arrays that hold the state of a circuit.

    Parameters
    ----------
    wiring : Wiring
        Circuit.
    limit : int
        Events at which a sample is cut.
    t_end : float, network time units
        End of the run.

    Returns
    -------
    tuple
        ``rows, more, marks, head, alarm, heap, place, pending, counters, clock, t_end,
        time, code``, as in `heap_loop_kernels.run_samples`.
    """
    n = wiring.level.size
    counters = np.zeros(N_COUNTERS, np.int64)
    counters[MOST_SPIKES], counters[MOST_EVENTS] = FIRST_ROOM, limit
    return (
        np.empty_like(wiring.rows),
        np.empty_like(wiring.more),
        np.empty((n, N_MARKS), np.int32),
        np.empty(int(wiring.level.max()) + 1, np.int32),
        np.empty(n),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty((FIRST_ROOM, N_COLUMNS)),
        counters,
        np.empty(1),
        float(t_end),
        np.empty(FIRST_ROOM),
        np.empty(FIRST_ROOM, np.int64),
    )


@jit(as_written=True)
def is_met(rule, counts):
    """Tell whether the counts of the watched neurons allow a decision."""
    top, second, total = 0, 0, 0
    for n in range(counts.size):
        c = counts[n]
        total += c
        if c > top:
            top, second = c, top
        elif c > second:
            second = c
    if total == 0 or top - second < rule[LEAD]:
        return False
    return (top + rule[SMOOTHING]) / (total + rule[FLOOR]) >= rule[SHARE]


@jit(as_written=True)
def count_new(counts, look, rule, watched, behind, now, time, code, n_spikes):
    """Count the watched spikes up to `now`, forget those that left the window.

    Returns
    -------
    bool
        Whether there were new ones.
    """
    is_new = False
    for s in range(look[SEEN], n_spikes):
        n = code[s] // N_KINDS
        if watched <= n < behind:
            counts[n - watched] += 1
            is_new = True
    look[SEEN] = n_spikes
    if is_new:
        while look[OLDEST] < n_spikes and time[look[OLDEST]] + rule[WINDOW] <= now:
            n = code[look[OLDEST]] // N_KINDS
            if watched <= n < behind:
                counts[n - watched] -= 1
            look[OLDEST] += 1
    return is_new


@jit(as_written=True)
def planned(counts, left, look, rule, watched, behind, now, time, code, n_spikes):
    """Return when a decision falls if no more watched spikes come; ``inf`` = never.

    Between now and then spikes leave the window; those that leave at one time do so
    together.
    """
    if is_met(rule, counts):
        return now
    if rule[WINDOW] == math.inf:
        return math.inf
    left[:] = counts
    for s in range(look[OLDEST], n_spikes):
        n = code[s] // N_KINDS
        if watched <= n < behind:
            left[n - watched] -= 1
        leaves = time[s] + rule[WINDOW]
        if s + 1 < n_spikes and time[s + 1] + rule[WINDOW] == leaves:
            continue
        if is_met(rule, left):
            return leaves
    return math.inf


@jit()
def steps_until(wiring, inputs, at, stop, rule, watched, behind, counts, left, look,
                plan, clock, rows, more, marks, head, alarm, heap, place, pending,
                counters, time, code, t_end):  # fmt: skip
    """Do whole times of events until it is decided or room is missing.

    Returns
    -------
    int
        Next input spike.
    bool
        Whether it is decided, or the run over.
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
            coming = min(t, arrival)
            if coming > clock[0] or coming > t_end:
                # Everything of the time before is done.
                n_spikes = counters[N_SPIKES]
                if look[SEEN] < n_spikes and count_new(
                    counts, look, rule, watched, behind, clock[0], time, code, n_spikes
                ):
                    then = planned(counts, left, look, rule, watched, behind,
                                        clock[0], time, code, n_spikes)  # fmt: skip
                    plan[0] = min(then, rule[TIME])
                if coming > min(plan[0], t_end):
                    return at, True
            clock[0] = coming
        step(offsets, target, jump, delay, constants, rows, more, marks, head, alarm,
             heap, place, pending, counters, n_inputs, clock[0], t_end, time,
             code)  # fmt: skip
    return at, False


@jit()
def run_until(wiring, inputs, at, stop, rule, watched, behind, plan, room):
    """Run a sample until it is decided, or to its end.

    Parameters
    ----------
    wiring : Wiring
        Circuit.
    inputs : InputSpikes
        Of all samples.
    at, stop : int
        Input spikes of the sample.
    rule : ndarray, shape (6,)
        See the columns above.
    watched, behind : int
        The watched neurons are ``watched:behind``.
    plan : ndarray, shape (1,), network time units
        When to stop if no watched neuron fires; written: the decision, ``inf`` if
        there is none.
    room : Room
        State; whatever was there before does not matter.

    Returns
    -------
    Room
        With arrays that may have grown. Spikes are in the order of the record.
    bool
        Whether the sample was finished; else it has too many events.
    """
    rows, more, marks, head, alarm, heap, place = room[:7]
    pending, counters, clock, t_end, time, code = room[7:]
    counters[N_SPIKES], counters[N_SENT] = 0, 0
    clock[0] = NOT_BEGUN
    begin(wiring, rows, more, marks, head, alarm, heap, place, counters)
    counts = np.zeros(behind - watched, np.int64)
    left = np.zeros(behind - watched, np.int64)
    look, is_done = np.zeros(2, np.int64), False
    while not is_done and counters[N_EVENTS] < counters[MOST_EVENTS]:
        if counters[N_SPIKES] == counters[MOST_SPIKES]:
            time, code = doubled(time), doubled(code)
            counters[MOST_SPIKES] = time.size
        if counters[N_PENDING] == pending.shape[0]:
            pending = doubled(pending)
        at, is_done = steps_until(
            wiring, inputs, at, stop, rule, watched, behind, counts, left, look, plan,
            clock, rows, more, marks, head, alarm, heap, place, pending, counters,
            time, code, t_end)  # fmt: skip
    sort_ties(time, code, 0, counters[N_SPIKES])
    if plan[0] > t_end:
        plan[0] = math.inf
    return (
        rows, more, marks, head, alarm, heap, place, pending, counters, clock, t_end,
        time, code,
    ), is_done  # fmt: skip
