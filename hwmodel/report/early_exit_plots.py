"""Pictures of early exit on chips: accuracy over energy, and both over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter

from hwmodel.early_exit.analysis import ChipExits, ExitPoint, ExitReport
from hwmodel.early_exit.front import is_on_front
from hwmodel.report.early_exit import setting
from hwmodel.report.figures import joule_prefix, write_figures
from hwmodel.units import format_quantity

STYLES = {
    "full_run": ("X", "#222222", "full run"),
    "first_spike": ("s", "#c0392b", "first spike"),
    "leader": ("D", "#8e44ad", "leader"),
    "margin": ("o", "#3b6fb6", "margin"),
    "confidence": ("^", "#2a9d5c", "confidence"),
    "fixed_time": ("v", "#e08a3c", "fixed time"),
}
CHIP_COLOURS = ("#3b6fb6", "#e08a3c", "#2a9d5c", "#c0392b", "#8e44ad", "#8c8c8c")
INK, EARLIER_RING = "#333333", "#a0a0a0"
RING_SIZE = 11

BEATEN = "beaten (energy, accuracy, time)"
"""Key of settings that another one of the same chip beats in all three."""

SHOWN_BELOW = 0.12
"""Settings that are right less often than full runs by more are not drawn."""

LINE_HEIGHT, MOST_NAMES = 0.05, 2
"""Share of a panel that a line of names takes, and most names on it."""


def plot_exits(report: ExitReport, folder: Path) -> list[Path]:
    """Write ``energy_accuracy.png``, ``over_time.png``, of several ``chips.png``.

    Parameters
    ----------
    report : ExitReport
        From `hwmodel.early_exit.analysis.price_exits`, of at least one chip.
    folder : Path
        Made if it is missing.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    RunError
        If a file cannot be written.
    """
    figures = {
        "energy_accuracy.png": energy_accuracy_figure(report),
        "over_time.png": over_time_figure(report),
    }
    if len(report.chips) > 1:
        figures["chips.png"] = chips_figure(report)
    return write_figures(figures, folder)


def energy_accuracy_figure(report: ExitReport) -> Figure:
    """Draw the settings of each chip, those on its front filled.

    The front is that of energy, accuracy and time, the line that of the two axes: a
    filled marker off the line is there because it is earlier.

    Parameters
    ----------
    report : ExitReport
        Of at least one chip.

    Returns
    -------
    Figure
        One panel a chip.
    """
    n = len(report.chips)
    n_columns = min(n, 3 if n != 4 else 2)
    n_rows = math.ceil(n / n_columns)
    figure = Figure(
        figsize=(max(6.0, 4.1 * n_columns), 3.5 * n_rows + 0.8), layout="constrained"
    )
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, chip in zip(panels, report.chips, strict=False):
        _draw_settings(axes, chip)
    for axes in panels[n:]:
        axes.axis("off")
    present = {point.policy for point in report.chips[0].points}
    handles = [
        Line2D([], [], marker=marker, color=colour, ls="", label=label)
        for policy, (marker, colour, label) in STYLES.items()
        if policy in present
    ]
    handles.append(
        Line2D([], [], marker="o", mfc="none", color="#888888", ls="", label=BEATEN)
    )
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(7, len(handles)),
        frameon=False,
        fontsize=9,
        handletextpad=0.2,
        columnspacing=1.2,
    )
    return figure


def _draw_settings(axes: Axes, chip: ChipExits) -> None:
    full = chip.points[0]
    shown = [p for p in chip.points if p.accuracy >= full.accuracy - SHOWN_BELOW]
    prefix, scale = joule_prefix(max(p.mean_energy for p in shown))
    for point in sorted(shown, key=lambda p: (p.is_best, p is full)):
        marker, colour, _ = STYLES[point.policy]
        axes.plot(
            [point.mean_energy / scale],
            [100 * point.accuracy],
            marker=marker,
            ms=7.5 if point is full else 6,
            mec=colour,
            mfc=colour if point.is_best or point is full else "none",
            alpha=1.0 if point.is_best or point is full else 0.45,
            ls="",
        )
    axes.set_xlim(0, 1.06 * max(p.mean_energy for p in shown) / scale or 1.0)
    _draw_front(axes, [p for p in shown if p.is_best], scale, "#999999")
    _name_front(axes, [p for p in shown if p.is_best], scale)
    least = full.energy.static if chip.full.bill.static_unit == "J/frame" else 0.0
    if least:
        axes.axvline(least / scale, color="#8c8c8c", ls=":", lw=1)
        axes.annotate(
            "static, per frame",
            (least / scale, 0.03),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            fontsize=7,
            color="#666666",
            rotation=90,
        )
    left_out = len(chip.points) - len(shown)
    floor = f"{100 * (full.accuracy - SHOWN_BELOW):.3g} %"
    below = f"\n{left_out} settings below {floor} are not drawn" * (left_out > 0)
    axes.set_title(
        f"{chip.full.chip.name}: full run {format_quantity(full.mean_energy, 'J')}",
        fontsize=10,
        color=INK,
    )
    axes.set_xlabel(f"mean energy until the decision ({prefix}J){below}", fontsize=9)
    axes.set_ylabel("accuracy (%)", fontsize=9)
    _plain(axes)


def _draw_front(
    axes: Axes, points: Sequence[ExitPoint], scale: float, colour: str
) -> None:
    """Join the points that are not beaten in energy and accuracy alone."""
    best, line = -1.0, []
    for point in sorted(points, key=lambda p: (p.mean_energy, -p.accuracy)):
        if point.accuracy > best:
            best = point.accuracy
            line.append((point.mean_energy / scale, 100 * point.accuracy))
    if line:
        x, y = zip(*line, strict=True)
        axes.step(x, y, where="post", color=colour, lw=1.0, zorder=0)


def _name_front(axes: Axes, points: Sequence[ExitPoint], scale: float) -> None:
    """Name the points of the front at the roomier side; neighbours share a line."""
    low, high = axes.get_ylim()
    lines: list[list[ExitPoint]] = []
    for point in sorted(points, key=lambda p: p.accuracy):
        if lines:
            step = 100 * (point.accuracy - lines[-1][0].accuracy)
            if step < LINE_HEIGHT * (high - low):
                lines[-1].append(point)
                continue
        lines.append([point])
    for line in lines:
        line.sort(key=lambda p: p.mean_energy)
        energy = line[0].mean_energy / scale
        at_left = energy > 0.4 * axes.get_xlim()[1]
        names = [setting(point) for point in line[:MOST_NAMES]]
        if len(line) > MOST_NAMES:
            names.append(f"{len(line) - MOST_NAMES} more")
        axes.annotate(
            ", ".join(names),
            (energy, 100 * line[0].accuracy),
            xytext=(-7, 0) if at_left else (7, 6),
            textcoords="offset points",
            ha="right" if at_left else "left",
            va="center",
            fontsize=7,
            color=INK,
        )


def chips_figure(report: ExitReport) -> Figure:
    """Draw the settings of all chips on one axis of energy.

    Parameters
    ----------
    report : ExitReport
        Of several chips.

    Returns
    -------
    Figure
        A colour a chip, a marker a policy, faint where another setting of the chip
        beats it in energy, accuracy and time. Dark rings mark what no setting of any
        chip beats in the two quantities of the picture; grey ones what stays on the
        front of all chips only because it is earlier.
    """
    figure = Figure(figsize=(7.5, 5.0), layout="constrained")
    axes = figure.add_subplot()
    floor = report.chips[0].points[0].accuracy - SHOWN_BELOW
    shown = [[p for p in chip.points if p.accuracy >= floor] for chip in report.chips]
    for i, points in enumerate(shown):
        colour = CHIP_COLOURS[i % len(CHIP_COLOURS)]
        for point in points:
            axes.plot(
                [point.mean_energy],
                [100 * point.accuracy],
                marker=STYLES[point.policy][0],
                ms=5.5,
                color=colour,
                alpha=0.9 if point.is_best or point is points[0] else 0.3,
                ls="",
            )
        _draw_front(axes, points, 1.0, colour)
    every = [point for points in shown for point in points]
    rings = _draw_rings(axes, every)
    figure.legend(
        handles=[*_chip_handles(report), *_policy_handles(every), _beaten(), *rings],
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=8,
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(EngFormatter(unit="J"))
    axes.set_xlabel("mean energy until the decision")
    axes.set_ylabel("accuracy (%)")
    _plain(axes)
    return figure


def _draw_rings(axes: Axes, points: Sequence[ExitPoint]) -> list[Line2D]:
    """Ring the front of the picture, and what only latency adds; return the keys."""
    costs = np.array([[p.mean_energy, -p.accuracy] for p in points])
    in_picture = is_on_front(costs)
    earlier = np.array([p.is_best_of_all for p in points]) & ~in_picture
    keys = []
    for chosen, colour, label in (
        (in_picture, INK, "front of energy and accuracy"),
        (earlier, EARLIER_RING, "front with latency only"),
    ):
        for point in compress(points, chosen):
            axes.add_line(_ring(colour, point.mean_energy, point.accuracy))
        if chosen.any():
            keys.append(_ring(colour, label=label))
    return keys


def _ring(
    colour: str, energy: float = np.nan, accuracy: float = np.nan, label: str = ""
) -> Line2D:
    return Line2D(
        [energy], [100 * accuracy], marker="o", ms=RING_SIZE, mfc="none", mec=colour,
        mew=0.9, ls="", label=label,
    )  # fmt: skip


def _chip_handles(report: ExitReport) -> list[Line2D]:
    return [
        Line2D([], [], lw=3, color=CHIP_COLOURS[i % len(CHIP_COLOURS)],
               label=chip.full.chip.name)
        for i, chip in enumerate(report.chips)
    ]  # fmt: skip


def _beaten() -> Line2D:
    return Line2D(
        [], [], marker="o", ms=5.5, color="#666666", alpha=0.3, ls="", label=BEATEN
    )


def _policy_handles(points: Sequence[ExitPoint]) -> list[Line2D]:
    """Return a key for the marker of each policy that is drawn, without a colour."""
    drawn = {point.policy for point in points}
    return [
        Line2D([], [], marker=marker, ms=5.5, color="#666666", ls="", label=label)
        for policy, (marker, _, label) in STYLES.items()
        if policy in drawn
    ]


def over_time_figure(report: ExitReport) -> Figure:
    """Draw accuracy and energy if all runs are cut at one time.

    Parameters
    ----------
    report : ExitReport
        Of at least one chip.

    Returns
    -------
    Figure
        Accuracy above, energy as a share of full runs below.
    """
    figure = Figure(figsize=(7.0, 6.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(
        report.times,
        100 * report.accuracy,
        color=INK,
        lw=1.6,
        label="all samples cut at one time",
    )
    _draw_decisions(upper, report.chips[0].points)
    upper.set_ylabel("accuracy (%)")
    upper.set_ylim(0, 102)
    for i, chip in enumerate(report.chips):
        full = chip.points[0].mean_energy
        lower.plot(
            report.times,
            100 * chip.curve_energy / (full or 1.0),
            color=CHIP_COLOURS[i % len(CHIP_COLOURS)],
            ls=("-", (0, (5, 2)), (0, (2, 1.5)), (0, (6, 1.5, 1.5, 1.5)))[i % 4],
            lw=1.5,
            label=f"{chip.full.chip.name} (100 % is {format_quantity(full, 'J')})",
        )
    lower.set_ylabel("energy until then (% of full runs)")
    lower.set_ylim(0, 102)
    lower.set_xlim(0, report.network.duration)
    lower.set_xlabel(
        f"time at which all runs are cut (network units; the window is "
        f"{report.network.time_window:g}, {report.steps_per_window} steps)"
    )
    lower.legend(frameon=False, fontsize=8, loc="upper left")
    for axes in (upper, lower):
        _plain(axes)
    return figure


def _draw_decisions(axes: Axes, points: Sequence[ExitPoint]) -> None:
    """Draw policies that decide sample by sample at their mean time."""
    drawn = set()
    for point in points:
        if point.policy in ("full_run", "fixed_time"):
            continue
        marker, colour, label = STYLES[point.policy]
        axes.plot(
            [point.mean_time],
            [100 * point.accuracy],
            marker=marker,
            ms=4.5,
            color=colour,
            alpha=0.7,
            ls="",
            label=None if label in drawn else f"{label}, at its mean time",
        )
        drawn.add(label)
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#eeeeee", lw=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
