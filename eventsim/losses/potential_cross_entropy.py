"""Cross-entropy on output potentials, the output used by the released recipe.

The released training of Wei et al. 2023 does not let the output layer spike: the
class scores are the membrane potentials of the output neurons at the start of
their window (or at its end), so a silent output cannot occur.
"""

from __future__ import annotations

import numpy as np

from eventsim.losses.softmax import LossValue, cross_entropy


def potential_cross_entropy(
    potential: np.ndarray, labels: np.ndarray, *, beta: float = 1.0
) -> LossValue:
    """Return the loss and its derivative with respect to the potentials.

    Parameters
    ----------
    potential : ndarray, shape (batch, n_classes), network time units
        Membrane potentials of the output neurons.
    labels : ndarray, shape (batch,), int
        True classes.
    beta : float, 1 / network time units, positive
        Sharpness of the softmax.

    Returns
    -------
    LossValue
        Mean cross-entropy and derivative.
    """
    value, d_scores = cross_entropy(beta * potential, labels)
    return LossValue(value, beta * d_scores)


def predict_largest(potential: np.ndarray) -> np.ndarray:
    """Return the class with the largest potential, shape (batch,); ties: the lowest."""
    return potential.argmax(axis=1)
