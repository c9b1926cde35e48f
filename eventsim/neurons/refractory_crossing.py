r"""Guaranteed first threshold crossing of a neuron with a refractory kernel.

The potential is :math:`u = v + p`. Write :math:`a = \dot v = j - \alpha v + i`; with
:math:`i, p, q` it moves by

.. math:: \dot a = -\alpha a - \beta i, \quad \dot i = -\beta i, \quad
   \dot p = -\rho p + q, \quad \dot q = -\rho q .

Three functions of time, each the derivative of the one before once that is multiplied
by :math:`e^{\rho t}`, that is :math:`s_{k+1} = \dot s_k + \rho s_k`:

.. math::

   s_0 &= \dot u = a + q - \rho p, \\
   s_1 &= (\rho - \alpha)\,a - \beta i - \rho q, \\
   s_2 &= (\rho - \alpha)^2 a - \beta (2\rho - \alpha - \beta)\, i .

The refractory traces, a line times :math:`e^{-\rho t}`, are gone from :math:`s_2`.
With :math:`a(t)e^{\alpha t} = a - \beta i\,\varphi_{\beta-\alpha}(t)` its one root is

.. math:: \varphi_{\beta-\alpha}(t) = \frac{s_2(0)}{\beta\,(\rho - \beta)^2\, i},
   \qquad e^{-(\beta-\alpha)t} =
   \frac{(\rho-\alpha)^2\,(\beta i - (\beta - \alpha)\,a)}{\beta\,(\rho-\beta)^2\,i} .

On each side of it :math:`e^{\rho t}s_1` is monotone and has one root at most, found
by Newton's method, whose step is :math:`s_1/s_2`, inside a bracket. Between the roots
of :math:`s_1`, at most two, :math:`e^{\rho t}s_0` is monotone in the same way. Its
roots, at most three, are the turning points of :math:`u`, so every interval on which
the potential rises is known and nothing can be missed. This holds for all rates,
equal or not, and is Rolle's theorem for exponential polynomials [1]_. All three
functions are evaluated times :math:`e^{\mu t}` with the slowest rate :math:`\mu`:
nothing overflows, and signs can be read at times at which everything has decayed.
A turning point needs no last digit, since the potential is flat there.

*The rule.* The neuron fires where the potential rises and is at least the threshold:
in the first of its maximal intervals of positive slope, :math:`[a, b]`, in which
:math:`u(b)` reaches the threshold; at :math:`a` if :math:`u(a)` has reached it
already, else at the crossing inside. A maximum that touches the threshold fires.
Just after a spike :math:`u` stands at the threshold (up to rounding, which counts as
at it). If it still rises, the neuron fires again at once, as often as the slope
outweighs the recoil, which takes ``recoil * theta`` off it each time; if not, it
falls below the threshold and fires when it rises to it again. Inputs at the time of
these spikes come after all of them, and are asked for with another search: it finds
time 0 if with them the potential rises.

References
----------
.. [1] G. Pólya, G. Szegő, "Problems and theorems in analysis II", part V, 1976 (the
   number of real zeros of exponential polynomials).
"""

from __future__ import annotations

import math

from eventsim.jit import jit
from eventsim.neurons.dynamics import kappa, phi_inverse, potential
from eventsim.neurons.newton import FOREVER, MAX_STEPS, narrow, refine

# How exact turning times are; the square of it is what that costs the potential.
TURN_TOLERANCE = 1e-9
# Rounding of the state in which a spike leaves u, in units of its parts.
AT_THRESHOLD = 1e-15


@jit(inline=True)
def slopes(d, a, i, p, q, t):
    """Return ``s_0, s_1, s_2`` at `t`, times ``exp(mu t)``.

    Parameters
    ----------
    d : Dynamics
        Constants.
    a, i, p, q : float
        ``dv/dt``, current and refractory traces at time 0.
    t : float, network time units
        Not negative, at most `FOREVER`.

    Returns
    -------
    tuple of three floats
        Their signs are those of the slope and its two derivatives.
    """
    slowest = min(d.alpha, d.beta, d.rho)
    alpha, beta, rho = d.alpha - slowest, d.beta - slowest, d.rho - slowest
    a = math.exp(-alpha * t) * a - d.beta * i * kappa(alpha, beta, t)
    i = math.exp(-beta * t) * i
    decay = math.exp(-rho * t)
    p = decay * (p + q * t)
    q = decay * q
    gap_a, gap_b = d.rho - d.alpha, d.rho - d.beta
    return (
        a + q - d.rho * p,
        gap_a * a - d.beta * i - d.rho * q,
        gap_a * gap_a * a - d.beta * (gap_a + gap_b) * i,
    )


