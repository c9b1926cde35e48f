"""The state before the first epoch, and what cannot be trained at all."""

from __future__ import annotations

import zlib

import numpy as np

from eventsim.batches import training_batches
from eventsim.build import build_network
from eventsim.config.schema import AugmentConfig, Config
from eventsim.datasets.records import Dataset
from eventsim.engine.sweep import network as sweep
from eventsim.engine.sweep.forced_output import require_supervisable
from eventsim.errors import ConfigError, DataError, ShapeError
from eventsim.network import Network
from eventsim.objective import require_fitting_loss
from eventsim.optim import (
    Parameters,
    PlainWeights,
    StandardisedWeights,
    make_optimizer,
)
from eventsim.training.quantised_weights import QuantisedWeights
from eventsim.training.records import TrainingState
from eventsim.training.threshold_init import set_thresholds

DELTA_MODELS = ("if_delta", "lif_delta")


def start_training(config: Config, dataset: Dataset) -> TrainingState:
    """Return the state before the first epoch, thresholds set to a firing rate.

    Parameters
    ----------
    config : Config
        The run.
    dataset : Dataset
        Gives the shapes, and the batch on which neurons shall fire at the rate.

    Returns
    -------
    TrainingState
        `fresh_state`, with thresholds of ``training.target_rate`` if that is set.

    Raises
    ------
    DataError, ConfigError, ShapeError
        As `fresh_state`.
    RunError
        If a layer cannot be brought to fire at the wanted rate.
    """
    state = fresh_state(config, dataset)
    if config.training.target_rate is not None:
        inputs, _ = next(training_batches(dataset.train, config, epoch=1))
        set_thresholds(state.network, inputs, config.training.target_rate)
    return state


def fresh_state(config: Config, dataset: Dataset) -> TrainingState:
    """Return random weights from the seed, configured thresholds, a new optimiser.

    Parameters
    ----------
    config : Config
        The run.
    dataset : Dataset
        Gives the shapes.

    Returns
    -------
    TrainingState
        No epoch done.

    Raises
    ------
    DataError
        If there is no training sample.
    ConfigError
        If the layers or steps of augmentation do not fit the data, image options are
        set for other data, spike times do not depend on the weights, the loss does
        not fit the length of the run, or supervisory spikes do not fit the network.
    ShapeError
        If constants of normalisation do not fit the channels.
    """
    _check_samples(config, dataset)
    network = build_network(config, dataset.input_shape, dataset.n_classes)
    return _state_of(network, config, dataset)


def fine_tuning_state(
    network: Network, config: Config, dataset: Dataset
) -> TrainingState:
    """Return the weights and thresholds of a trained network, a new optimiser.

    Parameters
    ----------
    network : Network
        Fits the data; its arrays are copied.
    config : Config
        The run.
    dataset : Dataset
        Samples.

    Returns
    -------
    TrainingState
        No epoch done.

    Raises
    ------
    DataError, ConfigError, ShapeError
        As `fresh_state`.
    """
    _check_samples(config, dataset)
    network = network.astype(config.precision)
    arrays = [array.copy() for array in network.trained_arrays]
    return _state_of(network.with_arrays(arrays), config, dataset)


def _state_of(network: Network, config: Config, dataset: Dataset) -> TrainingState:
    require_trainable(network)
    require_fitting_loss(config.loss, network.duration)
    if config.training.supervisory_spike is not None:
        _require_supervisable(network)
    parameters = _parameters(config, network)
    if config.training.quantise is not None:
        spec = config.training.quantise
        parameters = QuantisedWeights(network, parameters, spec.bits, spec.per)
        network = parameters.network
    optimizer = make_optimizer(
        config.optimizer, parameters.arrays, parameters.are_weights
    )
    return TrainingState(network, parameters, optimizer, _describe_data(dataset))


def _check_samples(config: Config, dataset: Dataset) -> None:
    if len(dataset.train) == 0:
        raise DataError(
            "train: the training set is empty; expected at least one sample"
        )
    _refuse_image_options(config, dataset)
    _try_first_sample(config, dataset)


def _parameters(config: Config, network: Network) -> Parameters:
    standardise = config.training.standardise
    if standardise is None:
        return PlainWeights(network)
    trains_thresholds = standardise.thresholds == "trained"
    return StandardisedWeights(network, trains_thresholds=trains_thresholds)


def require_trainable(network: Network) -> None:
    """Refuse a network whose spike times do not depend on the weights.

    Parameters
    ----------
    network : Network
        Any.

    Raises
    ------
    ConfigError
        If its neurons fire exactly when an input arrives: instantaneous synapses
        without a current that would carry the potential to the threshold.
    """
    for number, (_, layer) in enumerate(network.spiking_layers):
        if layer.neuron is None or layer.neuron.model not in DELTA_MODELS:
            continue
        if number == 0 and network.input == "currents":
            continue
        if layer.current is None or not np.any(layer.current):
            raise ConfigError(
                f"train: {layer.name} has the neuron model '{layer.neuron.model}', "
                "which fires when an input arrives, so its spike times have no "
                "derivative by the weights; expected a model with synaptic currents "
                "such as lif, or a network.current; evaluate and simulate run it as "
                "it is"
            )


def _require_supervisable(network: Network) -> None:
    sweep.require_runnable(network)
    try:
        require_supervisable(network)
    except ShapeError as error:
        raise ConfigError(f"train: {error}") from error


def _refuse_image_options(config: Config, dataset: Dataset) -> None:
    """Options that would have no effect are mistakes."""
    if dataset.train.inputs.dtype == np.uint8:
        return
    for name, unset in (("augment", AugmentConfig()), ("normalise", None)):
        value = getattr(config.data, name)
        if value != unset:
            raise ConfigError(
                f"config: data.{name} is for images, got {{{value}}} for the data set "
                f"'{dataset.name}'; leave it out"
            )


def _try_first_sample(config: Config, dataset: Dataset) -> None:
    """Let augmentation and normalisation that do not fit fail before a run begins."""
    next(training_batches(dataset.train.take(np.arange(1)), config, epoch=1))


def _describe_data(dataset: Dataset) -> str:
    sizes = ", ".join(
        f"{len(getattr(dataset, part))} {part}"
        for part in ("train", "validation", "test")
    )
    labels = zlib.crc32(dataset.train.labels.tobytes())
    return f"{dataset.name} ({sizes}, labels {labels:08x})"
