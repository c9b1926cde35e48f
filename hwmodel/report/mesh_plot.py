"""The picture of the mesh: load of the cores, traffic on the links."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from hwmodel.estimate import Estimate
from hwmodel.mapping.placement import Mapping
from hwmodel.report.figures import INK
from hwmodel.report.mapping import grid_text

SIDE = 0.62
"""Side of a core's square; neighbouring routers are 1 apart."""


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
    axes.set_title(
        f"{estimate.chip.name}: {n_cores} core{'s' * (n_cores > 1)} on "
        f"{grid_text(mapping.grid)} ({estimate.casting})\n"
        f"numbers are layers, the triangle is the input port{over_border}",
        fontsize=11,
    )
    return figure


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
