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
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.jit import jit
from eventsim.neurons.dynamics import kappa, phi

# Where the tangents but the first, at 0, touch; in units of the time at which kappa
# is largest.
TOUCHES = (0.32, 0.74, 1.32)
# Groups of a row for which a close bound costs more than it saves.
NARROW = 4


class Polygon(NamedTuple):
    """Tangents of the answer to a current, as a function of z.

    The first is ``height = z``; here are the three others.

    Parameters
    ----------
    corner : tuple of three floats
        z at which each begins and the one before it ends.
    top : tuple of three floats
        Height there.
    origin, slope : tuple of three floats
        Height of the tangents at ``z = 0``, their slopes.
    """

    corner: tuple[float, float, float]
    top: tuple[float, float, float]
    origin: tuple[float, float, float]
    slope: tuple[float, float, float]


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
def flat_polygon_of(d):
    """Return the polygon of two tangents only: at 0, and the one that is level."""
    height, none = peak_of(d)[1], math.inf
    if d.alpha == 0 and d.beta > 0:
        height = 1 / d.beta
    return Polygon(
        (height, none, none),
        (height, none, none),
        (height, none, none),
        (0.0, 0.0, 0.0),
    )


@jit()
def polygon_of(d):
    """Return the polygon of four tangents of a neuron with the given constants."""
    unit = peak_of(d)[0]
    if unit == math.inf:
        fast = max(d.alpha, d.beta)
        unit = 1 / fast if fast > 0 else 1.0
    origin, slope = np.zeros(4), np.ones(4)
    corner, top = np.empty(3), np.empty(3)
    for k in range(3):
        t = TOUCHES[k] * unit
        z, height = phi(d.alpha, t), kappa(d.alpha, d.beta, t)
        slope[k + 1] = 1 - d.beta * height * math.exp(d.alpha * t)
        if k == 2 and d.alpha == 0 and d.beta > 0:
            # It rises for ever, towards a limit.
            height, slope[3] = 1 / d.beta, 0.0
        origin[k + 1] = height - slope[k + 1] * z
        # Without leak of the current all tangents are one line.
        bend = slope[k] - slope[k + 1]
        corner[k] = (origin[k + 1] - origin[k]) / bend if bend > 0 else z
        top[k] = origin[k] + slope[k] * corner[k]
    return Polygon(
        (corner[0], corner[1], corner[2]),
        (top[0], top[1], top[2]),
        (origin[1], origin[2], origin[3]),
        (slope[1], slope[2], slope[3]),
    )


@jit(inline=True, borrows=True)
def share_and_rest(d, z, height, since):
    """Return what a corner asks: u may reach h if ``share x + rest y >= h``.

    Parameters
    ----------
    d : Dynamics
        Constants.
    z, height : float
        The corner.
    since : tuple of float
        From `since_base`, at the beginning of the silence.
    """
    lift, _, down_a, _, down_b = since
    share = max(1 - d.alpha * z, 0.0) * down_a
    return share, share * lift + height * d.gain * down_b


@jit(inline=True, borrows=True)
def two_corners(d, polygon, z, since):
    """Return shares and rests of a polygon that ends on its second tangent at `z`.

    If it ends on the first already, the bound of both corners is that of one.
    """
    first = min(z, polygon.corner[0])
    last = min(z, polygon.origin[0] + polygon.slope[0] * z)
    one = share_and_rest(d, first, first, since)
    two = share_and_rest(d, z, last, since)
    return one[0], one[1], two[0], two[1]


@jit(inline=True, borrows=True)
def four_corners(d, polygon, z, since):
    """Return shares and rests of a polygon that ends anywhere at `z`."""
    corner, top, origin, slope = polygon
    last = min(
        min(z, origin[0] + slope[0] * z),
        min(origin[1] + slope[1] * z, origin[2] + slope[2] * z),
    )
    second = top[1] if z > corner[1] else last
    third = top[2] if z > corner[2] else last
    one = share_and_rest(d, min(z, corner[0]), min(z, top[0]), since)
    two = share_and_rest(d, min(z, corner[1]), second, since)
    three = share_and_rest(d, min(z, corner[2]), third, since)
    four = share_and_rest(d, z, last, since)
    return one[0], one[1], two[0], two[1], three[0], three[1], four[0], four[1]
