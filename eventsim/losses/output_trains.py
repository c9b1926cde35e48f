"""What the losses on all output spikes share: masses, counts, the mean.

Spike k of a loss on trains has a mass m_k: its ``value`` if the trains have values,
else 1. A *rate loss* L sees masses, not times. Theorem 4.1 of Zhu et al. [1]_ turns it
into a loss on times, ``sum_k (dL/dm_k)(dm_k/dt_k) t_k``, where the factor
``dm_k/dt_k = -1`` is chosen: what asks for more of a spike asks for it earlier. The
time gradient of a rate loss is therefore ``-dL/dm_k``.

References
----------
.. [1] Y. Zhu, W. Fang, X. Xie, T. Huang and Z. Yu, "Exploring loss functions for
   time-based training strategy in spiking neural networks", NeurIPS 2023, Eq. 7-10.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from eventsim.losses.softmax import LossValue
from eventsim.spikes import SpikeTrains

Reduction = Literal["mean", "sum"]


def spike_masses(spikes: SpikeTrains) -> np.ndarray:
    """Return the mass of each spike, shape (n_spikes,), dimensionless."""
    if spikes.value is None:
        return np.ones(spikes.time.size)
    return spikes.value.astype(np.float64)


def spike_counts(spikes: SpikeTrains) -> np.ndarray:
    """Return the mass that each neuron fired, shape (batch, n_neurons)."""
    n = spikes.batch * spikes.n_neurons
    counts = np.bincount(spikes.key, spike_masses(spikes), n)
    return counts.reshape(spikes.batch, spikes.n_neurons)


def is_label(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return True for each sample's label, shape (batch, n_classes), bool."""
    return labels[:, None] == np.arange(n_classes)


def reduced(
    total: float, d_time: np.ndarray, n_samples: int, reduction: Reduction
) -> LossValue:
    """Return the loss of a batch from sums over its samples.

    Parameters
    ----------
    total : float
        Sum of the samples' losses.
    d_time : ndarray, shape (n_spikes,), 1 / network time units
        Derivative of `total` by the time of each spike.
    n_samples : int
        Size of the batch.
    reduction : {"mean", "sum"}
        Whether the loss is the mean over the batch or the sum.

    Returns
    -------
    LossValue
        With ``d_output`` of shape (n_spikes,).
    """
    if reduction == "sum":
        return LossValue(float(total), d_time, n_summed=n_samples)
    return LossValue(float(total) / n_samples, d_time / n_samples)


def reduced_rate_loss(
    total: float, d_counts: np.ndarray, spikes: SpikeTrains, reduction: Reduction
) -> LossValue:
    """Return the loss of a batch whose samples' losses depend on counts alone.

    Parameters
    ----------
    total : float
        Sum of the samples' losses.
    d_counts : ndarray, shape (batch, n_classes)
        Derivative of `total` by the mass that each neuron fired.
    spikes : SpikeTrains
        Output spikes; all of a neuron get the same derivative by time.
    reduction : {"mean", "sum"}
        Whether the loss is the mean over the batch or the sum.

    Returns
    -------
    LossValue
        With ``d_output`` of shape (n_spikes,), Theorem 4.1.
    """
    d_time = -d_counts.ravel()[spikes.key]
    return reduced(total, d_time, spikes.batch, reduction)
