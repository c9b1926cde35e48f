"""Event-driven convolutions: each input spike visits its own synapses and no others.

They serve a first layer with a single input channel, where most inputs are silent
and receptive fields are too short for a matrix product to pay. For stride 1 the
outputs that one input row touches in one output row are neighbours, so kernel
columns are reversed once and every spike adds one contiguous run per kernel row.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.engine.window.conv_kernels import SAMPLES
from eventsim.jit import jit
from eventsim.neurons.relpsp import fire_in_window


@jit()
def reversed_columns(weight):
    """Return weights as (channels_in, kernel_h, kernel_w * channels_out), reversed."""
    kernel_h, kernel_w, channels, n_out = weight.shape
    reversed_weight = np.empty((channels, kernel_h, kernel_w * n_out), weight.dtype)
    for c in range(channels):
        for ky in range(kernel_h):
            for kx in range(kernel_w):
                to = (kernel_w - 1 - kx) * n_out
                reversed_weight[c, ky, to : to + n_out] = weight[ky, kx, c]
    return reversed_weight


@jit(parallel=True)
def conv_events_forward(activation, weight, padding, out_activation, out_gain):
    """Fire a convolutional layer of stride 1 from the spikes of its input.

    Parameters
    ----------
    activation : ndarray, shape (batch, height, width, channels_in)
        Activations in [0, 1]; 0 = silent.
    weight : ndarray, shape (kernel_h, kernel_w, channels_in, channels_out)
        Synaptic weights.
    padding : int
        Silent border.
    out_activation, out_gain : ndarray, shape (batch, out_h, out_w, channels_out)
        Written, see `eventsim.neurons.relpsp.fire_in_window`.
    """
    batch, height, width, channels = activation.shape
    kernel_h, kernel_w, _, n_out = weight.shape
    out_h, out_w = out_activation.shape[1:3]
    rows = reversed_columns(weight)
    for chunk in prange((batch + SAMPLES - 1) // SAMPLES):
        potential = np.empty((out_h, out_w * n_out), weight.dtype)
        slope = np.empty((out_h, out_w * n_out), weight.dtype)
        for b in range(chunk * SAMPLES, min(batch, (chunk + 1) * SAMPLES)):
            potential[:] = 0
            slope[:] = 0
            for y in range(height):
                for x in range(width):
                    first = max(0, x + padding - kernel_w + 1)
                    last = min(out_w, x + padding + 1)
                    skip = (kernel_w - 1 - x - padding + first) * n_out
                    run = (last - first) * n_out
                    for c in range(channels):
                        value = activation[b, y, x, c]
                        if value > 0:
                            for ky in range(
                                max(0, y + padding - out_h + 1),
                                min(kernel_h, y + padding + 1),
                            ):
                                row = y + padding - ky
                                w = rows[c, ky, skip : skip + run]
                                start = first * n_out
                                p = potential[row, start : start + run]
                                s = slope[row, start : start + run]
                                for k in range(run):
                                    p[k] += value * w[k]
                                    s[k] += w[k]
            for row in range(out_h):
                spikes = out_activation[b, row].ravel()
                gains = out_gain[b, row].ravel()
                p = potential[row]
                s = slope[row]
                for k in range(p.size):
                    spikes[k], gains[k] = fire_in_window(p[k], s[k])


@jit(parallel=True)
def conv_events_weight_gradient(
    activation, padding, out_activation, out_gain, d_out, limit, partial
):
    """Compute the weight gradient of a convolution of stride 1, spike by spike.

    Parameters
    ----------
    activation, padding, out_activation, out_gain
        As in `conv_events_forward`.
    d_out : ndarray, shape (batch, out_h, out_w, channels_out)
        dL/d(activation) of this layer.
    limit : float, dimensionless
        Clip of both derivative factors, ``inf`` for the exact gradient.
    partial : ndarray, shape (n_chunks, kernel_h, kernel_w, channels_in, channels_out)
        Written: weight gradient of each chunk of `SAMPLES` samples.
    """
    batch, height, width, channels = activation.shape
    _, kernel_h, kernel_w, _, n_out = partial.shape
    out_h, out_w = out_activation.shape[1:3]
    one = out_gain.dtype.type(1)
    for chunk in prange((batch + SAMPLES - 1) // SAMPLES):
        d_rows = np.zeros((channels, kernel_h, kernel_w * n_out), partial.dtype)
        d_potential = np.empty((out_h, out_w * n_out), partial.dtype)
        d_slope = np.empty((out_h, out_w * n_out), partial.dtype)
        for b in range(chunk * SAMPLES, min(batch, (chunk + 1) * SAMPLES)):
            for row in range(out_h):
                spikes = out_activation[b, row].ravel()
                gains = out_gain[b, row].ravel()
                incoming = d_out[b, row].ravel()
                p = d_potential[row]
                s = d_slope[row]
                for k in range(p.size):
                    p[k] = incoming[k] * min(gains[k], limit)
                    s[k] = incoming[k] * min(gains[k] * (one - spikes[k]), limit)
            for y in range(height):
                for x in range(width):
                    first = max(0, x + padding - kernel_w + 1)
                    last = min(out_w, x + padding + 1)
                    skip = (kernel_w - 1 - x - padding + first) * n_out
                    run = (last - first) * n_out
                    for c in range(channels):
                        value = activation[b, y, x, c]
                        if value > 0:
                            for ky in range(
                                max(0, y + padding - out_h + 1),
                                min(kernel_h, y + padding + 1),
                            ):
                                row = y + padding - ky
                                d_w = d_rows[c, ky, skip : skip + run]
                                start = first * n_out
                                p = d_potential[row, start : start + run]
                                s = d_slope[row, start : start + run]
                                for k in range(run):
                                    d_w[k] += value * p[k] + s[k]
        for c in range(channels):
            for ky in range(kernel_h):
                for kx in range(kernel_w):
                    place = (kernel_w - 1 - kx) * n_out
                    partial[chunk, ky, kx, c] = d_rows[c, ky, place : place + n_out]
