"""One neuron from rest to the end of a run, given all that arrives at it.

The event semantics in code: what happens between two arrivals (`wait`), at one
(`receive` and `discharge`) and at a spike. A spike is *crossed* where the potential
reached the threshold by itself, *grazed* where it did so with nearly no slope,
*triggered* where an instantaneous input lifted it there, and *released* where it
stood above the threshold at the end of the refractory period. A *forced* spike is none
of the neuron's own: training puts it where the potential rises.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.jit import jit
from eventsim.neurons.crossing import spike_until
from eventsim.neurons.dynamics import (
    advance,
    advance_held,
    grazing_slope,
    pin,
    receive,
    reset,
    slope,
    start,
)

CROSSED, GRAZED, TRIGGERED, RELEASED, FORCED = 0, 1, 2, 3, 4
ROUNDING = 1e-9
SHORT = 1e-3


class Found(NamedTuple):
    """Spikes: time, neuron, kind, number of arrivals that came before."""

    time: np.ndarray
    neuron: np.ndarray
    kind: np.ndarray
    n_before: np.ndarray


class Room(NamedTuple):
    """Where the spikes of a neuron go: places ``at`` to ``end``; others count only."""

    neuron: int
    at: int
    end: int
    limit: int


@jit(inline=True)
def put(found, room, count, time, kind, n_before):
    """Store a neuron's spike number `count`, if there is room."""
    at = room.at + count
    if at < room.end:
        found.time[at] = time
        found.neuron[at] = room.neuron
        found.kind[at] = kind
        found.n_before[at] = n_before


@jit(inline=True)
def decays(d, dt):
    """Return what an interval does, from two exponentials.

    Parameters
    ----------
    d : Dynamics
        Constants.
    dt : float, network time units
        Length of the interval.

    Returns
    -------
    leak, fade, rise, step : float
        ``exp(-alpha dt)``, ``exp(-beta dt)``, `kappa` and `phi` of alpha, see
        `eventsim.neurons.dynamics`.
    """
    gap = abs(d.beta - d.alpha)
    slow = math.exp(-min(d.alpha, d.beta) * dt)
    shrink = math.expm1(-gap * dt)
    fast = slow * (1 + shrink)
    rise = slow * (-shrink / gap if gap > 0 else dt)
    leak, fade = (slow, fast) if d.alpha <= d.beta else (fast, slow)
    x = d.alpha * dt
    # The next term of the series is below 1e-17.
    short = dt * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5))))
    step = (1 - leak) / d.alpha if x > SHORT else short
    return leak, fade, rise, step


@jit(inline=True)
def glide(d, v, i, p, q, j, dt):
    """Move the state on by `dt`, with a bound on the potential meanwhile.

    Like `eventsim.neurons.dynamics.advance`, with fewer exponentials. The bound: in
    the variable ``exp(-alpha t)`` the answer to a current ``i > 0`` is concave and
    below its tangent, so that the potential with the tangent in its place, a line, is
    largest at an end; with ``i < 0`` it is convex. The refractory trace is a valley.

    Parameters
    ----------
    d, v, i, p, q, j, dt
        As in `eventsim.neurons.dynamics.advance`.

    Returns
    -------
    v, i, p, q : float
        State at `dt`.
    bound : float
        ``u`` is nowhere in the interval above it, rounding included.
    """
    leak, fade, rise, step = decays(d, dt)
    by_current, by_drive = rise * i, step * j
    v_end = leak * v + by_current + by_drive
    bound = max(v, v_end + max(i, 0.0) * (step - rise))
    bound += ROUNDING * (abs(v) + abs(step * i) + abs(by_drive))
    if d.recoil != 0:
        decay = math.exp(-d.rho * dt)
        p_end = decay * (p + q * dt)
        bound += max(p, p_end) + ROUNDING * (abs(p) + abs(q) * dt)
        if p > 0 or q > 0:
            bound = math.inf
        p = p_end
        q = decay * q
    return v_end, fade * i, p, q, bound


@jit(inline=True)
def move(d, v, i, p, q, j, now, until, free):
    """Move the state on from `now` to `until` without events.

    Parameters
    ----------
    d : Dynamics
        Constants.
    v, i, p, q, j : float
        State and drive.
    now, until : float, network time units
        From and to.
    free : float, network time units
        End of the last refractory period.

    Returns
    -------
    tuple of four floats
        State at `until`.
    """
    if d.clamps and free > now:
        stop = min(free, until)
        v, i, p, q = advance_held(d, v, i, p, q, j, stop - now)
        now = stop
    if until > now:
        v, i, p, q, _ = glide(d, v, i, p, q, j, until - now)
    return v, i, p, q


