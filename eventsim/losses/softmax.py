"""Softmax cross-entropy, shared by the losses that end in one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LossValue:
    """Loss of a batch and its derivative.

    Parameters
    ----------
    value : float, dimensionless
        Mean over the batch.
    d_output : ndarray, shape (batch, n_classes)
        Derivative of `value` with respect to output spike times or potentials.
    d_potential_end : ndarray, shape (batch, n_classes), or None
        Further derivative with respect to the output potentials at the end of the
        last window (`silence_penalty`).
    """

    value: float
    d_output: np.ndarray
    d_potential_end: np.ndarray | None = None


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
    rows = np.arange(labels.size)
    shifted = scores - scores.max(axis=1, keepdims=True)
    weights = np.exp(shifted)
    total = weights.sum(axis=1, keepdims=True)
    value = float(np.mean(np.log(total[:, 0]) - shifted[rows, labels]))
    d_scores = weights / total
    d_scores[rows, labels] -= 1
    d_scores /= labels.size
    return value, d_scores
