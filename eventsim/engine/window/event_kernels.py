"""Kernels that build and regroup lists of events."""

from __future__ import annotations

from numba import prange

from eventsim.jit import jit


@jit(parallel=True)
def count_events(activation, counts):
    """Write 0 and then the number of spikes of each sample into `counts`."""
    counts[0] = 0
    for b in prange(activation.shape[0]):
        total = 0
        for i in range(activation.shape[1]):
            total += activation[b, i] > 0
        counts[b + 1] = total


@jit(parallel=True)
def fill_events(activation, offsets, index, value):
    """Write neuron and activation of each spike, grouped by sample."""
    for b in prange(activation.shape[0]):
        k = offsets[b]
        for i in range(activation.shape[1]):
            if activation[b, i] > 0:
                index[k] = i
                value[k] = activation[b, i]
                k += 1


@jit()
def regroup_events(offsets, neuron, value, cursor, sample_out, value_out):
    """Move events grouped by sample to groups by neuron; `cursor` is used up."""
    for b in range(offsets.size - 1):
        for k in range(offsets[b], offsets[b + 1]):
            to = cursor[neuron[k]]
            cursor[neuron[k]] = to + 1
            sample_out[to] = b
            value_out[to] = value[k]
