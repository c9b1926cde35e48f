"""Exact derivatives of one neuron's spike times, backwards through its events.

The spikes are known, so the neuron is run once more without looking for them,
keeping its state after each event; then `eventsim.neurons.adjoint` takes the
derivatives of the loss back from event to event. The end of a refractory period
moves with the spike before it: what it changes is added to that spike's own dL/dT.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.engine.neuron_run_kernels import (
    FORCED,
    GRAZED,
    RELEASED,
    TRIGGERED,
    decays,
    move,
)
from eventsim.jit import jit
from eventsim.neurons.adjoint import (
    by_arrival,
    by_rates,
    by_rates_held,
    by_weight,
    cross,
    retreat_held,
    unfire,
)
from eventsim.neurons.dynamics import phi, pin, receive, reset, slope, start

ALPHA, BETA, RHO, GAIN, KICK, RECOIL, REFRACTORY, GRAZING = range(8)
N_SUMS = 8


class Fired(NamedTuple):
    """Spikes of one neuron: time, kind, arrivals before it, dL/dT."""

    time: np.ndarray
    kind: np.ndarray
    n_before: np.ndarray
    d_time: np.ndarray


class Trace(NamedTuple):
    """States (v, i, p, q), a row for each: after each event, before each spike."""

    after: np.ndarray
    before: np.ndarray


class Share(NamedTuple):
    """Derivatives by each arrival's weight (times value) and time."""

    weight: np.ndarray
    time: np.ndarray


class Rule(NamedTuple):
    """How to differentiate: see `eventsim.engine.sweep.gathered_sweep`.

    ``tau_g`` is 0 where times have the true slope.
    """

    clip: float
    tau_g: float
    with_rates: bool


@jit(inline=True)
def keep(rows, k, v, i, p, q):
    """Write a state to row `k`."""
    rows[k, 0] = v
    rows[k, 1] = i
    rows[k, 2] = p
    rows[k, 3] = q


@jit(inline=True)
def kept(rows, k):
    """Return the state of row `k`."""
    return rows[k, 0], rows[k, 1], rows[k, 2], rows[k, 3]


@jit()
def replay(d, theta, j, arrivals, fired, n_spikes, trace):
    """Run a neuron through its known events up to its last spike.

    Parameters
    ----------
    d : Dynamics
        Constants.
    theta, j : float
        Threshold and drive.
    arrivals : Arrivals
        What arrives, in order of time.
    fired : Fired
        Its spikes.
    n_spikes : int
        How many of them.
    trace : Trace
        Written; row 0 of `after` is the state at rest.
    """
    v, i, p, q = 0.0, start(d, j), 0.0, 0.0
    now, free = 0.0, -math.inf
    # Fields are taken out of their records once: each time has a price.
    after, before = trace.after, trace.before
    time, weight = arrivals.time, arrivals.weight
    fired_time, kind, n_before = fired.time, fired.kind, fired.n_before
    keep(after, 0, v, i, p, q)
    a, event = 0, 1
    for s in range(n_spikes):
        while a < n_before[s]:
            t = time[a]
            v, i, p, q = move(d, v, i, p, q, j, now, t, free)
            v, i = receive(d, v, i, weight[a])
            keep(after, event, v, i, p, q)
            now = t
            a += 1
            event += 1
        t = fired_time[s]
        v, i, p, q = move(d, v, i, p, q, j, now, t, free)
        if kind[s] <= GRAZED:
            v = pin(d, v, p, theta)
        keep(before, s, v, i, p, q)
        v, i, p, q = reset(d, v, i, p, q, j, theta)
        keep(after, event, v, i, p, q)
        now = t
        free = t + d.refractory
        event += 1


@jit(inline=True)
def glide_back(d, lv, li, lp, lq, dt):
    """Do what `retreat` and `by_drive` do, with fewer exponentials.

    Both are of `eventsim.neurons.adjoint`; dL/dj comes last.
    """
    leak, fade, rise, step = decays(d, dt)
    d_drive = lv * step
    li = fade * li + rise * lv
    lv = leak * lv
    if d.recoil != 0:
        decay = math.exp(-d.rho * dt)
        lq = decay * (lq + dt * lp)
        lp = decay * lp
    return lv, li, lp, lq, d_drive


