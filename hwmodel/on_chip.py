"""Lay a network on a chip: cut its layers into cores and place the cores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eventsim.model_file import ModelFile
from hwmodel.chip.chip import Chip
from hwmodel.errors import ChipError, PlacementError
from hwmodel.mapping.partition import Partition, partition
from hwmodel.mapping.placement import Mapping, require_room
from hwmodel.mesh.grid import Grid
from hwmodel.placing.place import Placement, place
from hwmodel.placing.problem import HopPrices
from hwmodel.traffic.flows import LayerTraffic, layer_traffic
from hwmodel.workload.workload import LayerGeometry, Workload, layers_of


def map_model(
    model: ModelFile, chip: Chip, mesh: tuple[int, int] | None = None
) -> Mapping:
    """Cut a model into cores and place them row by row; needs no activity.

    Parameters
    ----------
    model : ModelFile
        The network.
    chip : Chip
        Core and mesh size.
    mesh : tuple of int, optional
        (width, height) instead of the chip's.

    Returns
    -------
    Mapping
        Groups on the mesh.

    Raises
    ------
    PlacementError
        If the network does not fit.
    """
    return place_layers(layers_of(model.network), chip, mesh).mapping


def place_layers(
    layers: Sequence[LayerGeometry],
    chip: Chip,
    mesh: tuple[int, int] | None = None,
    workload: Workload | None = None,
    **options: Any,
) -> Placement:
    """Cut layers into cores and place them by a method.

    Parameters
    ----------
    layers : sequence of LayerGeometry
        Layers with neurons.
    chip : Chip
        Core and mesh size, price of a hop.
    mesh : tuple of int, optional
        (width, height) instead of the chip's.
    workload : Workload, optional
        The same layers with their spikes, for methods that look at the traffic.
    **options
        As of `hwmodel.placing.place.place`, but for flows, chip and prices.

    Returns
    -------
    Placement
        Groups on the mesh; not judged without a workload.

    Raises
    ------
    PlacementError
        If the network does not fit, or the method needs a workload and there is none.
    ChipError
        If the objective is the energy and a hop has no price.
    """
    part = cut(layers, chip)
    traffic = None if workload is None else layer_traffic(workload, part)
    return place_on(part, chip, mesh, traffic, **options)


def cut(layers: Sequence[LayerGeometry], chip: Chip) -> Partition:
    """Cut layers into groups that fit a core of the chip.

    Parameters
    ----------
    layers : sequence of LayerGeometry
        Layers with neurons.
    chip : Chip
        Core size.

    Returns
    -------
    Partition
        As few cores as the rule allows.

    Raises
    ------
    PlacementError
        If a part that cannot be split is larger than a core.
    """
    assert chip.core.neurons is not None  # the schema demands it
    return partition(layers, chip.core.neurons)


def place_on(
    part: Partition,
    chip: Chip,
    mesh: tuple[int, int] | None,
    traffic: Iterable[LayerTraffic] | None,
    **options: Any,
) -> Placement:
    """Place groups on the chip's mesh.

    Parameters
    ----------
    part : Partition
        Groups.
    chip : Chip
        Mesh, price of a hop.
    mesh : tuple of int or None
        (width, height) instead of the chip's.
    traffic : iterable of LayerTraffic or None
        What the layers receive, if it is known.
    **options
        As of `hwmodel.placing.place.place`, but for flows, chip and prices.

    Returns
    -------
    Placement
        Groups on the mesh.

    Raises
    ------
    PlacementError, ChipError
        See `place_layers`.
    """
    grid = chip.mesh.grid(mesh)
    require_room(part.n_cores, grid, chip.name)
    _check_port(options.get("input_port", (0, 0)), grid)
    prices = None
    if options.get("objective") == "energy":
        prices = _hop_prices(chip)
    flows = None if traffic is None else [t.flows for t in traffic]
    return place(part, grid, flows, chip=chip.name, prices=prices, **options)


def _hop_prices(chip: Chip) -> HopPrices:
    x = y = chip.require("energy.hop", "a placement for energy needs it")
    if "energy.hop_y" in chip.constants:
        y = chip.require("energy.hop_y", "a placement for energy needs it")
    if x == y == 0:
        raise ChipError(
            f"chip {chip.name}: energy.hop is 0, so that every placement costs the "
            "same; expected a price for --objective energy; use --objective hops, or "
            "pass --set energy.hop=2.3pJ:marginal"
        )
    return HopPrices(x, y)


def _check_port(port: tuple[int, int], grid: Grid) -> None:
    if not (0 <= port[0] < grid.width and 0 <= port[1] < grid.height):
        raise PlacementError(
            f"input port ({port[0]}, {port[1]}) is outside the {grid} mesh; expected "
            f"0 <= x < {grid.width} and 0 <= y < {grid.height}"
        )
