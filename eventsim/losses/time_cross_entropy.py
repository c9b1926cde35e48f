"""Cross-entropy on first spike times: the label's neuron should fire first.

``L = -log( exp(-beta t_d) / sum_i exp(-beta t_i) )`` with the first spike times of the
output neurons and the label d; beta = 1 is Eq. 8 of Wei et al. [1]_. An output neuron
that stays silent is given the time t_unfired and receives no gradient.

The gradient ``beta (y_i - p_i)`` sums to 0 over the classes if all neurons fire. If the
label's neuron fires and others do not, it sums to beta times what the silent ones have
of the softmax: nearly 0 for a late t_unfired, but large and positive if t_unfired is
the end of the run; then all spikes together are driven to earlier times ([2]_, Eq.
12-15).

References
----------
.. [1] W. Wei et al., "Temporal-coded spiking neural networks with dynamic firing
   threshold: learning with event-driven backpropagation", ICCV 2023, Eq. 8.
.. [2] Y. Zhu et al., "Exploring loss functions for time-based training strategy in
   spiking neural networks", NeurIPS 2023, appendix, section 5.2.
"""

from __future__ import annotations

import numpy as np

from eventsim.losses.softmax import LossValue, cross_entropy
from eventsim.spikes import SpikeTrains


def time_cross_entropy(
    output: np.ndarray | SpikeTrains,
    labels: np.ndarray,
    *,
    t_unfired: float,
    beta: float = 1.0,
) -> LossValue:
    """Return the loss and its derivative with respect to the spike times.

    Parameters
    ----------
    output : ndarray, shape (batch, n_classes), network time units, or SpikeTrains
        First spike times of the output neurons, ``inf`` = silent; or all their spikes.
    labels : ndarray, shape (batch,), int
        True classes.
    t_unfired : float, network time units
        Time given to silent neurons.
    beta : float, 1 / network time units, positive
        Sharpness of the softmax.

    Returns
    -------
    LossValue
        The derivative is 0 for silent neurons. For trains it has one entry for each
        spike, shape (n_spikes,), 0 for all but the first of each neuron; of several at
        one time the one listed first is it.
    """
    if isinstance(output, SpikeTrains):
        loss = time_cross_entropy(
            output.first_spikes(), labels, t_unfired=t_unfired, beta=beta
        )
        d_first = loss.d_output[output.sample, output.neuron]
        return LossValue(loss.value, np.where(output.ranks() == 0, d_first, 0.0))
    is_silent = np.isinf(output)
    filled = np.where(is_silent, output.dtype.type(t_unfired), output)
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
