r"""Which neurons of a row may fire in a silence: bounds linear in their states.

Without a drive, the potential a time :math:`t` after a state :math:`v, i` is

.. math:: u = (1 - \alpha z)\, v + \kappa\, i, \qquad z = \varphi_\alpha(t),

and as a function of :math:`z` the answer :math:`\kappa` to a current is concave. So
the curve :math:`(z, \kappa)` lies below any of its tangents, and inside the polygon
of a few of them. :math:`u` is linear along each edge: for :math:`i > 0` it stays
below the largest of its values at the corners, whatever :math:`v`. (With
:math:`i \le 0` it does not rise through a positive threshold.) In a silence of
length :math:`\Delta` the polygon ends at :math:`\varphi_\alpha(\Delta)`; in a short
one that leaves one corner, on the tangent at 0.

At a corner both tangents count, so that the bound holds wherever the corner is put;
where they intersect it is closest.
"""

from __future__ import annotations

import math

import numpy as np

from eventsim.engine.sweep.row_coefficients import SERIES_BELOW, mean_decay
from eventsim.jit import jit
from eventsim.neurons.dynamics import kappa, phi

# Where the tangents touch, in units of the time at which kappa is largest.
TOUCHES = (0.0, 0.32, 0.74, 1.32)
N_CORNERS = len(TOUCHES)
# Columns of a polygon: where each edge ends, and its line.
Z_END, HEIGHT, SLOPE = range(3)


@jit(inline=True)
def peak_of(d):
    """Return when kappa is largest, and how large; ``inf`` if it never falls."""
    slow, fast = min(d.alpha, d.beta), max(d.alpha, d.beta)
    if slow == 0:
        return math.inf, math.inf
    gap = fast - slow
    time = math.log1p(gap / slow) / gap if gap > 0 else 1 / slow
    return time, kappa(d.alpha, d.beta, time)


@jit()
def polygon_of(d):
    """Return the polygon around the answer of a neuron to a current.

    Parameters
    ----------
    d : Dynamics
        Constants.

    Returns
    -------
    ndarray, shape (N_CORNERS, 3), float64
        Of each edge: z at its end, height at z = 0, slope. The last has no end.
    """
    polygon = np.empty((N_CORNERS, 3))
    unit = peak_of(d)[0]
    if unit == math.inf:
        fast = max(d.alpha, d.beta)
        unit = 1 / fast if fast > 0 else 1.0
    z_before = 0.0
    for k in range(N_CORNERS):
        t = TOUCHES[k] * unit
        z, height = phi(d.alpha, t), kappa(d.alpha, d.beta, t)
        rise = math.exp((d.alpha - d.beta) * t)
        slope = rise - d.alpha * height * math.exp(d.alpha * t)
        if k == N_CORNERS - 1 and d.alpha == 0 and d.beta > 0:
            # It rises for ever, towards a limit.
            height, slope = 1 / d.beta, 0.0
        polygon[k, Z_END] = math.inf
        polygon[k, HEIGHT] = height - slope * z
        polygon[k, SLOPE] = slope
        if k > 0:
            bend = polygon[k - 1, SLOPE] - slope
            meet = z
            if bend > 0:
                meet = (polygon[k, HEIGHT] - polygon[k - 1, HEIGHT]) / bend
            polygon[k - 1, Z_END] = min(max(meet, z_before), z)
        z_before = z
    return polygon


@jit(inline=True, borrows=True)
def n_corners_until(polygon, z):
    """Return how many corners a polygon has that ends at `z`."""
    n = 1
    for k in range(N_CORNERS - 1):
        n += z > polygon[k, Z_END]
    return n


@jit(inline=True, borrows=True)
def corner(d, polygon, k, n, z, since):
    """Return what a corner asks of x and y, in units of the threshold.

    Parameters
    ----------
    d : Dynamics
        Constants.
    polygon : ndarray
        From `polygon_of`.
    k : int
        Which; the last for those that are none.
    n : int
        From `n_corners_until`.
    z : float, network time units
        Where the polygon ends.
    since : tuple of float
        From `since_base`, at the beginning of the silence.

    Returns
    -------
    share, rest : float
        u may reach h if ``share x + rest y >= h``.
    """
    k = min(k, n - 1)
    z = min(z, polygon[k, Z_END])
    height = polygon[k, HEIGHT] + polygon[k, SLOPE] * z
    if k + 1 < n:
        height = max(height, polygon[k + 1, HEIGHT] + polygon[k + 1, SLOPE] * z)
    lift, _, down_a, _, down_b = since
    share = max(1 - d.alpha * z, 0.0) * down_a
    return share, share * lift + height * d.gain * down_b


@jit(inline=True)
def silence_of(d, dt, since, end):
    """Return ``phi_alpha(dt)`` of a silence, where its polygon ends.

    Parameters
    ----------
    d : Dynamics
        Constants.
    dt : float, network time units
        Its length.
    since, end : tuple of float
        From `since_base`, at its beginning, and from `growth_since`, at its end.
    """
    x = d.alpha * dt
    return (1 - since[1] * end[1]) / d.alpha if x > SERIES_BELOW else dt * mean_decay(x)
