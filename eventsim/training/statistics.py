"""What is counted while an epoch runs: answers, spikes, silence, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsim.engine.spike_recording import SpikeRecording
from eventsim.network import Network

COUNT_EVERY = 20
"""Batches between counts of spikes where an engine does not list them."""
LEAST_SHARE = 1e-3
"""Lowest threshold of `wake_silent`, as a share of a unit's absolute weights."""


class EpochCounts:
    """Sums over the batches of an epoch.

    Parameters
    ----------
    network : Network
        What is trained.
    counts_all : bool
        Count the spikes of every batch, also where an engine does not list them.
    """

    def __init__(self, network: Network, *, counts_all: bool = False) -> None:
        self._network = network
        self._counts_all = counts_all
        self._n_batches = 0
        self._n_counted = 0
        self._spikes = {
            k: np.zeros(layer.n_neurons, np.int64)
            for k, layer in network.spiking_layers
        }
        self.n_samples = self.n_right = self.n_undecided = 0
        self.loss = 0.0
        self._gradient_sum = self._gradient_abs_sum = 0.0

    def add(
        self,
        recording: Any,
        labels: np.ndarray,
        answer: np.ndarray,
        loss: float,
        d_output: np.ndarray | None,
    ) -> None:
        """Count one batch.

        Parameters
        ----------
        recording : Recording
            Of the forward run.
        labels, answer : ndarray, shape (batch,), int
            Right classes; classes of the network, -1 = none.
        loss : float
            Mean loss of the batch.
        d_output : ndarray or None
            dL/dt of output spikes; None where potentials are read.
        """
        n = labels.size
        self.n_samples += n
        self.n_right += int(np.sum(answer == labels))
        self.n_undecided += int(np.sum(answer == -1))
        self.loss += loss * n
        if d_output is not None:
            total = d_output.sum(dtype=np.float64)
            self._gradient_sum += float(total)
            self._gradient_abs_sum += float(np.abs(d_output).sum(dtype=np.float64))
        lists_spikes = isinstance(recording, SpikeRecording)
        every = 1 if lists_spikes or self._counts_all else COUNT_EVERY
        if self._n_batches % every == 0:
            self._n_counted += n
            for k, counts in self._spikes.items():
                counts += recording.counts(k)
        self._n_batches += 1

    @property
    def spikes_per_neuron(self) -> float:
        """Spikes per hidden neuron and sample; 0 without hidden layers."""
        last = len(self._network.layers)
        hidden = [counts for k, counts in self._spikes.items() if k != last]
        n_neurons = sum(counts.size for counts in hidden)
        n_spikes = sum(int(counts.sum()) for counts in hidden)
        return n_spikes / (n_neurons * max(self._n_counted, 1)) if hidden else 0.0

    @property
    def silent(self) -> dict[str, float]:
        """Share of each layer's neurons that fired for no sample that was counted."""
        names = {k: layer.name for k, layer in self._network.spiking_layers}
        return {
            names[k]: float(np.mean(counts == 0)) for k, counts in self._spikes.items()
        }

    @property
    def output_gradient(self) -> tuple[float, float] | None:
        """Sum and absolute sum of dL/dt, mean of the batches; None if all are 0."""
        if self._gradient_abs_sum == 0:
            return None
        n = self._n_batches
        return self._gradient_sum / n, self._gradient_abs_sum / n

    def silent_features(self, k: int) -> np.ndarray:
        """Return which units or channels of layer `k` never fired, (n_features,)."""
        layer = self._network.layers[k - 1]
        assert layer.theta is not None
        by_feature = self._spikes[k].reshape(-1, layer.theta.size).sum(axis=0)
        return by_feature == 0


def wake_silent(network: Network, counts: EpochCounts, factor: float) -> None:
    """Lower the thresholds of units and channels that never fired, in place.

    Not below a thousandth of the sum of a unit's absolute weights: there, inputs that
    excite it would carry it past the threshold many times over, and a unit that no
    input excites would only come to fire wildly once one does.

    Parameters
    ----------
    network : Network
        Static thresholds.
    counts : EpochCounts
        Of all batches of an epoch.
    factor : float, in (0, 1)
        What these thresholds are multiplied by.
    """
    for k, layer in network.spiking_layers:
        assert layer.theta is not None
        assert layer.weight is not None
        size = np.abs(layer.weight).reshape(-1, layer.theta.size).sum(axis=0)
        lowered = np.maximum(layer.theta * factor, LEAST_SHARE * size)
        silent = counts.silent_features(k)
        layer.theta[silent] = np.minimum(layer.theta, lowered)[silent]
