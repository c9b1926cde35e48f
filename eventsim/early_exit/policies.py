"""When an answer is good enough: pure functions of the output spikes.

All spikes of one time act together, and a policy decides at a time by what holds
after all of them. So whether it has decided by a time depends on the spikes until
then alone, and a run can be stopped there; see `eventsim.early_exit.stopping`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.early_exit.output_counts import (
    CountChanges,
    count_changes,
    first_settled,
    lead_of,
    until,
)
from eventsim.errors import ConfigError, ShapeError
from eventsim.network import READS_ALL_SPIKES, READS_POTENTIALS, Network
from eventsim.readout import predict
from eventsim.spikes import SpikeTrains


def smoothing_of(smoothing: float | None, n_classes: int) -> float:
    """Return the spikes that are added to each class before shares are taken.

    Parameters
    ----------
    smoothing : float or None
        Positive; ``None``: one spike in all, each class has its share of it. Then one
        class with k spikes and no rival has probability ``(k + 1 / C) / (k + 1)``:
        about a half after the first spike, for any number of classes C.
    n_classes : int
        C.

    Returns
    -------
    float
        In spikes.

    Raises
    ------
    ConfigError
        If it is not a positive number.
    """
    if smoothing is None:
        return 1 / n_classes
    if not 0 < smoothing < math.inf:
        raise ConfigError(
            f"early exit: smoothing is {smoothing:g}; expected a positive number of "
            "spikes"
        )
    return smoothing


def require_window(window: float | None) -> None:
    """Refuse a window that is not a positive number; ``None`` is one without end."""
    if window is not None and not 0 < window < math.inf:
        raise ConfigError(
            f"early exit: window is {window:g}; expected a positive number"
        )


@dataclass(frozen=True)
class FirstSpike:
    """Decide at the first output spike; of several at once the lowest class wins."""


@dataclass(frozen=True)
class Leader:
    """Decide as soon as one neuron has more spikes than every other."""


@dataclass(frozen=True)
class Margin:
    """Decide as soon as one neuron leads every other by some spikes.

    Parameters
    ----------
    spikes : float
        Lead, a whole number, at least 1; 1 is `Leader`.
    """

    spikes: float

    def __post_init__(self) -> None:
        if not self.spikes >= 1 or self.spikes % 1 != 0:
            raise ConfigError(
                f"early exit: margin is {self.spikes:g} spikes; expected a whole "
                "number, at least 1"
            )


@dataclass(frozen=True)
class Confidence:
    """Decide as soon as one neuron alone leads with enough probability.

    The probability of class i is ``(c_i + e) / (sum c + C e)`` for the counts c of C
    classes in the window ``(t - W, t]`` (Shrestha et al. 2022, Eq. 5-7, with the
    smoothing e that keeps it defined without spikes).

    Parameters
    ----------
    probability : float, dimensionless
        What is enough, above 0 and at most 1.
    window : float or None, network time units
        W, positive; ``None`` = all spikes so far.
    smoothing : float or None, dimensionless
        e, in spikes, positive; ``None``: ``1 / C``, see `smoothing_of`.
    """

    probability: float
    window: float | None = None
    smoothing: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise ConfigError(
                f"early exit: confidence is {self.probability:g}; expected a "
                "probability above 0, at most 1"
            )
        require_window(self.window)
        smoothing_of(self.smoothing, 1)


@dataclass(frozen=True)
class FixedTime:
    """Decide at one time, by the network's readout of the spikes until then.

    Parameters
    ----------
    time : float, network time units
        Spikes at this time count. Not negative.
    """

    time: float

    def __post_init__(self) -> None:
        if not 0 <= self.time < math.inf:
            raise ConfigError(
                f"early exit: fixed_time is {self.time:g}; expected a time from 0 on"
            )


Policy = FirstSpike | Leader | Margin | Confidence | FixedTime


@dataclass(frozen=True)
class Decisions:
    """What was decided for each sample, and when.

    Parameters
    ----------
    time : ndarray, shape (batch,), network time units
        When the run ended: the decision, or the end of the run without one.
    label : ndarray, shape (batch,), int64
        Class. Undecided samples have the readout's answer at that time; -1 if no
        output neuron fired.
    is_decided : ndarray, shape (batch,), bool
        Whether the policy decided.
    """

    time: np.ndarray
    label: np.ndarray
    is_decided: np.ndarray


def joined_decisions(parts: Sequence[Decisions]) -> Decisions:
    """Put the samples of several decisions one after the other."""
    return Decisions(
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.is_decided for part in parts]),
    )


def require_output_spikes(network: Network) -> None:
    """Refuse a network whose answer is a potential.

    Raises
    ------
    ShapeError
        If potentials are read.
    """
    if network.readout in READS_POTENTIALS:
        raise ShapeError(
            f"early exit: readout '{network.readout}'; expected 'spike_time', "
            "'spike_count' or 'weighted_count', a potential is read at one time only"
        )


def answers(network: Network, output: SpikeTrains) -> np.ndarray:
    """Return the readout's class of each sample, -1 where no output neuron fired.

    Parameters
    ----------
    network : Network
        Names the readout.
    output : SpikeTrains
        Spikes of the output layer, all or those until some time.

    Returns
    -------
    ndarray, shape (batch,), int64
        First spike, most spikes or most weighted spikes; ties go to the lowest class.
    """
    if network.readout in READS_ALL_SPIKES:
        return predict(network, output)
    return predict(network, output.first_spikes())


def require_time(policy: Policy | None, network: Network) -> None:
    """Refuse a fixed time behind the end of the run; `ConfigError`."""
    if isinstance(policy, FixedTime) and policy.time > network.duration:
        raise ConfigError(
            f"early exit: fixed_time is {policy.time:g}; expected at most "
            f"{network.duration:g}, the end of the run"
        )


def decide(policy: Policy, network: Network, output: SpikeTrains) -> Decisions:
    """Return what a policy decides.

    Parameters
    ----------
    policy : Policy
        One of the records of this module.
    network : Network
        Its readout answers for undecided samples; runs end at its ``duration``.
    output : SpikeTrains
        Spikes of the output layer.

    Returns
    -------
    Decisions
        A decision at the end of the run is one.

    Raises
    ------
    ConfigError
        If a fixed time lies behind the end of the run.
    """
    require_time(policy, network)
    end = network.duration
    if isinstance(policy, FixedTime):
        label = answers(network, until(output, policy.time))
        return Decisions(np.full(label.size, policy.time), label, label >= 0)
    window = policy.window if isinstance(policy, Confidence) else None
    time, label = np.full(output.batch, np.inf), answers(network, output)
    for changes in count_changes(output, window):
        place, found = first_settled(changes, _is_met(policy, changes.counts))
        rows = np.flatnonzero(found <= end)
        samples = changes.first + rows
        time[samples] = found[rows]
        label[samples] = _chosen(policy, changes, rows, place[rows])
    is_decided = np.isfinite(time)
    return Decisions(np.where(is_decided, time, end), label, is_decided)


def probability(counts: np.ndarray, smoothing: float | None = None) -> np.ndarray:
    """Return the spikemax probability of the class with most spikes.

    Parameters
    ----------
    counts : ndarray, shape (..., n_classes)
        Spikes of each class.
    smoothing : float or None
        See `smoothing_of`.

    Returns
    -------
    ndarray, shape (...), dimensionless
        ``1 / n_classes`` without spikes.
    """
    total = counts.sum(axis=-1)
    n_classes = counts.shape[-1]
    e = smoothing_of(smoothing, n_classes)
    return (counts.max(axis=-1) + e) / (total + n_classes * e)


def _is_met(policy: Policy, counts: np.ndarray) -> np.ndarray:
    """Tell where a policy may decide, shape (n, m)."""
    if isinstance(policy, FirstSpike):
        return counts.sum(axis=2) > 0
    lead: np.ndarray = lead_of(counts)
    if isinstance(policy, Margin):
        return lead >= policy.spikes
    if isinstance(policy, Confidence):
        is_sure = probability(counts, policy.smoothing) >= policy.probability
        return np.logical_and(lead >= 1, is_sure)
    return lead >= 1


def _chosen(
    policy: Policy, changes: CountChanges, rows: np.ndarray, place: np.ndarray
) -> np.ndarray:
    counts = changes.counts[rows, place]
    if isinstance(policy, FirstSpike):
        counts = counts > 0
    return counts.argmax(axis=1)
