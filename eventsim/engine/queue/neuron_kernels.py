r"""One neuron of the queue: its rows of numbers, its alarm and its spikes.

A neuron's state is kept at the last time at which something happened to it. Its
*alarm* is a time before which it cannot fire by itself: first a cheap lower bound,
the exact spike time only when that bound has come. Both are functions of the
stored state alone, so every schedule that applies the same arrivals finds the same
spikes, bit for bit.

The bound: while the potential rises towards the threshold its slope is at most
:math:`j + \max(i, 0) - \alpha v`, and it never exceeds
:math:`\max(v, 0) + i \max_t \kappa(t) + j/\alpha`. It is lowered by more than all
roundings: a bound that comes out later than the exact time would be waited for.

Kernels of the queue take plain arrays, not records of arrays, and return none:
Numba counts references at every look into a record, which costs more than the
work. Where an array may have to grow, a kernel that finds it full stops; called
again with a larger one, it goes on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.engine.neuron_run_kernels import (
    CROSSED,
    GRAZED,
    RELEASED,
    TRIGGERED,
)
from eventsim.jit import jit
from eventsim.neurons.crossing import ROUNDINGS, time_to_threshold
from eventsim.neurons.dynamics import Dynamics, grazing_slope, kappa, pin, reset, slope

# Columns of ``rows``: time and state of the last event, end of the refractory
# period, potential at which the neuron fires (infinite once its spikes are used
# up), drive, number of the population, threshold. Instantaneous synapses have no
# current; its place holds the potential to which the drive leads.
LAST, V, CURRENT, FREE, HEIGHT, DRIVE, GROUP, THETA = range(8)
GOAL = CURRENT
N_ROW_COLUMNS = 8
# Columns of ``more``: refractory traces, spikes left.
P, Q, LEFT = range(3)
N_MORE_COLUMNS = 3
# Columns of ``constants`` that are read alone.
ALPHA, KICK = 0, 3
# Places in ``counters``.
N_SPIKES, MOST_SPIKES, N_EVENTS, MOST_EVENTS, N_SENT, N_PENDING, N_ALARMS, N_LISTED = (
    range(8)
)
N_COUNTERS = 8
# What rounding may add to a bound, of the threshold and of the time.
SAFE = 1 - 1e-12
SERIES_LIMIT = 0.25
# A spike's code is its neuron times this, plus its kind.
N_KINDS = 4


class Group(NamedTuple):
    """Constants of a population.

    Parameters
    ----------
    d : Dynamics
        As in the core.
    inverse_alpha : float
        ``1/alpha``; 0 without a leak.
    inverse_gap : float
        ``1/(beta - alpha)``; 0 where the rates are too close for the short formula.
    peak : float
        Largest potential after a unit jump of the current.
    """

    d: Dynamics
    inverse_alpha: float
    inverse_gap: float
    peak: float


@jit(inline=True)
def group_of(c, k):
    """Return the constants of population `k` from their table."""
    d = Dynamics(
        c[k, 0],
        c[k, 1],
        c[k, 2],
        c[k, 3],
        c[k, 4],
        c[k, 5],
        c[k, 6],
        c[k, 7],
        c[k, 8],
        c[k, 9],
        c[k, 10],
        c[k, 11] != 0,
        c[k, 12] != 0,
        int(c[k, 13]),
    )
    return Group(d, c[k, 14], c[k, 15], c[k, 16])


@jit(inline=True)
def lost_share(x):
    """Return ``1 - exp(-x)`` for ``x >= 0`` to full precision."""
    if x < SERIES_LIMIT:
        # The next terms are below 1e-17 of the result.
        y = x * x
        odd = 1 / 40320 + y * (1 / 3628800 + y / 479001600)
        odd = 1 / 2 + y * (1 / 24 + y * (1 / 720 + y * odd))
        even = 1 / 5040 + y * (1 / 362880 + y / 39916800)
        even = 1 + y * (1 / 6 + y * (1 / 120 + y * even))
        return x * (even - x * odd)
    return -math.expm1(-x)


@jit(inline=True)
def moved_instant(alpha, v, goal, j, dt):
    """Return the potential at `dt`, for instantaneous synapses.

    The compiler has no choice of rounding here, so all schedules get the same bits.
    """
    return v + lost_share(alpha * dt) * (goal - v) if alpha > 0 else v + dt * j


@jit()
def moved(g, v, i, p, q, j, dt):
    """Return the state at `dt` without events, as `dynamics.advance` does."""
    d = g.d
    lost_v, lost_i = lost_share(d.alpha * dt), lost_share(d.beta * dt)
    answer = dt if d.alpha == 0 else lost_v * g.inverse_alpha
    if g.inverse_gap != 0:
        passed = (lost_i - lost_v) * g.inverse_gap
    else:
        passed = kappa(d.alpha, d.beta, dt)
    v = (1 - lost_v) * v + passed * i + answer * j
    i = (1 - lost_i) * i
    if d.recoil != 0:
        decay = math.exp(-d.rho * dt)
        p = decay * (p + q * dt)
        q = decay * q
    return v, i, p, q


@jit(inline=True)
def earliest_instant(alpha, v, j, height):
    """Return a time before which the drive does not cross, for `moved_instant`."""
    if j <= 0 or j <= alpha * height * SAFE:
        return math.inf
    return (height - v) / (j - alpha * v) * SAFE


@jit(inline=True)
def earliest(g, v, i, j, height):
    """Return a time before which a state does not cross.

    Parameters
    ----------
    g : Group
        Constants.
    v, i, j, height : float
        State, drive and firing height. A refractory kernel only lowers the
        potential, so it does not matter here.

    Returns
    -------
    float, network time units
        Not negative; ``inf`` if it never crosses.
    """
    low = height * SAFE
    if v >= low:
        return 0.0
    alpha = g.d.alpha
    if i <= 0:
        if j <= 0 or j <= alpha * low:
            return math.inf
        return (low - v) / (j - alpha * v) * SAFE
    rise = j + i - alpha * v
    if rise <= 0:
        return math.inf
    if alpha > 0 or j <= 0:
        bound = max(v, 0.0) + i * g.peak + max(j, 0.0) * g.inverse_alpha
        if bound < low:
            return math.inf
    return (low - v) / rise * SAFE


@jit(inline=True)
def alarm_bound(g, rows, n):
    """Return the time until which a neuron is left alone; it may be over already."""
    last, free = rows[n, LAST], rows[n, FREE]
    v, height, j = rows[n, V], rows[n, HEIGHT], rows[n, DRIVE]
    if free > last:
        return free
    if g.d.kick != 0:
        return last * SAFE + earliest_instant(g.d.alpha, v, j, height)
    return last * SAFE + earliest(g, v, rows[n, CURRENT], j, height)


@jit(inline=True)
def can_go_on(counters):
    """Tell whether another spike has room and is allowed."""
    return (
        counters[N_SPIKES] < counters[MOST_SPIKES]
        and counters[N_EVENTS] < counters[MOST_EVENTS]
    )


@jit(inline=True)
def state_of(g, rows, more, n):
    """Return ``v, i, p, q`` of a neuron."""
    if g.d.kick != 0:
        return rows[n, V], 0.0, 0.0, 0.0
    return rows[n, V], rows[n, CURRENT], more[n, P], more[n, Q]


@jit()
def crossing_time(g, rows, more, n, t_end):
    """Return when a neuron outside its refractory period will fire by itself.

    What comes out later than `t_end` by a few roundings is at `t_end`, as in
    `eventsim.neurons.crossing.crossing_until`.
    """
    v, i, p, q = state_of(g, rows, more, n)
    last, height, j = rows[n, LAST], rows[n, HEIGHT], rows[n, DRIVE]
    t = last + time_to_threshold(g.d, v, i, p, q, j, height, math.inf)
    if t > t_end and t <= t_end + ROUNDINGS * t_end and last < t_end:
        return t_end
    return t


@jit()
def move_row(g, rows, more, n, t):
    """Move a neuron's state on to `t`; a refractory period must not end before."""
    dt = t - rows[n, LAST]
    if dt <= 0:
        return
    rows[n, LAST] = t
    v, i, p, q = state_of(g, rows, more, n)
    if g.d.kick != 0:
        goal, j = rows[n, GOAL], rows[n, DRIVE]
        rows[n, V] = moved_instant(g.d.alpha, v, goal, j, dt)
    elif g.d.clamps and t <= rows[n, FREE]:
        rows[n, CURRENT] = (1 - lost_share(g.d.beta * dt)) * i
    else:
        v, i, p, q = moved(g, v, i, p, q, rows[n, DRIVE], dt)
        rows[n, V], rows[n, CURRENT], more[n, P], more[n, Q] = v, i, p, q


