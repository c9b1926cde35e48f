"""The whole way: a model and a chip in, joules and seconds out."""

from __future__ import annotations

from dataclasses import dataclass

from eventsim.model_file import ModelFile
from hwmodel.chip.chip import Chip
from hwmodel.cost.energy import Energy, check_mixing, normalised_energy, price
from hwmodel.cost.latency import Latency, latency
from hwmodel.errors import ChipError, PlacementError
from hwmodel.limits import broken_limits
from hwmodel.mapping.partition import partition
from hwmodel.mapping.placement import Mapping, require_room
from hwmodel.mesh.grid import Grid
from hwmodel.placing.place import Method, Placement, place
from hwmodel.placing.problem import HopPrices, Objective
from hwmodel.placing.search import Budget
from hwmodel.traffic.counts import ActionCounts, Casting, count
from hwmodel.traffic.flows import layer_traffic
from hwmodel.workload.workload import LayerGeometry, Workload, from_model, layers_of


@dataclass(frozen=True)
class Estimate:
    """What one inference costs, with everything it was computed from.

    Parameters
    ----------
    chip : Chip
        Prices and sizes.
    workload : Workload
        Layers and measured spikes.
    mapping : Mapping
        Cores on the mesh.
    placement : Placement
        How they were placed, what that gained and what it could at most.
    counts : ActionCounts
        Actions over all measured inferences.
    casting : {"multicast", "unicast"}
        Whose hops were paid.
    input_port : tuple of int
        (x, y) where input spikes enter the mesh.
    energy : Energy, J per inference
        Breakdown of the total.
    layer_energy : tuple of Energy, J per inference
        Dynamic energy by receiving layer.
    normalised : float or None, dimensionless
        Eq. 11 of Wei et al. 2023; ``None`` if the chip has no coefficients.
    latency : Latency
        Steps and seconds.
    n_chips : int
        Chips that draw static power.
    warnings : tuple of str
        Limits of the chip that are broken; doubts about the model.
    notes : tuple of str
        Rules that were applied and are worth knowing.
    """

    chip: Chip
    workload: Workload
    mapping: Mapping
    placement: Placement
    counts: ActionCounts
    casting: Casting
    input_port: tuple[int, int]
    energy: Energy
    layer_energy: tuple[Energy, ...]
    normalised: float | None
    latency: Latency
    n_chips: int
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


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
    return place_model(model, chip, mesh).mapping


def place_model(
    model: ModelFile,
    chip: Chip,
    mesh: tuple[int, int] | None = None,
    *,
    placement: Method = "row-major",
    objective: Objective = "hops",
    casting: Casting = "multicast",
    input_port: tuple[int, int] = (0, 0),
    seed: int = 0,
    budget: Budget | None = None,
) -> Placement:
    """Cut a model into cores and place them by a method.

    Parameters
    ----------
    model : ModelFile
        The network; with measured activity for methods that look at the traffic.
    chip : Chip
        Core and mesh size, price of a hop.
    mesh : tuple of int, optional
        (width, height) instead of the chip's.
    placement, objective, casting, input_port, seed, budget
        As in `hwmodel.placing.place.place`.

    Returns
    -------
    Placement
        Groups on the mesh. It is not judged without activity, nor row-major, which
        needs none.

    Raises
    ------
    PlacementError
        If the network does not fit, or the method needs activity and there is none.
    ChipError
        If the objective is the energy and a hop has no price.
    """
    part = partition(layers_of(model.network), _core_size(chip))
    grid = chip.mesh.grid(mesh)
    _check_port(input_port, grid)
    flows = None
    if placement != "row-major" and model.activity is not None:
        flows = [t.flows for t in layer_traffic(from_model(model), part)]
    return place(
        part,
        grid,
        flows,
        chip=chip.name,
        method=placement,
        objective=objective,
        casting=casting,
        input_port=input_port,
        seed=seed,
        budget=budget,
        prices=_hop_prices(chip, objective),
    )


def _hop_prices(chip: Chip, objective: Objective) -> HopPrices | None:
    if objective != "energy":
        return None
    price_of_hop = chip.require("energy.hop", "a placement for energy needs it")
    if price_of_hop == 0:
        raise ChipError(
            f"chip {chip.name}: energy.hop is 0, so that every placement costs the "
            "same; expected a price for --objective energy; use --objective hops, or "
            "pass --set energy.hop=2.3pJ:marginal"
        )
    return HopPrices(price_of_hop, price_of_hop)


def _core_size(chip: Chip) -> int:
    assert chip.core.neurons is not None  # the schema demands it
    return chip.core.neurons