@jit()
def wait(d, v, i, p, q, j, theta, now, until, free, is_end, a, count, found, room):
    """Run a neuron through a silent interval; it may fire on the way.

    Parameters
    ----------
    d : Dynamics
        Constants.
    v, i, p, q, j, theta : float
        State at `now`, drive, threshold.
    now, until : float, network time units
        Interval; at `until` inputs arrive, unless `is_end`.
    free : float, network time units
        End of the last refractory period.
    is_end : bool
        Whether `until` is the end of the run.
    a, count : int
        Arrivals and spikes so far.
    found : Found
        Written from spike number `count` on.
    room : Room
        Where.

    Returns
    -------
    v, i, p, q : float
        State at `until`, before its inputs.
    free : float, network time units
        End of the last refractory period.
    count : int
        Spikes so far.
    """
    height = d.factor * theta
    # An instantaneous input may prevent or set off a spike at its own time.
    decides_later = d.kick != 0 and not is_end
    while count < room.limit:
        if free > now:
            stop = min(free, until)
            v, i, p, q = move(d, v, i, p, q, j, now, stop, free)
            now = stop
            if free > until or (free == until and decides_later):
                break
            if not d.clamps and v + p >= height:
                put(found, room, count, now, RELEASED, a)
                v, i, p, q = reset(d, v, i, p, q, j, theta)
                free = now + d.refractory
                count += 1
                continue
        t = spike_until(d, v, i, p, q, j, height, now, until)
        if t == math.inf or (decides_later and t == until):
            break
        v, i, p, q = advance(d, v, i, p, q, j, t - now)
        v = pin(d, v, p, theta)
        is_steep = slope(d, v, i, p, q, j) >= grazing_slope(d, theta)
        now = t
        put(found, room, count, now, CROSSED if is_steep else GRAZED, a)
        v, i, p, q = reset(d, v, i, p, q, j, theta)
        free = now + d.refractory
        count += 1
    v, i, p, q = move(d, v, i, p, q, j, now, until, free)
    return v, i, p, q, free, count


@jit()
def discharge(d, v, i, p, q, j, theta, now, free, was_below, a, count, found, room):
    """Fire as often as the inputs of one time make the neuron fire at once.

    Parameters
    ----------
    d : Dynamics
        Constants of a model with instantaneous synapses.
    v, i, p, q, j, theta : float
        State with the inputs added, drive, threshold.
    now, free : float, network time units
        Time of the inputs, end of the last refractory period.
    was_below : bool
        Whether the potential was below the threshold before the inputs.
    a, count, found, room
        As in `wait`; the last of `a` arrivals sets off the spike.

    Returns
    -------
    v, i, p, q, free, count
        As in `wait`.
    """
    height = d.factor * theta
    is_released = free == now and not was_below
    while count < room.limit and free <= now and v + p >= height:
        put(found, room, count, now, RELEASED if is_released else TRIGGERED, a)
        v, i, p, q = reset(d, v, i, p, q, j, theta)
        free = now + d.refractory
        count += 1
        is_released = True
    return v, i, p, q, free, count


@jit()
def run_neuron(d, theta, j, arrivals, n, t_end, found, room):
    """Find all spikes of a neuron.

    Parameters
    ----------
    d : Dynamics
        Constants.
    theta, j : float
        Threshold and drive.
    arrivals : Arrivals
        What arrives, in order of time.
    n : int
        Number of arrivals.
    t_end : float, network time units
        End of the run; spikes there count.
    found : Found
        Written.
    room : Room
        Where; ``room.limit`` bounds the number of spikes.

    Returns
    -------
    int
        Number of spikes, stored or not.
    """
    height = d.factor * theta
    v, i, p, q = 0.0, start(d, j), 0.0, 0.0
    now, free = 0.0, -math.inf
    a, count = 0, 0
    time, weight = arrivals.time, arrivals.weight
    while True:
        is_end = a == n or time[a] > t_end
        until = t_end if is_end else time[a]
        v_end, i_end, p_end, q_end, bound = glide(d, v, i, p, q, j, until - now)
        if free <= now and bound < height:
            v, i, p, q = v_end, i_end, p_end, q_end
        else:
            v, i, p, q, free, count = wait(
                d, v, i, p, q, j, theta, now, until, free, is_end, a, count, found, room
            )
        if is_end or count >= room.limit:
            return count
        now = until
        was_below = v + p < height
        while a < n and time[a] == now:
            v, i = receive(d, v, i, weight[a])
            a += 1
        if d.kick != 0:
            v, i, p, q, free, count = discharge(
                d, v, i, p, q, j, theta, now, free, was_below, a, count, found, room
            )
