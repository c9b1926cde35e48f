"""Everything that early exit shows about a network, from one simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.early_exit.accuracy_curve import AccuracyCurve, accuracy_curve
from eventsim.early_exit.calibration import Calibration, calibration
from eventsim.early_exit.policies import Policy, answers, smoothing_of
from eventsim.early_exit.published import PublishedExit, published_exits
from eventsim.early_exit.spending import operations_of, spikes_of
from eventsim.early_exit.sweep import ExitPoint, Outcome, exit_point, joined, outcome
from eventsim.early_exit.trace import Trace
from eventsim.spikes import join_samples

CALIBRATED_AT = (0.25, 0.5, 1.0)
"""Shares of the duration at which probabilities are compared with the truth."""


@dataclass(frozen=True)
class FullRuns:
    """What runs to the end show.

    Parameters
    ----------
    accuracy, unanswered : float, dimensionless
        Share of right answers of the readout; of samples in which no output neuron
        fired.
    spikes, sops : float
        Spikes of hidden and output neurons and synaptic operations per sample.
    layer_spikes : tuple of float
        Spikes per sample of the input and of every layer (Shrestha et al. 2022,
        Fig. 3); what pools and flattened maps pass on.
    """

    accuracy: float
    unanswered: float
    spikes: float
    sops: float
    layer_spikes: tuple[float, ...]


@dataclass(frozen=True)
class ExitAnalysis:
    """Early exit of a network on a set of samples.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    smoothing : float
        Smoothing of the calibrated probabilities, in spikes.
    policies : tuple of Policy
        Settings that were evaluated.
    points : tuple of ExitPoint
        Their numbers.
    outcomes : tuple of Outcome
        What they did with each sample.
    full : FullRuns
        Runs to the end.
    curve : AccuracyCurve
        Accuracy of the readout over time.
    calibrations : tuple of Calibration
        Of the readout's answers at some times.
    published : dict of str to PublishedExit
        The protocol of Zhu et al. 2023: with exact times, in steps, and by the rule of
        the released code.
    """

    n_samples: int
    smoothing: float
    policies: tuple[Policy, ...]
    points: tuple[ExitPoint, ...]
    outcomes: tuple[Outcome, ...]
    full: FullRuns
    curve: AccuracyCurve
    calibrations: tuple[Calibration, ...]
    published: dict[str, PublishedExit]


def analyse(
    traces: Iterable[Trace],
    policies: Sequence[Policy],
    *,
    smoothing: float | None = None,
    on_batch: Callable[[int], object] | None = None,
) -> ExitAnalysis:
    """Evaluate policies from traces, one trace after the other.

    Parameters
    ----------
    traces : iterable of Trace
        Of one network; at least one.
    policies : sequence of Policy
        Settings to evaluate.
    smoothing : float or None
        Smoothing of the calibrated probabilities, see
        `eventsim.early_exit.policies.smoothing_of`.
    on_batch : callable, optional
        Called with the number of samples of each trace when it is done.

    Returns
    -------
    ExitAnalysis
        All samples together.
    """
    parts: list[list[Outcome]] = [[] for _ in policies]
    outputs, labels, layers = [], [], []
    n_spikes = n_operations = 0
    for trace in traces:
        network = trace.network
        spikes, operations = spikes_of(trace), operations_of(trace)
        for policy, part in zip(policies, parts, strict=True):
            part.append(outcome(policy, trace, spikes, operations))
        n_spikes += int(spikes.all.sum())
        n_operations += int(operations.all.sum())
        outputs.append(trace.output)
        labels.append(trace.labels)
        layers.append([train.time.size for train in trace.trains])
        if on_batch is not None:
            on_batch(trace.labels.size)
    output, label = join_samples(outputs), np.concatenate(labels)
    found = [joined(part) for part in parts]
    answer, n = answers(network, output), label.size
    full = FullRuns(
        accuracy=float(np.mean(answer == label)),
        unanswered=float(np.mean(answer < 0)),
        spikes=n_spikes / n,
        sops=n_operations / n,
        layer_spikes=tuple((np.sum(layers, axis=0) / n).tolist()),
    )
    return ExitAnalysis(
        n_samples=n,
        smoothing=smoothing_of(smoothing, network.n_classes),
        policies=tuple(policies),
        points=tuple(
            exit_point(policy, one, n_spikes, n_operations)
            for policy, one in zip(policies, found, strict=True)
        ),
        outcomes=tuple(found),
        full=full,
        curve=accuracy_curve(network, output, label),
        calibrations=tuple(
            calibration(
                network, output, label, share * network.duration, smoothing=smoothing
            )
            for share in CALIBRATED_AT
        ),
        published=published_exits(output, label, network.duration),
    )
