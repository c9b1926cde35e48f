"""Newton's method that falls back to bisection, inside a bracket."""

from __future__ import annotations

import math

from eventsim.jit import jit
from eventsim.neurons.dynamics import potential, potential_slope

MAX_STEPS = 200
ROUNDING = 2.3e-16
# Stands for an endless time: all that decays is 0 there, and products are finite.
FOREVER = 1e200


@jit()
def narrow(d, v, i, p, q, j, theta, low, high):
    """Shrink a long bracket of a crossing to the scale of its own distance.

    Steps from `low` that start at the fastest time constant and double; each ends
    in a new `low`, or in the `high` that is wanted. Parameters as in `refine`.

    Returns
    -------
    low, high : float, network time units
        Bracket of the same crossing, for `refine`.
    """
    rate = max(d.alpha, d.beta, d.rho)
    step = 1 / rate if rate > 0 else high - low
    while step < 0.5 * (high - low):
        t = low + step
        if potential(d, v, i, p, q, j, t) >= theta:
            return low, t
        low = t
        step *= 2
    return low, high


@jit()
def refine(d, v, i, p, q, j, theta, low, high):
    """Return the crossing inside a bracket on which the potential rises.

    Parameters
    ----------
    d, v, i, p, q, j
        Constants, state at time 0, drive.
    theta : float
        Height, above the potential at `low` and not above that at `high`.
    low, high : float, network time units
        Bracket.

    Returns
    -------
    float, network time units
        Where Newton's step no longer changes the time, or the bracket is two
        neighbouring numbers.
    """
    t = high
    below = potential(d, v, i, p, q, j, low) - theta
    above = potential(d, v, i, p, q, j, high) - theta
    if above > below:
        t = low + (high - low) * min(max(-below / (above - below), 0.0), 1.0)
    last, is_newton = high - low, False
    for _ in range(MAX_STEPS):
        excess = potential(d, v, i, p, q, j, t) - theta
        rise = potential_slope(d, v, i, p, q, j, t)
        step = excess / rise if rise > 0 else math.inf
        # Newton's steps shrink as squares: this is the size of the next one.
        left = abs(step) * (step / last) ** 2 if is_newton else abs(step)
        if left <= ROUNDING * t:
            return min(max(t - step, low), high)
        if abs(excess) <= ROUNDING * abs(theta):
            return t
        if excess < 0:
            low = t
        else:
            high = t
        following = t - step
        # Steps that do not shrink (along an exponential, or rounding): halve.
        is_newton = low < following < high and abs(step) < 0.7 * last
        if not is_newton:
            following = 0.5 * (low + high)
            if not (low < following < high):
                return high
        last = abs(following - t)
        t = following
    return high
