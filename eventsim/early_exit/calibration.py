"""Whether answers are right as often as their probability says.

Reliability diagram and expected calibration error (Guo et al. 2017, "On calibration
of modern neural networks", ICML) of the spikemax probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.early_exit.output_counts import until
from eventsim.early_exit.policies import answers, smoothing_of
from eventsim.network import Network
from eventsim.spikes import SpikeTrains

N_BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Probabilities in bins of the same width, and what came of them.

    Parameters
    ----------
    time : float, network time units
        When the answers were read.
    error : float, dimensionless
        Expected calibration error: mean over samples of the distance between a bin's
        mean probability and its share of right answers.
    silent : float, dimensionless
        Share of samples without an output spike until then. Early in a run the error
        is mostly theirs.
    n_samples : ndarray, shape (n_bins,), int64
        Samples in the bins ``(k / n_bins, (k + 1) / n_bins]``.
    probability, accuracy : ndarray, shape (n_bins,), dimensionless
        Mean probability and share of right answers; 0 in empty bins.
    """

    time: float
    error: float
    silent: float
    n_samples: np.ndarray
    probability: np.ndarray
    accuracy: np.ndarray


def calibration(
    network: Network,
    output: SpikeTrains,
    labels: np.ndarray,
    time: float,
    *,
    smoothing: float | None = None,
    n_bins: int = N_BINS,
) -> Calibration:
    """Compare the spikemax probability of the readout's answers with the truth.

    Parameters
    ----------
    network : Network
        Its readout answers.
    output : SpikeTrains
        Spikes of the output layer.
    labels : ndarray, shape (batch,), int
        True classes.
    time : float, network time units
        When to read; spikes until then count, all of them.
    smoothing : float or None
        See `eventsim.early_exit.policies.smoothing_of`.
    n_bins : int, default 10
        Number of bins.

    Returns
    -------
    Calibration
        Samples without an output spike have probability ``1 / n_classes`` and no
        right answer.
    """
    seen = until(output, time)
    answer = answers(network, seen)
    n_classes = output.n_neurons
    key = seen.sample * n_classes + seen.neuron
    counts = np.bincount(key, minlength=output.batch * n_classes)
    counts = counts.reshape(output.batch, n_classes)
    e = smoothing_of(smoothing, n_classes)
    own = counts[np.arange(output.batch), np.maximum(answer, 0)]
    total = counts.sum(axis=1)
    p = (own + e) / (total + n_classes * e)
    is_right = answer == labels
    place = np.clip(np.ceil(p * n_bins).astype(int) - 1, 0, n_bins - 1)
    n = np.bincount(place, minlength=n_bins)
    sums = [np.bincount(place, x, n_bins) for x in (p, is_right.astype(float))]
    mean_p, accuracy = (total / np.maximum(n, 1) for total in sums)
    error = float(np.abs(sums[0] - sums[1]).sum() / len(labels))
    silent = np.count_nonzero(total == 0) / len(labels)
    return Calibration(float(time), error, silent, n, mean_p, accuracy)
