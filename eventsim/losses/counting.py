"""Losses on spike counts: a target for the label's neuron and one for the others.

With the count m of a neuron, its target, and ``lambda = 1 / (2 duration)``:

- counting loss: ``lambda sum (m - target)^2`` (Eq. 9). The m spikes of a neuron get
  ``2 lambda m (target - m)`` together, which is large and positive for a label's neuron
  that fires often.
- enhanced counting loss: ``2 lambda sum f(m)``, ``f(m) = m - target ln m`` for m > 0
  and 0 for m = 0 (Eq. 13, 14). The m spikes get ``2 lambda (target - m)`` together.

With ``clip``, as published, counts beyond the target are as good as the target: m is
replaced by ``min(m, target)`` for the label's neuron and by ``max(m, target)`` for the
others, in value and gradient. Both are rate losses: their time gradient is that of
Theorem 4.1, with the factor -1.

References
----------
.. [1] Y. Zhu, W. Fang, X. Xie, T. Huang and Z. Yu, "Exploring loss functions for
   time-based training strategy in spiking neural networks", NeurIPS 2023, Eq. 9-14, and
   its appendix, Eq. 2-11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.losses.output_trains import (
    Reduction,
    is_label,
    reduced_rate_loss,
    spike_counts,
)
from eventsim.losses.softmax import LossValue
from eventsim.spikes import SpikeTrains

SCALE_FROM = 10.0
"""Ratio of the others' spikes to the labels' from which label gradients are scaled."""
TINY = 1e-5
"""Spikes added to both, so that the ratio of the released code is finite."""


@dataclass(frozen=True)
class CountTargets:
    """How often output neurons should fire.

    Parameters
    ----------
    label : float, spikes, positive
        Target of the label's neuron.
    other : float, spikes, not negative
        Target of the other neurons.
    clip : bool, default True
        Whether counts beyond the target are taken for the target.
    scale_labels : bool, default False
        Multiply the gradient of the labels' spikes by ``max(1, ratio / 10)``, as the
        released code of Zhu et al. does. The ratio is the number of spikes of all other
        neurons of the batch over that of the labels' neurons, both clipped like the
        counts. The value is not scaled.
    """

    label: float
    other: float
    clip: bool = True
    scale_labels: bool = False


def counting(
    spikes: SpikeTrains,
    labels: np.ndarray,
    *,
    duration: float,
    targets: CountTargets,
    reduction: Reduction = "mean",
) -> LossValue:
    """Return the counting loss (Eq. 9).

    Parameters
    ----------
    spikes : SpikeTrains
        Output spikes; their values, if any, are their masses.
    labels : ndarray, shape (batch,), int
        True classes.
    duration : float, network time units
        Length of the run; ``lambda = 1 / (2 duration)``.
    targets : CountTargets
        Targets and options.
    reduction : {"mean", "sum"}
        Over the batch; the released code sums.

    Returns
    -------
    LossValue
        ``d_output`` is dL/dt of each spike, shape (n_spikes,), by Theorem 4.1.
    """
    seen, wanted = _seen_and_wanted(spikes, labels, targets)
    total = np.sum((seen - wanted) ** 2) / (2 * duration)
    d_counts = (seen - wanted) / duration
    d_counts *= _label_scale(seen, labels, targets)
    return reduced_rate_loss(total, d_counts, spikes, reduction)


def enhanced_counting(
    spikes: SpikeTrains,
    labels: np.ndarray,
    *,
    duration: float,
    targets: CountTargets,
    reduction: Reduction = "mean",
) -> LossValue:
    """Return the enhanced counting loss (Eq. 13, 14).

    The released code returns the value of the counting loss in its place. A silent
    neuron has the value 0, as published, though f grows without bound towards m = 0.

    Parameters
    ----------
    spikes : SpikeTrains
        Output spikes; their values, if any, are their masses.
    labels : ndarray, shape (batch,), int
        True classes.
    duration : float, network time units
        Length of the run; ``lambda = 1 / (2 duration)``.
    targets : CountTargets
        Targets and options.
    reduction : {"mean", "sum"}
        Over the batch; the released code sums.

    Returns
    -------
    LossValue
        ``d_output`` is dL/dt of each spike, shape (n_spikes,), by Theorem 4.1.
    """
    seen, wanted = _seen_and_wanted(spikes, labels, targets)
    fires = seen > 0
    positive = np.where(fires, seen, 1.0)
    total = np.sum(np.where(fires, seen - wanted * np.log(positive), 0.0)) / duration
    d_counts = np.where(fires, (seen - wanted) / positive, 0.0) / duration
    d_counts *= _label_scale(seen, labels, targets)
    return reduced_rate_loss(total, d_counts, spikes, reduction)


def _seen_and_wanted(
    spikes: SpikeTrains, labels: np.ndarray, targets: CountTargets
) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts, clipped if wanted, and the targets, (batch, n_classes)."""
    counts = spike_counts(spikes)
    own = is_label(labels, spikes.n_neurons)
    wanted = np.where(own, targets.label, targets.other)
    if not targets.clip:
        return counts, wanted
    clipped = np.where(own, np.minimum(counts, wanted), np.maximum(counts, wanted))
    return clipped, wanted


def _label_scale(
    seen: np.ndarray, labels: np.ndarray, targets: CountTargets
) -> np.ndarray | float:
    """Return the factor of each neuron's gradient, (batch, n_classes)."""
    if not targets.scale_labels:
        return 1.0
    own = is_label(labels, seen.shape[1])
    ratio = (np.sum(seen[~own]) + TINY) / (np.sum(seen[own]) + TINY)
    return np.where(own, max(1.0, ratio / SCALE_FROM), 1.0)
