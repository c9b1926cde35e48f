r"""Spike times in closed form, where the rates allow one (no refractory kernel).

With :math:`C = j/\alpha` (or 0) the potential is, in the four cases,

* :math:`\beta = 2\alpha` (``tau_m = 2 tau_s``), with :math:`y = 1 - e^{-\alpha t}`:
  the parabola :math:`v + (\dot u y - i y^2)/\alpha`, whose coefficients are the
  state's, so that a crossing at once and a vanishing current lose nothing;
* :math:`\alpha = \beta`: :math:`(v - C + i t)e^{-\alpha t} + C`, solved by the main
  branch of Lambert's W function and one Newton step that restores the digits
  which its argument loses;
* :math:`\alpha = 0`, no drive: :math:`v + (i/\beta)(1 - e^{-\beta t})`, a logarithm;
  with :math:`\beta = 0` too, a straight line;
* :math:`i = 0`: :math:`(v - C)e^{-\alpha t} + C`, a logarithm.

Each returns the first crossing, ``inf`` if there is none, and -1 where another
method has to decide: the case does not apply, or the formula would lose digits.
"""

from __future__ import annotations

import math

from eventsim.jit import jit
from eventsim.neurons.dynamics import phi

UNDECIDED = -1.0
# Shares of the discriminant below which its rounding shows in the time.
NEAR_GRAZING = 1e-6
# Squares of what lies between neither overflow nor lose digits.
SMALLEST_SQUARE, LARGEST_SQUARE = 1e-280, 1e290
LARGEST_SHIFT = 100.0


@jit(inline=True)
def lambert_w(z):
    """Return the main branch of Lambert's W, ``w exp(w) = z``, for ``z >= -1/e``.

    Parameters
    ----------
    z : float
        At least -1/e, finite.

    Returns
    -------
    float
        To a few units in the last place; near the branch point -1/e as good as
        ``z`` determines it.

    References
    ----------
    .. [1] R. M. Corless et al., "On the Lambert W function", Adv. Comput. Math. 5,
       1996 (Halley's iteration and the expansions it starts from).
    """
    if z < -0.25:
        p = math.sqrt(max(2 * (math.e * z + 1), 0.0))
        w = -1 + p * (1 + p * (-1 / 3 + p * (11 / 72 + p * (-43 / 540))))
        if p < 0.01:
            # The next terms are below 1e-17; Halley's step would divide by p.
            return w + p**5 * (769 / 17280 - p * (221 / 8505))
    elif z < 3:
        w = math.log1p(z) * (1 - math.log1p(math.log1p(z)) / (2 + math.log1p(z)))
    else:
        w = math.log(z) - math.log(math.log(z))
    for _ in range(20):
        e = math.exp(w)
        f = w - z / e
        step = f / ((w + 1) - (w + 2) * f / (2 * w + 2))
        w -= step
        if abs(step) <= 4e-16 * (1e-300 + abs(w)):
            break
    return w


@jit(inline=True)
def quadratic(alpha, v, i, j, theta):
    """Return the crossing for ``beta == 2 alpha`` and ``i != 0``."""
    # i y^2 - rise y + gap = 0 has to have a root y = 1 - exp(-alpha t) in (0, 1).
    rise = j - alpha * v + i
    gap = alpha * (theta - v)
    size = rise * rise + abs(4 * i * gap)
    discriminant = rise * rise - 4 * i * gap
    if not (SMALLEST_SQUARE < size < LARGEST_SQUARE):
        return UNDECIDED
    if i > 0 and (rise <= 0 or discriminant < -NEAR_GRAZING * size):
        return math.inf
    if discriminant <= NEAR_GRAZING * size:
        return UNDECIDED
    if j <= alpha * theta and (i < 0 or rise >= 2 * i):
        # In the end it rises for ever, but to no more than the threshold.
        return math.inf
    root = math.sqrt(discriminant)
    # The smaller positive root, as a sum of numbers of one sign.
    y = 2 * gap / (rise + root) if rise > 0 else (rise - root) / (2 * i)
    if y < 0.5:
        return -math.log1p(-y) / alpha
    # The same root as x = 1 - y, where y would lose digits.
    linear = 2 * i - rise
    if i > 0 and linear > 0:
        x = (linear + root) / (2 * i)
    else:
        x = 2 * (j - alpha * theta) / (root - linear)
    return -math.log(x) / alpha if x > 0 else math.inf


@jit(inline=True)
def lambert(alpha, v, i, j, theta):
    """Return the crossing for ``alpha == beta > 0`` and ``i != 0``."""
    rise = j - alpha * v + i
    if i < 0:
        return UNDECIDED
    if rise <= 0:
        return math.inf
    height = v - j / alpha
    goal = theta - j / alpha
    shift = alpha * height / i
    if not abs(shift) < LARGEST_SHIFT:
        return UNDECIDED
    z = -(alpha * goal / i) * math.exp(-shift)
    if z < -(1 + NEAR_GRAZING) / math.e:
        return math.inf
    if not (-(1 - NEAR_GRAZING) / math.e < z < LARGEST_SQUARE):
        return UNDECIDED
    t = -(lambert_w(z) + shift) / alpha
    decay = math.exp(-alpha * t)
    slope = decay * (rise - alpha * i * t)
    excess = decay * (v + i * t) + phi(alpha, t) * j - theta
    # Larger than any loss of digits is a step only where rounding rules.
    if alpha * abs(excess) < 1e-6 * slope:
        t -= excess / slope
    # Just below the threshold the time is smaller than its rounding.
    return t if t > 0 else UNDECIDED


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
        return math.log1p((theta - v) / (rest - theta)) / d.alpha
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
