"""Spikemax losses: each output spike is a vote, the shares of votes are probabilities.

With the counts c_i of the output neurons and the label y:

- spikemax: ``(1 / T) int_0^T -log p_y(t) dt``, ``p_i = c_i / sum_j c_j`` of the spikes
  in (t - W, t] (Eq. 5, 6, 8); the integral is exact.
- spikemax_g: ``-log p_y`` with the counts of the whole run (Eq. 7, 12).
- spikemax_s: ``-log softmax(c)[y]`` with the counts of the whole run (Eq. 13, 14).

As published, the first two are infinite while the label's neuron is silent. Therefore
epsilon votes are added for every class,
``p_i = (c_i + epsilon) / (sum_j c_j + C epsilon)``. Then

    dL/dc_i = (p_i - [i = y]) / (c_i + epsilon),    sum_i (c_i + epsilon) dL/dc_i = 0.

All are rate losses: their time gradient is that of Theorem 4.1 of Zhu et al. 2023, with
the factor -1. Eq. 11 and 12 have factors W and T besides, which are the integrals of a
spike over time bins.

References
----------
.. [1] S. B. Shrestha, L. Zhu and P. Sun, "Spikemax: spike-based loss methods for
   classification", IJCNN 2022, Eq. 5-14.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from eventsim.losses.output_trains import (
    Reduction,
    reduced,
    reduced_rate_loss,
    spike_counts,
)
from eventsim.losses.sliding_counts import sliding_counts
from eventsim.losses.softmax import LossValue, cross_entropies
from eventsim.spikes import SpikeTrains

EPSILON = 1e-2
"""Votes of `spikemax_g` for every class, of its whole run."""


def spikemax(
    spikes: SpikeTrains,
    labels: np.ndarray,
    *,
    duration: float,
    window: float,
    epsilon: float | None = None,
    reduction: Reduction = "mean",
) -> LossValue:
    """Return the spikemax loss, the mean over time of a sliding window's (Eq. 8).

    Parameters
    ----------
    spikes : SpikeTrains
        Output spikes; their values, if any, are their masses, not negative.
    labels : ndarray, shape (batch,), int
        True classes.
    duration : float, network time units
        Length T of the run.
    window : float, network time units, positive
        Length W of the window in which spikes are counted.
    epsilon : float or None, spikes, positive
        Votes added for every class; None is 1 / number of classes: labels are often
        silent in a window, and with much less the first spike there, a supervisory
        one too, is worth nearly a probability of 1.
    reduction : {"mean", "sum"}
        Over the batch; the code of lava-dl sums. Over time it is always the mean.

    Returns
    -------
    LossValue
        ``d_output`` is dL/dt of each spike, shape (n_spikes,).
    """
    pieces = sliding_counts(spikes, window=window, duration=duration)
    if epsilon is None:
        epsilon = 1 / spikes.n_neurons
    values, d_counts = _votes(pieces.counts, labels[pieces.sample], epsilon)
    total = np.sum(pieces.length * values) / duration
    d_masses = pieces.by_masses(d_counts, spikes.neuron) / duration
    return reduced(total, -d_masses, spikes.batch, reduction)


def spikemax_g(
    spikes: SpikeTrains,
    labels: np.ndarray,
    *,
    epsilon: float = EPSILON,
    reduction: Reduction = "mean",
) -> LossValue:
    """Return the spikemax_g loss, that of the counts of the whole run (Eq. 12).

    Parameters
    ----------
    spikes : SpikeTrains
        Output spikes; their values, if any, are their masses, not negative.
    labels : ndarray, shape (batch,), int
        True classes.
    epsilon : float, spikes, positive, default 0.01
        Votes added for every class.
    reduction : {"mean", "sum"}
        Over the batch; the code of lava-dl sums.

    Returns
    -------
    LossValue
        ``d_output`` is dL/dt of each spike, shape (n_spikes,).
    """
    values, d_counts = _votes(spike_counts(spikes), labels, epsilon)
    return reduced_rate_loss(np.sum(values), d_counts, spikes, reduction)


def spikemax_s(
    spikes: SpikeTrains,
    labels: np.ndarray,
    *,
    duration: float,
    scores: Literal["count", "rate"] = "count",
    reduction: Reduction = "mean",
) -> LossValue:
    """Return the spikemax_s loss, the cross-entropy of a softmax of counts (Eq. 14).

    Parameters
    ----------
    spikes : SpikeTrains
        Output spikes; their values, if any, are their masses.
    labels : ndarray, shape (batch,), int
        True classes.
    duration : float, network time units
        Length of the run.
    scores : {"count", "rate"}
        What the softmax is taken of: counts, as published, or counts over `duration`.
        lava-dl takes spikes per time step, which is at most 1 and so keeps the
        loss above ``ln(1 + (C - 1) / e)``.
    reduction : {"mean", "sum"}
        Over the batch; the code of lava-dl sums.

    Returns
    -------
    LossValue
        ``d_output`` is dL/dt of each spike, shape (n_spikes,).
    """
    unit = 1.0 if scores == "count" else duration
    values, d_scores = cross_entropies(spike_counts(spikes) / unit, labels)
    return reduced_rate_loss(np.sum(values), d_scores / unit, spikes, reduction)


def _votes(
    counts: np.ndarray, labels: np.ndarray, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``-log p_y`` of each row and its derivative by the row's counts."""
    rows = np.arange(labels.size)
    votes = counts + epsilon
    total = votes.sum(axis=1)
    d_counts = np.repeat(1 / total[:, None], counts.shape[1], axis=1)
    d_counts[rows, labels] -= 1 / votes[rows, labels]
    return np.log(total / votes[rows, labels]), d_counts
