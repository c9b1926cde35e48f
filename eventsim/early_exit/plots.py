"""Pictures of early exit: what accuracy costs in time, spikes and operations."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from eventsim.early_exit.accuracy_curve import CLOSE_TO_FINAL
from eventsim.early_exit.analysis import ExitAnalysis
from eventsim.early_exit.report import setting
from eventsim.early_exit.sweep import ExitPoint
from eventsim.network import Network
from eventsim.plots import STYLE, save

MARKERS = "osD^v<>P*X"


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
        "decision_times": lambda: decision_times(network, analysis),
        "calibration": lambda: calibration_diagram(analysis),
        "layer_spikes": lambda: layer_spikes(network, analysis),
    }
    paths = []
    with matplotlib.rc_context(STYLE):
        for name, draw in pictures.items():
            paths.append(folder / f"{name}.png")
            save(paths[-1], draw())
    return paths


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
        axis.annotate(
            f"{CLOSE_TO_FINAL:.0%} of final", (latency, 2), fontsize=7, color="0.45"
        )
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


def decision_times(network: Network, analysis: ExitAnalysis) -> plt.Figure:
    """Draw when samples are decided, for the best setting of each policy."""
    chosen = best_settings(analysis)
    figure, axes = plt.subplots(
        len(chosen), 1, figsize=(6.5, 1.2 * len(chosen) + 0.6), sharex=True,
        layout="constrained", squeeze=False,
    )  # fmt: skip
    edges = np.linspace(0, network.duration, 51)
    for place, (axis, k) in enumerate(zip(axes[:, 0], chosen, strict=True)):
        decisions, point = analysis.outcomes[k].decisions, analysis.points[k]
        decided = decisions.time[decisions.is_decided]
        counts, _ = np.histogram(decided, edges)
        axis.stairs(
            100 * counts / analysis.n_samples, edges, fill=True, color=f"C{place}"
        )
        axis.set_ylabel("%")
        axis.set_title(
            f"{setting(vars(point))}: mean {point.mean_time:.3g}, accuracy "
            f"{point.accuracy:.2%}, undecided {point.undecided:.2%}",
            loc="left",
            fontsize=8,
        )
    axes[-1, 0].set_xlabel("decision time (network units)")
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
            ms=4, label=f"t = {one.time:.3g}: error {one.error:.3f}",
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
    """Draw the spikes of each layer in full runs."""
    spikes = analysis.full.layer_spikes
    names = ["input", *(layer.name for layer in network.layers)]
    figure, axis = plt.subplots(
        figsize=(max(4.5, 0.9 * len(names) + 2), 3.2), layout="constrained"
    )
    bars = axis.bar(range(len(names)), spikes)
    axis.bar_label(bars, fmt="%.3g", fontsize=7)
    axis.set_xticks(range(len(names)), names, rotation=20, ha="right")
    axis.set_ylabel("spikes per sample")
    return figure


def best_settings(analysis: ExitAnalysis) -> list[int]:
    """Return for each policy its most accurate setting, the fastest of equal ones."""
    best: dict[str, int] = {}
    for k, point in enumerate(analysis.points):
        rank = (-point.accuracy, point.mean_time)
        other = best.get(point.policy)
        if other is None or rank < (
            -analysis.points[other].accuracy,
            analysis.points[other].mean_time,
        ):
            best[point.policy] = k
    return list(best.values())


def _sweeps(axis: plt.Axes, analysis: ExitAnalysis, cost: str) -> None:
    """Draw one line for each policy and window."""
    lines: dict[str, list[ExitPoint]] = {}
    for point in analysis.points:
        window = "" if point.window is None else f" W={point.window:g}"
        lines.setdefault(point.policy + window, []).append(point)
    for place, (name, points) in enumerate(lines.items()):
        axis.plot(
            [getattr(point, cost) for point in points],
            [100 * point.accuracy for point in points],
            marker=MARKERS[place % len(MARKERS)], ms=4, lw=0.8, color=f"C{place % 10}",
            label=name,
        )  # fmt: skip