@jit()
def fire(g, rows, more, n, kind, time, code, counters):
    """Note a spike at the time of the state, and reset the neuron."""
    t, theta = rows[n, LAST], rows[n, THETA]
    at = counters[N_SPIKES]
    time[at], code[at] = t, n * N_KINDS + kind
    counters[N_SPIKES] = at + 1
    counters[N_EVENTS] += 1
    v, i, p, q = state_of(g, rows, more, n)
    v, i, p, q = reset(g.d, v, i, p, q, rows[n, DRIVE], theta)
    rows[n, V] = v
    if g.d.kick == 0:
        rows[n, CURRENT], more[n, P], more[n, Q] = i, p, q
    rows[n, FREE] = t + g.d.refractory if g.d.refractory > 0 else -math.inf
    more[n, LEFT] -= 1
    if more[n, LEFT] == 0:
        rows[n, HEIGHT] = math.inf
        rows[n, FREE] = -math.inf


@jit()
def cross(g, rows, more, n, t, time, code, counters):
    """Let a neuron fire at its crossing time."""
    move_row(g, rows, more, n, t)
    v, i, p, q = state_of(g, rows, more, n)
    v = pin(g.d, v, p, rows[n, THETA])
    rows[n, V] = v
    rise = slope(g.d, v, i, p, q, rows[n, DRIVE])
    kind = CROSSED if rise >= grazing_slope(g.d, rows[n, THETA]) else GRAZED
    fire(g, rows, more, n, kind, time, code, counters)


