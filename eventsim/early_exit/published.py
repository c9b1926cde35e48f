"""The early-exit protocol of Zhu et al. 2023 (appendix, section 5.3 and Table 5).

The first output neuron to spike decides; if several spike first together, the run
goes on until they differ. A wrong answer or none counts as the whole duration T. A
second rule is that of the code released with the paper, which differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from eventsim.early_exit.output_counts import (
    count_changes,
    first_settled,
    lead_of,
)
from eventsim.errors import ConfigError
from eventsim.spikes import SpikeTrains

ExitRule = Literal["paper", "legacy"]
RULES: tuple[ExitRule, ...] = ("paper", "legacy")
PUBLISHED_STEPS = 10
"""Length T of the published runs, in steps."""
PROTOCOLS: dict[str, tuple[ExitRule, int | None]] = {
    "exact times": ("paper", None),
    f"{PUBLISHED_STEPS} steps": ("paper", PUBLISHED_STEPS),
    f"{PUBLISHED_STEPS} steps, rule of the released code": ("legacy", PUBLISHED_STEPS),
}
"""What is reported: name, rule and steps."""

PUBLISHED = {
    10: (0.9883, 0.189),
    20: (0.9886, 0.169),
    30: (0.9899, 0.159),
    40: (0.9904, 0.147),
    50: (0.9904, 0.147),
    60: (0.9909, 0.137),
    70: (0.9909, 0.129),
    80: (0.9909, 0.128),
    90: (0.9909, 0.128),
    100: (0.9909, 0.128),
}
"""Epoch: best accuracy and fastest time (of T) until then, on MNIST (Table 5)."""


@dataclass(frozen=True)
class PublishedExit:
    """What the protocol measures on a set of samples.

    Parameters
    ----------
    accuracy : float, dimensionless
        Share of right decisions.
    time : float, dimensionless
        Mean time as a share of the duration, wrong and undecided samples counted with
        1. In steps: counted from 1, an answer in the first of 10 has 0.1.
    time_from_zero : float, dimensionless
        The same, but steps are counted from 0. Without steps the same number.
    undecided : float, dimensionless
        Share of samples without a decision.
    """

    accuracy: float
    time: float
    time_from_zero: float
    undecided: float


def published_exit(
    output: SpikeTrains,
    labels: np.ndarray,
    duration: float,
    *,
    rule: ExitRule = "paper",
    steps: int | None = None,
) -> PublishedExit:
    """Measure accuracy and inference time as the paper does.

    Parameters
    ----------
    output : SpikeTrains
        Spikes of the output layer.
    labels : ndarray, shape (batch,), int
        True classes; at least one.
    duration : float, network time units
        T.
    rule : {"paper", "legacy"}, default "paper"
        ``"paper"``: of the neurons that spike first, the one that first has more
        spikes than each of the others. ``"legacy"``: the neuron of the first step in
        which exactly one spikes (in step 0 if there is none such: a slip of the code),
        if it is also the largest of ``sum 2^-step`` and right; that largest one is the
        answer whose accuracy is taken. It needs `steps`.
    steps : int or None
        Put the spikes into steps of the same length first, those in
        ``(m T / steps, (m + 1) T / steps]`` into step m, one at 0 into step 0; each
        neuron spikes at most once in a step. ``None``: exact times.

    Returns
    -------
    PublishedExit
        Means over the samples.

    Raises
    ------
    ConfigError
        If there is no such rule, or the numbers make no sense.
    """
    if rule not in RULES or (rule == "legacy" and steps is None):
        raise ConfigError(
            f"early exit: rule '{rule}' with steps {steps}; expected 'paper', or "
            f"'legacy' with a number of steps, {PUBLISHED_STEPS} in the paper"
        )
    if steps is not None and steps < 1:
        raise ConfigError(f"early exit: steps is {steps}; expected at least 1")
    if len(labels) == 0 or len(labels) != output.batch:
        raise ConfigError(
            f"early exit: {len(labels)} labels for {output.batch} samples; expected "
            "one for each, and at least one"
        )
    if steps is not None:
        output, duration = _in_steps(output, duration, steps), float(steps)
    if rule == "legacy":
        assert steps is not None
        time, label, is_on_time = _released_code(output, steps)
        is_decided = np.ones(label.size, bool)
    else:
        time, label = _first_to_differ(output)
        is_decided = is_on_time = label >= 0
    is_right = label == labels
    counts = is_right & is_on_time
    first = 0 if steps is None else 1
    return PublishedExit(
        accuracy=float(is_right.mean()),
        time=float(np.where(counts, time, duration).mean() / duration),
        time_from_zero=float(
            np.where(counts, time - first, duration).mean() / duration
        ),
        undecided=np.count_nonzero(~is_decided) / label.size,
    )


def _in_steps(output: SpikeTrains, duration: float, steps: int) -> SpikeTrains:
    """Return at most one spike per neuron and step; times are steps from 1."""
    step = np.clip(np.ceil(output.time * steps / duration), 1, steps).astype(np.int64)
    key = (output.sample * (steps + 1) + step) * output.n_neurons + output.neuron
    rest, neuron = np.divmod(np.unique(key), output.n_neurons)
    sample, step = np.divmod(rest, steps + 1)
    offsets = np.searchsorted(sample, np.arange(output.batch + 1))
    return SpikeTrains(
        step.astype(np.float64),
        neuron.astype(np.int32),
        offsets.astype(np.int64),
        output.n_neurons,
    )


def _first_to_differ(output: SpikeTrains) -> tuple[np.ndarray, np.ndarray]:
    """Return time and class of each decision; ``inf`` and -1 without one."""
    time, label = np.full(output.batch, np.inf), np.full(output.batch, -1)
    for changes in count_changes(output):
        rows = np.arange(len(changes.time))
        if changes.time.shape[1] == 0:
            continue
        place, _ = first_settled(changes, np.ones(changes.time.shape, bool))
        is_first = changes.counts[rows, place] > 0
        counts = np.where(is_first[:, None], changes.counts, -1)
        place, found = first_settled(changes, lead_of(counts) >= 1)
        decided = np.flatnonzero(np.isfinite(found))
        samples = changes.first + decided
        time[samples] = found[decided]
        label[samples] = counts[decided, place[decided]].argmax(axis=1)
    return time, label


def _released_code(
    output: SpikeTrains, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return step (from 1), answer, and whether the exit is the answer's."""
    fires = np.zeros((output.batch, steps, output.n_neurons), bool)
    fires[output.sample, output.time.astype(np.int64) - 1, output.neuron] = True
    worth = 2.0 ** -np.arange(steps)
    answer = (fires * worth[:, None]).sum(axis=1).argmax(axis=1)
    # The index of the first step that holds; 0 if none does.
    step = (fires.sum(axis=2) == 1).argmax(axis=1)
    neuron = fires[np.arange(output.batch), step].argmax(axis=1)
    return step + 1.0, answer, neuron == answer


