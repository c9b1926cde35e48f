"""What the command ``early-exit`` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from eventsim.atomic_write import require_writable
from eventsim.early_exit.analysis import analyse
from eventsim.early_exit.history import read_history
from eventsim.early_exit.policies import (
    Confidence,
    Policy,
    require_output_spikes,
    require_time,
    require_window,
    smoothing_of,
)
from eventsim.early_exit.published import running_best
from eventsim.early_exit.report import to_dict, training_rows, write_csv
from eventsim.early_exit.spending import operations_of, spikes_of
from eventsim.early_exit.stopped_totals import StoppedTotals
from eventsim.early_exit.stopping import (
    StoppableNetwork,
    stop_at_decisions,
    stoppable_network,
)
from eventsim.early_exit.sweep import outcome, parameters_of, policies_named
from eventsim.early_exit.trace import Trace, record_traces
from eventsim.engine import choose_engine, engine_name
from eventsim.errors import ConfigError
from eventsim.model_file import read_model
from eventsim.network import Network
from eventsim.run import load_run_dataset
from eventsim.trained_model import config_of, require_fit

SplitName = Literal["test", "validation"]


def early_exit_model(
    path: str,
    policies: Sequence[str] = (),
    *,
    data_dir: str | None = None,
    split: SplitName = "test",
    limit: int | None = None,
    windows: Sequence[float] = (),
    smoothing: float | None = None,
    stop: bool = False,
    csv: str | None = None,
    plot: str | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Show what early exit does to a model.

    Parameters
    ----------
    path : str
        Model file or run directory.
    policies : sequence of str
        See `eventsim.early_exit.settings.settings_named`.
    data_dir : str or None
        Folder with the data files.
    split : {"test", "validation"}
        Which samples.
    limit : int or None
        Take only the first so many.
    windows : sequence of float, network time units
        Windows of the confidence instead of all spikes so far.
    smoothing : float or None
        Smoothing of the confidence and of the calibration, see
        `eventsim.early_exit.policies.smoothing_of`.
    stop : bool
        Also run every sample on the queue engine, once for each setting, and really
        stop there.
    csv, plot : str or None
        Where to write tables and pictures; looked at before anything is simulated.
    quiet : bool
        No progress bar.

    Returns
    -------
    dict
        See `eventsim.early_exit.report.to_dict`; with ``stopped`` if asked for, and
        ``training`` if the run directory holds the numbers.

    Raises
    ------
    EventsimError
        If the model, the data and the policies do not fit, a number makes no sense,
        or a place cannot be written to.
    """
    model = read_model(path)
    config, network = config_of(path, model), model.network
    require_output_spikes(network)
    smoothing = smoothing_of(smoothing, network.n_classes)
    chosen = _chosen(policies, network, windows, smoothing)
    _require_places(csv, plot)
    training = training_rows(running_best(read_history(Path(path))), config.data.name)
    dataset = load_run_dataset(config, data_dir)
    require_fit(path, network, dataset.input_shape, config)
    samples = dataset.test if split == "test" else dataset.validation
    if limit is not None:
        samples = samples.take(np.arange(min(limit, len(samples))))
    stoppable = stoppable_network(network) if stop else None
    totals = [StoppedTotals() for _ in chosen]
    with tqdm(
        total=len(samples),
        desc=f"{split} (float64)",
        unit="sample",
        leave=False,
        disable=True if quiet else None,
    ) as bar:
        traces: Iterable[Trace] = record_traces(network, samples, config)
        if stoppable is not None:
            traces = _stopping(traces, chosen, totals, stoppable)
        found = analyse(traces, chosen, smoothing=smoothing, on_batch=bar.update)
    result = {
        "model": str(path),
        "dataset": dataset.name,
        "offline_fallback": dataset.offline_fallback,
        "split": split,
        "seed": config.seed,
        "engine": engine_name(choose_engine(network)),
        **to_dict(network, found),
    }
    if stop:
        result["stopped"] = [
            _named(policy, total.numbers())
            for policy, total in zip(chosen, totals, strict=True)
        ]
    if training:
        result["training"] = training
    if csv is not None:
        write_csv(Path(csv), result)
    if plot is not None:
        from eventsim.early_exit.plots import plot_analysis

        plot_analysis(Path(plot), network, found)
    return result


def _chosen(
    names: Sequence[str], network: Network, windows: Sequence[float], smoothing: float
) -> list[Policy]:
    """Return the policies that are asked for, if they have a meaning here."""
    for window in windows:
        require_window(window)
    chosen = policies_named(names, network, list(windows) or [None], smoothing)
    for policy in chosen:
        require_time(policy, network)
    if windows and not any(isinstance(policy, Confidence) for policy in chosen):
        raise ConfigError(
            "early exit: --window without the policy 'confidence'; expected both or "
            "neither, no other policy has a window"
        )
    return chosen


def _stopping(
    traces: Iterable[Trace],
    policies: list[Policy],
    totals: list[StoppedTotals],
    stoppable: StoppableNetwork,
) -> Iterator[Trace]:
    """Pass traces on; run their samples again, each up to its decisions."""
    is_warm = False
    for trace in traces:
        if not is_warm:  # the first run loads the kernels; nobody looks at it
            stop_at_decisions([], stoppable, trace.samples(0, 1))
            is_warm = True
        full, stopped = stop_at_decisions(policies, stoppable, trace)
        spikes, operations = spikes_of(trace), operations_of(trace)
        for policy, total, found in zip(policies, totals, stopped, strict=True):
            total.add(outcome(policy, trace, spikes, operations), found, full)
        yield trace


def _named(policy: Policy, numbers: dict[str, float]) -> dict[str, Any]:
    name, value, window = parameters_of(policy)
    return {"policy": name, "value": value, "window": window, **numbers}


def _require_places(csv: str | None, plot: str | None) -> None:
    """Refuse places for tables and pictures that cannot be written to."""
    if csv is not None:
        place = Path(csv)
        if place.suffix != ".csv" and place.is_file():
            raise ConfigError(
                f"early exit: --csv '{csv}' is a file without the ending .csv; "
                "expected FILE.csv or a folder"
            )
        require_writable(place if place.suffix == ".csv" else place / "points.csv")
    if plot is not None:
        require_writable(Path(plot) / "calibration.png")
