r"""What a row of neurons shares: the numbers that move and read all its states.

Neurons that are touched by the same events share their propagator. So their states
are not moved at every event, but kept *as seen from a base time*: ``x`` and ``y``
are the potential and the current (in units of ``gain``) that a neuron would have
had at the base time to be where it is now, had all its inputs come then. With
:math:`s` the time since the base, :math:`\gamma = \beta - \alpha` and the *lift*
:math:`\ell(s) = \mathrm{gain}\,\varphi_\gamma(s)`,

.. math::

   v = e^{-\alpha s}(x + \ell y), \quad i = \mathrm{gain}\, e^{-\beta s} y, \qquad
   x = e^{\alpha s} v - \ell e^{\beta s} i / \mathrm{gain} .

Silence changes nothing, and an input of weight :math:`w` adds
:math:`-\ell e^{\beta s} w` to x and :math:`e^{\beta s} w` to y. The growing factors
lose digits, so the base follows once it is `SPAN` of the shorter time constant
behind.
"""

from __future__ import annotations

import math

from numba import prange

from eventsim.jit import jit

# Products of larger exponentials lose digits that small differences need.
LARGEST_EXPONENT = 20.0
SERIES_BELOW = 0.01
# In units of the shorter time constant.
SPAN = 1.0


@jit(inline=True)
def mean_decay(x):
    """Return ``(1 - exp(-x)) / x`` for small ``x``."""
    return 1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6))))


@jit(inline=True)
def step_of(d, dt, leak):
    """Return ``phi_alpha`` of an interval of length `dt` from its decay by alpha."""
    x = d.alpha * dt
    return 1 / d.alpha * (1 - leak) if x > SERIES_BELOW else dt * mean_decay(x)


@jit(inline=True)
def rise_and_step(d, dt, leak, fade):
    """Return kappa and phi of an interval from its two decays.

    Parameters
    ----------
    d : Dynamics
        Constants.
    dt : float, network time units
        Length of the interval.
    leak, fade : float
        ``exp(-alpha dt)`` and ``exp(-beta dt)``.

    Returns
    -------
    kappa, phi : float
        See `eventsim.neurons.dynamics`.
    """
    x = abs(d.beta - d.alpha) * dt
    if x > SERIES_BELOW:
        rise = 1 / (d.beta - d.alpha) * (leak - fade)
    else:
        rise = max(leak, fade) * dt * mean_decay(x)
    return rise, step_of(d, dt, leak)


@jit(inline=True, borrows=True)
def fade_of(d, leak, dt):
    """Return ``exp(-beta dt)``, from ``exp(-alpha dt)`` where it is a power of it."""
    if d.beta == 2 * d.alpha:
        return leak * leak
    if d.beta == d.alpha:
        return leak
    return math.exp(-d.beta * dt)


@jit(inline=True, borrows=True)
def tabulate_event(d, t, growth, k):
    """Write row `k` of the table of `tabulate_growth`."""
    a = math.exp(d.alpha * t)
    b = fade_of(d, a, -t)
    growth[k, 0] = a
    growth[k, 1] = 1 / a
    growth[k, 2] = b
    growth[k, 3] = 1 / b


@jit(parallel=True)
def tabulate_growth(d, times, growth):
    """Tabulate the exponentials of the rates.

    Parameters
    ----------
    d : Dynamics
        Constants.
    times : ndarray, shape (n_spikes,), network time units
        Event times.
    growth : ndarray, shape (n_spikes, 4), float64
        Written: ``exp(alpha t)``, ``exp(-alpha t)``, ``exp(beta t)``,
        ``exp(-beta t)``.
    """
    for k in prange(times.size):
        tabulate_event(d, times[k], growth, k)


@jit(inline=True, borrows=True)
def base_at(growth, k, t):
    """Return event `k`, at time `t`, as a base: its time and its exponentials."""
    if growth.shape[0] > 0 and k >= 0:
        return t, growth[k, 0], growth[k, 1], growth[k, 2], growth[k, 3]
    return t, 1.0, 1.0, 1.0, 1.0


@jit(inline=True, borrows=True)
def growth_since(d, growth, k, t, base):
    """Return the exponentials of the time from a base to an event.

    Parameters
    ----------
    d : Dynamics
        Constants.
    growth : ndarray, shape (n_spikes, 4), or (0, 4)
        From `tabulate_growth`; empty: not tabulated.
    k : int
        Number of the event.
    t : float, network time units
        Its time.
    base : tuple of float
        From `base_at`; an event of the same table.

    Returns
    -------
    up_a, down_a, up_b, down_b : float
        ``exp(alpha s)``, ``exp(-alpha s)``, ``exp(beta s)``, ``exp(-beta s)``.
    """
    if growth.shape[0] > 0 and k >= 0:
        return (
            growth[k, 0] * base[2],
            growth[k, 1] * base[1],
            growth[k, 2] * base[4],
            growth[k, 3] * base[3],
        )
    a, b = d.alpha * (t - base[0]), d.beta * (t - base[0])
    return math.exp(a), math.exp(-a), math.exp(b), math.exp(-b)


@jit(inline=True)
def lift_since(d, s, up_a, down_b):
    """Return ``gain phi_gamma(s)``; `s` may be negative."""
    rate = d.beta - d.alpha
    if abs(rate * s) > SERIES_BELOW:
        return d.gain / rate * (1 - up_a * down_b)
    return d.gain * s * mean_decay(rate * s)


@jit(inline=True, borrows=True)
def since_base(d, growth, k, t, base):
    """Return the lift and what `growth_since` does; see there."""
    up_a, down_a, up_b, down_b = 1.0, 1.0, 1.0, 1.0
    if t != base[0]:
        up_a, down_a, up_b, down_b = growth_since(d, growth, k, t, base)
    return lift_since(d, t - base[0], up_a, down_b), up_a, down_a, up_b, down_b
