"""Wake the label's neuron: a hinge on its potential while it is silent.

A silent output neuron has no spike time, so a loss on spike times cannot move it;
once the label's neuron is silent for a sample, nothing brings it back. The penalty

    P = mean over the batch of -u_d where neuron d is silent, else 0

takes u_d, the potential of the label's neuron at the end of its window, of the samples
in which that neuron is silent. With the dynamic threshold u_d <= 0 there; the penalty
pulls it up to the threshold's last value, 0. It is part of the loss, so its gradient is
exact wherever spikes come and go one by one; like the number of spikes, it jumps where
the neuron starts to fire at the start of its window. Mostafa 2017 and Comsa et al. 2021
use penalties on silent neurons with the same purpose.
"""

from __future__ import annotations

import numpy as np


def silence_penalty(
    potential_end: np.ndarray, is_silent: np.ndarray, labels: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the penalty and its derivative with respect to the potentials.

    Parameters
    ----------
    potential_end : ndarray, shape (batch, n_classes), network time units
        Output potentials at the end of the last window.
    is_silent : ndarray, shape (batch, n_classes), bool
        Output neurons that did not fire. A neuron that fires at the start of its
        window may end it below 0; it has fired and is left alone.
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
    missing = np.where(is_silent, -potential_end, 0)[rows, labels]
    d_potential = np.zeros_like(potential_end)
    d_potential[rows, labels] = np.where(is_silent[rows, labels], -1 / labels.size, 0)
    return float(np.mean(missing)), d_potential
