"""Measure a network on a set of samples: accuracy, spikes, decision times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.batches import evaluation_batches
from eventsim.config.schema import Config
from eventsim.datasets.records import Split
from eventsim.engine import choose_engine, engine_name, trains_of
from eventsim.engine.buffers import Buffers
from eventsim.engine.queue.circuit_checks import MAX_EVENTS
from eventsim.errors import DataError
from eventsim.model_file import Activity
from eventsim.network import Network
from eventsim.readout import class_scores, loss_of_output, predict, read_output
from eventsim.spikes import SpikeTrains

OnTrains = Callable[[tuple[SpikeTrains, ...], np.ndarray], None]
"""Takes the spikes of all layers and the labels of a batch."""


@dataclass(frozen=True)
class Evaluation:
    """What one pass over a set of samples showed.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    accuracy, loss : float, dimensionless
        Share of right answers; mean loss.
    undecided : float, dimensionless
        Share of samples in which no output neuron fired (counted as wrong).
    tied : float, dimensionless
        Share of samples in which two or more output neurons fired first together
        (the lowest class is the answer), or have the same score. 0 for potentials.
    mean_decision_time : float, network time units
        Mean time of the first output spike, undecided samples counted with the end
        of the run; for counts and potentials, the time at which they are read.
    spike_counts : tuple of ndarray, each shape (n,), int64
        Spikes per neuron over all samples, all spikes of a neuron that fires more
        than once: the input, then each layer. With the
        readout ``"potential_start"`` the run ends before the output layer can fire,
        so its counts are 0.
    """

    n_samples: int
    accuracy: float
    loss: float
    undecided: float
    tied: float
    mean_decision_time: float
    spike_counts: tuple[np.ndarray, ...]

    def activity(self, network: Network, split: str) -> Activity:
        """Return the record that goes into the model file."""
        return Activity(split, self.n_samples, self.spike_counts, network.duration)


@dataclass(frozen=True)
class Sparsity:
    """Spikes over neurons, mean over samples.

    Parameters
    ----------
    all_layers : float, dimensionless
        Wei et al. 2023: hidden spikes and one spike for each output neuron, whether
        it fires or not, over all neurons but the input.
    hidden : float, dimensionless
        Hidden layers only.
    spikes_per_sample : float
        Measured spikes of hidden and output neurons; `hwmodel estimate` prices these.
    """

    all_layers: float
    hidden: float
    spikes_per_sample: float


def evaluate(
    network: Network,
    split: Split,
    config: Config,
    *,
    dtype: np.typing.DTypeLike = np.float64,
    engine: str = "auto",
    max_events: int = MAX_EVENTS,
    on_batch: Callable[[int], None] | None = None,
    on_trains: OnTrains | None = None,
) -> Evaluation:
    """Run every sample of a split once.

    Parameters
    ----------
    network : Network
        Weights are converted to `dtype`.
    split : Split
        Samples; at least one.
    config : Config
        Encoding and loss.
    dtype : dtype, default float64
        Float type of the run.
    engine : str, default "auto"
        Engine to use.
    max_events : int, default 100 million
        The queue engine's bound on arrivals plus spikes of one sample.
    on_batch : callable, optional
        Called with the size of each finished batch.
    on_trains : callable, optional
        Called with the spikes of the input and of every layer, and the labels, of each
        batch: those that are counted.

    Returns
    -------
    Evaluation
        Measured numbers.

    Raises
    ------
    DataError
        If the split is empty.
    SimulationLimitError
        If there are more spikes or events than allowed.
    """
    if len(split) == 0:
        raise DataError("evaluate: the set of samples is empty; expected at least one")
    network = network.astype(dtype)
    run = choose_engine(network, engine)
    limits = {"max_events": max_events} if engine_name(run) == "queue" else {}
    buffers = Buffers()
    counts = [np.zeros(int(np.prod(network.input_shape)), np.int64)]
    counts += [np.zeros(layer.n_neurons, np.int64) for layer in network.layers]
    n_counted = len(counts) - (network.readout == "potential_start")
    n_right = n_undecided = n_tied = 0
    loss = decision_time = 0.0
    for activation, labels in evaluation_batches(split, config, dtype):
        recording = run.forward(network, activation, buffers, **limits)
        output = read_output(network, recording)
        answer = predict(network, output)
        n_right += int(np.sum(answer == labels))
        batch_loss = loss_of_output(network, recording, output, labels, config.loss)
        loss += batch_loss.per_sample * labels.size
        if isinstance(output, SpikeTrains):
            scores = class_scores(network, output)
            best = scores.max(axis=1, keepdims=True)
            n_undecided += int(np.sum(best == 0))
            n_tied += int(np.sum(np.sum(scores == best, axis=1)[best[:, 0] > 0] > 1))
            decision_time += network.duration * labels.size
        elif network.readout == "spike_time":
            first = output.min(axis=1)
            n_undecided += int(np.sum(np.isinf(first)))
            is_first = np.isfinite(output) & (output == first[:, None])
            n_tied += int(np.sum(is_first.sum(axis=1) > 1))
            decision_time += float(np.minimum(first, network.duration).sum())
        else:
            decision_time += network.duration * labels.size
        for k in range(n_counted):
            counts[k] += recording.counts(k)
        if on_trains is not None:
            on_trains(_counted_trains(network, recording), labels)
        if on_batch is not None:
            on_batch(labels.size)
    n = len(split)
    return Evaluation(
        n_samples=n,
        accuracy=n_right / n,
        loss=loss / n,
        undecided=n_undecided / n,
        tied=n_tied / n,
        mean_decision_time=decision_time / n,
        spike_counts=tuple(counts),
    )


def _counted_trains(network: Network, recording: Any) -> tuple[SpikeTrains, ...]:
    trains = trains_of(network, recording)
    if network.readout != "potential_start":
        return trains
    offsets = np.zeros(trains[0].batch + 1, np.int64)
    silent = SpikeTrains(np.empty(0), np.empty(0, np.int32), offsets, network.n_classes)
    return (*trains[:-1], silent)


def sparsity(network: Network, evaluation: Evaluation) -> Sparsity:
    """Return spikes over neurons as Wei et al. 2023 count them, and hidden only.

    Parameters
    ----------
    network : Network
        The network that was evaluated.
    evaluation : Evaluation
        Its measured spikes.

    Returns
    -------
    Sparsity
        Pool outputs are not neurons: convolution outputs are counted before pooling.
    """
    last = len(network.layers)
    hidden = [k for k, _ in network.spiking_layers if k != last]
    n_hidden = sum(network.layers[k - 1].n_neurons for k in hidden)
    n = evaluation.n_samples
    hidden_spikes = sum(int(evaluation.spike_counts[k].sum()) for k in hidden) / n
    output_spikes = int(evaluation.spike_counts[last].sum()) / n
    return Sparsity(
        all_layers=(hidden_spikes + network.n_classes) / network.n_neurons,
        hidden=hidden_spikes / n_hidden if n_hidden else 0.0,
        spikes_per_sample=hidden_spikes + output_spikes,
    )