def estimate_model(
    model: ModelFile,
    chip: Chip,
    *,
    casting: Casting = "multicast",
    steps_per_window: int = 10,
    mesh: tuple[int, int] | None = None,
    input_port: tuple[int, int] = (0, 0),
    strict: bool = False,
    force_mixed: bool = False,
    placement: Method = "row-major",
    objective: Objective = "hops",
    seed: int = 0,
    budget: Budget | None = None,
) -> Estimate:
    """Estimate what one inference of a model costs on a chip.

    Parameters
    ----------
    model : ModelFile
        With measured activity.
    chip : Chip
        From `hwmodel.chip.chip.load_chip`.
    casting : {"multicast", "unicast"}
        Whose hops are paid; both are counted.
    steps_per_window : int
        Time steps a firing window is divided into, positive.
    mesh : tuple of int, optional
        (width, height) instead of the chip's.
    input_port : tuple of int
        (x, y) of the router where input spikes enter.
    strict : bool
        Refuse a mapping that breaks a physical limit of the chip.
    force_mixed : bool
        Add hop and static prices to an average SOP price all the same.
    placement, objective, seed, budget
        As in `hwmodel.placing.place.place`.

    Returns
    -------
    Estimate
        Joules, seconds and the counts behind them.

    Raises
    ------
    WorkloadError
        If the model holds no measured spikes.
    PlacementError
        If the network does not fit, or breaks a limit under `strict`.
    ChipError
        If a price is unknown, or would be paid twice.

    References
    ----------
    .. [1] W. Wei et al., "Temporal-Coded Spiking Neural Networks with Dynamic Firing
       Threshold: Learning with Event-Driven Backpropagation", ICCV 2023, Eq. 11, 12.
    """
    workload = from_model(model)
    forced = check_mixing(chip, force_mixed)
    part, grid = partition(workload.layers, _core_size(chip)), chip.mesh.grid(mesh)
    require_room(part.n_cores, grid, chip.name)
    _check_port(input_port, grid)
    traffic = tuple(layer_traffic(workload, part))
    placed = place(
        part,
        grid,
        [received.flows for received in traffic],
        chip=chip.name,
        method=placement,
        objective=objective,
        casting=casting,
        input_port=input_port,
        seed=seed,
        budget=budget,
        prices=_hop_prices(chip, objective),
    )
    mapping = placed.mapping
    counts = count(workload, mapping, input_port, traffic)
    broken = broken_limits(chip, workload, mapping, counts)
    if strict and broken:
        raise PlacementError(
            f"{broken[0]}"
            + (f" (and {len(broken) - 1} more limits)" if len(broken) > 1 else "")
            + "; expected a mapping the chip can hold; drop --strict to be warned only"
        )
    duration = latency(workload.windows, steps_per_window, chip)
    n_chips = mapping.n_chips
    energy, layer_energy = price(chip, counts, casting, duration, n_chips)
    normalised = None
    if chip.normalised is not None:
        spikes = counts.spikes / counts.n_samples
        normalised = normalised_energy(chip.normalised, duration.steps, spikes)
    return Estimate(
        chip,
        workload,
        mapping,
        placed,
        counts,
        casting,
        input_port,
        energy,
        layer_energy,
        normalised,
        duration,
        n_chips,
        warnings=tuple([*_doubts(workload), *broken, *forced]),
        notes=(
            *_input_notes(workload),
            *_notes(chip, workload.layers, mapping, counts, duration, n_chips),
        ),
    )


def _check_port(port: tuple[int, int], grid: Grid) -> None:
    if not (0 <= port[0] < grid.width and 0 <= port[1] < grid.height):
        raise PlacementError(
            f"input port ({port[0]}, {port[1]}) is outside the {grid} mesh; expected "
            f"0 <= x < {grid.width} and 0 <= y < {grid.height}"
        )


def _doubts(workload: Workload) -> list[str]:
    if workload.provenance.get("offline_fallback"):
        return [
            "the model was trained and measured on the small offline digits, not on "
            "the full data set; its spike counts are not those of the real task"
        ]
    return []


def _input_notes(workload: Workload) -> list[str]:
    if workload.input == "spikes":
        return []
    return [
        f"{workload.layers[0].name}: driven by input currents, not by spikes; its "
        "input is not counted: neither the multiplications by its weights nor the way "
        "of the values to its cores is in SOPs, hops or energy"
    ]


def _notes(
    chip: Chip,
    layers: tuple[LayerGeometry, ...],
    mapping: Mapping,
    counts: ActionCounts,
    duration: Latency,
    n_chips: int,
) -> list[str]:
    notes = [
        f"{name} is priced as 0: it is included in the average energy.{c.included_in}"
        for name, c in chip.constants.items()
        if c.included_in is not None
    ]
    if duration.seconds is None:
        notes.append(
            f"no latency: {duration.reason}; set it with --set timing.step=1ms"
        )
    if n_chips > 1 and chip.energy.static.unit == "W":
        notes.append(f"static power of {n_chips} chips, those that hold cores")
    notes += [
        f"{layer.name}: the average pool before it is folded into its synapses; every "
        "spike travels and acts by itself"
        for layer in layers
        if layer.folded
    ]
    for layer, part in zip(counts.layers, mapping.partition.layers, strict=True):
        if len(part.rows) > 1:
            notes.append(
                f"{layer.name}: a channel map of {part.map_shape[0]}x"
                f"{part.map_shape[1]} exceeds a core and was split into "
                f"{len(part.rows)} runs of rows"
            )
        if layer.split_pool_windows:
            notes.append(
                f"{layer.name}: {layer.split_pool_windows} pooling windows before it "
                "span several cores; their spikes leave from the first neuron's core, "
                "and traffic inside the window is not counted"
            )
    return notes
