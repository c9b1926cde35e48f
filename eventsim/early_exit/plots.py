"""Pictures of early exit: what accuracy costs in time, spikes and operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from eventsim.early_exit.accuracy_curve import CLOSE_TO_FINAL
from eventsim.early_exit.analysis import ExitAnalysis
from eventsim.early_exit.report import setting
from eventsim.early_exit.sweep import ExitPoint
from eventsim.network import Network
from eventsim.plots.style import STYLE, save

MARKERS = "osD^v<>P*X"
PARAMETERS = {
    "margin": "lead, spikes",
    "confidence": "probability",
    "fixed_time": "time (network units)",
}


def plot_analysis(folder: Path, network: Network, analysis: ExitAnalysis) -> list[Path]:
    """Draw all pictures of an analysis.

    Parameters
    ----------
    folder : Path
        Where the PNG files go.
    network : Network
        What was analysed.
    analysis : ExitAnalysis
        What was found.

    Returns
    -------
    list of Path
        Files that were written.
    """
    pictures = {
        "accuracy_over_time": lambda: accuracy_over_time(network, analysis),
        "accuracy_over_cost": lambda: accuracy_over_cost(analysis),
        "thresholds": lambda: thresholds(analysis),
        "decision_times": lambda: decision_times(network, analysis),
        "calibration": lambda: calibration_diagram(analysis),
        "layer_spikes": lambda: layer_spikes(network, analysis),
    }
    paths = []
    with plt.rc_context(STYLE):
        for name, draw in pictures.items():
            figure = draw()
            if figure is not None:
                paths.append(folder / f"{name}.png")
                save(paths[-1], figure)
    return paths


def plot_comparison(folder: Path, results: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Draw accuracy over time and spikes of each layer, of several models.

    Parameters
    ----------
    folder : Path
        Where the PNG files go.
    results : sequence of mapping
        What `eventsim.early_exit.compare.compare_models` returns.

    Returns
    -------
    list of Path
        Files that were written.
    """
    paths = [folder / "accuracy_over_time.png", folder / "layer_spikes.png"]
    with plt.rc_context(STYLE):
        save(paths[0], compared_accuracy(results))
        save(paths[1], compared_layer_spikes(results))
    return paths


def compared_accuracy(results: Sequence[Mapping[str, Any]]) -> plt.Figure:
    """Draw the readout's accuracy of each model over time (as a share of its run)."""
    figure, axis = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
    for one in results:
        axis.step(
            [point["time"] / one["duration"] for point in one["curve"]],
            [100 * point["accuracy"] for point in one["curve"]],
            where="post", lw=1.2, label=one["name"],
        )  # fmt: skip
    axis.set(xlabel="time / length of the run", ylabel="accuracy, %", xlim=(0, 1),
             ylim=(0, 102))  # fmt: skip
    axis.legend(frameon=False, fontsize=8)
    return figure


def compared_layer_spikes(results: Sequence[Mapping[str, Any]]) -> plt.Figure:
    """Draw the spikes of each layer in full runs, layers by their number."""
    n_layers = max(len(one["layers"]) for one in results)
    figure, axis = plt.subplots(
        figsize=(max(5.5, 1.4 * n_layers + 3), 3.4), layout="constrained"
    )
    width = 0.85 / len(results)
    for place, one in enumerate(results):
        spikes = [layer["spikes"] for layer in one["layers"]]
        x = np.arange(len(spikes)) + (place - (len(results) - 1) / 2) * width
        bars = axis.bar(x, spikes, width, label=one["name"])
        axis.bar_label(bars, fmt="%.3g", fontsize=5)
    labels = ["input", *(f"layer {k}" for k in range(1, n_layers))]
    axis.set_xticks(range(n_layers), labels)
    axis.set_ylabel("spikes per sample, full runs")
    axis.legend(frameon=False, fontsize=7)
    return figure


