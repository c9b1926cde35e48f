"""Accuracy over inference time: what the readout would answer at any moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.early_exit.output_counts import count_changes
from eventsim.network import READS_ALL_SPIKES, Network
from eventsim.readout import spike_worth
from eventsim.spikes import SpikeTrains

CLOSE_TO_FINAL = 0.99


@dataclass(frozen=True)
class AccuracyCurve:
    """Share of right answers from the spikes until t, a function with steps.

    Parameters
    ----------
    time : ndarray, shape (n,), network time units
        Where it changes, in order.
    accuracy : ndarray, shape (n,), dimensionless
        From that time on, it included; 0 before the first.
    """

    time: np.ndarray
    accuracy: np.ndarray

    def at(self, times: np.ndarray) -> np.ndarray:
        """Return the accuracy at some times, of the same shape."""
        place = np.searchsorted(self.time, times, "right")
        return np.concatenate([[0.0], self.accuracy])[place]

    @property
    def final(self) -> float:
        """Accuracy at the end of the run."""
        return float(self.accuracy[-1]) if self.accuracy.size else 0.0

    def latency(self, share: float = CLOSE_TO_FINAL) -> float | None:
        """Return the first time with `share` of the final accuracy, if there is one."""
        reached = np.flatnonzero(self.accuracy >= share * self.final)
        if self.final == 0 or reached.size == 0:
            return None
        return float(self.time[reached[0]])


def accuracy_curve(
    network: Network, output: SpikeTrains, labels: np.ndarray
) -> AccuracyCurve:
    """Return the accuracy of the readout over time (Shrestha et al. 2022, Fig. 2).

    Parameters
    ----------
    network : Network
        Its readout answers: the class of the first spike, of most spikes so far or of
        most weighted spikes so far. Ties go to the lowest class; without a spike the
        answer is wrong.
    output : SpikeTrains
        Spikes of the output layer.
    labels : ndarray, shape (batch,), int
        True classes.

    Returns
    -------
    AccuracyCurve
        Exact, at every time at which it changes.
    """
    counts_all = network.readout in READS_ALL_SPIKES
    times, steps = [], []
    for changes in count_changes(output):
        label = labels[changes.first : changes.first + len(changes.time), None]
        if network.readout == "weighted_count":
            scores = _scores(network, changes.time, changes.counts)
        else:
            # The first spike answers, and of several at once the lowest class.
            scores = changes.counts if counts_all else changes.counts > 0
        is_right = scores.argmax(axis=2) == label
        for right, time, is_settled in zip(
            is_right, changes.time, changes.is_settled, strict=True
        ):
            answered = right[is_settled]
            if not counts_all:
                answered = answered[:1]
            steps.append(np.diff(answered.astype(np.int64), prepend=0))
            times.append(time[is_settled][: answered.size])
    time, step = np.concatenate([[], *times]), np.concatenate([[], *steps])
    is_change = step != 0
    where, place = np.unique(time[is_change], return_inverse=True)
    total = np.cumsum(np.bincount(place, step[is_change], where.size))
    return AccuracyCurve(where, total / len(labels))


def _scores(network: Network, time: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return weighted counts, added up one spike after the other as at the end."""
    new = np.diff(counts, axis=1, prepend=0).astype(np.float64)
    worth = spike_worth(network, np.where(np.isfinite(time), time, 0.0))
    return np.cumsum(new * worth[..., None], axis=1)
