"""Weight updates, element by element."""

from __future__ import annotations

import math

from numba import prange

from eventsim.jit import jit

BLOCK = 8192
TINY = 1e-36


@jit(parallel=True)
def sgd_update(weight, gradient, velocity, lr, momentum, nesterov, decay, scale):
    """Update weights in place by stochastic gradient descent.

    Parameters
    ----------
    weight, gradient, velocity : ndarray, shape (n,)
        Flat views; `velocity` is updated too.
    lr, momentum, decay, scale : float, dimensionless
        Learning rate, momentum, L2 factor, factor on the gradient (clipping).
    nesterov : bool
        Look ahead.
    """
    tiny = weight.dtype.type(TINY)
    for block in prange((weight.size + BLOCK - 1) // BLOCK):
        part = slice(block * BLOCK, min(weight.size, (block + 1) * BLOCK))
        w, d, velocities = weight[part], gradient[part], velocity[part]
        for k in range(w.size):
            g = d[k] * scale + decay * w[k]
            v = momentum * velocities[k] + g
            v = v if abs(v) > tiny else v - v
            velocities[k] = v
            w[k] -= lr * (g + momentum * v if nesterov else v)


@jit(parallel=True)
def adam_update(
    weight, gradient, mean, square, step, beta1, beta2, epsilon, l2, shrink, scale
):
    """Update weights in place by Adam.

    Moments that have decayed below `TINY` are set to 0: denormal numbers cost far
    more than they are worth.

    Parameters
    ----------
    weight, gradient, mean, square : ndarray, shape (n,)
        Flat views; both moments are updated too.
    step : float, dimensionless
        Learning rate with both bias corrections: ``lr sqrt(1 - beta2^n) / (1 -
        beta1^n)``.
    beta1, beta2 : float, dimensionless
        Decay of the moments.
    epsilon : float, dimensionless
        Stabiliser, already multiplied by ``sqrt(1 - beta2^n)``.
    l2, shrink, scale : float, dimensionless
        L2 factor in the gradient; factor on the weight (decoupled decay); factor on
        the gradient (clipping).
    """
    one = weight.dtype.type(1)
    tiny = weight.dtype.type(TINY)
    for block in prange((weight.size + BLOCK - 1) // BLOCK):
        part = slice(block * BLOCK, min(weight.size, (block + 1) * BLOCK))
        w, d, means, squares = weight[part], gradient[part], mean[part], square[part]
        for k in range(w.size):
            g = d[k] * scale + l2 * w[k]
            m = beta1 * means[k] + (one - beta1) * g
            v = beta2 * squares[k] + (one - beta2) * g * g
            m = m if abs(m) > tiny else m - m
            v = v if v > tiny else v - v
            means[k] = m
            squares[k] = v
            w[k] = w[k] * shrink - step * m / (math.sqrt(v) + epsilon)
