"""When a policy decides each sample of a trace, and what it answers.

The policies are those of ``eventsim early-exit``: pure functions of the output spikes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.early_exit.policies import (
    Decisions,
    FixedTime,
    decide,
    require_output_spikes,
)
from eventsim.early_exit.settings import parameters_of, settings_named
from eventsim.network import Network
from hwmodel.errors import WorkloadError
from hwmodel.workload.trace import SpikeTrace

FULL_RUN = "full_run"
"""Name of the policy that reads the network's answer at the end of the run."""


@dataclass(frozen=True)
class DecidedRun:
    """What a policy did with every sample of a trace.

    Parameters
    ----------
    policy : str
        Its name; `FULL_RUN` or as in ``eventsim early-exit``.
    value : float or None
        Its parameter, where it has one: spikes, probability or network time.
    decisions : Decisions
        Time and class of each sample.
    is_right : ndarray, shape (n_samples,), bool
        Whether the class is the label; never without an answer.
    """

    policy: str
    value: float | None
    decisions: Decisions
    is_right: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.is_right.mean())

    @property
    def undecided(self) -> float:
        """Share of samples without a decision."""
        return float(np.mean(~self.decisions.is_decided))


def decided_runs(
    names: Sequence[str], network: Network, trace: SpikeTrace
) -> tuple[DecidedRun, ...]:
    """Evaluate policies on a trace.

    Parameters
    ----------
    names : sequence of str
        ``NAME`` or ``NAME=VALUE``, see `eventsim.early_exit.settings.settings_named`;
        without any all policies are swept. A sweep of margins ends with the most
        spikes that an output neuron of the trace fired: no larger lead is reached.
    network : Network
        The model that fired; its readout answers for samples without a decision.
    trace : SpikeTrace
        Of this model, with labels.

    Returns
    -------
    tuple of DecidedRun
        The full run first, then the policies in the order of the names.

    Raises
    ------
    ShapeError
        If the network's answer is a potential.
    WorkloadError
        If the trace has no labels or its runs end at another time than the model's.
    ConfigError
        If there is no such policy or a value is out of range.
    """
    require_output_spikes(network)
    labels = _labels(trace)
    if trace.duration != network.duration:
        raise WorkloadError(
            f"trace '{trace.path}' ends at {trace.duration:g}, the model's run at "
            f"{network.duration:g}; expected the same end, its readout decides there; "
            "record one with 'eventsim evaluate MODEL --trace FILE'"
        )
    output = trace.trains[-1]
    most = int(np.bincount(output.key).max(initial=1))
    policies = settings_named(names, network.duration, most)
    end = decide(FixedTime(network.duration), network, output)
    found = [DecidedRun(FULL_RUN, None, end, end.label == labels)]
    for policy in policies:
        name, value, _ = parameters_of(policy)
        decisions = decide(policy, network, output)
        found.append(DecidedRun(name, value, decisions, decisions.label == labels))
    return tuple(found)


def accuracy_at(network: Network, trace: SpikeTrace, times: np.ndarray) -> np.ndarray:
    """Return the accuracy of runs that are all cut at one time.

    Parameters
    ----------
    network : Network
        Its readout answers from the spikes until then, those at that time included.
    trace : SpikeTrace
        Of this model, with labels.
    times : ndarray, shape (n_times,), network time units
        From 0 to the end of the run.

    Returns
    -------
    ndarray, shape (n_times,), dimensionless
        Share of right answers; a sample without an output spike has none.
    """
    labels = _labels(trace)
    answers = [
        decide(FixedTime(time), network, trace.trains[-1]).label
        for time in times.tolist()
    ]
    return np.array([np.mean(label == labels) for label in answers])


def _labels(trace: SpikeTrace) -> np.ndarray:
    if trace.labels is None:
        raise WorkloadError(
            f"trace '{trace.path}' has no array 'label'; expected the class of each "
            "sample, without which there is no accuracy; record it with 'eventsim "
            "evaluate MODEL --trace FILE'"
        )
    labels, n_classes = trace.labels, trace.trains[-1].n_neurons
    wrong = np.flatnonzero((labels < 0) | (labels >= n_classes))
    if wrong.size:
        raise WorkloadError(
            f"trace '{trace.path}': array 'label': entry {wrong[0]} is "
            f"{labels[wrong[0]]}; expected 0 to {n_classes - 1}, the classes of the "
            "model"
        )
    return labels
