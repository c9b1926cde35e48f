"""The event queue in windows no longer than the shortest delay between neurons.

Inside such a window no neuron can influence another. All arrivals of a window are
known when it begins; they are sorted by neuron, and each neuron is run through its
own alone, in order of time. Neurons without arrivals are looked at only if their
alarm falls into the window. Nothing is rounded to the windows: the spikes are
those of the heaps, bit for bit.
"""

from __future__ import annotations

import math

import numpy as np

from eventsim.engine.queue.heap_kernels import N_COLUMNS, first_arrival, send, send_new
from eventsim.engine.queue.heap_loop_kernels import FIRST_ROOM
from eventsim.engine.queue.neuron_kernels import (
    ALPHA,
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
    N_COUNTERS,
    N_EVENTS,
    N_PENDING,
    N_SENT,
    N_SPIKES,
    SAFE,
    V,
    alarm_bound,
    can_go_on,
    discharge,
    doubled,
    earliest_instant,
    group_of,
    move_row,
    moved_instant,
    wait,
)
from eventsim.engine.queue.spike_order_kernels import sort_spikes
from eventsim.engine.queue.window_arrival_kernels import (
    JUMP,
    N_ARRIVAL_COLUMNS,
    SIZE,
    TIME,
    bucket,
    put_back,
    sort_each,
    take,
)
from eventsim.jit import jit

# Neurons that share one lower bound of their alarms.
BLOCK = 64
# Arrivals that one window should not exceed; it is cut shorter instead.
MAX_ARRIVALS = 1 << 17
NO_BOUND = 1 << 62
# Windows of this share of the run to begin with, if the delays allow longer ones.
FIRST_SHARE = 1 / 1024


@jit()
def run_instant(constants, rows, more, alarm, touched, n_touched, count, ends, arrivals,
                begin, t_end, time, code, counters):  # fmt: skip
    """Run neurons with instantaneous synapses through their arrivals.

    Parameters
    ----------
    constants, rows, more, t_end, time, code, counters
        As in `eventsim.engine.queue.neuron_kernels.wait`.
    alarm : ndarray, shape (n_neurons,), network time units
        When to look at a neuron that gets no input.
    touched, n_touched, count, ends, arrivals
        As in `window_arrival_kernels.bucket`.
    begin : int
        First of the touched neurons to run.

    Returns
    -------
    int
        First touched neuron that is left, if there was no room to go on.
    """
    for s in range(begin, n_touched):
        n = touched[s]
        number = int(rows[n, GROUP])
        alpha, kick = constants[number, ALPHA], constants[number, KICK]
        if kick == 0:
            continue
        stop, bound, a = ends[n], alarm[n], ends[n] - count[n]
        last, v, free = rows[n, LAST], rows[n, V], rows[n, FREE]
        height, goal, j = rows[n, HEIGHT], rows[n, GOAL], rows[n, DRIVE]
        while a < stop:
            t = arrivals[a, TIME]
            if bound < t:
                rows[n, LAST], rows[n, V] = last, v
                bound = wait(
                    constants, rows, more, n, t, False, t_end, time, code, counters
                )
                last, v, free = rows[n, LAST], rows[n, V], rows[n, FREE]
                height = rows[n, HEIGHT]
                if bound == -math.inf:
                    break
            before = last, v, a
            if t > last:
                v = moved_instant(alpha, v, goal, j, t - last)
                last = t
            was_below = v < height
            while a < stop and arrivals[a, TIME] == t:
                v += arrivals[a, JUMP] * arrivals[a, SIZE]
                a += 1
            if v >= height and free <= t:
                if not can_go_on(counters):
                    (last, v, a), bound = before, -math.inf
                    break
                rows[n, LAST], rows[n, V] = last, v
                is_released = free == t and not was_below
                g = group_of(constants, number)
                discharge(g, rows, more, n, is_released, time, code, counters)
                v, free, height = rows[n, V], rows[n, FREE], rows[n, HEIGHT]
                if v >= height and free <= t:
                    bound = -math.inf
                    break
            if free > last:
                bound = free
            else:
                bound = last * SAFE + earliest_instant(alpha, v, j, height)
        rows[n, LAST], rows[n, V], alarm[n] = last, v, bound
        count[n] = stop - a
        if bound == -math.inf and a < stop:
            return s
    return n_touched