@jit(inline=True)
def unwait(d, state, j, now, until, free, lv, li, lp, lq, with_rates, sums):
    """Take the derivatives back over a silent interval.

    Parameters
    ----------
    d : Dynamics
        Constants.
    state : tuple of four floats
        State at `now`.
    j : float
        Drive.
    now, until : float, network time units
        Interval.
    free : float, network time units
        End of the last refractory period.
    lv, li, lp, lq : float
        Derivatives by the state at `until`.
    with_rates : bool
        Whether to add to `sums`.
    sums : ndarray, shape (N_SUMS,)
        Added to.

    Returns
    -------
    lv, li, lp, lq : float
        Derivatives by the state at `now`.
    d_drive : float
        Share of dL/dj.
    d_free : float
        Share of dL/dfree.
    """
    v, i, p, q = state
    begin = now
    if d.clamps and free > now:
        begin = min(free, until)
    held = begin - now
    i_begin = math.exp(-d.beta * held) * i if held > 0 else i
    d_drive, d_free = 0.0, 0.0
    if until > begin:
        dt = until - begin
        if with_rates:
            by_alpha, by_beta, by_rho = by_rates(
                d, v, i_begin, p, q, j, lv, li, lp, lq, dt
            )
            sums[ALPHA] += by_alpha
            sums[BETA] += by_beta
            sums[RHO] += by_rho
        lv, li, lp, lq, d_drive = glide_back(d, lv, li, lp, lq, dt)
    if held > 0:
        if free <= until:
            d_free = -lv * (-d.alpha * v + i_begin + j)
        if with_rates:
            sums[BETA] += by_rates_held(d, i, li, held)
        lv, li, lp, lq = retreat_held(d, lv, li, lp, lq, held)
    return lv, li, lp, lq, d_drive, d_free


@jit()
def unspike(d, theta, j, kind, state, lv, li, lp, lq, d_time, clip, sums):
    """Take the derivatives back through a spike.

    Parameters
    ----------
    d : Dynamics
        Constants.
    theta, j : float
        Threshold and drive.
    kind : int
        What made it fire.
    state : tuple of four floats
        State just before it.
    lv, li, lp, lq : float
        Derivatives by the state just after it.
    d_time : float
        dL/dT from all that the spike caused elsewhere.
    clip : float
        Largest 1/slope.
    sums : ndarray, shape (N_SUMS,)
        Added to.

    Returns
    -------
    lv, li, lp, lq : float
        Derivatives by the state just before it.
    total : float
        dL/dT for a spike whose time is given from outside, else 0.
    d_theta, d_drive : float
        Shares of dL/dtheta and dL/dj.
    """
    v, i, p, q = state
    sums[RECOIL] -= theta * lq
    is_held = d.clamps and d.refractory > 0
    lv, li, lp, lq, total, d_theta, d_drive = unfire(
        d, v, i, p, q, j, theta, is_held, lv, li, lp, lq, d_time
    )
    if kind <= GRAZED or kind == FORCED:
        steepness = slope(d, v, i, p, q, j)
        lv, lp, by_crossing = cross(d, lv, lp, total, steepness, clip)
        # A forced spike is at a height of its own.
        d_theta += by_crossing if kind <= GRAZED else 0.0
        sums[GRAZING] += 1.0 if kind == GRAZED and total != 0 else 0.0
        total = 0.0
    return lv, li, lp, lq, total, d_theta, d_drive


