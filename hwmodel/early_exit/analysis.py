"""Early exit priced on chips: policies, curves over time, Pareto fronts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eventsim.model_file import ModelFile
from eventsim.network import Network
from hwmodel.chip.chip import Chip
from hwmodel.cost.energy import Energy
from hwmodel.early_exit.decisions import DecidedRun, accuracy_at, decided_runs
from hwmodel.early_exit.front import is_on_front
from hwmodel.early_exit.spending import Spending, spending_until, units_per_second
from hwmodel.errors import HwmodelError
from hwmodel.estimate import Estimate, estimate_workload
from hwmodel.placing.place import require_effect
from hwmodel.workload.trace import SpikeTrace
from hwmodel.workload.workload import from_trace

N_TIMES = 100
"""Equal parts of the run at whose ends the curves are evaluated."""


@dataclass(frozen=True)
class ExitPoint:
    """One setting of a policy on one chip, over all samples.

    Parameters
    ----------
    policy : str
        Name; ``"full_run"`` reads the answer at the end.
    value : float or None
        Its parameter: spikes, probability or network time.
    accuracy, undecided : float, dimensionless
        Shares of the samples.
    mean_time : float, network time units
        Of the decisions; undecided samples with the end of their run.
    mean_windows, mean_steps : float
        The same in firing windows, and in time steps that have begun.
    latency : float or None, s
        Mean of the time steps that have begun; ``None`` if a step's length is unknown.
    energy : Energy, J per inference
        Mean up to the decision, by what it is spent on.
    mean_energy, median_energy, p95_energy, p99_energy : float, J
        Over the samples. A percentile is the least energy with which at least that
        share of the samples was done.
    saved : float, dimensionless
        Share of the energy of full runs that was not spent.
    in_flight : float
        Packets on their way to a core at the decision, mean.
    is_best, is_best_of_all : bool
        On the Pareto front of the chip, and on that of all chips.
    """

    policy: str
    value: float | None
    accuracy: float
    undecided: float
    mean_time: float
    mean_windows: float
    mean_steps: float
    latency: float | None
    energy: Energy
    mean_energy: float
    median_energy: float
    p95_energy: float
    p99_energy: float
    saved: float
    in_flight: float
    is_best: bool = False
    is_best_of_all: bool = False


@dataclass(frozen=True)
class ChipExits:
    """Early exit on one chip.

    Parameters
    ----------
    full : Estimate
        The chip, its mapping, and runs to the end.
    points : tuple of ExitPoint
        Settings of the policies; the full run first.
    curve_energy, curve_in_flight : ndarray, shape (n_times,), J and packets
        Means over the samples if all runs are cut at the times of `ExitReport.times`.
    curve_steps : ndarray, shape (n_times,), int64
        Time steps that have begun until then.
    travel : str
        How packets travel, in words.
    """

    full: Estimate
    points: tuple[ExitPoint, ...]
    curve_energy: np.ndarray
    curve_in_flight: np.ndarray
    curve_steps: np.ndarray
    travel: str


@dataclass(frozen=True)
class ExitReport:
    """Early exit of a network on chips.

    Parameters
    ----------
    network : Network
        What fired.
    trace : SpikeTrace
        What was priced.
    times : ndarray, shape (n_times,), network time units
        From 0 to the end of the run.
    accuracy : ndarray, shape (n_times,), dimensionless
        If all runs are cut there and the readout answers.
    chips : tuple of ChipExits
        Chips that could be priced.
    not_priced : tuple of (str, str)
        The others: name, and why.
    steps_per_window : int
        Time steps a firing window is divided into.
    """

    network: Network
    trace: SpikeTrace
    times: np.ndarray
    accuracy: np.ndarray
    chips: tuple[ChipExits, ...]
    not_priced: tuple[tuple[str, str], ...]
    steps_per_window: int


def price_exits(
    model: ModelFile,
    trace: SpikeTrace,
    chips: Sequence[Chip],
    policies: Sequence[str] = (),
    *,
    steps_per_window: int = 10,
    on_samples: Callable[[int], object] | None = None,
    **options: Any,
) -> ExitReport:
    """Price early exit on chips.

    Parameters
    ----------
    model : ModelFile
        The network.
    trace : SpikeTrace
        Its spikes, with labels.
    chips : sequence of Chip
        With different names.
    policies : sequence of str
        See `hwmodel.early_exit.decisions.decided_runs`.
    steps_per_window : int
        Time steps a firing window is divided into, positive.
    on_samples : callable, optional
        Called with a number of samples when they are priced on a chip.
    **options
        As of `hwmodel.estimate.estimate_workload`.

    Returns
    -------
    ExitReport
        A chip that lacks a price or cannot hold the network is listed in `not_priced`;
        the others are not lost.

    Raises
    ------
    EventsimError
        If the model, the trace and the policies do not fit.
    PlacementError
        If an option of the placement has no effect on any chip.
    """
    require_effect(
        options.get("placement", "row-major"),
        options.get("objective"),
        options.get("budget"),
    )
    network = model.network
    runs = decided_runs(policies, network, trace)
    times = trace.duration * np.arange(N_TIMES + 1) / N_TIMES
    accuracy = accuracy_at(network, trace, times)
    workload = from_trace(model, trace)
    options["steps_per_window"] = steps_per_window
    found, not_priced = [], []
    for chip in chips:
        try:
            full = estimate_workload(workload, chip, **options)
        except HwmodelError as error:
            not_priced.append((chip.name, str(error)))
            continue
        found.append(
            _on_chip(full, network, trace, runs, times, steps_per_window, on_samples)
        )
    return ExitReport(
        network,
        trace,
        times,
        accuracy,
        _marked(found),
        tuple(not_priced),
        steps_per_window,
    )


def _on_chip(
    full: Estimate,
    network: Network,
    trace: SpikeTrace,
    runs: Sequence[DecidedRun],
    times: np.ndarray,
    steps_per_window: int,
    on_samples: Callable[[int], object] | None,
) -> ChipExits:
    cuts = np.broadcast_to(times[:, None], (times.size, trace.n_samples))
    all_times = np.concatenate([[run.decisions.time for run in runs], cuts])
    spent = spending_until(
        full, network, trace, all_times, steps_per_window, on_samples
    )
    points = [
        _point(full, network, run, spent, row, row_of_full=0)
        for row, run in enumerate(runs)
    ]
    curve = slice(len(runs), None)
    per_second = units_per_second(full, network, steps_per_window)
    return ChipExits(
        full,
        tuple(points),
        spent.energy[curve].mean(axis=1),
        spent.in_flight[curve].mean(axis=1),
        spent.steps[curve, 0],
        _travel(full, per_second),
    )


def _point(
    full: Estimate,
    network: Network,
    run: DecidedRun,
    spent: Spending,
    row: int,
    row_of_full: int,
) -> ExitPoint:
    energy, whole = spent.energy[row], spent.energy[row_of_full].sum()
    levels = (50, 95, 99)
    median, p95, p99 = np.percentile(energy, levels, method="inverted_cdf").tolist()
    steps, step = float(spent.steps[row].mean()), full.chip.timing.step.value
    time = float(run.decisions.time.mean())
    return ExitPoint(
        policy=run.policy,
        value=run.value,
        accuracy=run.accuracy,
        undecided=run.undecided,
        mean_time=time,
        mean_windows=time / network.time_window,
        mean_steps=steps,
        latency=None if step is None else steps * step,
        energy=spent.terms[row],
        mean_energy=float(energy.mean()),
        median_energy=median,
        p95_energy=p95,
        p99_energy=p99,
        saved=float(1 - energy.sum() / whole) if whole else 0.0,
        in_flight=float(spent.in_flight[row].mean()),
    )


def _travel(full: Estimate, per_second: float | None) -> str:
    if per_second is not None:
        return "packets travel as over an empty mesh"
    unknown = [
        name
        for name in ("timing.step", "timing.hop", "timing.hop_y")
        if name in full.chip.constants and full.chip.constants[name].value is None
    ]
    return f"packets travel in no time: {' and '.join(unknown)} unknown"


def _marked(chips: Sequence[ChipExits]) -> tuple[ChipExits, ...]:
    """Mark the points of each chip's front, and of that of all chips.

    Time steps stand for the latency on one chip, seconds on several; chips whose steps
    have no known length are not on the front of all.
    """
    if not chips:
        return ()
    own = [
        is_on_front(
            np.array([[p.mean_energy, -p.accuracy, p.mean_steps] for p in chip.points])
        )
        for chip in chips
    ]
    timed = [i for i, chip in enumerate(chips) if chip.points[0].latency is not None]
    costs = [
        [p.mean_energy, -p.accuracy, p.latency] for i in timed for p in chips[i].points
    ]
    of_all = iter(is_on_front(np.array(costs)) if costs else [])
    marked = []
    for i, (chip, is_best) in enumerate(zip(chips, own, strict=True)):
        points = tuple(
            replace(
                point,
                is_best=bool(best),
                is_best_of_all=bool(next(of_all)) if i in timed else False,
            )
            for point, best in zip(chip.points, is_best, strict=True)
        )
        marked.append(replace(chip, points=points))
    return tuple(marked)