@jit()
def run_continuous(constants, rows, more, alarm, touched, n_touched, count, ends,
                   arrivals, begin, t_end, time, code, counters):  # fmt: skip
    """Run neurons with continuous potentials through their arrivals.

    Parameters and result are those of `run_instant`.
    """
    number, g = -1, group_of(constants, 0)
    for s in range(begin, n_touched):
        n = touched[s]
        if int(rows[n, GROUP]) != number:
            number = int(rows[n, GROUP])
            g = group_of(constants, number)
        if g.d.kick != 0:
            continue
        stop, bound, a = ends[n], alarm[n], ends[n] - count[n]
        while a < stop:
            t = arrivals[a, TIME]
            if bound <= t:
                bound = wait(
                    constants, rows, more, n, t, True, t_end, time, code, counters
                )
                if bound == -math.inf:
                    break
            move_row(g, rows, more, n, t)
            while a < stop and arrivals[a, TIME] == t:
                rows[n, CURRENT] += arrivals[a, JUMP] * arrivals[a, SIZE]
                a += 1
            bound = alarm_bound(g, rows, n)
        alarm[n], count[n] = bound, stop - a
        if bound == -math.inf and a < stop:
            return s
    return n_touched


@jit()
def run_alarmed(
    constants, rows, more, alarm, earliest, until, t_end, time, code, counters
):
    """Run the neurons whose alarm comes before `until`.

    Returns
    -------
    bool
        Whether there was room for all.
    """
    for block in range(earliest.size):
        if not earliest[block] < until:
            continue
        first, least = block * BLOCK, math.inf
        for n in range(first, min(first + BLOCK, alarm.size)):
            if alarm[n] < until:
                alarm[n] = wait(
                    constants, rows, more, n, until, False, t_end, time, code, counters
                )
                if alarm[n] == -math.inf:
                    return False
            least = min(least, alarm[n])
        earliest[block] = least
    return True


