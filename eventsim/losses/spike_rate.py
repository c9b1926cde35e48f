"""Loss on spike rates: a target rate for the label's neuron and one for the others.

``L = sum_i (m_i / duration - r_i)^2`` with the count m_i and the target rate r_i of
each output neuron (Eq. 4 for all neurons). A rate loss: its time gradient is that of
Theorem 4.1 of Zhu et al. 2023, with the factor -1.

References
----------
.. [1] S. B. Shrestha, L. Zhu and P. Sun, "Spikemax: spike-based loss methods for
   classification", IJCNN 2022, Eq. 4.
"""

from __future__ import annotations

import numpy as np

from eventsim.losses.output_trains import (
    Reduction,
    is_label,
    reduced_rate_loss,
    spike_counts,
)
from eventsim.losses.softmax import LossValue
from eventsim.spikes import SpikeTrains


def spike_rate(
    spikes: SpikeTrains,
    labels: np.ndarray,
    *,
    duration: float,
    rate_label: float,
    rate_other: float,
    reduction: Reduction = "mean",
) -> LossValue:
    """Return the loss and the time gradient of Theorem 4.1.

    Parameters
    ----------
    spikes : SpikeTrains
        Output spikes; their values, if any, are their masses.
    labels : ndarray, shape (batch,), int
        True classes.
    duration : float, network time units
        Length of the run.
    rate_label, rate_other : float, 1 / network time units
        Target rate of the label's neuron and of the others.
    reduction : {"mean", "sum"}
        Over the batch; the code of lava-dl sums.

    Returns
    -------
    LossValue
        ``d_output`` is dL/dt of each spike, shape (n_spikes,).
    """
    own = is_label(labels, spikes.n_neurons)
    error = spike_counts(spikes) / duration - np.where(own, rate_label, rate_other)
    total = np.sum(error**2)
    return reduced_rate_loss(total, 2 * error / duration, spikes, reduction)
