"""Softmax cross-entropy, shared by the losses that end in one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LossValue:
    """Loss of a batch and its derivative.

    Parameters
    ----------
    value : float
        Mean over the batch, or sum.
    d_output : ndarray, shape (batch, n_classes) or (n_spikes,)
        Derivative of `value` with respect to the potentials or first spike times of
        the output neurons, or with respect to the time of every output spike. Losses
        that see how often neurons fire put another quantity in its place, see
        `output_trains`.
    d_potential_end : ndarray, shape (batch, n_classes), or None
        Further derivative with respect to the output potentials at the end of the
        last window (`silence_penalty`).
    n_summed : int, default 1
        Number of samples if `value` is a sum over the batch, 1 if it is a mean.
    """

    value: float
    d_output: np.ndarray
    d_potential_end: np.ndarray | None = None
    n_summed: int = 1

    @property
    def per_sample(self) -> float:
        """Mean over the batch, for reports."""
        return self.value / self.n_summed


def cross_entropy(scores: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean cross-entropy of softmax(scores) and its derivative.

    Parameters
    ----------
    scores : ndarray, shape (batch, n_classes), dimensionless
        Class scores; larger is more likely.
    labels : ndarray, shape (batch,), int
        True classes.

    Returns
    -------
    value : float, dimensionless
        Mean of ``-log softmax(scores)[label]``.
    d_scores : ndarray, shape (batch, n_classes)
        ``(softmax - one_hot) / batch``.
    """
    values, d_scores = cross_entropies(scores, labels)
    d_scores /= labels.size
    return float(np.mean(values)), d_scores


def cross_entropies(
    scores: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the cross-entropy of each row's softmax and its derivative.

    Parameters
    ----------
    scores : ndarray, shape (n, n_classes), dimensionless
        Class scores; larger is more likely.
    labels : ndarray, shape (n,), int
        True classes.

    Returns
    -------
    values : ndarray, shape (n,), dimensionless
        ``-log softmax(scores)[label]``.
    d_scores : ndarray, shape (n, n_classes)
        ``softmax - one_hot``.
    """
    rows = np.arange(labels.size)
    shifted = scores - scores.max(axis=1, keepdims=True)
    weights = np.exp(shifted)
    total = weights.sum(axis=1, keepdims=True)
    values = np.log(total[:, 0]) - shifted[rows, labels]
    d_scores = weights / total
    d_scores[rows, labels] -= 1
    return values, d_scores
