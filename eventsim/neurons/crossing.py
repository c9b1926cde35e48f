r"""Guaranteed first threshold crossing of the shared dynamics, no time grid.

*Without a refractory kernel* the potential is
:math:`u(t) = e^{-\alpha t} v + \kappa(t)\, i + \varphi_\alpha(t)\, j`. Times
:math:`e^{\alpha t}`, its slope is :math:`j - \alpha v + i\,m(t)` with
:math:`m(t) = e^{-(\beta-\alpha)t} - \alpha\,\varphi_{\beta-\alpha}(t)`, which falls
strictly from 1. The potential therefore turns at most once, at a time known in
closed form, and rises on one known interval only: there is a crossing if and only
if the potential at the end of that interval has reached the threshold, and then
it is the only upward one. Inside the interval a Newton iteration that falls back
to bisection finds it. Nothing can be missed, however close to grazing.

*With a refractory kernel* the potential can turn up to three times. The slope times
:math:`e^{\rho t}` and differentiated twice has at most one root, known in closed
form; it brackets the roots of the first derivative, those bracket the roots of the
slope, and those bound the intervals on which the potential rises; see
`eventsim.neurons.refractory_crossing`.

The rules: ``u >= threshold`` fires; a crossing at the horizon counts; a state
that has already reached the threshold fires at once (with a refractory kernel: if
it rises); a potential that only tends to the threshold never fires.
"""

from __future__ import annotations

import math

from eventsim.jit import jit
from eventsim.neurons.closed_forms import closed_form
from eventsim.neurons.dynamics import phi_inverse, potential
from eventsim.neurons.newton import FOREVER, narrow, refine
from eventsim.neurons.refractory_crossing import with_refractory_kernel

ROUNDINGS = 1e-15


@jit(inline=True)
def turning_time(d, v, i, j):
    """Return when the potential turns, ``inf`` if it never does (``recoil == 0``).

    Parameters
    ----------
    d : Dynamics
        Constants.
    v, i : float
        State.
    j : float
        Drive.

    Returns
    -------
    float, network time units
        Positive. For ``i > 0`` the potential rises before and falls after it, for
        ``i < 0`` it is the other way round.
    """
    if i == 0 or d.beta == 0:
        return math.inf
    # Solve m(t) = level; m falls from 1 to -alpha/(beta - alpha) or to -inf.
    surplus = d.alpha * v - j
    rate = d.beta - d.alpha
    value = (i - surplus) / (d.beta * i)
    rest = (d.alpha * i + rate * surplus) / (d.beta * i)
    return phi_inverse(rate, value, rest)


@jit(inline=True)
def final_potential(d, v, i, j):
    """Return where the potential tends to, without a refractory kernel."""
    lasting = j + i if d.beta == 0 else j
    if d.alpha > 0:
        return lasting / d.alpha
    if lasting != 0:
        return math.copysign(math.inf, lasting)
    return v if d.beta == 0 else v + i / d.beta


@jit()
def bracketed(d, v, i, j, theta, horizon):
    """Return the time to threshold without a refractory kernel.

    Parameters
    ----------
    d : Dynamics
        Constants, with ``recoil == 0``.
    v, i : float
        State.
    j : float
        Drive.
    theta : float
        Height at which the neuron fires.
    horizon : float, network time units
        Crossings after it do not matter; may be ``inf``.

    Returns
    -------
    float, network time units
        ``inf`` if the threshold is not reached by `horizon`.
    """
    if v >= theta:
        return 0.0
    turn = turning_time(d, v, i, j)
    rise = j - d.alpha * v + i
    low, high = 0.0, min(horizon, FOREVER)
    if i > 0:
        if rise <= 0:
            return math.inf
        high = min(turn, high)
    elif rise < 0:
        low = turn
    rises_for_ever = i <= 0 or turn == math.inf
    if low >= high or (rises_for_ever and final_potential(d, v, i, j) <= theta):
        return math.inf
    if potential(d, v, i, 0.0, 0.0, j, high) < theta:
        return math.inf
    low, high = narrow(d, v, i, 0.0, 0.0, j, theta, low, high)
    return refine(d, v, i, 0.0, 0.0, j, theta, low, high)


@jit(inline=True)
def soonest(d, v, i, p, q, j, theta, horizon):
    """Do what `time_to_threshold` does, inlined into its callers."""
    if d.recoil != 0:
        return with_refractory_kernel(d, v, i, p, q, j, theta, horizon)
    if v >= theta:
        return 0.0
    t = closed_form(d, v, i, j, theta)
    if t >= 0:
        return t if t <= horizon else math.inf
    return bracketed(d, v, i, j, theta, horizon)


@jit()
def time_to_threshold(d, v, i, p, q, j, theta, horizon):
    """Return how long after the given state the neuron reaches its threshold.

    Parameters
    ----------
    d : Dynamics
        Constants.
    v, i, p, q : float
        State.
    j : float
        Drive.
    theta : float
        Height at which the neuron fires, ``d.factor`` times its threshold.
    horizon : float, network time units
        Crossings after it do not matter; may be ``inf``.

    Returns
    -------
    float, network time units
        In ``[0, horizon]``; ``inf`` if the threshold is not reached by then.
    """
    return soonest(d, v, i, p, q, j, theta, horizon)


@jit(inline=True)
def crossing_until(d, v, i, p, q, j, theta, now, until):
    """Return when the neuron reaches its threshold, as a time of the run.

    Parameters
    ----------
    d : Dynamics
        Constants.
    v, i, p, q : float
        State at `now`.
    j : float
        Drive.
    theta : float
        Height at which the neuron fires.
    now, until : float, network time units
        The interval, finite. In one of no length nothing can cross.

    Returns
    -------
    float, network time units
        After `now` or at it, at most `until`; ``inf`` if the threshold is not reached
        by then. The sum of two times is rounded, and so are both of them: a crossing
        that comes out later than `until` by a few roundings is one at `until`.
    """
    if not now < until:
        return math.inf
    latest = until + ROUNDINGS * until
    t = now + soonest(d, v, i, p, q, j, theta, latest - now)
    return min(t, until) if t <= latest else math.inf


@jit(inline=True)
def spike_until(d, v, i, p, q, j, theta, now, until):
    """Return when the neuron fires by itself, as a time of the run.

    Like `crossing_until`, with what a neuron does in an interval of no length: one with
    a refractory kernel fires there if it stands at its threshold and rises.
    """
    if d.recoil != 0 and now == until:
        t = now + with_refractory_kernel(d, v, i, p, q, j, theta, math.inf)
        return now if t == now else math.inf
    return crossing_until(d, v, i, p, q, j, theta, now, until)
