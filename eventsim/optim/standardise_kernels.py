"""Weight standardisation and its derivative, column by column."""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from eventsim.jit import jit

COLUMNS = 400


@jit(parallel=True)
def standardise(raw, gamma, beta, epsilon, moments, weight):
    """Give every column of weights the mean beta and the standard deviation gamma.

    Parameters
    ----------
    raw : ndarray, shape (fan_in, n)
        Raw weights.
    gamma, beta : ndarray, shape (n,)
        Wanted standard deviation and mean.
    epsilon : float, dimensionless
        Added to the variance.
    moments : ndarray, shape (2, n), float64
        Written: mean of each column, and the root of its variance plus `epsilon`.
    weight : ndarray, shape (fan_in, n)
        Written.
    """
    fan_in, n = raw.shape
    for block in prange((n + COLUMNS - 1) // COLUMNS):
        first, last = block * COLUMNS, min(n, (block + 1) * COLUMNS)
        width = last - first
        mean, square = np.zeros(width), np.zeros(width)
        scale, shift = np.empty(width, raw.dtype), np.empty(width, raw.dtype)
        for r in range(fan_in):
            for c in range(width):
                mean[c] += raw[r, first + c]
        for c in range(width):
            mean[c] /= fan_in
        for r in range(fan_in):
            for c in range(width):
                gap = raw[r, first + c] - mean[c]
                square[c] += gap * gap
        for c in range(width):
            spread = math.sqrt(square[c] / max(fan_in - 1, 1) + epsilon)
            moments[0, first + c] = mean[c]
            moments[1, first + c] = spread
            scale[c] = gamma[first + c] / spread
            shift[c] = beta[first + c] - mean[c] * gamma[first + c] / spread
        for r in range(fan_in):
            for c in range(width):
                weight[r, first + c] = raw[r, first + c] * scale[c] + shift[c]


@jit(parallel=True)
def unstandardise(d_weight, raw, gamma, moments, d_raw, d_gamma, d_beta):
    """Differentiate through `standardise`.

    Parameters
    ----------
    d_weight : ndarray, shape (fan_in, n)
        dL/dW.
    raw, gamma, moments
        As there.
    d_raw : ndarray, shape (fan_in, n)
        Written: dL/dV.
    d_gamma, d_beta : ndarray, shape (n,)
        Written.
    """
    fan_in, n = raw.shape
    for block in prange((n + COLUMNS - 1) // COLUMNS):
        first, last = block * COLUMNS, min(n, (block + 1) * COLUMNS)
        width = last - first
        total, along = np.zeros(width), np.zeros(width)
        mean, scale = np.empty(width, raw.dtype), np.empty(width, raw.dtype)
        shift, tilt = np.empty(width, raw.dtype), np.empty(width, raw.dtype)
        for c in range(width):
            mean[c] = moments[0, first + c]
        for r in range(fan_in):
            for c in range(width):
                d = d_weight[r, first + c]
                total[c] += d
                along[c] += d * (raw[r, first + c] - mean[c])
        for c in range(width):
            spread = moments[1, first + c]
            d_beta[first + c] = total[c]
            d_gamma[first + c] = along[c] / spread
            scale[c] = gamma[first + c] / spread
            shift[c] = total[c] / fan_in
            tilt[c] = along[c] / (spread * spread * max(fan_in - 1, 1))
        for r in range(fan_in):
            for c in range(width):
                d = d_weight[r, first + c] - shift[c]
                d -= tilt[c] * (raw[r, first + c] - mean[c])
                d_raw[r, first + c] = scale[c] * d