@jit()
def unrun_neuron(d, theta, j, arrivals, fired, n_spikes, trace, rule, share, sums):
    """Differentiate a loss by everything a neuron's spike times depend on.

    Parameters
    ----------
    d, theta, j, arrivals, fired, n_spikes
        As in `replay`.
    trace : Trace
        Scratch.
    rule : Rule
        Options.
    share : Share
        Written for the arrivals before the last spike.
    sums : ndarray, shape (N_SUMS,)
        Added to: derivatives by the constants, number of grazing crossings.

    Returns
    -------
    d_theta, d_drive : float
        dL/dtheta and dL/dj.
    """
    replay(d, theta, j, arrivals, fired, n_spikes, trace)
    lv, li, lp, lq = 0.0, 0.0, 0.0, 0.0
    d_theta, d_drive = 0.0, 0.0
    by_next = 0.0  # dL/dT of the spike before, from what its refractory period ends
    after, before = trace.after, trace.before
    arrival_time, weight = arrivals.time, arrivals.weight
    time, kinds, n_before, d_times = (
        fired.time,
        fired.kind,
        fired.n_before,
        fired.d_time,
    )
    share_weight, share_time = share.weight, share.time
    event = n_before[n_spikes - 1] + n_spikes
    for s in range(n_spikes - 1, -1, -1):
        kind = kinds[s]
        d_time, by_next = d_times[s] + by_next, 0.0
        state = kept(before, s)
        lv, li, lp, lq, total, by_theta, by_current = unspike(
            d, theta, j, kind, state, lv, li, lp, lq, d_time, rule.clip, sums
        )
        d_theta += by_theta
        d_drive += by_current
        if kind == RELEASED:
            by_next = total
            sums[REFRACTORY] += total
        until = time[s]
        last = n_before[s - 1] if s > 0 else 0
        begin = time[s - 1] if s > 0 else 0.0
        free = begin + d.refractory if s > 0 else -math.inf
        for a in range(n_before[s] - 1, last - 2, -1):
            # The event before: arrival a or, at the end, the spike before or rest.
            event -= 1
            now = arrival_time[a] if a >= last else begin
            state = kept(after, event)
            lv, li, lp, lq, by_current, d_free = unwait(
                d, state, j, now, until, free, lv, li, lp, lq, rule.with_rates, sums
            )
            d_drive += by_current
            by_next += d_free
            sums[REFRACTORY] += d_free
            until = now
            if a >= last:
                w = weight[a]
                sums[GAIN] += w * li
                sums[KICK] += w * lv
                share_weight[a] = by_weight(d, lv, li)
                is_held = d.clamps and free > now
                share_time[a] = by_arrival(d, w, 0.0 if is_held else lv, li)
                if kind == TRIGGERED:
                    share_time[a] += total
                    total = 0.0
    if d.filters_drive:
        d_drive -= li
    return d_theta, d_drive


@jit(inline=True)
def share_spike(j, begin, t, d_time, tau_g, time, weight, share):
    """Share one spike's dL/dT among the inputs since the spike before.

    Parameters
    ----------
    j : float
        Drive.
    begin, t : float, network time units
        Spike before, or 0; the spike.
    d_time : float
        dL/dT.
    tau_g : float, network time units
        Time constant.
    time, weight, share : ndarray, shape (n_arrivals,)
        When the inputs came, in order of time, their weights (times values); written:
        their shares.
    """
    # Only ratios matter, so ages count from the last input: none is too old for them.
    latest = time[-1] if time.size > 0 else t
    total = 0.0
    if j != 0:
        total = j * phi(1 / tau_g, t - begin) * math.exp((t - latest) / tau_g)
    for a in range(time.size):
        share[a] = weight[a] * math.exp(-(latest - time[a]) / tau_g)
        total += share[a]
    scale = d_time / total if total > 0 else 0.0
    for a in range(time.size):
        share[a] *= scale


@jit()
def share_times(d, j, arrivals, fired, n_spikes, tau_g, share):
    """Share each spike's dL/dT among its inputs by an exponential of their age.

    Parameters
    ----------
    d : Dynamics
        Constants of a model whose spikes erase the state.
    j : float
        Drive; it takes part like a dense train of inputs that nobody owns.
    arrivals, fired, n_spikes
        As in `replay`.
    tau_g : float, network time units
        Time constant.
    share : Share
        Its times are written for the arrivals before the last spike.
    """
    first, begin = 0, 0.0
    for s in range(n_spikes):
        t, last = fired.time[s], fired.n_before[s]
        share_spike(
            j,
            begin,
            t,
            fired.d_time[s],
            tau_g,
            arrivals.time[first:last],
            arrivals.weight[first:last],
            share.time[first:last],
        )
        first, begin = last, t