def published_exits(
    output: SpikeTrains, labels: np.ndarray, duration: float
) -> dict[str, PublishedExit]:
    """Measure with each of the `PROTOCOLS`.

    Parameters
    ----------
    output, labels, duration
        As in `published_exit`.

    Returns
    -------
    dict of str to PublishedExit
        By the protocol's name.
    """
    return {
        name: published_exit(output, labels, duration, rule=rule, steps=steps)
        for name, (rule, steps) in PROTOCOLS.items()
    }


@dataclass(frozen=True)
class BestSoFar:
    """The best that a run has shown until some epoch, each number by itself.

    Parameters
    ----------
    epoch : int
        From 1.
    protocol : str
        One of `PROTOCOLS`.
    accuracy : float, dimensionless
        Largest so far.
    time, time_from_zero : float, dimensionless
        Smallest so far, as shares of the duration.
    """

    epoch: int
    protocol: str
    accuracy: float
    time: float
    time_from_zero: float


def running_best(history: Iterable[Mapping[str, Any]]) -> list[BestSoFar]:
    """Return the table that the paper prints, for each protocol.

    Parameters
    ----------
    history : iterable of mapping
        Lines of ``metrics.jsonl``. Those without ``exit`` are passed over.

    Returns
    -------
    list of BestSoFar
        One for each epoch and protocol; empty if no line has them.
    """
    found: list[BestSoFar] = []
    best: dict[str, BestSoFar] = {}
    for line in history:
        for name, seen in (line.get("exit") or {}).items():
            before = best.get(name, BestSoFar(0, name, 0.0, np.inf, np.inf))
            best[name] = BestSoFar(
                int(line["epoch"]),
                name,
                max(before.accuracy, float(seen["accuracy"])),
                min(before.time, float(seen["time"])),
                min(before.time_from_zero, float(seen["time_from_zero"])),
            )
            found.append(best[name])
    return found
