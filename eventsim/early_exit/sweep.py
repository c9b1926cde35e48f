"""Policies over their parameters: what each setting is worth and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.early_exit.policies import (
    Decisions,
    Policy,
    decide,
    joined_decisions,
)
from eventsim.early_exit.settings import parameters_of, settings_named
from eventsim.early_exit.spending import Tally
from eventsim.early_exit.trace import Trace
from eventsim.engine.layer_dynamics import dynamics_of
from eventsim.network import Network


def policies_named(
    names: Sequence[str],
    network: Network,
    windows: Sequence[float | None] = (None,),
    smoothing: float | None = None,
) -> list[Policy]:
    """Return policies by name, each with the values over which it is swept.

    Parameters
    ----------
    names : sequence of str
        See `eventsim.early_exit.settings.settings_named`.
    network : Network
        How often its output neurons can spike bounds the margins, its duration the
        fixed times.
    windows : sequence of float or None, network time units
        Windows of the confidence; ``None`` = all spikes so far.
    smoothing : float or None
        Smoothing of the confidence, see `eventsim.early_exit.policies.smoothing_of`.

    Returns
    -------
    list of Policy
        In the order of the names.

    Raises
    ------
    ConfigError
        If there is no such policy or a value is out of range.
    """
    most = 1
    if not network.has_dynamic_thresholds:
        most = dynamics_of(network.layers[-1]).max_spikes
    return settings_named(names, network.duration, most, windows, smoothing)


@dataclass(frozen=True)
class Outcome:
    """What a policy did with each sample.

    Parameters
    ----------
    decisions : Decisions
        Times and classes.
    is_right : ndarray, shape (batch,), bool
        Whether the class is the label.
    n_spikes, n_operations : ndarray, shape (batch,), int64
        Spikes of hidden and output neurons, and synaptic operations, until then.
    layer_spikes : ndarray, shape (n_layers + 1,), int64
        Spikes of the input and of every layer until then, all samples together.
    """

    decisions: Decisions
    is_right: np.ndarray
    n_spikes: np.ndarray
    n_operations: np.ndarray
    layer_spikes: np.ndarray


def outcome(policy: Policy, trace: Trace, spikes: Tally, operations: Tally) -> Outcome:
    """Evaluate a policy from a trace.

    Parameters
    ----------
    policy : Policy
        Any.
    trace : Trace
        What a full run did.
    spikes, operations : Tally
        Its costs, see `eventsim.early_exit.spending`.

    Returns
    -------
    Outcome
        The same as runs that really stop.
    """
    decisions = decide(policy, trace.network, trace.output)
    return Outcome(
        decisions,
        decisions.label == trace.labels,
        spikes.until(decisions.time),
        operations.until(decisions.time),
        np.array(
            [
                np.count_nonzero(train.time <= decisions.time[train.sample])
                for train in trace.trains
            ]
        ),
    )


def joined(parts: Sequence[Outcome]) -> Outcome:
    """Put the samples of several outcomes of one policy one after the other."""
    return Outcome(
        joined_decisions([part.decisions for part in parts]),
        np.concatenate([part.is_right for part in parts]),
        np.concatenate([part.n_spikes for part in parts]),
        np.concatenate([part.n_operations for part in parts]),
        np.sum([part.layer_spikes for part in parts], axis=0),
    )


@dataclass(frozen=True)
class ExitPoint:
    """One setting of a policy, over a set of samples.

    Parameters
    ----------
    policy : str
        Name.
    value, window : float or None
        Its parameter: spikes, probability or time; the window of a confidence.
    accuracy : float, dimensionless
        Share of right answers, undecided samples with the readout's.
    accuracy_decided : float or None, dimensionless
        The same among the decided samples.
    undecided : float, dimensionless
        Share of samples without a decision.
    mean_time, median_time, p95_time, p99_time : float, network time units
        Decision times, undecided samples with the end of their run. A percentile is
        the first time by which at least that share of the samples was done.
    spikes, sops : float
        Spikes of hidden and output neurons and synaptic operations per sample.
    spikes_saved, sops_saved : float, dimensionless
        Share of those of full runs that were not needed.
    """

    policy: str
    value: float | None
    window: float | None
    accuracy: float
    accuracy_decided: float | None
    undecided: float
    mean_time: float
    median_time: float
    p95_time: float
    p99_time: float
    spikes: float
    sops: float
    spikes_saved: float
    sops_saved: float


def exit_point(
    policy: Policy, found: Outcome, full_spikes: int, full_operations: int
) -> ExitPoint:
    """Return the numbers of one setting.

    Parameters
    ----------
    policy : Policy
        The setting.
    found : Outcome
        What it did.
    full_spikes, full_operations : int
        Of full runs of the same samples, all together.

    Returns
    -------
    ExitPoint
        Nothing is saved of nothing: shares of 0 are 0.
    """
    decisions = found.decisions
    levels = (50, 95, 99)
    median, p95, p99 = np.percentile(decisions.time, levels, method="inverted_cdf")
    decided = found.is_right[decisions.is_decided]
    spikes, operations = int(found.n_spikes.sum()), int(found.n_operations.sum())
    n = found.is_right.size
    name, value, window = parameters_of(policy)
    return ExitPoint(
        policy=name,
        value=value,
        window=window,
        accuracy=float(found.is_right.mean()),
        accuracy_decided=float(decided.mean()) if decided.size else None,
        undecided=(n - decided.size) / n,
        mean_time=float(decisions.time.mean()),
        median_time=float(median),
        p95_time=float(p95),
        p99_time=float(p99),
        spikes=spikes / n,
        sops=operations / n,
        spikes_saved=1 - spikes / full_spikes if full_spikes else 0.0,
        sops_saved=1 - operations / full_operations if full_operations else 0.0,
    )
