"""When the potential of the shared dynamics last rises with a given slope."""

from __future__ import annotations

import math

from eventsim.jit import jit
from eventsim.neurons.dynamics import potential_slope

HALVINGS = 60


@jit(inline=True)
def bend(d, v, i, j, dt):
    """Return ``d^2 u / dt^2`` at `dt` after a state, without a refractory kernel.

    Times ``exp(alpha dt)`` it changes monotonically, up for ``i > 0``.
    """
    steepness = potential_slope(d, v, i, 0.0, 0.0, j, dt)
    return -d.alpha * steepness - d.beta * i * math.exp(-d.beta * dt)


@jit()
def last_rise(d, v, i, j, least, dt):
    """Return the last time in an interval at which the potential rises so fast.

    Parameters
    ----------
    d : Dynamics
        Constants, with ``recoil == 0``.
    v, i, j : float
        State at the start, drive.
    least : float, 1 / network time unit
        Slope, positive.
    dt : float, network time units
        Length of the interval.

    Returns
    -------
    float, network time units
        Time from the start; -1 if the slope is below `least` throughout.
    """
    if potential_slope(d, v, i, 0.0, 0.0, j, dt) >= least:
        return dt
    low = 0.0
    if i < 0 and bend(d, v, i, j, 0.0) > 0:
        # The slope rises to a peak and falls then.
        if bend(d, v, i, j, dt) >= 0:
            return -1.0
        high = dt
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if bend(d, v, i, j, middle) > 0:
                low = middle
            else:
                high = middle
    if potential_slope(d, v, i, 0.0, 0.0, j, low) < least:
        return -1.0
    high = dt
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if potential_slope(d, v, i, 0.0, 0.0, j, middle) >= least:
            low = middle
        else:
            high = middle
    return low
