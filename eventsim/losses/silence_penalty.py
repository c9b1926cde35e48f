"""Wake the label's neuron: a hinge on its potential while it is silent.

A silent output neuron has no spike time, so a loss on spike times cannot move it;
once the label's neuron is silent for a sample, nothing brings it back. The penalty

    P = mean over the batch of max(0, -u_d)

with u_d the potential of the label's neuron at the end of its window is zero if
that neuron fires (with the dynamic threshold it fires exactly if u_d > 0) and
otherwise pulls its potential up to the threshold's last value, 0. It is part of the
loss, so its gradient is exact too. Mostafa 2017 and Comsa et al. 2021 use penalties
on silent neurons with the same purpose.
"""

from __future__ import annotations

import numpy as np


def silence_penalty(
    potential_end: np.ndarray, labels: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the penalty and its derivative with respect to the potentials.

    Parameters
    ----------
    potential_end : ndarray, shape (batch, n_classes), network time units
        Output potentials at the end of the last window.
    labels : ndarray, shape (batch,), int
        True classes.

    Returns
    -------
    value : float, network time units
        Mean over the batch.
    d_potential_end : ndarray, shape (batch, n_classes), dimensionless
        ``-1 / batch`` for the label's neuron where it is silent, else 0.
    """
    rows = np.arange(labels.size)
    missing = -potential_end[rows, labels]
    d_potential = np.zeros_like(potential_end)
    d_potential[rows, labels] = np.where(missing >= 0, -1 / labels.size, 0)
    return float(np.mean(np.maximum(missing, 0))), d_potential
