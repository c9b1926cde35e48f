r"""Spike times in closed form, where the rates allow one (no refractory kernel).

With :math:`C = j/\alpha` (or 0) the potential is, in the four cases,

* :math:`\beta = 2\alpha` (``tau_m = 2 tau_s``), with :math:`x = e^{-\alpha t}`:
  the parabola :math:`-(i/\alpha)x^2 + (v + i/\alpha - C)x + C`;
* :math:`\alpha = \beta`: :math:`(v - C + i t)e^{-\alpha t} + C`, solved by the main
  branch of Lambert's W function;
* :math:`\alpha = 0`, no drive: :math:`v + (i/\beta)(1 - e^{-\beta t})`, a logarithm;
  with :math:`\beta = 0` too, a straight line;
* :math:`i = 0`: :math:`(v - C)e^{-\alpha t} + C`, a logarithm.

Each returns the first crossing, ``inf`` if there is none, and -1 where another
method has to decide: the case does not apply, or the formula would lose digits.
"""

from __future__ import annotations

import math

from eventsim.jit import jit

UNDECIDED = -1.0
NEAR_GRAZING = 1e-6


@jit(inline=True)
def lambert_w(z):
    """Return the main branch of Lambert's W, ``w exp(w) = z``, for ``z >= -1/e``.

    Parameters
    ----------
    z : float
        At least -1/e.

    Returns
    -------
    float
        To a few units in the last place, away from the branch point.

    References
    ----------
    .. [1] R. M. Corless et al., "On the Lambert W function", Adv. Comput. Math. 5,
       1996 (Halley's iteration and the expansions it starts from).
    """
    if z < -0.25:
        p = math.sqrt(max(2 * (math.e * z + 1), 0.0))
        w = -1 + p * (1 - p / 3 + 11 * p * p / 72)
    elif z < 3:
        w = math.log1p(z) * (1 - math.log1p(math.log1p(z)) / (2 + math.log1p(z)))
    else:
        w = math.log(z) - math.log(math.log(z))
    for _ in range(20):
        e = math.exp(w)
        f = w * e - z
        step = f / (e * (w + 1) - (w + 2) * f / (2 * w + 2))
        w -= step
        if abs(step) <= 4e-16 * (1 + abs(w)):
            break
    return w


@jit(inline=True)
def quadratic(alpha, v, i, j, theta):
    """Return the crossing for ``beta == 2 alpha`` and ``i != 0``."""
    offset = j / alpha
    square = -i / alpha
    linear = v - offset - square
    constant = offset - theta
    # The largest root x below 1 is the earliest crossing.
    discriminant = linear * linear - 4 * square * constant
    scale = linear * linear + abs(4 * square * constant)
    if abs(discriminant) <= NEAR_GRAZING * scale:
        return UNDECIDED
    if discriminant < 0:
        return math.inf
    root = math.sqrt(discriminant)
    # Two forms of the same roots; each adds numbers of one sign.
    half = -0.5 * (linear + math.copysign(root, linear))
    first, second = half / square, constant / half
    low, high = min(first, second), max(first, second)
    x = high if high < 1 else low
    if not 0 < x < 1:
        return math.inf
    # At v < theta the potential can only cross upwards first.
    return -math.log(x) / alpha


@jit(inline=True)
def lambert(alpha, v, i, j, theta):
    """Return the crossing for ``alpha == beta > 0`` and ``i != 0``."""
    height = v - j / alpha
    goal = theta - j / alpha
    shift = alpha * height / i
    if abs(shift) > 500:
        return UNDECIDED
    z = -(alpha * goal / i) * math.exp(-shift)
    if i < 0:
        return UNDECIDED
    if z < -1 / math.e:
        return math.inf if z < -(1 + NEAR_GRAZING) / math.e else UNDECIDED
    if z < -(1 - NEAR_GRAZING) / math.e:
        return UNDECIDED
    t = -(lambert_w(z) + shift) / alpha
    return t if t > 0 else math.inf


@jit(inline=True)
def closed_form(d, v, i, j, theta):
    """Return the first crossing in closed form.

    Parameters
    ----------
    d : Dynamics
        Constants, with ``recoil == 0``.
    v, i : float
        State, ``v < theta``.
    j : float
        Drive.
    theta : float
        Height at which the neuron fires.

    Returns
    -------
    float, network time units
        ``inf``: none; -1: undecided here.
    """
    if i == 0:
        if d.alpha == 0:
            return (theta - v) / j if j > 0 else math.inf
        rest = j / d.alpha
        if rest <= theta:
            return math.inf
        return -math.log1p((theta - v) / (v - rest)) / d.alpha
    if d.alpha == 0:
        if d.beta == 0:
            return (theta - v) / (i + j) if i + j > 0 else math.inf
        if j != 0:
            return UNDECIDED
        reach = d.beta * (theta - v) / i
        return -math.log1p(-reach) / d.beta if 0 < reach < 1 else math.inf
    if d.beta == 2 * d.alpha:
        return quadratic(d.alpha, v, i, j, theta)
    if d.alpha == d.beta:
        return lambert(d.alpha, v, i, j, theta)
    return UNDECIDED
