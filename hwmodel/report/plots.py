"""Pictures of an estimate: energy by layer, and the mesh with its load and traffic."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from eventsim.atomic_write import replacing
from hwmodel.estimate import Estimate
from hwmodel.mapping.placement import Mapping
from hwmodel.report.mapping import grid_text
from hwmodel.units import PREFIXES, format_quantity

SOP_COLOUR, HOP_COLOUR, STATIC_COLOUR = "#3b6fb6", "#e08a3c", "#8c8c8c"
OTHER_COLOUR = "#7a5ba6"
INK = "#333333"

SIDE = 0.62
"""Side of a core's square; neighbouring routers are 1 apart."""


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


def write_figures(figures: dict[str, Figure], folder: Path) -> list[Path]:
    """Write figures as PNG files.

    Parameters
    ----------
    figures : dict of str to Figure
        Each by the name of its file.
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
    paths = []
    for name, figure in figures.items():
        path = Path(folder) / name
        FigureCanvasAgg(figure)
        with replacing(path) as temporary:
            figure.savefig(
                temporary, format="png", dpi=150, bbox_inches="tight", pad_inches=0.15
            )
        paths.append(path)
    return paths


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


def mesh_figure(estimate: Estimate) -> Figure:
    """Draw the used part of the mesh: core load as colour, link traffic as arrows.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_model`.

    Returns
    -------
    Figure
        One square a core, with the number of its layer; two arrows between
        neighbours, one each way. Links over the border are arrows that leave it.
    """
    mapping, n = estimate.mapping, estimate.counts.n_samples
    starts, steps, packets = _used_links(estimate)
    ends = (starts + steps) % (mapping.grid.width, mapping.grid.height)
    goes_round = bool((ends != starts + steps).any())
    port = np.array([estimate.input_port])
    points = np.concatenate([np.stack([mapping.x, mapping.y], axis=1), ends, port])
    (x_low, y_low), (x_high, y_high) = points.min(axis=0), points.max(axis=0)
    n_columns, n_rows = x_high - x_low + 1, y_high - y_low + 1
    cell = min(1.1, 15.0 / max(n_columns, n_rows))
    size = (max(6.0, cell * n_columns + 1.0), cell * (n_rows + 0.6) + 2.3)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    load = estimate.counts.sops_per_core / n
    _draw_routers(axes, range(x_low, x_high + 1), range(y_low, y_high + 1))
    boxes = _draw_cores(axes, estimate, load, cell)
    if packets.size:
        arrows = _draw_links(axes, starts, steps, packets / n)
        _bar(figure, axes, arrows, "packets per link and inference")
    _bar(figure, axes, boxes, "synaptic operations per core and inference")
    _draw_port(axes, estimate.input_port)
    margin = 0.85 if goes_round else 0.5
    axes.set_xlim(x_low - max(0.75, margin), x_high + margin)
    axes.set_ylim(y_high + margin, y_low - margin)
    axes.set_aspect("equal")
    axes.axis("off")
    n_cores = mapping.partition.n_cores
    over_border = "\narrows over the border go on at the opposite one" * goes_round
    figure.suptitle(
        f"{estimate.chip.name}: {n_cores} core{'s' * (n_cores > 1)} on "
        f"{grid_text(mapping.grid)} ({estimate.casting})\n"
        f"numbers are layers, the triangle is the input port{over_border}",
        fontsize=11,
    )
    return figure


def joule_prefix(joules: float) -> tuple[str, float]:
    """Choose the SI prefix of an axis of energy.

    Parameters
    ----------
    joules : float, J
        The largest value on it.

    Returns
    -------
    tuple of str and float
        The prefix, empty for nothing, and the joules that it stands for.
    """
    if joules <= 0:
        return "", 1.0
    exponent = min(max(math.floor(math.log10(joules) / 3) * 3, -15), 9)
    prefix = next(p for p, power in PREFIXES.items() if power == exponent)
    return prefix, 10.0**exponent


def _used_links(estimate: Estimate) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start (n, 2) and step (n, 2) of each used link as (x, y), and packets (n,)."""
    loads = estimate.counts.link_loads(estimate.casting)
    starts, steps, packets = [], [], []
    for values, step in zip(loads.packets, loads.grid.directions, strict=True):
        y, x = np.nonzero(values)
        starts.append(np.stack([x, y], axis=1))
        steps.append(np.broadcast_to(step, (x.size, 2)))
        packets.append(values[y, x])
    return np.concatenate(starts), np.concatenate(steps), np.concatenate(packets)


def _scale_of(values: np.ndarray) -> Normalize:
    """Give a linear colour scale, or a logarithmic one for more than two decades."""
    positive = values[values > 0]
    if positive.size and positive.max() > 100 * positive.min():
        return LogNorm(positive.min(), positive.max())
    return Normalize(0, max(float(values.max(initial=0.0)), 1e-30))


def _square(x: float, y: float, side: float = SIDE) -> FancyBboxPatch:
    return FancyBboxPatch(
        (x - side / 2, y - side / 2),
        side,
        side,
        boxstyle=f"round,pad=0,rounding_size={0.13 * side}",
    )


def _core_squares(mapping: Mapping) -> tuple[np.ndarray, np.ndarray, float]:
    """Middle (x, y) of each core's square, and its side.

    Cores of one router share the router's square, in rows and columns.
    """
    n_columns = math.ceil(math.sqrt(mapping.grid.cores_per_router))
    router = mapping.y * mapping.grid.width + mapping.x
    order = np.argsort(router, kind="stable")
    slot = np.empty_like(order)
    slot[order] = np.arange(order.size) - np.searchsorted(router[order], router[order])
    row, column = np.divmod(slot, n_columns)
    side = SIDE / n_columns
    x = mapping.x - SIDE / 2 + (column + 0.5) * side
    y = mapping.y - SIDE / 2 + (row + 0.5) * side
    return x, y, side


def _draw_routers(axes: Axes, columns: range, rows: range) -> None:
    squares = [_square(x, y) for x in columns for y in rows]
    axes.add_collection(
        PatchCollection(
            squares, facecolor="none", edgecolor="#dddddd", linewidth=0.6, zorder=1
        )
    )


def _draw_cores(
    axes: Axes, estimate: Estimate, load: np.ndarray, cell: float
) -> PatchCollection:
    mapping, scale = estimate.mapping, _scale_of(load)
    middle_x, middle_y, side = _core_squares(mapping)
    boxes = PatchCollection(
        [_square(x, y, side) for x, y in zip(middle_x, middle_y, strict=True)],
        cmap=mpl.colormaps["Blues"],
        norm=scale,
        edgecolor="#8899aa",
        linewidth=0.6,
        zorder=2,
    )
    shown = np.maximum(load, scale.vmin or 0.0)
    boxes.set_array(shown)
    axes.add_collection(boxes)
    shade = np.asarray(scale(shown))
    layers = mapping.partition.layer_of_core
    for i, layer in enumerate(layers):
        axes.text(
            middle_x[i],
            middle_y[i],
            str(estimate.workload.layers[layer].number),
            ha="center",
            va="center",
            fontsize=min(11.0, 22.0 * cell * side / SIDE),
            color="white" if shade[i] > 0.55 else INK,
            zorder=4,
        )
    return boxes


def _draw_links(
    axes: Axes, starts: np.ndarray, steps: np.ndarray, packets: np.ndarray
) -> ScalarMappable:
    aside = np.stack([-steps[:, 1], steps[:, 0]], axis=1)
    lane = 0.13 * aside / np.hypot(*steps.T)[:, None]
    tail = starts + 0.31 * steps + lane
    return axes.quiver(
        tail[:, 0],
        tail[:, 1],
        0.38 * steps[:, 0],
        0.38 * steps[:, 1],
        packets,
        cmap=ListedColormap(mpl.colormaps["YlOrRd"](np.linspace(0.2, 1.0, 256))),
        norm=_scale_of(packets),
        angles="xy",
        scale_units="xy",
        scale=1,
        units="xy",
        width=0.075,
        headwidth=2.6,
        headlength=2.2,
        headaxislength=2.0,
        zorder=3,
    )


def _draw_port(axes: Axes, port: tuple[int, int]) -> None:
    axes.plot([port[0] - 0.48], [port[1]], marker=">", color="#2a9d5c", markersize=9)


def _bar(figure: Figure, axes: Axes, what: ScalarMappable, label: str) -> None:
    aspect = 0.7 * figure.get_figwidth() / 0.14
    bar = figure.colorbar(
        what, ax=axes, location="bottom", shrink=0.7, aspect=aspect, pad=0.02
    )
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)
