"""Weighted sums of real inputs, and their derivatives, one matrix product at a time.

Products have sizes that depend neither on the number of threads nor on how samples
are batched: dense layers take a fixed number of rows, the last padded with zeros,
convolutions the receptive fields of one sample. Memory is that of one such product
for each thread.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.engine.field_kernels import copy_padded, gather_fields, scatter_fields
from eventsim.jit import jit

ROWS = 16
COLUMNS = 64
SAMPLES = 8


@jit(inline=True)
def copy_rows(source, first, rows):
    """Copy rows from `first` on, and zeros where there are no more."""
    n = min(len(source) - first, len(rows))
    rows[:n] = source[first : first + n]
    rows[n:] = 0


@jit(parallel=True)
def dense_sums(inputs, weight, sums):
    """Sum the inputs of a dense layer.

    Parameters
    ----------
    inputs : ndarray, shape (batch, n_in)
        Real numbers.
    weight : ndarray, shape (n_in, n_out)
        Weights.
    sums : ndarray, shape (batch, n_out)
        Written.
    """
    batch, n_in = inputs.shape
    for chunk in prange((batch + ROWS - 1) // ROWS):
        rows = np.empty((ROWS, n_in), weight.dtype)
        product = np.empty((ROWS, weight.shape[1]), weight.dtype)
        first = chunk * ROWS
        copy_rows(inputs, first, rows)
        np.dot(rows, weight, product)
        n = min(batch - first, ROWS)
        sums[first : first + n] = product[:n]


@jit(parallel=True)
def dense_by_weight(inputs, d_sums, d_weight):
    """Differentiate by the weights of a dense layer, a chunk of inputs at a time.

    Parameters
    ----------
    inputs : ndarray, shape (batch, n_in)
        Real numbers.
    d_sums : ndarray, shape (batch, n_out)
        Derivatives by the sums.
    d_weight : ndarray, shape (n_in, n_out)
        Written.
    """
    n_in = inputs.shape[1]
    for chunk in prange((n_in + COLUMNS - 1) // COLUMNS):
        start = chunk * COLUMNS
        stop = min(n_in, start + COLUMNS)
        part = np.ascontiguousarray(inputs[:, start:stop])
        np.dot(part.T, d_sums, d_weight[start:stop])


@jit(parallel=True)
def dense_by_input(d_sums, weight, d_inputs):
    """Differentiate by the inputs of a dense layer.

    Parameters
    ----------
    d_sums : ndarray, shape (batch, n_out)
        Derivatives by the sums.
    weight : ndarray, shape (n_in, n_out)
        Weights.
    d_inputs : ndarray, shape (batch, n_in)
        Written.
    """
    batch, n_out = d_sums.shape
    for chunk in prange((batch + ROWS - 1) // ROWS):
        rows = np.empty((ROWS, n_out), weight.dtype)
        product = np.empty((ROWS, weight.shape[0]), weight.dtype)
        first = chunk * ROWS
        copy_rows(d_sums, first, rows)
        np.dot(rows, weight.T, product)
        n = min(batch - first, ROWS)
        d_inputs[first : first + n] = product[:n]


@jit(parallel=True)
def conv_sums(inputs, weight, stride, padding, sums):
    """Sum the inputs of a convolution.

    Parameters
    ----------
    inputs : ndarray, shape (batch, height, width, channels_in)
        Real numbers; the padding is 0.
    weight : ndarray, shape (kernel_h, kernel_w, channels_in, channels_out)
        Weights.
    stride, padding : int
        Geometry.
    sums : ndarray, shape (batch, out_h, out_w, channels_out)
        Written.
    """
    batch, height, width, channels = inputs.shape
    kernel = weight.shape[:2]
    n_out = weight.shape[3]
    out_shape = sums.shape[1:3]
    places = out_shape[0] * out_shape[1]
    matrix = weight.reshape(-1, n_out)
    full_width = width + 2 * padding
    for chunk in prange((batch + SAMPLES - 1) // SAMPLES):
        padded = np.zeros((height + 2 * padding, full_width, channels), weight.dtype)
        fields = np.empty((places, matrix.shape[0]), weight.dtype)
        for b in range(chunk * SAMPLES, min(batch, (chunk + 1) * SAMPLES)):
            copy_padded(inputs[b], padding, padded)
            gather_fields(
                padded.ravel(),
                full_width,
                channels,
                kernel,
                stride,
                out_shape,
                fields.ravel(),
            )
            np.dot(fields, matrix, sums[b].reshape(places, n_out))


@jit(parallel=True)
def conv_by_weight(inputs, d_sums, kernel, stride, padding, partial):
    """Differentiate by the weights of a convolution.

    Parameters
    ----------
    inputs : ndarray, shape (batch, height, width, channels_in)
        Real numbers.
    d_sums : ndarray, shape (batch, out_h, out_w, channels_out)
        Derivatives by the sums.
    kernel : tuple of int
        Kernel (height, width).
    stride, padding : int
        Geometry.
    partial : ndarray, shape (n_chunks, fan_in, channels_out)
        Written: the derivatives of each chunk of `SAMPLES` samples.
    """
    batch, height, width, channels = inputs.shape
    n_out = d_sums.shape[3]
    out_shape = d_sums.shape[1:3]
    places = out_shape[0] * out_shape[1]
    full_width = width + 2 * padding
    for chunk in prange(partial.shape[0]):
        padded = np.zeros((height + 2 * padding, full_width, channels), inputs.dtype)
        fields = np.empty((places, partial.shape[1]), inputs.dtype)
        product = np.empty((partial.shape[1], n_out), inputs.dtype)
        partial[chunk] = 0
        for b in range(chunk * SAMPLES, min(batch, (chunk + 1) * SAMPLES)):
            copy_padded(inputs[b], padding, padded)
            gather_fields(
                padded.ravel(),
                full_width,
                channels,
                kernel,
                stride,
                out_shape,
                fields.ravel(),
            )
            np.dot(fields.T, d_sums[b].reshape(places, n_out), product)
            partial[chunk] += product


@jit(parallel=True)
def conv_by_input(d_sums, weight, stride, padding, d_inputs):
    """Differentiate by the inputs of a convolution.

    Parameters
    ----------
    d_sums : ndarray, shape (batch, out_h, out_w, channels_out)
        Derivatives by the sums.
    weight : ndarray, shape (kernel_h, kernel_w, channels_in, channels_out)
        Weights.
    stride, padding : int
        Geometry.
    d_inputs : ndarray, shape (batch, height, width, channels_in)
        Written.
    """
    batch, height, width, channels = d_inputs.shape
    kernel = weight.shape[:2]
    n_out = weight.shape[3]
    out_shape = d_sums.shape[1:3]
    places = out_shape[0] * out_shape[1]
    matrix = weight.reshape(-1, n_out)
    full_width = width + 2 * padding
    for chunk in prange((batch + SAMPLES - 1) // SAMPLES):
        padded = np.empty((height + 2 * padding, full_width, channels), weight.dtype)
        fields = np.empty((places, matrix.shape[0]), weight.dtype)
        for b in range(chunk * SAMPLES, min(batch, (chunk + 1) * SAMPLES)):
            np.dot(d_sums[b].reshape(places, n_out), matrix.T, fields)
            padded[:] = 0
            scatter_fields(
                fields.ravel(),
                full_width,
                channels,
                kernel,
                stride,
                out_shape,
                padded.ravel(),
            )
            d_inputs[b] = padded[padding : padding + height, padding : padding + width]