def accuracy_over_time(network: Network, analysis: ExitAnalysis) -> plt.Figure:
    """Draw the readout's accuracy at any time, and policies at their mean time."""
    figure, axis = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
    times = np.concatenate([[0.0], analysis.curve.time, [network.duration]])
    axis.step(
        times, 100 * analysis.curve.at(times), where="post", color="0.45", lw=1.2,
        label="readout of all samples at t",
    )  # fmt: skip
    latency = analysis.curve.latency()
    if latency is not None:
        axis.axvline(latency, color="0.45", ls=":", lw=1)
        is_late = latency > network.duration / 2
        axis.annotate(
            f" {CLOSE_TO_FINAL:.0%} of final ", (latency, 2), fontsize=7, color="0.45",
            ha="right" if is_late else "left",
        )  # fmt: skip
    _sweeps(axis, analysis, "mean_time")
    axis.set(
        xlabel="time (network units); policies: mean decision time",
        ylabel="accuracy, %",
        xlim=(0, network.duration),
        ylim=(0, 102),
    )
    axis.legend(frameon=False, fontsize=8)
    return figure


def accuracy_over_cost(analysis: ExitAnalysis) -> plt.Figure:
    """Draw the accuracy over spikes and synaptic operations per sample."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True,
                                layout="constrained")  # fmt: skip
    full = analysis.full
    for axis, name, label, end in (
        (axes[0], "spikes", "spikes per sample", full.spikes),
        (axes[1], "sops", "synaptic operations per sample", full.sops),
    ):
        _sweeps(axis, analysis, name)
        axis.scatter([end], [100 * full.accuracy], marker="+", s=90, color="black",
                     label="full run", zorder=3)  # fmt: skip
        axis.set(xlabel=label)
        axis.set_xlim(left=0)
    axes[0].set_ylabel("accuracy, %")
    axes[1].legend(frameon=False, fontsize=8)
    return figure


def thresholds(analysis: ExitAnalysis) -> plt.Figure | None:
    """Draw what each policy's own parameter does; None if no policy has one."""
    colours = _colours(analysis)
    swept: dict[str, dict[str, list[ExitPoint]]] = {}
    for line, points in _lines(analysis).items():
        if points[0].value is not None:
            swept.setdefault(points[0].policy, {})[line] = points
    if not swept:
        return None
    figure, axes = plt.subplots(
        3, len(swept), figsize=(1 + 3 * len(swept), 5.6), sharex="col", sharey="row",
        layout="constrained", squeeze=False,
    )  # fmt: skip
    for column, (policy, lines) in zip(axes.T, swept.items(), strict=True):
        for line, points in lines.items():
            x = [point.value for point in points]
            for axis, heights in zip(
                column,
                (
                    [100 * point.accuracy for point in points],
                    [point.mean_time for point in points],
                    [100 * point.undecided for point in points],
                ),
                strict=True,
            ):
                axis.plot(x, heights, marker="o", ms=3, lw=0.8, color=colours[line],
                          label=line)  # fmt: skip
        column[0].axhline(100 * analysis.full.accuracy, color="0.6", ls="--", lw=1)
        column[0].set_title(policy, fontsize=9)
        column[-1].set_xlabel(PARAMETERS[policy])
        if len(lines) > 1:
            column[0].legend(frameon=False, fontsize=7)
    for axis, label in zip(
        axes[:, 0], ("accuracy, %", "mean time", "undecided, %"), strict=True
    ):
        axis.set_ylabel(label)
    return figure


def decision_times(network: Network, analysis: ExitAnalysis) -> plt.Figure:
    """Draw when samples are decided; those that never are stand behind the end."""
    chosen, colours = fast_settings(analysis), _colours(analysis)
    figure, axes = plt.subplots(
        len(chosen), 1, figsize=(6.5, 1.2 * len(chosen) + 0.6), sharex=True,
        layout="constrained", squeeze=False,
    )  # fmt: skip
    end = network.duration
    edges = np.linspace(0, end, 51)
    for axis, k in zip(axes[:, 0], chosen, strict=True):
        decisions, point = analysis.outcomes[k].decisions, analysis.points[k]
        decided = decisions.time[decisions.is_decided]
        counts, _ = np.histogram(decided, edges)
        axis.stairs(
            100 * counts / analysis.n_samples, edges, fill=True,
            color=colours[_line_of(point)],
        )  # fmt: skip
        axis.bar(1.04 * end, 100 * point.undecided, end / 50, color="0.6")
        axis.axvline(end, color="0.6", ls=":", lw=1)
        axis.set_ylabel("%")
        axis.set_title(
            f"{setting(vars(point))}: mean {point.mean_time:.3g}, accuracy "
            f"{point.accuracy:.2%}, undecided {point.undecided:.2%} (grey)",
            loc="left",
            fontsize=8,
        )
    axes[-1, 0].set(xlabel="decision time (network units)", xlim=(0, 1.08 * end))
    return figure