@jit()
def lower_bounds(alarm, earliest, touched, n_touched, count):
    """Bring the bounds of the blocks up to date and forget the touched neurons."""
    for s in range(n_touched):
        n = touched[s]
        count[n] = 0
        earliest[n // BLOCK] = min(earliest[n // BLOCK], alarm[n])


@jit()
def begin_sample(wiring, rows, more, alarm, earliest, count, counters):
    """Bring all neurons to rest and set their alarms."""
    rows[:], more[:] = wiring.rows, wiring.more
    counters[N_EVENTS], counters[N_PENDING] = 0, 0
    counters[N_SENT] = counters[N_SPIKES]
    count[:], earliest[:] = 0, math.inf
    for n in range(alarm.size):
        g = group_of(wiring.constants, int(rows[n, GROUP]))
        alarm[n] = alarm_bound(g, rows, n)
        earliest[n // BLOCK] = min(earliest[n // BLOCK], alarm[n])


@jit()
def next_time(input_time, at, stop, pending, counters, earliest):
    """Return the earliest time at which anything may happen."""
    coming = input_time[at] if at < stop else math.inf
    for block in range(earliest.size):
        coming = min(coming, earliest[block])
    return min(coming, first_arrival(pending, counters))


@jit()
def run_window(constants, rows, more, alarm, earliest, touched, n_touched, count, ends,
               arrivals, progress, until, t_end, time, code, counters):  # fmt: skip
    """Run all neurons through a window, or go on with it.

    Parameters
    ----------
    earliest : ndarray, shape (n_blocks,), network time units
        Lower bound of the alarms of each block of neurons.
    progress : ndarray, shape (3,), int64
        How far it has come; zeros to begin with.
    until, t_end : float, network time units
        End of the window, and of the run.
    constants, rows, more, alarm, touched, n_touched, count, ends, arrivals, time, \
code, counters
        As in `run_instant`.

    Returns
    -------
    bool
        Whether there was room to finish.
    """
    progress[0] = run_instant(constants, rows, more, alarm, touched, n_touched, count,
                              ends, arrivals, progress[0], t_end, time, code,
                              counters)  # fmt: skip
    if progress[0] < n_touched:
        return False
    progress[1] = run_continuous(constants, rows, more, alarm, touched, n_touched,
                                 count, ends, arrivals, progress[1], t_end, time, code,
                                 counters)  # fmt: skip
    if progress[1] < n_touched:
        return False
    if progress[2] == 0:
        lower_bounds(alarm, earliest, touched, n_touched, count)
        progress[2] = 1
    return run_alarmed(
        constants, rows, more, alarm, earliest, until, t_end, time, code, counters
    )


@jit()
def admit(offsets, delay, pending, counters, inputs, at, stop, until, t_end):
    """Put input spikes before `until` on their way; returns the first that is left."""
    while (
        at < stop and inputs.time[at] < until and counters[N_PENDING] < pending.shape[0]
    ):
        x = inputs.value[at] if inputs.value.size > 0 else 1.0
        node, fired = inputs.node[at], inputs.time[at]
        send(offsets, delay, pending, counters, node, at, fired, x, t_end)
        at += 1
    return at


@jit()
def run_sample(wiring, inputs, sample, longest, t_end, rows, more, alarm, earliest,
               touched, count, ends, pending, pieces, arrivals, time, code,
               counters):  # fmt: skip
    """Run one sample; returns the arrays that may have grown."""
    offsets, target, delay = wiring.offsets, wiring.target, wiring.delay
    jump, constants, n_inputs = wiring.jump, wiring.constants, wiring.n_inputs
    begin_sample(wiring, rows, more, alarm, earliest, count, counters)
    now, width = 0.0, min(longest, FIRST_SHARE * t_end)
    at, stop = inputs.offsets[sample], inputs.offsets[sample + 1]
    progress = np.empty(3, np.int64)
    while counters[N_EVENTS] < counters[MOST_EVENTS]:
        now = max(now, next_time(inputs.time, at, stop, pending, counters, earliest))
        if now > t_end:
            break
        shortest = np.nextafter(now, math.inf)
        until = max(min(now + width, np.nextafter(t_end, math.inf)), shortest)
        at = admit(offsets, delay, pending, counters, inputs, at, stop, until, t_end)
        while at < stop and inputs.time[at] < until:
            pending, pieces = doubled(pending), doubled(pieces)
            at = admit(
                offsets, delay, pending, counters, inputs, at, stop, until, t_end
            )
        most = MAX_ARRIVALS if until > shortest else NO_BOUND
        n_pieces, total = take(delay, pending, counters, until, most, pieces)
        put_back(delay, pending, counters, pieces, n_pieces, total > most, t_end)
        if total > most:
            width = 0.5 * (until - now)
            continue
        if total > len(arrivals):
            arrivals = np.empty((2 * total, N_ARRIVAL_COLUMNS))
        n_touched, is_ordered = bucket(target, jump, delay, pieces, n_pieces, count,
                                       ends, touched, arrivals)  # fmt: skip
        if not is_ordered:
            sort_each(arrivals, touched, n_touched, count, ends)
        counters[N_EVENTS] += total
        progress[:] = 0
        while counters[N_EVENTS] < counters[MOST_EVENTS] and not run_window(
            constants, rows, more, alarm, earliest, touched, n_touched, count, ends,
            arrivals, progress, until, t_end, time, code, counters):  # fmt: skip
            if counters[N_SPIKES] == counters[MOST_SPIKES]:
                time, code = doubled(time), doubled(code)
                counters[MOST_SPIKES] = time.size
        sort_spikes(time, code, counters[N_SENT], counters[N_SPIKES])
        send_new(offsets, delay, pending, counters, n_inputs, time, code, t_end)
        while counters[N_SENT] < counters[N_SPIKES]:
            pending, pieces = doubled(pending), doubled(pieces)
            send_new(offsets, delay, pending, counters, n_inputs, time, code, t_end)
        now = until
        if 4 * total < MAX_ARRIVALS:
            width = min(2 * width, longest)
    return time, code, pending, pieces, arrivals


@jit()
def run_samples(wiring, inputs, first, stop, longest, t_end, limit):
    """Run samples ``first:stop`` one after the other.

    Parameters
    ----------
    wiring, inputs, first, stop, t_end, limit
        As in `eventsim.engine.queue.heap_loop_kernels.run_samples`.
    longest : float, network time units
        Shortest delay between neurons; may be ``inf``.

    Returns
    -------
    time, code, n_spikes, n_events : ndarray
        As there.
    """
    n = wiring.level.size
    rows, more = np.empty_like(wiring.rows), np.empty_like(wiring.more)
    alarm, earliest = np.empty(n), np.empty((n + BLOCK - 1) // BLOCK)
    touched, count = np.empty(n, np.int32), np.zeros(n, np.int32)
    ends, counters = np.zeros(n, np.int32), np.zeros(N_COUNTERS, np.int64)
    pending = np.empty((FIRST_ROOM, N_COLUMNS))
    pieces = np.empty((FIRST_ROOM, N_COLUMNS))
    arrivals = np.empty((FIRST_ROOM, N_ARRIVAL_COLUMNS))
    time, code = np.empty(FIRST_ROOM), np.empty(FIRST_ROOM, np.int64)
    n_spikes = np.zeros(stop - first, np.int64)
    n_events = np.zeros(stop - first, np.int64)
    counters[MOST_SPIKES], counters[MOST_EVENTS] = FIRST_ROOM, limit
    for sample in range(first, stop):
        before = counters[N_SPIKES]
        time, code, pending, pieces, arrivals = run_sample(
            wiring, inputs, sample, longest, t_end, rows, more, alarm, earliest,
            touched, count, ends, pending, pieces, arrivals, time, code,
            counters)  # fmt: skip
        n_spikes[sample - first] = counters[N_SPIKES] - before
        n_events[sample - first] = counters[N_EVENTS]
        if counters[N_EVENTS] >= limit:
            break
    return time, code, n_spikes, n_events
