"""Temporal efficient training: the label should lead all the time, not just at the end.

``L = (1 / T) int_0^T -log softmax(c(t))[label] dt`` with the counts c(t) of the output
spikes in (t - W, t]. With time steps of length W this is the published mean over steps
of the cross-entropy of each step's spikes (Deng et al. [1]_ take potentials, Zhu et al.
[2]_ spikes). In continuous time the window slides and the integral is exact. A rate
loss: its time gradient is that of Theorem 4.1 of Zhu et al., with the factor -1.

References
----------
.. [1] S. Deng, Y. Li, S. Zhang and S. Gu, "Temporal efficient training of spiking
   neural network via gradient re-weighting", ICLR 2022.
.. [2] Y. Zhu et al., NeurIPS 2023, appendix, Table 2.
"""

from __future__ import annotations

import numpy as np

from eventsim.losses.output_trains import Reduction, reduced
from eventsim.losses.sliding_counts import sliding_counts
from eventsim.losses.softmax import LossValue, cross_entropies
from eventsim.spikes import SpikeTrains


def temporal_efficient(
    spikes: SpikeTrains,
    labels: np.ndarray,
    *,
    duration: float,
    window: float,
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
        Length T of the run.
    window : float, network time units, positive
        Length W of the window in which spikes are counted.
    reduction : {"mean", "sum"}
        Over the batch; the released code takes the mean. Over time it is always the
        mean.

    Returns
    -------
    LossValue
        ``d_output`` is dL/dt of each spike, shape (n_spikes,).
    """
    pieces = sliding_counts(spikes, window=window, duration=duration)
    values, d_counts = cross_entropies(pieces.counts, labels[pieces.sample])
    total = np.sum(pieces.length * values) / duration
    d_masses = pieces.by_masses(d_counts, spikes.neuron) / duration
    return reduced(total, -d_masses, spikes.batch, reduction)