def calibration_diagram(analysis: ExitAnalysis) -> plt.Figure:
    """Draw the share of right answers over their probability."""
    figure, axes = plt.subplots(
        2, 1, figsize=(4.6, 5), sharex=True, layout="constrained",
        height_ratios=(3, 1),
    )  # fmt: skip
    axes[0].plot([0, 1], [0, 1], color="0.6", ls="--", lw=1)
    for place, one in enumerate(analysis.calibrations):
        is_used = one.n_samples > 0
        axes[0].plot(
            one.probability[is_used], one.accuracy[is_used], marker=MARKERS[place],
            ms=4, label=f"t = {one.time:.3g}: error {one.error:.3f}, "
            f"{one.silent:.0%} silent",
        )  # fmt: skip
        edges = np.linspace(0, 1, one.n_samples.size + 1)
        axes[1].stairs(
            100 * one.n_samples / analysis.n_samples, edges, color=f"C{place}"
        )
    axes[0].set(ylabel="share of right answers", ylim=(-0.02, 1.02))
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].set(xlabel="spikemax probability of the answer", ylabel="samples, %")
    return figure


def layer_spikes(network: Network, analysis: ExitAnalysis) -> plt.Figure:
    """Draw the spikes of each layer in full runs, and up to decisions."""
    names = ["input", *(layer.name for layer in network.layers)]
    chosen, colours = fast_settings(analysis), _colours(analysis)
    groups: list[tuple[str, str, list[float]]] = [
        ("full run", "0.6", list(analysis.full.layer_spikes))
    ]
    for k in chosen:
        point, totals = analysis.points[k], analysis.outcomes[k].layer_spikes
        spikes = (totals / analysis.n_samples).tolist()
        groups.append((setting(vars(point)), colours[_line_of(point)], spikes))
    figure, axis = plt.subplots(
        figsize=(max(5.5, 1.4 * len(names) + 3), 3.4), layout="constrained"
    )
    width = 0.85 / len(groups)
    for place, (label, colour, spikes) in enumerate(groups):
        x = np.arange(len(names)) + (place - (len(groups) - 1) / 2) * width
        bars = axis.bar(x, spikes, width, color=colour, label=label)
        axis.bar_label(bars, fmt="%.3g", fontsize=5)
    axis.set_xticks(range(len(names)), names, rotation=20, ha="right")
    axis.set_ylabel("spikes per sample")
    axis.legend(frameon=False, fontsize=7, title="up to the decision", title_fontsize=7)
    return figure


def fast_settings(analysis: ExitAnalysis) -> list[int]:
    """Return for each policy its fastest setting that is nearly as right as full runs.

    Nearly is `CLOSE_TO_FINAL`, as for the latency. Of a policy without such a setting
    it is the most accurate one, and of equal ones the faster.
    """
    enough = CLOSE_TO_FINAL * analysis.full.accuracy

    def rank(k: int) -> tuple[float, float]:
        point = analysis.points[k]
        if point.accuracy >= enough:
            return -np.inf, point.mean_time
        return -point.accuracy, point.mean_time

    best: dict[str, int] = {}
    for k, point in enumerate(analysis.points):
        if point.policy not in best or rank(k) < rank(best[point.policy]):
            best[point.policy] = k
    return list(best.values())


def _line_of(point: ExitPoint) -> str:
    """Return the name of the line that a setting is a point of."""
    return point.policy + ("" if point.window is None else f" W={point.window:g}")


def _lines(analysis: ExitAnalysis) -> dict[str, list[ExitPoint]]:
    """Return the settings of each policy and window."""
    lines: dict[str, list[ExitPoint]] = {}
    for point in analysis.points:
        lines.setdefault(_line_of(point), []).append(point)
    return lines


def _colours(analysis: ExitAnalysis) -> dict[str, str]:
    """Return one colour for each line, the same in all pictures."""
    return {name: f"C{place % 10}" for place, name in enumerate(_lines(analysis))}


def _sweeps(axis: plt.Axes, analysis: ExitAnalysis, cost: str) -> None:
    """Draw one line for each policy and window."""
    colours = _colours(analysis)
    for place, (name, points) in enumerate(_lines(analysis).items()):
        axis.plot(
            [getattr(point, cost) for point in points],
            [100 * point.accuracy for point in points],
            marker=MARKERS[place % len(MARKERS)], ms=4, lw=0.8, color=colours[name],
            label=name,
        )  # fmt: skip
