"""Pooling by earliest spike."""

from __future__ import annotations

from numba import prange

from eventsim.jit import jit


@jit(parallel=True)
def pool_earliest(earliness, size, stride, pooled, winner):
    """Pass the earliest spike of each window on.

    Parameters
    ----------
    earliness : ndarray, shape (batch, height, width, channels)
        Larger is earlier: an activation, or minus a spike time. A silent neuron
        has the smallest possible value.
    size, stride : int
        Window side and step.
    pooled : ndarray, shape (batch, out_height, out_width, channels)
        Written: the largest earliness of the window.
    winner : ndarray, same shape as `pooled`, int32
        Written: row-major place in the window, ``dy * size + dx``; the first one
        wins a tie.
    """
    batch, height, width, channels = pooled.shape
    for b in prange(batch):
        for y in range(height):
            for x in range(width):
                best = pooled[b, y, x]
                place = winner[b, y, x]
                best[:] = earliness[b, y * stride, x * stride]
                place[:] = 0
                for k in range(1, size * size):
                    row = earliness[b, y * stride + k // size, x * stride + k % size]
                    for c in range(channels):
                        is_earlier = row[c] > best[c]
                        best[c] = row[c] if is_earlier else best[c]
                        place[c] = k if is_earlier else place[c]


@jit(parallel=True)
def pool_gradient(d_pooled, winner, size, stride, d_input):
    """Give each window's gradient to the neuron whose spike passed.

    Parameters
    ----------
    d_pooled : ndarray, shape (batch, out_height, out_width, channels)
        Incoming gradient.
    winner : ndarray, same shape, int32
        What `pool_earliest` wrote.
    size, stride : int
        Window side and step.
    d_input : ndarray, shape (batch, height, width, channels)
        Written.
    """
    batch, height, width, channels = d_pooled.shape
    for b in prange(batch):
        d_input[b] = 0
        for y in range(height):
            for x in range(width):
                for c in range(channels):
                    k = winner[b, y, x, c]
                    d_input[b, y * stride + k // size, x * stride + k % size, c] += (
                        d_pooled[b, y, x, c]
                    )
