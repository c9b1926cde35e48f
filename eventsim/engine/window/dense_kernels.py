"""Dense layers: two traces (potential and slope) of every neuron, and their adjoints.

``events_*`` kernels visit only the synapses of neurons that spiked; they serve
the input layer, where most neurons are silent. ``dense_*`` kernels stack the
activations on their binary mask and use one matrix product for both traces;
they serve hidden layers, where about half of the neurons spike. Rows are worked
in chunks of fixed size, padded with silence, so a result depends neither on the
number of threads nor on how samples are batched.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.jit import jit
from eventsim.neurons.relpsp import fire_in_window

ROWS = 16
COLUMNS = 256


@jit(inline=True)
def add_events(index, value, first, last, weight, start, stop, potential, slope):
    """Add the synapses of events `first` to `last` for neurons `start` to `stop`."""
    k = first
    while k + 4 <= last:
        w0 = weight[index[k], start:stop]
        w1 = weight[index[k + 1], start:stop]
        w2 = weight[index[k + 2], start:stop]
        w3 = weight[index[k + 3], start:stop]
        a0, a1, a2, a3 = value[k], value[k + 1], value[k + 2], value[k + 3]
        for j in range(stop - start):
            potential[j] += a0 * w0[j] + a1 * w1[j] + a2 * w2[j] + a3 * w3[j]
            slope[j] += (w0[j] + w1[j]) + (w2[j] + w3[j])
        k += 4
    while k < last:
        w0 = weight[index[k], start:stop]
        a0 = value[k]
        for j in range(stop - start):
            potential[j] += a0 * w0[j]
            slope[j] += w0[j]
        k += 1


@jit(parallel=True)
def events_traces(offsets, index, value, weight, potential, slope):
    """Accumulate both traces from a ragged batch of input events.

    Parameters
    ----------
    offsets : ndarray, shape (batch + 1,), int64
        Events of sample b are ``offsets[b]:offsets[b + 1]``.
    index, value : ndarray, shape (n_events,)
        Presynaptic neuron and its activation in (0, 1].
    weight : ndarray, shape (n_in, n_out)
        Synaptic weights.
    potential, slope : ndarray, shape (batch, n_out)
        Written: ``A`` and ``S`` of `eventsim.neurons.relpsp`.
    """
    batch, n_out = potential.shape
    for chunk in prange((batch + ROWS - 1) // ROWS):
        for start in range(0, n_out, COLUMNS):
            stop = min(n_out, start + COLUMNS)
            for b in range(chunk * ROWS, min(batch, (chunk + 1) * ROWS)):
                row_potential = potential[b, start:stop]
                row_slope = slope[b, start:stop]
                row_potential[:] = 0
                row_slope[:] = 0
                add_events(
                    index,
                    value,
                    offsets[b],
                    offsets[b + 1],
                    weight,
                    start,
                    stop,
                    row_potential,
                    row_slope,
                )


@jit(parallel=True)
def events_weight_gradient(offsets, sample, value, d_potential, d_slope, d_weight):
    """Accumulate the weight gradient from events grouped by input neuron.

    Parameters
    ----------
    offsets : ndarray, shape (n_in + 1,), int64
        Events of input neuron i are ``offsets[i]:offsets[i + 1]``.
    sample, value : ndarray, shape (n_events,)
        Sample of each event and its activation.
    d_potential, d_slope : ndarray, shape (batch, n_out)
        Adjoints of both traces.
    d_weight : ndarray, shape (n_in, n_out)
        Written.
    """
    n_in, n_out = d_weight.shape
    for chunk in prange((n_in + ROWS - 1) // ROWS):
        for start in range(0, n_out, COLUMNS):
            stop = min(n_out, start + COLUMNS)
            for i in range(chunk * ROWS, min(n_in, (chunk + 1) * ROWS)):
                row = d_weight[i, start:stop]
                row[:] = 0
                k = offsets[i]
                last = offsets[i + 1]
                while k + 4 <= last:
                    b0, b1 = sample[k], sample[k + 1]
                    b2, b3 = sample[k + 2], sample[k + 3]
                    p0 = d_potential[b0, start:stop]
                    p1 = d_potential[b1, start:stop]
                    p2 = d_potential[b2, start:stop]
                    p3 = d_potential[b3, start:stop]
                    s0 = d_slope[b0, start:stop]
                    s1 = d_slope[b1, start:stop]
                    s2 = d_slope[b2, start:stop]
                    s3 = d_slope[b3, start:stop]
                    a0, a1, a2, a3 = value[k], value[k + 1], value[k + 2], value[k + 3]
                    for j in range(stop - start):
                        row[j] += (a0 * p0[j] + s0[j]) + (a1 * p1[j] + s1[j])
                        row[j] += (a2 * p2[j] + s2[j]) + (a3 * p3[j] + s3[j])
                    k += 4
                while k < last:
                    p0 = d_potential[sample[k], start:stop]
                    s0 = d_slope[sample[k], start:stop]
                    a0 = value[k]
                    for j in range(stop - start):
                        row[j] += a0 * p0[j] + s0[j]
                    k += 1


@jit(parallel=True)
def dense_traces(activation, weight, potential, slope):
    """Compute both traces of a hidden layer with one matrix product per chunk.

    Parameters
    ----------
    activation : ndarray, shape (batch, n_in)
        Activations in [0, 1]; 0 = silent.
    weight : ndarray, shape (n_in, n_out)
        Synaptic weights.
    potential, slope : ndarray, shape (batch, n_out)
        Written.
    """
    batch, n_in = activation.shape
    n_out = weight.shape[1]
    one = weight.dtype.type(1)
    zero = weight.dtype.type(0)
    for chunk in prange((batch + ROWS - 1) // ROWS):
        stacked = np.zeros((2 * ROWS, n_in), weight.dtype)
        product = np.empty((2 * ROWS, n_out), weight.dtype)
        base = chunk * ROWS
        n_rows = min(batch - base, ROWS)
        for row in range(n_rows):
            source = activation[base + row]
            values = stacked[row]
            mask = stacked[ROWS + row]
            for i in range(n_in):
                values[i] = source[i]
                mask[i] = one if source[i] > zero else zero
        np.dot(stacked, weight, product)
        for row in range(n_rows):
            potential[base + row] = product[row]
            slope[base + row] = product[ROWS + row]


@jit(parallel=True)
def dense_weight_gradient(activation, d_potential, d_slope, d_weight):
    """Compute the weight gradient of a hidden layer, a chunk of inputs at a time.

    Parameters
    ----------
    activation : ndarray, shape (batch, n_in)
        Activations in [0, 1]; 0 = silent.
    d_potential, d_slope : ndarray, shape (batch, n_out)
        Adjoints of both traces.
    d_weight : ndarray, shape (n_in, n_out)
        Written.
    """
    batch, n_in = activation.shape
    n_out = d_weight.shape[1]
    one = d_weight.dtype.type(1)
    zero = d_weight.dtype.type(0)
    adjoints = np.empty((2 * batch, n_out), d_weight.dtype)
    adjoints[:batch] = d_potential
    adjoints[batch:] = d_slope
    width = 4 * ROWS
    for chunk in prange((n_in + width - 1) // width):
        start = chunk * width
        stop = min(n_in, start + width)
        stacked = np.empty((2 * batch, stop - start), d_weight.dtype)
        for b in range(batch):
            for i in range(stop - start):
                value = activation[b, start + i]
                stacked[b, i] = value
                stacked[batch + b, i] = one if value > zero else zero
        np.dot(stacked.T, adjoints, d_weight[start:stop])


@jit(parallel=True)
def dense_input_gradient(activation, weight, d_potential, d_activation):
    """Compute dL/d(activation) of the layer before; silent neurons get zero.

    Parameters
    ----------
    activation : ndarray, shape (batch, n_in)
        Activations in [0, 1]; 0 = silent.
    weight : ndarray, shape (n_in, n_out)
        Synaptic weights.
    d_potential : ndarray, shape (batch, n_out)
        Adjoint of the potential.
    d_activation : ndarray, shape (batch, n_in)
        Written.
    """
    batch, n_in = activation.shape
    zero = weight.dtype.type(0)
    for chunk in prange((batch + ROWS - 1) // ROWS):
        start = chunk * ROWS
        stop = min(batch, start + ROWS)
        target = d_activation[start:stop]
        np.dot(d_potential[start:stop], weight.T, target)
        for row in range(stop - start):
            source = activation[start + row]
            for i in range(n_in):
                if not source[i] > zero:
                    target[row, i] = zero


@jit(parallel=True)
def fire_layer(potential, slope, activation, gain):
    """Apply `fire_in_window` to every neuron of a batch.

    Parameters
    ----------
    potential, slope : ndarray, shape (batch, n)
        Traces.
    activation, gain : ndarray, shape (batch, n)
        Written.
    """
    for b in prange(potential.shape[0]):
        for j in range(potential.shape[1]):
            activation[b, j], gain[b, j] = fire_in_window(potential[b, j], slope[b, j])


@jit(parallel=True)
def adjoint_of_traces(d_activation, activation, gain, limit, d_potential, d_slope):
    """Turn dL/d(activation) into the adjoints of both traces.

    Parameters
    ----------
    d_activation, activation, gain : ndarray, shape (batch, n)
        Incoming gradient and what `fire_layer` wrote.
    limit : float, dimensionless
        Both derivative factors are clipped to ``[-limit, limit]``; ``inf`` leaves
        the exact gradient.
    d_potential, d_slope : ndarray, shape (batch, n)
        Written.
    """
    one = gain.dtype.type(1)
    for b in prange(gain.shape[0]):
        for j in range(gain.shape[1]):
            q = gain[b, j]
            d_potential[b, j] = d_activation[b, j] * min(q, limit)
            rise = min(q * (one - activation[b, j]), limit)
            d_slope[b, j] = d_activation[b, j] * rise