@jit()
def sign_change(d, a, i, p, q, order, low, high):
    """Return where ``s_order`` changes its sign, `high` if it does not.

    Parameters
    ----------
    d, a, i, p, q
        As in `slopes`.
    order : int
        0 or 1.
    low, high : float, network time units
        Interval without a change of sign of ``s_(order + 1)``.

    Returns
    -------
    float, network time units
        To about `TURN_TOLERANCE` of the smaller of itself and the fastest constant.
    """
    at_low = slopes(d, a, i, p, q, low)[order]
    at_high = slopes(d, a, i, p, q, high)[order]
    if at_low == 0 or at_high == 0 or (at_low > 0) == (at_high > 0):
        return high
    scale = 1 / max(d.alpha, d.beta, d.rho)
    stride = scale
    while stride < 0.5 * (high - low):
        if (slopes(d, a, i, p, q, low + stride)[order] > 0) != (at_low > 0):
            high = low + stride
            break
        low += stride
        stride *= 2
    t = 0.5 * (low + high)
    for _ in range(MAX_STEPS):
        found = slopes(d, a, i, p, q, t)
        if (found[order] > 0) == (at_low > 0):
            low = t
        else:
            high = t
        rise = found[order + 1]
        step = found[order] / rise if rise != 0 else math.inf
        if abs(step) <= TURN_TOLERANCE * min(t, scale):
            return t
        following = t - step
        if not (low < following < high):
            following = 0.5 * (low + high)
            if high - low <= TURN_TOLERANCE * min(t, scale):
                return following
        t = following
    return t


@jit(inline=True)
def cannot_reach(d, v, i, p, q, j, theta, horizon):
    """Tell by a bound of each term that the potential stays below `theta`."""
    bound = max(v, 0.0) + max(p, 0.0) + max(i, 0.0) / max(d.alpha, d.beta)
    if q > 0:
        bound += q / d.rho
    if j > 0:
        bound += j * min(horizon, 1 / d.alpha if d.alpha > 0 else math.inf)
    return bound < theta


@jit()
def fire_while_rising(d, v, i, p, q, j, theta, low, high):
    """Return the crossing of an interval on which the potential rises.

    Parameters
    ----------
    d, v, i, p, q, j
        Constants, state at time 0, drive.
    theta : float
        Height at which the neuron fires.
    low, high : float, network time units
        The interval; at `FOREVER` a potential only tends to its limit.

    Returns
    -------
    float, network time units
        ``inf`` if there is none.
    """
    start = potential(d, v, i, p, q, j, low)
    if low == 0:
        start += AT_THRESHOLD * (abs(v) + abs(p))
    if start >= theta:
        return low
    end = potential(d, v, i, p, q, j, high)
    if end < theta or (high >= FOREVER and end <= theta):
        return math.inf
    low, high = narrow(d, v, i, p, q, j, theta, low, high)
    return refine(d, v, i, p, q, j, theta, low, high)


@jit()
def with_refractory_kernel(d, v, i, p, q, j, theta, horizon):
    """Return the time to threshold of a neuron with a refractory kernel.

    Parameters
    ----------
    d : Dynamics
        Constants, ``rho > 0``.
    v, i, p, q : float
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
        In ``[0, horizon]``; ``inf`` if the neuron does not fire by then.
    """
    if cannot_reach(d, v, i, p, q, j, theta, horizon):
        return math.inf
    end = min(horizon, FOREVER)
    a = j - d.alpha * v + i
    gap_a, gap_b = d.rho - d.alpha, d.rho - d.beta
    whole = d.beta * gap_b * gap_b * i
    middle = end
    if whole != 0:
        value = (gap_a * gap_a * a - d.beta * (gap_a + gap_b) * i) / whole
        rest = gap_a * gap_a * (d.beta * i - (d.beta - d.alpha) * a) / whole
        middle = min(phi_inverse(d.beta - d.alpha, value, rest), end)
    low = 0.0
    for part in range(4):
        # The roots of s_1 and s_2 in order; between two of them s_0 turns once.
        if part == 0:
            high = sign_change(d, a, i, p, q, 1, 0.0, middle)
        elif part == 1:
            high = middle
        elif part == 2:
            high = sign_change(d, a, i, p, q, 1, middle, end)
        else:
            high = end
        if high <= low:
            continue
        first = slopes(d, a, i, p, q, low)[0]
        last = slopes(d, a, i, p, q, high)[0]
        if first > 0 or last > 0:
            turn = high
            if first < 0 or last < 0:
                turn = sign_change(d, a, i, p, q, 0, low, high)
            rise_from = low if first >= 0 else turn
            rise_to = high if last >= 0 else turn
            t = fire_while_rising(d, v, i, p, q, j, theta, rise_from, rise_to)
            if t < math.inf:
                return t
        low = high
    return math.inf