@jit()
def discharge(g, rows, more, n, is_released, time, code, counters):
    """Let inputs of one time, or the end of a refractory period, set off spikes."""
    while (
        rows[n, V] >= rows[n, HEIGHT]
        and rows[n, FREE] <= rows[n, LAST]
        and can_go_on(counters)
    ):
        kind = RELEASED if is_released else TRIGGERED
        fire(g, rows, more, n, kind, time, code, counters)
        is_released = True


@jit()
def wait(constants, rows, more, n, until, inclusive, t_end, time, code, counters):
    """Do what a neuron does by itself before `until`.

    Parameters
    ----------
    constants : ndarray, shape (n_populations, 17)
        See `Group`.
    rows, more : ndarray, shape (n_neurons, 8) and (n_neurons, 3)
        State.
    n : int
        Neuron.
    until : float, network time units
        End.
    inclusive : bool
        Whether the end itself counts.
    t_end : float, network time units
        End of the run.
    time, code : ndarray, shape (room,)
        Where to note spikes.
    counters : ndarray, shape (N_COUNTERS,)
        Spikes and events.

    Returns
    -------
    float, network time units
        New alarm; ``-inf`` if there was no room to go on.
    """
    g = group_of(constants, int(rows[n, GROUP]))
    while True:
        if g.d.kick != 0:
            # After a stop, or at the end of a refractory period.
            discharge(g, rows, more, n, True, time, code, counters)
        if not can_go_on(counters):
            return -math.inf
        bound = alarm_bound(g, rows, n)
        if bound > until or (bound == until and not inclusive):
            return bound
        if rows[n, FREE] > rows[n, LAST]:
            move_row(g, rows, more, n, rows[n, FREE])
        else:
            bound = crossing_time(g, rows, more, n, t_end)
            if bound > until or (bound == until and not inclusive):
                return bound
            cross(g, rows, more, n, bound, time, code, counters)


@jit()
def doubled(old):
    """Return an array with twice the rows, the old ones first."""
    new = np.empty((2 * old.shape[0],) + old.shape[1:], old.dtype)  # noqa: RUF005
    new[: old.shape[0]] = old
    return new
