"""What training keeps and shows: its state, and the numbers of batches and epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.network import Network
from eventsim.optim import Optimizer, Parameters


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
    exit : dict of str to dict, or None
        Early exit on the test set by each of `eventsim.early_exit.published.PROTOCOLS`,
        with the fields of `PublishedExit`; only if asked for.
    spikes_per_neuron : float
        Hidden spikes per hidden neuron and sample.
    silent : dict of str to float
        For each layer with neurons the share of them that fired for no sample, of
        those counted: with engines of first spikes those of every 20th batch.
    output_gradient : float or None
        Sum of dL/dt over the output spikes of a batch, mean of the epoch's batches (Zhu
        et al. 2023, Figs. 3, A1, A2); None where potentials are read or all are 0.
    output_gradient_abs : float or None
        The same of absolute values.
    positive_share : float or None
        ``(1 + sum / absolute sum) / 2`` of these: 1/2 is balanced.
    thresholds : dict of str to float
        Mean static threshold of each layer, after the epoch; empty if they are
        dynamic.
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
    exit: dict[str, dict[str, float]] | None
    spikes_per_neuron: float
    silent: dict[str, float]
    output_gradient: float | None
    output_gradient_abs: float | None
    positive_share: float | None
    thresholds: dict[str, float]
    seconds: float
    samples_per_second: float


@dataclass
class TrainingState:
    """Everything that changes while training; the content of a checkpoint.

    Parameters
    ----------
    network : Network
        Current weights and thresholds, updated in place.
    parameters : Parameters
        What the optimiser moves, and how the network follows from it.
    optimizer : Optimizer
        Its moments and number of updates.
    data : str
        Which samples it sees, so that a run is not resumed on others.
    epoch : int
        Finished epochs.
    best : list of ndarray
        Arrays of the network of the best epoch so far, by `best_score`; see
        `Network.trained_arrays`.
    best_epoch : int
        That epoch; 0 before the first.
    best_score : float
        The accuracy that chose it.
    history : list of dict
        Numbers of all finished epochs.
    """

    network: Network
    parameters: Parameters
    optimizer: Optimizer
    data: str = ""
    epoch: int = 0
    best: list[np.ndarray] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float = -math.inf
    history: list[dict[str, Any]] = field(default_factory=list)
