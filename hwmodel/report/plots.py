"""Pictures of an estimate: energy by layer, and how sure the total is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from hwmodel.estimate import Estimate
from hwmodel.report.figures import INK, joule_prefix, write_figures
from hwmodel.report.mesh_plot import mesh_figure
from hwmodel.units import format_quantity

SOP_COLOUR, HOP_COLOUR, STATIC_COLOUR = "#3b6fb6", "#e08a3c", "#8c8c8c"
OTHER_COLOUR = "#7a5ba6"


def plot_estimate(estimate: Estimate, folder: Path) -> list[Path]:
    """Write ``energy.png``, ``mesh.png`` and ``sensitivity.png``.

    The last one only if the bounds of a constant move the total.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_model`.
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
    figures = {"energy.png": energy_figure(estimate), "mesh.png": mesh_figure(estimate)}
    if any(swing.width > 0 for swing in estimate.uncertainty.swings):
        figures["sensitivity.png"] = sensitivity_figure(estimate)
    return write_figures(figures, folder)


def energy_figure(estimate: Estimate) -> Figure:
    """Draw the energy of each layer, stacked, with the static part below.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_model`.

    Returns
    -------
    Figure
        Horizontal bars, one a layer and one for the static energy.
    """
    layers, static = estimate.layer_energy, estimate.energy.static
    names = [layer.name for layer in estimate.counts.layers]
    rows = np.arange(len(names) + 1)
    sop = np.array([*(e.sop for e in layers), 0.0])
    hop = np.array([*(e.hop for e in layers), 0.0])
    other = np.array([*(e.other for e in layers), 0.0])
    rest = np.array([*(0.0 for _ in layers), static])
    total = sop + hop + other + rest
    prefix, scale = joule_prefix(float(total.max()))
    figure = Figure(figsize=(8, 1.7 + 0.32 * rows.size), layout="constrained")
    axes = figure.add_subplot()
    left = np.zeros(rows.size)
    parts = [("synaptic operations", sop, SOP_COLOUR), ("hops", hop, HOP_COLOUR)]
    if other.any():
        parts.append(("other events", other, OTHER_COLOUR))
    for label, values, colour in (*parts, ("static", rest, STATIC_COLOUR)):
        axes.barh(
            rows, values / scale, left=left, color=colour, label=label, height=0.7
        )
        left += values / scale
    for row, joules in enumerate(total.tolist()):
        axes.annotate(
            format_quantity(joules, "J"),
            (joules / scale, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.set_yticks(rows, [*names, "static"])
    axes.set_ylim(rows.size - 0.4, -0.6)
    axes.set_xlim(0, max(float(total.max()) / scale, 1e-30) * 1.16)
    axes.set_xlabel(f"energy per inference ({prefix}J)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.suptitle(
        f"{estimate.chip.name}: {format_quantity(estimate.energy.total, 'J')} per "
        f"inference ({estimate.casting})",
        fontsize=12,
    )
    figure.legend(loc="outside lower center", frameon=False, fontsize=9, ncols=4)
    return figure


def sensitivity_figure(estimate: Estimate) -> Figure:
    """Draw what the bounds of each constant make of the total.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_model`.

    Returns
    -------
    Figure
        One bar a constant, from the least to the greatest total, the one that matters
        most on top; the line is the total itself.
    """
    total = estimate.uncertainty.total
    swings = [s for s in estimate.uncertainty.swings if s.width > 0]
    prefix, scale = joule_prefix(estimate.uncertainty.high)
    figure = Figure(figsize=(8, 1.5 + 0.4 * len(swings)), layout="constrained")
    axes = figure.add_subplot()
    constants = estimate.chip.constants
    for row, swing in enumerate(swings):
        ends = ((swing.low, "right", -4), (swing.high, "left", 4))
        for (end, side, gap), bound in zip(
            ends, constants[swing.constant].interval or (), strict=True
        ):
            assert end is not None  # a swing has two ends
            axes.barh(row, (end - total) / scale, left=total / scale, color=SOP_COLOUR)
            if end != total:
                axes.annotate(
                    format_quantity(bound, constants[swing.constant].unit),
                    (end / scale, row),
                    xytext=(gap, 0),
                    textcoords="offset points",
                    ha=side,
                    va="center",
                    fontsize=8,
                    color=INK,
                )
    axes.axvline(total / scale, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(swings)), [swing.constant for swing in swings])
    axes.set_ylim(len(swings) - 0.4, -0.6)
    axes.margins(x=0.18)
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
    axes.set_xlabel(f"energy per inference ({prefix}J)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.suptitle(
        f"{estimate.chip.name}: {format_quantity(total, 'J')} per inference, one "
        "constant at a time at its bounds",
        fontsize=12,
    )
    return figure
