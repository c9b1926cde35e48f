"""From a recording to class scores, a loss and a decision."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsim.config.schema import LossConfig
from eventsim.losses import (
    LossValue,
    potential_cross_entropy,
    silence_penalty,
    time_cross_entropy,
)
from eventsim.losses.potential_cross_entropy import predict_largest
from eventsim.losses.time_cross_entropy import predict_earliest
from eventsim.network import Network


def read_output(network: Network, recording: Any) -> np.ndarray:
    """Return what the readout looks at.

    Parameters
    ----------
    network : Network
        Names the readout.
    recording : Recording
        Result of an engine's forward run.

    Returns
    -------
    ndarray, shape (batch, n_classes), network time units
        Spike times (``inf`` = silent), or membrane potentials.
    """
    if network.readout == "spike_time":
        return recording.times(network, len(network.layers))
    potential = recording.output_potential
    if network.readout == "potential_end":
        potential = potential + recording.output_slope
    return potential * potential.dtype.type(network.time_window)


def loss_of_output(
    network: Network,
    recording: Any,
    output: np.ndarray,
    labels: np.ndarray,
    config: LossConfig,
) -> LossValue:
    """Return the configured loss of a batch and its derivatives.

    Parameters
    ----------
    network : Network
        Names the readout.
    recording : Recording
        Result of the forward run.
    output : ndarray, shape (batch, n_classes), network time units
        What `read_output` returned for it.
    labels : ndarray, shape (batch,), int
        True classes.
    config : LossConfig
        Loss and its constants.

    Returns
    -------
    LossValue
        Value and derivatives, for the engine's `backward`.
    """
    if network.readout != "spike_time":
        return potential_cross_entropy(output, labels, beta=config.beta)
    loss = time_cross_entropy(
        output, labels, t_silent=network.duration, beta=config.beta
    )
    if config.silence_penalty == 0:
        return loss
    potential = recording.output_potential + recording.output_slope
    scale = potential.dtype.type(network.time_window)
    penalty, d_potential = silence_penalty(potential * scale, np.isinf(output), labels)
    return LossValue(
        loss.value + config.silence_penalty * penalty,
        loss.d_output,
        config.silence_penalty * d_potential,
    )


def predict(network: Network, output: np.ndarray) -> np.ndarray:
    """Return the class of each sample, -1 where no output neuron fired."""
    if network.readout == "spike_time":
        return predict_earliest(output)
    return predict_largest(output)
