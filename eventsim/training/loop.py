"""Epochs: updates, measurements, and which network is the best so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import ModuleType

import numpy as np

from eventsim.batches import evaluation_batches, training_batches
from eventsim.config.schema import Config
from eventsim.datasets.records import Dataset
from eventsim.early_exit.published import published_exits
from eventsim.engine import choose_engine
from eventsim.engine.buffers import Buffers
from eventsim.engine.sweep import network as sweep
from eventsim.errors import RunError
from eventsim.evaluation import evaluate
from eventsim.network import Network
from eventsim.optim import learning_rate
from eventsim.readout import read_output
from eventsim.spikes import SpikeTrains
from eventsim.training.quantised_weights import QuantisedWeights
from eventsim.training.records import BatchProgress, EpochResult, TrainingState
from eventsim.training.start import start_training
from eventsim.training.statistics import EpochCounts, wake_silent
from eventsim.training.step import Place, update


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
        If the loss or a gradient stops being finite; the message names layer, epoch
        and batch.
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
    if config.training.keep == "last" or not state.best:
        return state.network, state.epoch, "last epoch"
    reason = config.training.keep.replace("_", " ") + " accuracy"
    return state.network.with_arrays(state.best), state.best_epoch, reason


def _run_epoch(
    config: Config,
    dataset: Dataset,
    state: TrainingState,
    buffers: Buffers,
    on_batch: Callable[[int, BatchProgress], None] | None,
) -> EpochResult:
    network, epoch = state.network, state.epoch + 1
    if isinstance(state.parameters, QuantisedWeights):
        state.parameters.find_steps()
    engine = _engine(config, network)
    n_batches = math.ceil(len(dataset.train) / config.training.batch_size)
    counts = EpochCounts(network, counts_all=config.training.wake_silent is not None)
    lr = 0.0
    start = time.perf_counter()
    for k, batch in enumerate(training_batches(dataset.train, config, epoch)):
        lr = learning_rate(
            config.schedule,
            config.optimizer.lr,
            state.epoch + k / n_batches,
            config.training.epochs,
            update=1 / n_batches,
        )
        place = Place(epoch, k + 1)
        step = update(config, state, engine, batch, lr, buffers, place)
        counts.add(step.recording, batch[1], step.answer, step.loss, step.d_output)
        if on_batch is not None:
            n = counts.n_samples
            progress = BatchProgress(
                batch[1].size,
                counts.loss / n,
                counts.n_right / n,
                counts.spikes_per_neuron,
            )
            on_batch(epoch, progress)
    seconds = time.perf_counter() - start
    if config.training.wake_silent is not None:
        wake_silent(network, counts, config.training.wake_silent)
    _require_finite_arrays(network, epoch)
    return _result(config, dataset, network, epoch, lr, counts, seconds)


def _engine(config: Config, network: Network) -> ModuleType:
    """Return what runs the batches; only the sweep gives supervisory spikes."""
    if config.training.supervisory_spike is not None:
        return sweep
    return choose_engine(network)


def _require_finite_arrays(network: Network, epoch: int) -> None:
    layers = [layer for _, layer in network.spiking_layers]
    named = [(x.name, "weights", x.weight) for x in layers]
    named += [(x.name, "thresholds", x.theta) for x in layers]
    for name, kind, array in named:
        if array is not None and not np.isfinite(array).all():
            raise RunError(
                f"train: {kind} of {name} are NaN or infinite after epoch {epoch}; "
                "lower optimizer.lr or set optimizer.gradient_clip; the epoch before "
                "it is in the checkpoint"
            )


def _result(
    config: Config,
    dataset: Dataset,
    network: Network,
    epoch: int,
    lr: float,
    counts: EpochCounts,
    seconds: float,
) -> EpochResult:
    scores = _score(config, dataset, network)
    n = counts.n_samples
    by_time = counts.output_gradient
    return EpochResult(
        epoch=epoch,
        lr=lr,
        train_loss=counts.loss / n,
        train_accuracy=counts.n_right / n,
        undecided=counts.n_undecided / n,
        validation_loss=scores[0],
        validation_accuracy=scores[1],
        test_accuracy=scores[2],
        exit=_early_exit(config, dataset, network),
        spikes_per_neuron=counts.spikes_per_neuron,
        silent=counts.silent,
        output_gradient=by_time[0] if by_time else None,
        output_gradient_abs=by_time[1] if by_time else None,
        positive_share=(1 + by_time[0] / by_time[1]) / 2 if by_time else None,
        thresholds=_mean_thresholds(network),
        seconds=seconds,
        samples_per_second=n / seconds,
    )


def _mean_thresholds(network: Network) -> dict[str, float]:
    if network.has_dynamic_thresholds:
        return {}
    return {
        layer.name: float(np.mean(layer.theta, dtype=np.float64))
        for _, layer in network.spiking_layers
        if layer.theta is not None
    }


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


def _early_exit(
    config: Config, dataset: Dataset, network: Network
) -> dict[str, dict[str, float]] | None:
    """Return what early exit reaches on the test set, if wanted."""
    if not config.training.track_exit:
        return None
    engine, buffers = choose_engine(network), Buffers()
    means: dict[str, dict[str, float]] = {}
    for inputs, labels in evaluation_batches(dataset.test, config, config.precision):
        output = read_output(network, engine.forward(network, inputs, buffers))
        if not isinstance(output, SpikeTrains):
            output = SpikeTrains.from_first_spikes(output)
        share = labels.size / len(dataset.test)
        for name, seen in published_exits(output, labels, network.duration).items():
            mean = means.setdefault(name, dict.fromkeys(vars(seen), 0.0))
            for key, value in vars(seen).items():
                mean[key] += share * value
    return means


def _remember_best(config: Config, state: TrainingState, result: EpochResult) -> None:
    """Keep the best weights and thresholds; a later epoch wins a tie."""
    score = (
        result.test_accuracy
        if config.training.keep == "best_test"
        else result.validation_accuracy
    )
    if score is not None and score >= state.best_score:
        state.best_score = score
        state.best_epoch = state.epoch
        state.best = [array.copy() for array in state.network.trained_arrays]
