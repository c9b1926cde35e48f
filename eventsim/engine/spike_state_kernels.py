"""Fingerprints of what made neurons fire."""

from __future__ import annotations

import numpy as np

from eventsim.jit import jit


@jit(inline=True)
def mixed(number):
    """Return a number whose bits all depend on those of the given one."""
    x = np.uint64(number) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@jit()
def sum_causes(
    offsets,
    source,
    delay,
    input_offsets,
    input_time,
    label,
    n_in,
    key,
    time,
    is_inclusive,
    sums,
):
    """Write a number for the set of arrivals before each spike.

    Parameters
    ----------
    offsets, source, delay : ndarrays
        Synapses of each neuron, see `eventsim.engine.fan_in.FanIn`.
    input_offsets : ndarray, shape (batch * n_in + 1,), int64
        Spikes of each input neuron of each sample.
    input_time : ndarray, shape (n_input_spikes,), network time units
        Grouped like that.
    label : ndarray, shape (n_input_spikes,), int64
        What tells apart the spikes of an input neuron.
    n_in : int
        Number of input neurons.
    key : ndarray, shape (n_spikes,), int64
        Sample times number of neurons, plus the neuron that fired.
    time : ndarray, shape (n_spikes,), network time units
        Up to when arrivals count.
    is_inclusive : bool
        Whether those at that time do.
    sums : ndarray, shape (n_spikes,), int64
        Written.
    """
    n_out = offsets.size - 1
    for k in range(key.size):
        sample, neuron = key[k] // n_out, key[k] % n_out
        total = np.uint64(0)
        for s in range(offsets[neuron], offsets[neuron + 1]):
            entry = sample * n_in + source[s]
            for m in range(input_offsets[entry], input_offsets[entry + 1]):
                t = input_time[m] + delay[s]
                if t < time[k] or (is_inclusive and t == time[k]):
                    total += mixed(mixed(label[m] + 1) + np.uint64(s))
        sums[k] = np.int64(total >> np.uint64(1))
