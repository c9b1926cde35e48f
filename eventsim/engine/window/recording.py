"""What a forward run of the window engine leaves for the backward run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.engine.window.events import EventList
from eventsim.network import Network


@dataclass(frozen=True)
class Recording:
    """What a forward run of the window engine produced.

    Parameters
    ----------
    activations : tuple of ndarray, each shape (batch, *layer shape)
        Entry 0 is the input, entry k is layer k; dimensionless, 0 = silent.
    gains : tuple of ndarray or None
        ``1/(1 + S)`` of neurons that fired inside their window, per layer.
    winners : tuple of ndarray or None
        Which neuron of each pool window fired first, per layer.
    output_potential, output_slope : ndarray, shape (batch, n_classes)
        Traces of the last layer at the start of its window.
    events : EventList or None
        The input as a list of events, if the first layer with weights is dense.
    """

    activations: tuple[np.ndarray, ...]
    gains: tuple[np.ndarray | None, ...]
    winners: tuple[np.ndarray | None, ...]
    output_potential: np.ndarray
    output_slope: np.ndarray
    events: EventList | None

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
        activation = self.activations[k].reshape(self.activations[k].shape[0], -1)
        real = activation.dtype.type
        window_end = real(network.window_number(k) + 1)
        times = (window_end - activation) * real(network.time_window)
        return np.where(activation > 0, times, real(np.inf))

    def fired(self, k: int) -> np.ndarray:
        """Return which neurons of layer `k` fired, shape (batch, n), bool."""
        return self.activations[k].reshape(self.activations[k].shape[0], -1) > 0

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
        ndarray, shape (batch, n), int64
            Neurons: 0 silent, 1 fired inside the window, 2 fired at its start. Pools:
            which neuron's spike passed. Else empty.
        """
        batch = self.activations[k].shape[0]
        gain, winner = self.gains[k], self.winners[k]
        if gain is not None:
            at_start = (gain == 0) & (self.activations[k] > 0)
            return ((gain > 0) + 2 * at_start).reshape(batch, -1)
        if winner is not None:
            return winner.reshape(batch, -1).astype(np.int64)
        return np.empty((batch, 0), np.int64)
