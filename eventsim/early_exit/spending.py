"""What a run has cost by any time: spikes, and synaptic operations.

A synaptic operation (SOP) is an arrival of a spike at a synapse: of any neuron, the
input's too, through every synapse that leads on from it. Convolutions have fewer at
their borders. Pools and flattened maps have no synapses, spikes pass them. A spike
counts when it is fired, a SOP when it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod

import numpy as np

from eventsim.early_exit.trace import Trace
from eventsim.engine.fan_in import synapses_of
from eventsim.engine.fan_out import fan_out
from eventsim.engine.passages import Wave, average
from eventsim.network import Layer
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, EarliestPool, Sparse, Synapses


@dataclass(frozen=True)
class Tally:
    """How many of something each sample has had by a time.

    Parameters
    ----------
    time : ndarray, shape (n,), network time units
        In order within a sample.
    total : ndarray, shape (n + 1,), int64
        How many entries before count, over all samples.
    offsets : ndarray, shape (batch + 1,), int64
        Entries of sample b are ``offsets[b]:offsets[b + 1]``.
    """

    time: np.ndarray
    total: np.ndarray
    offsets: np.ndarray

    @property
    def all(self) -> np.ndarray:
        """Number in the whole run, shape (batch,), int64."""
        return np.diff(self.total[self.offsets])

    def until(self, times: np.ndarray) -> np.ndarray:
        """Return the numbers up to some times, these included.

        Parameters
        ----------
        times : ndarray, shape (..., batch), network time units
            Times for each sample.

        Returns
        -------
        ndarray, same shape, int64
            Numbers.
        """
        counts = np.empty(times.shape, np.int64)
        for b, (first, stop) in enumerate(pairwise(self.offsets)):
            place = np.searchsorted(self.time[first:stop], times[..., b], "right")
            counts[..., b] = self.total[first + place] - self.total[first]
        return counts


def spikes_of(trace: Trace) -> Tally:
    """Return when hidden and output neurons fire, over time; not the input."""
    parts = [trace.trains[k] for k, _ in trace.network.spiking_layers]
    return _tally(
        [(train.time, train.sample, np.ones(train.time.size, int)) for train in parts],
        trace.labels.size,
    )


def operations_of(trace: Trace) -> Tally:
    """Return the synaptic operations over time.

    Parameters
    ----------
    trace : Trace
        Spikes of all layers.

    Returns
    -------
    Tally
        Operations that would come after the end of the run are not there.
    """
    parts = [_arrivals(trace, k, layer) for k, layer in trace.network.spiking_layers]
    return _tally(parts, trace.labels.size)


# Time, sample and number of what happens.
_Entries = tuple[np.ndarray, np.ndarray, np.ndarray]


def _tally(parts: list[_Entries], batch: int) -> Tally:
    time, sample, number = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    order = np.lexsort((time, sample))
    counts = np.bincount(sample, minlength=batch)
    return Tally(
        time[order],
        np.concatenate([[0], np.cumsum(number[order])]).astype(np.int64),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


def _arrivals(trace: Trace, k: int, layer: Layer) -> _Entries:
    """Return the arrivals at the synapses of layer `k`."""
    wave = _given(trace, k)
    spikes = wave.spikes
    assert isinstance(layer.topology, Synapses)
    n_synapses = _n_synapses(layer.topology)
    number = n_synapses[spikes.neuron]
    time, sample = spikes.time.astype(np.float64), spikes.sample
    delay = np.zeros(time.size)
    if wave.delay is not None:
        axonal = np.asarray(wave.delay, np.float64)
        delay = axonal[spikes.neuron % axonal.size]
    if layer.synaptic_delay is not None:
        # Every synapse of every spike by itself. Both delays are added first.
        first = np.cumsum(n_synapses) - n_synapses
        rank = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        place = np.repeat(first[spikes.neuron], number) + rank
        synapse = _synapses(layer.topology)[place]
        synaptic = np.asarray(layer.synaptic_delay, np.float64).ravel()[synapse]
        time, sample = np.repeat(time, number), np.repeat(sample, number)
        delay = np.repeat(delay, number) + synaptic
        number = np.ones(time.size, np.int64)
    time = time + delay
    is_in = time <= trace.network.duration
    return time[is_in], sample[is_in], number[is_in]


def _given(trace: Trace, k: int) -> Wave:
    """Return the spikes that layer `k` is given, their delays still to come."""
    layers = trace.network.layers
    first = k - 1
    while first > 0 and not isinstance(
        layers[first - 1].topology, Synapses | EarliestPool
    ):
        first -= 1
    sent: SpikeTrains = trace.trains[first]
    wave = Wave(sent, layers[first - 1].delay if first > 0 else None)
    for layer in layers[first : k - 1]:
        if isinstance(layer.topology, AveragePool):
            wave, _ = average(wave, layer.topology)
    return wave


@lru_cache(maxsize=16)
def _n_synapses(topology: Synapses) -> np.ndarray:
    """Return the number of synapses of each input neuron."""
    if isinstance(topology, Sparse):
        return np.bincount(topology.pre, minlength=prod(topology.input_shape))
    table = fan_out(topology)
    return np.diff(table.offsets) * table.n_channels


@lru_cache(maxsize=16)
def _synapses(topology: Synapses) -> np.ndarray:
    """Return places in the flat weights, input neuron by input neuron."""
    table = synapses_of(topology)
    return table.slot[np.argsort(table.source, kind="stable")]
