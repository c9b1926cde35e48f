"""Lay a network on a chip: cut its layers into cores and place the cores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eventsim.model_file import ModelFile
from hwmodel.chip.chip import Chip, Limits
from hwmodel.cost.latency import latency
from hwmodel.errors import ChipError, PlacementError
from hwmodel.mapping.groups import Partition
from hwmodel.mapping.partition import partition
from hwmodel.mapping.placement import Mapping, require_room
from hwmodel.mapping.splits import Split
from hwmodel.mesh.grid import Grid
from hwmodel.placing.place import Placement, place
from hwmodel.placing.problem import Prices
from hwmodel.traffic.flows import LayerTraffic, layer_traffic
from hwmodel.workload.workload import LayerGeometry, Workload, layers_of


def map_model(
    model: ModelFile,
    chip: Chip,
    mesh: tuple[int, int] | None = None,
    *,
    split: Split = "features",
    limits: Limits = "core",
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
    split : {"features", "space", "both", "search"}
        How to cut layers, see `hwmodel.mapping.splits.cut_layer`.
    limits : {"core", "silicon"}
        What a core holds, see `hwmodel.chip.chip.Chip.capacity`.

    Returns
    -------
    Mapping
        Groups on the mesh.

    Raises
    ------
    PlacementError
        If the network does not fit.
    """
    layers = layers_of(model.network)
    return place_layers(layers, chip, mesh, split=split, limits=limits).mapping


def place_layers(
    layers: Sequence[LayerGeometry],
    chip: Chip,
    mesh: tuple[int, int] | None = None,
    workload: Workload | None = None,
    *,
    split: Split = "features",
    limits: Limits = "core",
    **options: Any,
) -> Placement:
    """Cut layers into cores and place them by a method.

    Parameters
    ----------
    layers : sequence of LayerGeometry
        Layers with neurons.
    chip : Chip
        Core and mesh size, prices.
    mesh : tuple of int, optional
        (width, height) instead of the chip's.
    workload : Workload, optional
        The same layers with their spikes, for methods that look at the traffic.
    split, limits : str
        See `map_model`.
    **options
        As of `place_on`.

    Returns
    -------
    Placement
        Groups on the mesh; not judged without a workload.

    Raises
    ------
    PlacementError, ChipError
        See `place_on`.
    """
    part = cut(layers, chip, split, limits)
    return place_on(part, chip, mesh, workload, **options)


def cut(
    layers: Sequence[LayerGeometry],
    chip: Chip,
    split: Split = "features",
    limits: Limits = "core",
) -> Partition:
    """Cut layers into groups that fit a core of the chip.

    Parameters
    ----------
    layers : sequence of LayerGeometry
        Layers with neurons.
    chip : Chip
        What a core holds.
    split, limits : str
        See `map_model`.

    Returns
    -------
    Partition
        As few cores as the rule allows.

    Raises
    ------
    PlacementError
        If a part that cannot be split is larger than a core.
    """
    return partition(layers, chip.capacity(limits), split)


def place_on(
    part: Partition,
    chip: Chip,
    mesh: tuple[int, int] | None = None,
    workload: Workload | None = None,
    traffic: Iterable[LayerTraffic] | None = None,
    *,
    steps_per_window: int = 10,
    **options: Any,
) -> Placement:
    """Place groups on the chip's mesh.

    Parameters
    ----------
    part : Partition
        Groups.
    chip : Chip
        Mesh, prices.
    mesh : tuple of int, optional
        (width, height) instead of the chip's.
    workload : Workload, optional
        The layers with their spikes, if they are known.
    traffic : iterable of LayerTraffic, optional
        What the layers receive, if it was worked out already.
    steps_per_window : int
        Time steps a firing window is divided into, positive: as long as they last,
        every chip that holds cores draws its static power.
    **options
        As of `hwmodel.placing.place.place`, but for flows, chip and prices. Without a
        casting, that of the chip.

    Returns
    -------
    Placement
        Groups on the mesh.

    Raises
    ------
    PlacementError
        If the network does not fit, the method needs a workload and there is none, or
        an option has no effect on the method.
    ChipError
        If the objective is the energy and a price is unknown that depends on places,
        or no such price is above 0.
    """
    grid = chip.mesh.grid_for(part.n_cores) if mesh is None else chip.mesh.grid(mesh)
    require_room(part.n_cores, grid, chip.name)
    _check_port(options.get("input_port", (0, 0)), grid)
    options["casting"] = chip.cast(options.get("casting")).value
    if traffic is None and workload is not None:
        traffic = layer_traffic(workload, part)
    prices = None
    if options.get("objective") == "energy" and workload is not None:
        steps = latency(workload.windows, steps_per_window, chip).steps
        prices = _prices(chip, grid, part.n_cores, steps * workload.n_samples)
    flows = None if traffic is None else [t.flows for t in traffic]
    return place(part, grid, flows, chip=chip.name, prices=prices, **options)


def _prices(chip: Chip, grid: Grid, n_cores: int, steps: int) -> Prices:
    """Price what places decide; `steps` are those of all measured inferences.

    The same constants as in `hwmodel.cost.bill.bill_of`, where a row that no placement
    changes is left out: the router that a packet starts from, static energy by the
    inference, that of chips whose number is given.
    """
    why = "a placement for energy needs it"
    x = y = chip.require("energy.hop", why)
    if "energy.hop_y" in chip.constants:
        y = chip.require("energy.hop_y", why)
    if "energy.router" in chip.constants:
        router = chip.require("energy.router", why)
        x, y = x + router, y + router
    crossing = static = 0.0
    if grid.n_chips > 1 and "energy.chip_crossing" in chip.constants:
        crossing = chip.require("energy.chip_crossing", why)
    most_chips = min(grid.n_chips, n_cores)
    if chip.energy.static.unit == "W" and grid.fewest_chips(n_cores) < most_chips:
        power = chip.require("energy.static", why)
        if power:
            why = "energy.static in W needs a latency"
            static = power * chip.require("timing.step", why) * steps
    if x == y == crossing == static == 0:
        hop = chip.energy.hop
        holder = None if hop is None else hop.included_in
        part = f" (included in energy.{holder})" if holder else ""
        priced = "" if holder else ", or pass --set energy.hop=2.3pJ:marginal"
        raise ChipError(
            f"chip {chip.name}: energy.hop is 0{part}, and so is all else that places "
            "decide (routers, crossings between chips, chips in use), so that every "
            "placement costs the same; expected a price for --objective energy; use "
            f"--objective hops{priced}"
        )
    return Prices(x, y, crossing, static)


def _check_port(port: tuple[int, int], grid: Grid) -> None:
    if not (0 <= port[0] < grid.width and 0 <= port[1] < grid.height):
        raise PlacementError(
            f"input port ({port[0]}, {port[1]}) is outside the {grid} mesh; expected "
            f"0 <= x < {grid.width} and 0 <= y < {grid.height}"
        )
