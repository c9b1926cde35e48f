"""Training: batches in, weights updated, numbers out. Touches no files."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from eventsim.batches import training_batches
from eventsim.build import build_network
from eventsim.config.schema import AugmentConfig, Config
from eventsim.datasets.records import Dataset
from eventsim.engine import choose_engine
from eventsim.engine.buffers import Buffers
from eventsim.errors import ConfigError, DataError, RunError
from eventsim.evaluation import evaluate
from eventsim.network import Network
from eventsim.optim import Optimizer, learning_rate, make_optimizer
from eventsim.readout import loss_of_output, predict, read_output

SPIKES_EVERY = 20
DELTA_MODELS = ("if_delta", "lif_delta")


@dataclass(frozen=True)
class BatchProgress:
    """Running numbers of an epoch, for a progress bar."""

    n_samples: int
    loss: float
    accuracy: float
    spikes_per_neuron: float


@dataclass(frozen=True)
class EpochResult:
    """What one epoch showed; one line of ``metrics.jsonl``.

    Parameters
    ----------
    epoch : int
        From 1.
    lr : float, dimensionless
        Learning rate of the last update.
    train_loss, train_accuracy : float, dimensionless
        Mean over the epoch's batches, each before its own update, augmented.
    undecided : float, dimensionless
        Share of training samples in which no output neuron fired.
    validation_loss, validation_accuracy : float or None
        After the epoch; None without a validation set.
    test_accuracy : float or None
        Only if the configuration lets the test set choose.
    spikes_per_neuron : float
        Hidden spikes per hidden neuron and sample, from every 20th batch.
    seconds, samples_per_second : float
        Wall time of the updates.
    """

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float
    undecided: float
    validation_loss: float | None
    validation_accuracy: float | None
    test_accuracy: float | None
    spikes_per_neuron: float
    seconds: float
    samples_per_second: float


@dataclass
class TrainingState:
    """Everything that changes while training; the content of a checkpoint.

    Parameters
    ----------
    network : Network
        Current weights, updated in place.
    optimizer : Optimizer
        Its moments and number of updates.
    data : str
        Which samples it sees, so that a run is not resumed on others.
    epoch : int
        Finished epochs.
    best_weights : list of ndarray
        Weights of the best epoch so far, by `best_score`.
    best_epoch : int
        That epoch; 0 before the first.
    best_score : float
        The accuracy that chose it.
    history : list of dict
        Numbers of all finished epochs.
    """

    network: Network
    optimizer: Optimizer
    data: str = ""
    epoch: int = 0
    best_weights: list[np.ndarray] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float = -math.inf
    history: list[dict[str, object]] = field(default_factory=list)


def start_training(config: Config, dataset: Dataset) -> TrainingState:
    """Return the state before the first epoch.

    Parameters
    ----------
    config : Config
        The run.
    dataset : Dataset
        Gives the shapes.

    Returns
    -------
    TrainingState
        Random weights from the seed, fresh optimiser.

    Raises
    ------
    DataError
        If there is no training sample.
    ConfigError
        If the layers do not fit the data, image options are set for other data, or
        spike times do not depend on the weights.
    """
    if len(dataset.train) == 0:
        raise DataError(
            "train: the training set is empty; expected at least one sample"
        )
    _refuse_image_options(config, dataset)
    network = build_network(config, dataset.input_shape, dataset.n_classes)
    require_trainable(network)
    optimizer = make_optimizer(config.optimizer, network.weights)
    return TrainingState(network, optimizer, _describe_data(dataset))


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
    for _, layer in network.spiking_layers:
        if layer.neuron is None or layer.neuron.model not in DELTA_MODELS:
            continue
        if layer.current is None or not np.any(layer.current):
            raise ConfigError(
                f"train: {layer.name} has the neuron model '{layer.neuron.model}', "
                "which fires when an input arrives, so its spike times have no "
                "derivative by the weights; expected a model with synaptic currents "
                "such as lif, or a network.current; evaluate and simulate run it as "
                "it is"
            )


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


def _describe_data(dataset: Dataset) -> str:
    sizes = ", ".join(
        f"{len(getattr(dataset, part))} {part}"
        for part in ("train", "validation", "test")
    )
    labels = zlib.crc32(dataset.train.labels.tobytes())
    return f"{dataset.name} ({sizes}, labels {labels:08x})"


def train(
    config: Config,
    dataset: Dataset,
    state: TrainingState | None = None,
    *,
    on_batch: Callable[[int, BatchProgress], None] | None = None,
    on_epoch: Callable[[TrainingState, EpochResult], None] | None = None,
) -> TrainingState:
    """Train until the configured number of epochs is reached.

    Parameters
    ----------
    config : Config
        The run.
    dataset : Dataset
        Samples.
    state : TrainingState, optional
        Where to go on; a fresh start by default.
    on_batch : callable, optional
        Called with the epoch and its running numbers.
    on_epoch : callable, optional
        Called after each epoch with the state and its numbers.

    Returns
    -------
    TrainingState
        The state after the last epoch.

    Raises
    ------
    RunError
        If the loss stops being finite; the message names epoch and batch.
    """
    state = start_training(config, dataset) if state is None else state
    buffers = Buffers()
    while state.epoch < config.training.epochs:
        result = _run_epoch(config, dataset, state, buffers, on_batch)
        state.epoch += 1
        state.history.append(dict(vars(result)))
        _remember_best(config, state, result)
        if on_epoch is not None:
            on_epoch(state, result)
    return state


def kept_network(config: Config, state: TrainingState) -> tuple[Network, int, str]:
    """Return the network to write, its epoch, and how it was chosen."""
    if config.training.keep == "last" or not state.best_weights:
        return state.network, state.epoch, "last epoch"
    reason = config.training.keep.replace("_", " ") + " accuracy"
    return state.network.with_weights(state.best_weights), state.best_epoch, reason


@dataclass(frozen=True)
class _Step:
    """What one update saw, before it."""

    loss: float
    n_right: int
    n_undecided: int
    recording: Any


def _run_epoch(
    config: Config,
    dataset: Dataset,
    state: TrainingState,
    buffers: Buffers,
    on_batch: Callable[[int, BatchProgress], None] | None,
) -> EpochResult:
    network, epoch = state.network, state.epoch + 1
    engine = choose_engine(network)
    n_batches = math.ceil(len(dataset.train) / config.training.batch_size)
    n_seen = n_right = n_undecided = 0
    loss = spikes = lr = 0.0
    start = time.perf_counter()
    for k, batch in enumerate(training_batches(dataset.train, config, epoch)):
        lr = learning_rate(
            config.schedule,
            config.optimizer.lr,
            state.epoch + k / n_batches,
            config.training.epochs,
            update=1 / n_batches,
        )
        step = _update(config, state, engine, batch, lr, buffers, k + 1)
        n = batch[1].size
        n_right += step.n_right
        n_undecided += step.n_undecided
        n_seen += n
        loss += step.loss * n
        if k % SPIKES_EVERY == 0:
            seen = _hidden_spikes_per_neuron(network, step.recording, n)
            spikes += (seen - spikes) / (k // SPIKES_EVERY + 1)
        if on_batch is not None:
            progress = BatchProgress(n, loss / n_seen, n_right / n_seen, spikes)
            on_batch(epoch, progress)
    seconds = time.perf_counter() - start
    if not all(np.isfinite(weight).all() for weight in network.weights):
        raise RunError(
            f"train: weights are NaN or infinite after epoch {epoch}; lower "
            "optimizer.lr or set optimizer.gradient_clip; the epoch before it is in "
            "the checkpoint"
        )
    scores = _score(config, dataset, network)
    return EpochResult(
        epoch=epoch,
        lr=lr,
        train_loss=loss / n_seen,
        train_accuracy=n_right / n_seen,
        undecided=n_undecided / n_seen,
        validation_loss=scores[0],
        validation_accuracy=scores[1],
        test_accuracy=scores[2],
        spikes_per_neuron=spikes,
        seconds=seconds,
        samples_per_second=n_seen / seconds,
    )


def _update(
    config: Config,
    state: TrainingState,
    engine: ModuleType,
    batch: tuple[np.ndarray, np.ndarray],
    lr: float,
    buffers: Buffers,
    number: int,
) -> _Step:
    """Run a batch forward and backward and change the weights."""
    network, (activation, labels) = state.network, batch
    recording = engine.forward(network, activation, buffers)
    output = read_output(network, recording)
    with np.errstate(over="ignore", invalid="ignore"):  # told below
        loss = loss_of_output(network, recording, output, labels, config.loss)
    if not math.isfinite(loss.value):
        raise RunError(
            f"train: the loss is {loss.value} in epoch {state.epoch + 1}, batch "
            f"{number}; lower optimizer.lr or set optimizer.gradient_clip; the last "
            "finished epoch is in the checkpoint"
        )
    gradients = engine.backward(
        network,
        recording,
        loss.d_output,
        d_potential_end=loss.d_potential_end,
        buffers=buffers,
        **_slope_options(config),
    )
    state.optimizer.update(network.weights, gradients.weights, lr)
    answer = predict(network, output)
    n_right, n_undecided = int(np.sum(answer == labels)), int(np.sum(answer == -1))
    return _Step(loss.value, n_right, n_undecided, recording)


def _slope_options(config: Config) -> dict[str, float]:
    """Return the departures from the exact gradient, as the engines call them."""
    neuron = config.network.neuron
    options = {
        name: getattr(neuron, name)
        for name in ("derivative_clip", "slope_clip", "exponential_slope")
    }
    return {name: value for name, value in options.items() if value is not None}


def _score(
    config: Config, dataset: Dataset, network: Network
) -> tuple[float | None, float | None, float | None]:
    loss = accuracy = test_accuracy = None
    if len(dataset.validation):
        seen = evaluate(network, dataset.validation, config, dtype=config.precision)
        loss, accuracy = seen.loss, seen.accuracy
    if config.training.keep == "best_test":
        seen = evaluate(network, dataset.test, config, dtype=config.precision)
        test_accuracy = seen.accuracy
    return loss, accuracy, test_accuracy


def _remember_best(config: Config, state: TrainingState, result: EpochResult) -> None:
    """Keep the best weights; a later epoch wins a tie."""
    score = (
        result.test_accuracy
        if config.training.keep == "best_test"
        else result.validation_accuracy
    )
    if score is not None and score >= state.best_score:
        state.best_score = score
        state.best_epoch = state.epoch
        state.best_weights = [w.copy() for w in state.network.weights]


def _hidden_spikes_per_neuron(
    network: Network, recording: Any, n_samples: int
) -> float:
    """Return the mean over hidden neurons and samples of one batch."""
    counts = [
        recording.counts(k)
        for k, _ in network.spiking_layers
        if k != len(network.layers)
    ]
    n_neurons = sum(count.size for count in counts)
    n_spikes = sum(int(count.sum()) for count in counts)
    return n_spikes / (n_neurons * n_samples) if counts else 0.0
