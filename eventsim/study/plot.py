"""The picture of a study: each metric by case, every seed a point."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from eventsim.config.study_loading import StudyCase
from eventsim.config.study_schema import StudyConfig
from eventsim.plots.style import STYLE, save

LOG_FROM_RATIO = 30.0


def plot_study(
    path: Path,
    config: StudyConfig,
    cases: list[StudyCase],
    values: dict[str, list[list[float]]],
) -> None:
    """Draw the picture of a study.

    Parameters
    ----------
    path : Path
        PNG file to write.
    config : StudyConfig
        Names, metrics and grid.
    cases : list of StudyCase
        In the order of the table.
    values : dict of list of list of float
        For each metric and each case the numbers of its finished runs.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    with plt.rc_context(STYLE):
        save(path, study_figure(config, cases, values))


def study_figure(
    config: StudyConfig,
    cases: list[StudyCase],
    values: dict[str, list[list[float]]],
) -> plt.Figure:
    """Return the figure: a curve over a grid of one number, else a row per case."""
    steps = grid_steps(config)
    n = len(config.metrics)
    height = 3.2 if steps else 1.2 + 0.32 * len(cases)
    figure, axes = plt.subplots(
        1, n, figsize=(1.2 + 4.2 * n, height), layout="constrained", squeeze=False,
        sharey=steps is None,
    )  # fmt: skip
    for metric, axis in zip(config.metrics, axes[0], strict=True):
        unit = 100.0 if metric.endswith("accuracy") else 1.0
        label = f"{metric}, %" if unit == 100 else metric
        runs = [[unit * v for v in case if math.isfinite(v)] for case in values[metric]]
        published = [case.published.get(metric, math.nan) * unit for case in cases]
        if steps is None:
            _draw_rows(axis, runs, published)
            axis.set_xlabel(label)
        else:
            _draw_curve(axis, steps, runs, published)
            axis.set(xlabel=next(iter(config.grid)), ylabel=label)
    if steps is None:
        axes[0][0].set_yticks(range(len(cases)), [case.name for case in cases])
        axes[0][0].set_ylim(len(cases) - 0.5, -0.5)
    figure.suptitle(config.name)
    entries = {
        label: handle
        for axis in axes[0]
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        entries.values(), entries, loc="outside lower center", ncols=3, frameon=False
    )
    return figure


def grid_steps(config: StudyConfig) -> list[float] | None:
    """Return the values of a grid of one number; None for any other study."""
    if config.cases or len(config.grid) != 1:
        return None
    (steps,) = config.grid.values()
    is_numeric = all(
        isinstance(step, int | float) and not isinstance(step, bool) for step in steps
    )
    return list(steps) if is_numeric else None


def _draw_rows(axis: plt.Axes, runs: list[list[float]], published: list[float]) -> None:
    rows = np.arange(len(runs))
    places = np.repeat(rows, [len(run) for run in runs])
    axis.plot(np.concatenate(runs), places, "o", alpha=0.45, ms=4, label="each seed")
    axis.plot(_means(runs), rows, "|", color="k", ms=14, mew=2, label="mean")
    if np.isfinite(published).any():
        axis.plot(published, rows, "D", color="C3", mfc="none", label="published")


def _draw_curve(
    axis: plt.Axes,
    steps: list[float],
    runs: list[list[float]],
    published: list[float],
) -> None:
    order = np.argsort(steps)
    x = np.asarray(steps, dtype=float)
    places = np.repeat(x, [len(run) for run in runs])
    axis.plot(places, np.concatenate(runs), "o", alpha=0.45, ms=4, label="each seed")
    axis.plot(x[order], _means(runs)[order], "-", color="k", label="mean")
    if np.isfinite(published).any():
        axis.plot(x, published, "D", color="C3", mfc="none", label="published")
    if x.min() > 0 and x.max() / x.min() >= LOG_FROM_RATIO:
        axis.set_xscale("log")


def _means(runs: list[list[float]]) -> np.ndarray:
    return np.array([np.mean(run) if run else math.nan for run in runs])
