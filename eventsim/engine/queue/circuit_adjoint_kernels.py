"""Exact derivatives of the spike times of a circuit, in reverse event order.

All spikes are known. Those of inputs and neurons are numbered together in the order
in which they were sent: by time, then by level, so that a spike comes after all
that it depends on. Backwards, each spike finds dL/dT complete: whatever it caused,
later or at once along a chain of zero delays, has been dealt with.

A neuron's events form windows, from one of its spikes to the next. A window is run
again from the state after the first of them, just before it is differentiated, so
that only one state is kept for each spike.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.engine.neuron_adjoint_kernels import (
    GAIN,
    KICK,
    REFRACTORY,
    keep,
    kept,
    share_spike,
    unspike,
    unwait,
)
from eventsim.engine.neuron_run_kernels import (
    CROSSED,
    GRAZED,
    RELEASED,
    TRIGGERED,
    move,
)
from eventsim.jit import jit
from eventsim.neurons.adjoint import by_arrival, by_weight
from eventsim.neurons.crossing import spike_until
from eventsim.neurons.dynamics import (
    Dynamics,
    grazing_slope,
    pin,
    receive,
    reset,
    slope,
    start,
)


class Cells(NamedTuple):
    """Neurons: population, threshold, drive; a row of constants per population."""

    group: np.ndarray
    theta: np.ndarray
    drive: np.ndarray
    constants: np.ndarray


class Windows(NamedTuple):
    """What is kept of each spike's window: spike before, first arrival, state after.

    And each neuron's population.
    """

    group: np.ndarray
    previous: np.ndarray
    first: np.ndarray
    after: np.ndarray


class Totals(NamedTuple):
    """Gradients, added to.

    By connections; by the time and value of each sent spike; by neurons; and by
    constants, a row for each population. ``late`` is the part of dL/dT that is not
    to be shared by `share_spike`: of each sent spike, by the end of its refractory
    period.
    """

    weight: np.ndarray
    delay: np.ndarray
    time: np.ndarray
    value: np.ndarray
    theta: np.ndarray
    drive: np.ndarray
    sums: np.ndarray
    late: np.ndarray


@jit(inline=True)
def dynamics_at(constants, g):
    """Return row `g` of a table of constants as a record."""
    return Dynamics(
        constants[g, 0],
        constants[g, 1],
        constants[g, 2],
        constants[g, 3],
        constants[g, 4],
        constants[g, 5],
        constants[g, 6],
        constants[g, 7],
        constants[g, 8],
        constants[g, 9],
        constants[g, 10],
        constants[g, 11] != 0,
        constants[g, 12] != 0,
        int(constants[g, 13]),
    )


@jit()
def run_window(d, theta, j, now, free, t, first, end, wires, sent, arrivals, rows):
    """Run a neuron from its state at `now` to its spike at `t`.

    Parameters
    ----------
    d : Dynamics
        Constants.
    theta, j : float
        Threshold and drive.
    now, free, t : float, network time units
        Time of the state, end of the last refractory period, time of the spike.
    first, end : int
        First arrival that the state does not hold yet, end of the neuron's arrivals.
    wires, sent, arrivals
        What arrives.
    rows : ndarray, shape (n, 4)
        Row 0 is the state at `now`; the others are written: after each arrival.

    Returns
    -------
    kind : int
        What made the neuron fire.
    after_last : int
        First arrival after the spike.
    v, i, p, q : float
        State just before the spike.
    """
    v, i, p, q = kept(rows, 0)
    was_high = False
    a = first
    # An input moves a spike at its own time only if the potential jumps with it ...
    takes_all = d.kick != 0
    if d.recoil != 0 and now == t:
        # ... or if the spike before left the potential at the threshold, falling.
        height = d.factor * theta
        takes_all = spike_until(d, v, i, p, q, j, height, t, t) == math.inf
    while a < end and (arrivals.time[a] < t or (takes_all and arrivals.time[a] == t)):
        until = arrivals.time[a]
        v, i, p, q = move(d, v, i, p, q, j, now, until, free)
        if until == t and (a == first or now < t):
            was_high = v + p >= d.factor * theta
        w = wires.weight[arrivals.connection[a]] * sent.value[arrivals.sent[a]]
        v, i = receive(d, v, i, w)
        now = until
        a += 1
        keep(rows, a - first, v, i, p, q)
    v, i, p, q = move(d, v, i, p, q, j, now, t, free)
    is_pushed = d.kick != 0 and a > first and arrivals.time[a - 1] == t
    if d.kick != 0 and free == t and (was_high or not is_pushed):
        kind = RELEASED
    elif is_pushed:
        kind = TRIGGERED
    else:
        v = pin(d, v, p, theta)
        is_steep = slope(d, v, i, p, q, j) >= grazing_slope(d, theta)
        kind = CROSSED if is_steep else GRAZED
    return kind, a, v, i, p, q


@jit(inline=True)
def begin(d, j, sent, windows, s, rows):
    """Return since when and until when a window holds, its state in row 0."""
    before = windows.previous[s]
    if before < 0:
        keep(rows, 0, 0.0, start(d, j), 0.0, 0.0)
        return 0.0, -math.inf
    v, i, p, q = kept(windows.after, before)
    keep(rows, 0, v, i, p, q)
    return sent.time[before], sent.time[before] + d.refractory


@jit()
def run_windows(wires, cells, sent, arrivals, windows):
    """Run all neurons through their known spikes.

    Parameters
    ----------
    wires, cells, sent, arrivals
        The run.
    windows : Windows
        Written.

    Returns
    -------
    int
        Most arrivals in one window.
    """
    n_neurons = cells.group.size
    latest = np.full(n_neurons, -1)
    place = arrivals.offsets.copy()
    rows = np.empty((np.max(np.diff(arrivals.offsets)) + 1, 4))
    most = 0
    for s in range(sent.time.size):
        k = sent.node[s] - wires.n_inputs
        if k < 0:
            continue
        d = dynamics_at(cells.constants, cells.group[k])
        theta, j = cells.theta[k], cells.drive[k]
        windows.previous[s] = latest[k]
        windows.first[s] = first = place[k]
        now, free = begin(d, j, sent, windows, s, rows)
        t, end = sent.time[s], arrivals.offsets[k + 1]
        _, place[k], v, i, p, q = run_window(
            d, theta, j, now, free, t, first, end, wires, sent, arrivals, rows
        )
        v, i, p, q = reset(d, v, i, p, q, j, theta)
        keep(windows.after, s, v, i, p, q)
        latest[k] = s
        most = max(most, place[k] - first)
    return most


@jit()
def share_window(j, since, s, tau_g, first, end, wires, sent, arrivals, to):
    """Share a spike's dL/dT among the arrivals of its window, by their age.

    Parameters
    ----------
    j : float
        Drive.
    since : float, network time units
        Spike before, or 0.
    s : int
        The spike.
    tau_g : float, network time units
        Time constant.
    first, end : int
        Arrivals of the window.
    wires, sent, arrivals
        The run.
    to : Totals
        Added to: delays and times.
    """
    n = end - first
    weight, share = np.empty(n), np.empty(n)
    for b in range(n):
        a = first + b
        weight[b] = wires.weight[arrivals.connection[a]] * sent.value[arrivals.sent[a]]
    time = arrivals.time[first:end]
    share_spike(j, since, sent.time[s], to.time[s], tau_g, time, weight, share)
    for b in range(n):
        a = first + b
        to.delay[arrivals.connection[a]] += share[b]
        to.time[arrivals.sent[a]] += share[b]


@jit()
def unrun_window(d, theta, j, s, lam, rule, wires, sent, arrivals, windows, rows, to):
    """Differentiate through a spike and all that arrived since the one before.

    Parameters
    ----------
    d, theta, j
        The neuron.
    s : int
        Its spike.
    lam : tuple of four floats
        Derivatives by the state just after the spike.
    rule : Rule
        Options.
    wires, sent, arrivals, windows
        The run.
    rows : ndarray, shape (n, 4)
        Scratch.
    to : Totals
        Added to, but for the neuron's own thresholds and drives.

    Returns
    -------
    lv, li, lp, lq : float
        Derivatives by the state after the spike before, or at rest.
    d_theta, d_drive : float
        Shares of dL/dtheta and dL/dj.
    """
    first, before = windows.first[s], windows.previous[s]
    now, free = begin(d, j, sent, windows, s, rows)
    since, until, k = now, sent.time[s], sent.node[s] - wires.n_inputs
    sums, end = to.sums[windows.group[k]], arrivals.offsets[k + 1]
    kind, a, v, i, p, q = run_window(
        d, theta, j, now, free, until, first, end, wires, sent, arrivals, rows
    )
    lv, li, lp, lq = lam
    d_time = to.time[s] + to.late[s]
    lv, li, lp, lq, total, d_theta, d_drive = unspike(
        d, theta, j, kind, (v, i, p, q), lv, li, lp, lq, d_time, rule.clip, sums
    )
    # Instantaneous inputs set off spikes, which have no slope to replace.
    is_shared = rule.tau_g > 0 and d.kick == 0
    if is_shared:
        share_window(j, since, s, rule.tau_g, first, a, wires, sent, arrivals, to)
    if kind == RELEASED:
        to.time[before] += total
        sums[REFRACTORY] += total
    for b in range(a - 1, first - 2, -1):
        # The event before: arrival b or, at the end, the spike before or rest.
        is_arrival = b >= first
        now = arrivals.time[b] if is_arrival else since
        state = kept(rows, b - first + 1)
        lv, li, lp, lq, by_drive, d_free = unwait(
            d, state, j, now, until, free, lv, li, lp, lq, True, sums
        )
        d_drive += by_drive
        if d_free != 0:
            (to.late if is_shared else to.time)[before] += d_free
            sums[REFRACTORY] += d_free
        until = now
        if is_arrival:
            c, source = arrivals.connection[b], arrivals.sent[b]
            w = wires.weight[c] * sent.value[source]
            sums[GAIN] += w * li
            sums[KICK] += w * lv
            by_strength = by_weight(d, lv, li)
            to.weight[c] += by_strength * sent.value[source]
            to.value[source] += by_strength * wires.weight[c]
            if is_shared:
                continue
            is_held = d.clamps and free > now
            by_time = by_arrival(d, w, 0.0 if is_held else lv, li)
            if kind == TRIGGERED:
                by_time += total
                total = 0.0
            to.delay[c] += by_time
            to.time[source] += by_time
    return lv, li, lp, lq, d_theta, d_drive


@jit()
def unrun_windows(wires, cells, sent, arrivals, windows, most, rule, to):
    """Differentiate a loss through all spikes, the last one first.

    Parameters
    ----------
    wires, cells, sent, arrivals, windows
        The run, as `run_windows` left it.
    most : int
        Most arrivals in one window.
    rule : Rule
        Options; derivatives by rates are always taken.
    to : Totals
        ``to.time`` holds the loss's own derivatives by the spike times; complete
        ones are written. The others are added to.
    """
    lam = np.zeros((cells.group.size, 4))
    rows = np.empty((most + 1, 4))
    for s in range(sent.time.size - 1, -1, -1):
        k = sent.node[s] - wires.n_inputs
        if k < 0:
            continue
        if to.time[s] == 0 and to.late[s] == 0 and not np.any(lam[k]):
            continue
        d = dynamics_at(cells.constants, cells.group[k])
        lv, li, lp, lq, d_theta, d_drive = unrun_window(
            d,
            cells.theta[k],
            cells.drive[k],
            s,
            kept(lam, k),
            rule,
            wires,
            sent,
            arrivals,
            windows,
            rows,
            to,
        )
        keep(lam, k, lv, li, lp, lq)
        if windows.previous[s] < 0 and d.filters_drive:
            d_drive -= li
        to.theta[k] += d_theta
        to.drive[k] += d_drive
