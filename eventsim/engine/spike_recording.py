"""What a run of any number of spikes per neuron leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.engine.fan_in import synapses_of
from eventsim.engine.layer_dynamics import dynamics_of
from eventsim.engine.neuron_run_kernels import CROSSED
from eventsim.engine.passages import Wave, arrive, average, earliest
from eventsim.engine.spike_state_kernels import sum_causes
from eventsim.network import Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, EarliestPool, Synapses

MOST_SPIKES = 2**24


@dataclass(frozen=True)
class SpikeRecording:
    """Spikes of every layer.

    Parameters
    ----------
    trains : tuple of SpikeTrains
        Entry 0 is the input, entry k is layer k. Neurons: times of firing. Pools
        and flattened layers: what they pass on, and when it arrives there.
    n_grazing : tuple of int
        Threshold crossings of each layer with nearly no slope.
    """

    trains: tuple[SpikeTrains, ...]
    n_grazing: tuple[int, ...]

    def times(self, network: Network, k: int) -> np.ndarray:
        """Return first spike times of layer `k`, ``inf`` = never.

        Parameters
        ----------
        network : Network
            The network that made the recording.
        k : int
            Layer number; 0 is the input.

        Returns
        -------
        ndarray, shape (batch, n), network time units
            Times of firing.
        """
        return self.trains[k].first_spikes()

    def fired(self, k: int) -> np.ndarray:
        """Return which neurons of layer `k` fired, shape (batch, n), bool."""
        trains = self.trains[k]
        fired = np.zeros((trains.batch, trains.n_neurons), bool)
        fired[trains.sample, trains.neuron] = True
        return fired

    def counts(self, k: int) -> np.ndarray:
        """Return spikes per neuron of layer `k` over all samples, shape (n,), int64."""
        return self.trains[k].counts()

    def n_silent(self, k: int) -> int:
        """Return how often a neuron of layer `k` was silent for a whole sample."""
        fired = self.fired(k)
        return int(fired.size - np.count_nonzero(fired))

    def kinds(self, k: int) -> np.ndarray:
        """Return what made the neurons of layer `k` fire, for each of its spikes.

        Parameters
        ----------
        k : int
            Number of a layer with neurons.

        Returns
        -------
        ndarray, shape (n_spikes,), int
            See `eventsim.engine.neuron_run_kernels`; all are *crossed* where nothing
            else can be and grazing crossings are only counted.
        """
        return np.full(self.trains[k].time.size, CROSSED)

    def discrete_state(self, network: Network, k: int) -> np.ndarray:
        """Return the choices of layer `k`; spike times are smooth while they last.

        Parameters
        ----------
        network : Network
            The network that made the recording.
        k : int
            Layer number from 1.

        Returns
        -------
        ndarray, shape (n_spikes, m), int64
            Neurons: for each spike the neuron, the kind of the spike and
            fingerprints of the arrivals before it, of those up to it, and of those up
            to the end of its refractory period. The first two differ in the input
            that triggered the spike. Earliest pools: the window and the neuron whose
            spike passed. Else empty.
        """
        topology = network.layers[k - 1].topology
        if isinstance(topology, Synapses):
            return self._causes(network, k)
        if not isinstance(topology, EarliestPool):
            return np.empty((0, 2), np.int64)
        wave, _ = self._given(network, k)
        arrived = arrive(wave, network.duration).spikes
        passed = earliest(arrived, topology)
        key = passed.spikes.key
        order = np.argsort(key)
        winner = arrived.neuron[passed.origin].astype(np.int64)
        return np.stack([key, winner], axis=1)[order]

    def _given(self, network: Network, k: int) -> tuple[Wave, np.ndarray]:
        """Return what layer `k` is given, its delays still to come.

        And which spike it is of which neuron that sent it, as one number; an average
        pool lets several through in the same place.
        """
        first = k - 1
        while first > 0 and not isinstance(
            network.layers[first - 1].topology, Synapses | EarliestPool
        ):
            first -= 1
        sent = self.trains[first]
        wave = Wave(sent, network.layers[first - 1].delay if first > 0 else None)
        label = sent.neuron * np.int64(MOST_SPIKES) + sent.ranks()
        for layer in network.layers[first : k - 1]:
            if isinstance(layer.topology, AveragePool):
                wave, origin = average(wave, layer.topology)
                label = label[origin]
        return wave, label

    def _causes(self, network: Network, k: int) -> np.ndarray:
        layer, trains = network.layers[k - 1], self.trains[k]
        assert isinstance(layer.topology, Synapses)
        table, d = synapses_of(layer.topology), dynamics_of(layer)
        wave, label = self._given(network, k)
        # To the last bit the times at which inputs arrive, since a triggered spike is
        # at one of them. The engines add up both delays first.
        arrived = wave.spikes
        delay = np.zeros(table.slot.size)
        if layer.synaptic_delay is None:
            passed = arrive(wave, network.duration)
            arrived, label = passed.spikes, label[passed.origin]
        else:
            delay += np.asarray(layer.synaptic_delay, np.float64).ravel()[table.slot]
            if wave.delay is not None:
                axonal = np.asarray(wave.delay, np.float64)
                delay += axonal[table.source % axonal.size]
        key = trains.key
        order = np.lexsort((trains.time, key))
        input_key = arrived.sample * table.n_in + arrived.neuron
        input_order = np.argsort(input_key, kind="stable")
        counts = np.bincount(input_key, minlength=arrived.batch * table.n_in)
        sums = np.zeros((3, key.size), np.int64)
        time = trains.time[order].astype(np.float64)
        free = np.minimum(time + d.refractory, network.duration)
        jumps = d.kick != 0
        for at, (ends, is_inclusive) in enumerate(
            ((time, False), (time, jumps), (free, jumps))
        ):
            sum_causes(
                table.offsets,
                table.source,
                delay,
                np.concatenate([[0], np.cumsum(counts)]),
                arrived.time[input_order].astype(np.float64),
                label[input_order],
                table.n_in,
                key[order],
                ends,
                is_inclusive,
                sums[at],
            )
        return np.stack([key[order], self.kinds(k)[order], *sums], axis=1)
