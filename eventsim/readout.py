"""From a recording to class scores, a loss and a decision."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsim.config.loss_schema import (
    LossConfig,
    PotentialCrossEntropyConfig,
    TimeCrossEntropyConfig,
)
from eventsim.errors import ConfigError
from eventsim.losses import (
    LossValue,
    potential_cross_entropy,
    silence_penalty,
    time_cross_entropy,
)
from eventsim.losses.potential_cross_entropy import predict_largest
from eventsim.losses.time_cross_entropy import predict_earliest
from eventsim.network import READS_ALL_SPIKES, Network
from eventsim.objective import loss_of_trains, unfired_time
from eventsim.spikes import SpikeTrains

LATE = 0.1
"""How much less than 1.1 a spike at the end of the run counts."""


def read_output(network: Network, recording: Any) -> np.ndarray | SpikeTrains:
    """Return what the readout looks at.

    Parameters
    ----------
    network : Network
        Names the readout.
    recording : Recording
        Result of an engine's forward run.

    Returns
    -------
    ndarray, shape (batch, n_classes), network time units, or SpikeTrains
        First spike times (``inf`` = silent), membrane potentials, or all spikes of the
        output layer.
    """
    if network.readout in READS_ALL_SPIKES:
        return recording.trains[-1]
    if network.readout == "spike_time":
        return recording.times(network, len(network.layers))
    potential = recording.output_potential
    if network.readout == "potential_end":
        potential = potential + recording.output_slope
    return potential * potential.dtype.type(network.time_window)


def loss_of_output(
    network: Network,
    recording: Any,
    output: np.ndarray | SpikeTrains,
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
    output : ndarray, shape (batch, n_classes), or SpikeTrains
        What `read_output` returned for it.
    labels : ndarray, shape (batch,), int
        True classes.
    config : LossConfig
        Loss and its constants; one that goes with the readout.

    Returns
    -------
    LossValue
        Value and derivatives, for the engine's `backward`.

    Raises
    ------
    ConfigError
        If the loss does not go with the readout.
    """
    if isinstance(output, SpikeTrains):
        return loss_of_trains(output, labels, config, network.duration)
    reads_potential = network.readout != "spike_time"
    if reads_potential and isinstance(config, PotentialCrossEntropyConfig):
        return potential_cross_entropy(output, labels, beta=config.beta)
    if reads_potential or not isinstance(config, TimeCrossEntropyConfig):
        raise ConfigError(
            f"loss: '{config.name}' does not fit the readout '{network.readout}'; "
            "expected time_cross_entropy for spike_time, potential_cross_entropy for "
            "potentials"
        )
    loss = time_cross_entropy(
        output,
        labels,
        t_unfired=unfired_time(config, network.duration),
        beta=config.beta,
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


def spike_worth(network: Network, time: np.ndarray) -> np.ndarray:
    """Return what output spikes at some times count, of the shape of `time`."""
    if network.readout == "weighted_count":
        return 1 + LATE - LATE * time / network.duration
    return np.ones(time.shape)


def class_scores(network: Network, output: SpikeTrains) -> np.ndarray:
    """Return the number of spikes of each class, weighted if the readout says so.

    Parameters
    ----------
    network : Network
        Names the readout.
    output : SpikeTrains
        Spikes of the output layer.

    Returns
    -------
    ndarray, shape (batch, n_classes), dimensionless
        ``sum over spikes of 1.1 - 0.1 t / duration`` for ``"weighted_count"``, where an
        early spike breaks a tie (code of Zhu et al. 2023), else plain counts.
    """
    worth = spike_worth(network, output.time)
    shape = (output.batch, output.n_neurons)
    return np.bincount(output.key, worth, output.batch * output.n_neurons).reshape(
        shape
    )


def predict(network: Network, output: np.ndarray | SpikeTrains) -> np.ndarray:
    """Return the class of each sample, -1 where no output neuron fired.

    Ties go to the lowest class.
    """
    if isinstance(output, SpikeTrains):
        scores = class_scores(network, output)
        return np.where(scores.any(axis=1), scores.argmax(axis=1), -1)
    if network.readout == "spike_time":
        return predict_earliest(output)
    return predict_largest(output)
