"""Spike-train timing: spikes of the label's neuron come by their targets, others late.

The j-th spike t_j of the label's neuron has the j-th target x_j, every spike of another
neuron is pushed to later times by a constant p:

    L = sum over late label spikes of (t_j - x_j)^2 / (2 T)
        + p sum over spikes of other neurons of (T - t),

where T is the duration of the run and *late* means t_j > x_j. A label spike that is
missing counts as if it came at T; it gets no gradient, nor do spikes beyond the last
target. The gradient is the true derivative of this value: ``(t_j - x_j) / T`` for
late label spikes, ``-p`` for spikes of others. It equals the gradient of the released
code of Zhu et al. [1]_, where p is ``1 / sqrt(C)`` for C classes: each spike of another
neuron has a target T / sqrt(C) later that moves with it.

References
----------
.. [1] Y. Zhu et al., "Exploring loss functions for time-based training strategy in
   spiking neural networks", NeurIPS 2023, appendix, Table 2 and section 5.1.
"""

from __future__ import annotations

import numpy as np

from eventsim.losses.output_trains import Reduction, reduced
from eventsim.losses.softmax import LossValue
from eventsim.spikes import SpikeTrains


def spike_timing(
    spikes: SpikeTrains,
    labels: np.ndarray,
    *,
    duration: float,
    targets: np.ndarray,
    push: float | None = None,
    reduction: Reduction = "mean",
) -> LossValue:
    """Return the loss and its derivative with respect to the spike times.

    Parameters
    ----------
    spikes : SpikeTrains
        Output spikes; their values, if any, are ignored.
    labels : ndarray, shape (batch,), int
        True classes.
    duration : float, network time units
        Length T of the run.
    targets : ndarray, shape (n_targets,), network time units
        Target times of the label's neuron, not decreasing, none after `duration`.
    push : float, dimensionless, not negative, optional
        Gradient of spikes of other neurons, with opposite sign; ``None`` is one over
        the root of the number of classes.
    reduction : {"mean", "sum"}
        Over the batch; the released code sums.

    Returns
    -------
    LossValue
        ``d_output`` is dL/dt of each spike, shape (n_spikes,).
    """
    if push is None:
        push = 1 / np.sqrt(spikes.n_neurons)
    time = spikes.time.astype(np.float64)
    ranks = spikes.ranks()
    is_own = spikes.neuron == labels[spikes.sample]
    has_target = is_own & (ranks < targets.size)
    d_time = np.zeros(time.size)
    late = time[has_target] - targets[ranks[has_target]]
    d_time[has_target] = np.maximum(late, 0.0) / duration
    d_time[~is_own] = -push

    errors = np.tile(duration - targets, (spikes.batch, 1))
    errors[spikes.sample[has_target], ranks[has_target]] = np.maximum(late, 0.0)
    total = np.sum(errors**2) / (2 * duration)
    total += push * np.sum(duration - time[~is_own])
    return reduced(total, d_time, spikes.batch, reduction)
