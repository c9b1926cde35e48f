"""Convolutions with the dynamic threshold: traces, spikes and adjoints in one pass.

Each sample's receptive fields are gathered once, stacked on their binary mask,
and one matrix product gives both traces; neurons fire while the result is still
in cache. A sample is always one product of the same size, so results depend
neither on threads nor on batching; weight gradients are summed over fixed chunks
of samples in fixed order.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.engine.field_kernels import copy_padded, gather_fields, scatter_fields
from eventsim.jit import jit
from eventsim.neurons.relpsp import fire_in_window

SAMPLES = 8
SPARSE = 5


@jit(inline=True)
def copy_masked(padded, padding, source, target):
    """Copy the middle of a padded map, with 0 where `source` is silent."""
    height, width, channels = source.shape
    zero = target.dtype.type(0)
    for y in range(height):
        row = padded[y + padding].ravel()[padding * channels :]
        values = source[y].ravel()
        out = target[y].ravel()
        for k in range(width * channels):
            out[k] = row[k] if values[k] > zero else zero


@jit(inline=True)
def binarise(values, mask):
    """Write 1 where a value is positive and 0 elsewhere."""
    for k in range(values.size):
        mask[k] = values.dtype.type(1) if values[k] > 0 else values.dtype.type(0)


@jit(inline=True)
def count_nonzero(values):
    """Return how many values are not 0."""
    total = 0
    for k in range(values.size):
        total += values[k] != 0
    return total


@jit(inline=True)
def add_sparse_gradients(adjoints, stacked, transposed, d_transposed, d_fields):
    """Add weight and field gradients of one sample, neuron by neuron.

    Only neurons that fired inside their window and whose spike passed the pool behind
    them have an adjoint. Below one in `SPARSE` this is faster than two matrix products
    over all of them.
    """
    places = d_fields.shape[0]
    for place in range(places):
        d_potential = adjoints[place]
        d_slope = adjoints[places + place]
        field = stacked[place]
        mask = stacked[places + place]
        d_field = d_fields[place]
        d_field[:] = 0
        for j in range(d_potential.size):
            if d_potential[j] != 0:
                a, s = d_potential[j], d_slope[j]
                w = transposed[j]
                d_w = d_transposed[j]
                for i in range(field.size):
                    d_w[i] += a * field[i] + s * mask[i]
                    d_field[i] += a * w[i]


@jit(parallel=True)
def conv_forward(activation, weight, stride, padding, out_activation, out_gain):
    """Fire a convolutional layer.

    Parameters
    ----------
    activation : ndarray, shape (batch, height, width, channels_in)
        Activations in [0, 1]; 0 = silent.
    weight : ndarray, shape (kernel_h, kernel_w, channels_in, channels_out)
        Synaptic weights.
    stride, padding : int
        Geometry.
    out_activation, out_gain : ndarray, shape (batch, out_h, out_w, channels_out)
        Written, see `eventsim.neurons.relpsp.fire_in_window`.
    """
    batch, height, width, channels = activation.shape
    kernel = weight.shape[:2]
    n_out = weight.shape[3]
    out_shape = out_activation.shape[1:3]
    places = out_shape[0] * out_shape[1]
    matrix = weight.reshape(-1, n_out)
    full_width = width + 2 * padding
    for chunk in prange((batch + SAMPLES - 1) // SAMPLES):
        stacked = np.empty((2 * places, matrix.shape[0]), weight.dtype)
        fields = stacked[:places].ravel()
        mask = stacked[places:].ravel()
        product = np.empty((2 * places, n_out), weight.dtype)
        traces = product.ravel()
        padded = np.zeros((height + 2 * padding, full_width, channels), weight.dtype)
        for b in range(chunk * SAMPLES, min(batch, (chunk + 1) * SAMPLES)):
            copy_padded(activation[b], padding, padded)
            gather_fields(
                padded.ravel(), full_width, channels, kernel, stride, out_shape, fields
            )
            binarise(fields, mask)
            np.dot(stacked, matrix, product)
            spikes = out_activation[b].ravel()
            gains = out_gain[b].ravel()
            potential = traces[: spikes.size]
            slope = traces[spikes.size :]
            for k in range(spikes.size):
                spikes[k], gains[k] = fire_in_window(potential[k], slope[k])


@jit(parallel=True)
def conv_backward(
    activation,
    weight,
    stride,
    padding,
    out_activation,
    out_gain,
    d_out,
    limit,
    partial,
    d_activation,
):
    """Compute weight and input gradients of a convolutional layer.

    Parameters
    ----------
    activation, weight, stride, padding, out_activation, out_gain
        As in `conv_forward`.
    d_out : ndarray, shape (batch, out_h, out_w, channels_out)
        dL/d(activation) of this layer.
    limit : float, dimensionless
        Clip of both derivative factors, ``inf`` for the exact gradient.
    partial : ndarray, shape (n_chunks, fan_in, channels_out)
        Written: weight gradient of each chunk of `SAMPLES` samples.
    d_activation : ndarray, shape (batch, height, width, channels_in) or (0, ...)
        Written unless its first axis is empty; silent neurons get zero.
    """
    batch, height, width, channels = activation.shape
    kernel = weight.shape[:2]
    n_out = weight.shape[3]
    out_shape = out_activation.shape[1:3]
    places = out_shape[0] * out_shape[1]
    matrix = weight.reshape(-1, n_out)
    transposed = np.ascontiguousarray(matrix.T)
    full_width = width + 2 * padding
    one = weight.dtype.type(1)
    for chunk in prange((batch + SAMPLES - 1) // SAMPLES):
        stacked = np.empty((2 * places, matrix.shape[0]), weight.dtype)
        fields = stacked[:places].ravel()
        mask = stacked[places:].ravel()
        adjoints = np.empty((2 * places, n_out), weight.dtype)
        flat = adjoints.ravel()
        padded = np.zeros((height + 2 * padding, full_width, channels), weight.dtype)
        d_padded = np.empty_like(padded)
        d_fields = np.empty((places, matrix.shape[0]), weight.dtype)
        d_matrix = np.empty_like(matrix)
        d_transposed = np.zeros_like(transposed)
        partial[chunk] = 0
        for b in range(chunk * SAMPLES, min(batch, (chunk + 1) * SAMPLES)):
            copy_padded(activation[b], padding, padded)
            gather_fields(
                padded.ravel(), full_width, channels, kernel, stride, out_shape, fields
            )
            binarise(fields, mask)
            spikes = out_activation[b].ravel()
            gains = out_gain[b].ravel()
            incoming = d_out[b].ravel()
            d_potential = flat[: spikes.size]
            d_slope = flat[spikes.size :]
            for k in range(spikes.size):
                q = gains[k]
                d_potential[k] = incoming[k] * min(q, limit)
                d_slope[k] = incoming[k] * min(q * (one - spikes[k]), limit)
            is_sparse = count_nonzero(d_potential) * SPARSE < spikes.size
            if is_sparse:
                add_sparse_gradients(
                    adjoints, stacked, transposed, d_transposed, d_fields
                )
            else:
                np.dot(stacked.T, adjoints, d_matrix)
                partial[chunk] += d_matrix
            if d_activation.shape[0] > 0:
                if not is_sparse:
                    np.dot(adjoints[:places], matrix.T, d_fields)
                d_padded[:] = 0
                scatter_fields(
                    d_fields.ravel(),
                    full_width,
                    channels,
                    kernel,
                    stride,
                    out_shape,
                    d_padded.ravel(),
                )
                copy_masked(d_padded, padding, activation[b], d_activation[b])
        partial[chunk] += d_transposed.T
