"""Cross-entropy on spike times: the label's neuron should fire first.

``L = -log( exp(-beta t_d) / sum_i exp(-beta t_i) )`` with the spike times of the
output neurons and the label d; beta = 1 is Eq. 8 of Wei et al. 2023. An output
neuron that stays silent is given the time at which the run ends, the latest one
possible, and receives no gradient.
"""

from __future__ import annotations

import numpy as np

from eventsim.losses.softmax import LossValue, cross_entropy


def time_cross_entropy(
    times: np.ndarray, labels: np.ndarray, *, t_silent: float, beta: float = 1.0
) -> LossValue:
    """Return the loss and its derivative with respect to the spike times.

    Parameters
    ----------
    times : ndarray, shape (batch, n_classes), network time units
        Output spike times; ``inf`` = silent.
    labels : ndarray, shape (batch,), int
        True classes.
    t_silent : float, network time units
        Time given to silent neurons.
    beta : float, 1 / network time units, positive
        Sharpness of the softmax.

    Returns
    -------
    LossValue
        The derivative is 0 for silent neurons.

    References
    ----------
    .. [1] W. Wei et al., ICCV 2023, Eq. 8.
    """
    is_silent = np.isinf(times)
    filled = np.where(is_silent, times.dtype.type(t_silent), times)
    value, d_scores = cross_entropy(-beta * filled, labels)
    return LossValue(value, np.where(is_silent, 0, -beta * d_scores))


def predict_earliest(times: np.ndarray) -> np.ndarray:
    """Return the class that fires first, -1 if none fires.

    Parameters
    ----------
    times : ndarray, shape (batch, n_classes), network time units
        Output spike times; ``inf`` = silent.

    Returns
    -------
    ndarray, shape (batch,), int64
        Ties go to the lowest class; -1 counts as a wrong answer.
    """
    first = times.argmin(axis=1)
    has_fired = np.isfinite(times).any(axis=1)
    return np.where(has_fired, first, -1)
