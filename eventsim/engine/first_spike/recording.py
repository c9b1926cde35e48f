"""What a forward run of the sweep engine leaves for the backward run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.engine.fan_out import fan_out
from eventsim.engine.first_spike.sweep_kernels import causal_sums
from eventsim.network import Network
from eventsim.topology import Conv2d, Dense


@dataclass(frozen=True)
class Events:
    """Spikes that reach a layer, in the order in which they act.

    Parameters
    ----------
    order : ndarray, shape (batch, n_in), int32
        Input neurons in order of time, ties by neuron; valid up to `counts`.
    counts : ndarray, shape (batch,), int64
        Spikes of each sample.
    """

    order: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class SweepRecording:
    """What a forward run of the sweep engine produced.

    Parameters
    ----------
    first_spikes : tuple of ndarray, each shape (batch, *layer shape)
        Spike times, network time units, ``inf`` = never; entry 0 is the input.
    gains : tuple of ndarray or None, each shape (batch, n_positions, n_channels)
        Derivative of the spike time by minus the potential: 1/slope, or
        ``1/(1 + S)`` for the dynamic threshold; 0 where there is no gradient.
    n_causal : tuple of ndarray or None, same shapes, int32
        How many of the ordered inputs act before the spike.
    winners : tuple of ndarray or None
        Which neuron of each pool window fired first.
    events : tuple of Events or None
        Input of each layer with neurons.
    output_potential, output_slope : ndarray, shape (batch, n_classes), or None
        Traces of the last layer at the start of its window, if it has one.
    """

    first_spikes: tuple[np.ndarray, ...]
    gains: tuple[np.ndarray | None, ...]
    n_causal: tuple[np.ndarray | None, ...]
    winners: tuple[np.ndarray | None, ...]
    events: tuple[Events | None, ...]
    output_potential: np.ndarray | None = None
    output_slope: np.ndarray | None = None

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
            Counted from the start of the input window.
        """
        return self.first_spikes[k].reshape(self.first_spikes[k].shape[0], -1)

    def fired(self, k: int) -> np.ndarray:
        """Return which neurons of layer `k` fired, shape (batch, n), bool."""
        times = self.first_spikes[k]
        return np.isfinite(times).reshape(times.shape[0], -1)

    def counts(self, k: int) -> np.ndarray:
        """Return spikes per neuron of layer `k` over all samples, shape (n,), int64."""
        return self.fired(k).sum(axis=0)

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
        ndarray, shape (batch, m), int64
            Neurons: whether they fired, whether the time can move, and a
            fingerprint of the causal set. Pools: which neuron's spike passed.
        """
        batch = self.first_spikes[k].shape[0]
        gain, n_causal, winner = self.gains[k], self.n_causal[k], self.winners[k]
        if winner is not None:
            return winner.reshape(batch, -1).astype(np.int64)
        if gain is None or n_causal is None:
            return np.empty((batch, 0), np.int64)
        topology = network.layers[k - 1].topology
        events = self.events[k]
        assert isinstance(topology, Dense | Conv2d)
        assert events is not None
        table = fan_out(topology)
        keys = np.random.default_rng(0).integers(1, 2**62, events.order.shape[1])
        sums = np.empty(n_causal.shape, np.int64)
        causal_sums(
            events.order,
            events.counts,
            table.offsets,
            table.position,
            keys,
            n_causal,
            sums,
        )
        regime = self.fired(k) + 2 * (gain > 0).reshape(batch, -1)
        return np.concatenate([regime, sums.reshape(batch, -1)], axis=1)
