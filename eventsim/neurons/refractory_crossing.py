"""Guaranteed first crossing with a refractory kernel (to be written)."""

from __future__ import annotations

import math

from eventsim.jit import jit


@jit()
def with_refractory_kernel(d, v, i, p, q, j, theta, horizon):
    """Return the time to threshold; see `eventsim.neurons.crossing`."""
    return math.inf
