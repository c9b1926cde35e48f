"""The whole way: a model and a chip in, joules and seconds out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.model_file import ModelFile
from hwmodel.chip.casting import Casting
from hwmodel.chip.chip import Chip, Limits
from hwmodel.cost.bill import Bill, bill_of
from hwmodel.cost.energy import Energy, check_mixing, normalised_energy, pay
from hwmodel.cost.latency import Latency, latency
from hwmodel.cost.places import core_energy, link_energy
from hwmodel.cost.uncertainty import Uncertainty, uncertainty
from hwmodel.limits import broken_limits, require_kept, unchecked_limits
from hwmodel.mapping.placement import Mapping
from hwmodel.mapping.splits import Split
from hwmodel.notes import (
    doubts,
    mapping_notes,
    price_notes,
    traffic_notes,
    workload_notes,
)
from hwmodel.on_chip import cut, place_on
from hwmodel.placing.budget import Budget
from hwmodel.placing.place import Method, Placement
from hwmodel.placing.problem import Objective
from hwmodel.traffic.counts import ActionCounts, count
from hwmodel.traffic.flows import layer_traffic
from hwmodel.workload.workload import Workload, from_model


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
    casting_origin : str
        Why: it was asked for, it is the chip's, or the default.
    input_port : tuple of int
        (x, y) where input spikes enter the mesh.
    bill : Bill
        What was paid for.
    energy : Energy, J per inference
        Breakdown of the total.
    layer_energy : tuple of Energy, J per inference
        Dynamic energy by receiving layer.
    uncertainty : Uncertainty
        What the bounds of the constants make of the total.
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
    split : {"features", "space", "both", "search"}
        How layers were cut.
    limits : {"core", "silicon"}
        Whose limits the groups keep.
    """

    chip: Chip
    workload: Workload
    mapping: Mapping
    placement: Placement
    counts: ActionCounts
    casting: Casting
    casting_origin: str
    input_port: tuple[int, int]
    bill: Bill
    energy: Energy
    layer_energy: tuple[Energy, ...]
    uncertainty: Uncertainty
    normalised: float | None
    latency: Latency
    n_chips: int
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    split: Split = "features"
    limits: Limits = "core"

    @property
    def core_energy(self) -> np.ndarray:
        """Energy of each core's own actions, J per inference, shape (n_cores,)."""
        occupied = self.mapping.partition.occupied_per_core
        return core_energy(self.chip, self.counts, occupied, self.latency.steps)

    @property
    def used_link_energy(self) -> np.ndarray:
        """Energy of each link in use, J per inference, in the order of its loads."""
        loads = self.counts.link_loads(self.casting)
        joules = link_energy(self.chip, loads, self.counts.n_samples)
        return joules[loads.packets > 0]


def estimate_model(model: ModelFile, chip: Chip, **options: Any) -> Estimate:
    """Estimate what one inference of a model costs on a chip.

    Parameters
    ----------
    model : ModelFile
        With measured activity.
    chip : Chip
        From `hwmodel.chip.chip.load_chip`.
    **options
        As of `estimate_workload`.

    Returns
    -------
    Estimate
        Joules, seconds and the counts behind them.

    Raises
    ------
    WorkloadError
        If the model holds no measured spikes.
    PlacementError, ChipError
        See `estimate_workload`.
    """
    return estimate_workload(from_model(model), chip, **options)


def estimate_workload(
    workload: Workload,
    chip: Chip,
    *,
    casting: Casting | None = None,
    steps_per_window: int = 10,
    mesh: tuple[int, int] | None = None,
    input_port: tuple[int, int] = (0, 0),
    split: Split = "features",
    limits: Limits = "core",
    strict: bool = False,
    force_mixed: bool = False,
    n_draws: int = 0,
    seed: int = 0,
    placement: Method = "row-major",
    objective: Objective | None = None,
    budget: Budget | None = None,
) -> Estimate:
    """Estimate what one inference of a workload costs on a chip.

    Parameters
    ----------
    workload : Workload
        Measured (`from_model`) or declared (`hwmodel.workload.declared`).
    chip : Chip
        From `hwmodel.chip.chip.load_chip`.
    casting : {"multicast", "unicast"}, optional
        Whose hops are paid; both are counted. That of the chip by default, and
        multicast if its file does not say.
    steps_per_window : int
        Time steps a firing window is divided into, positive.
    mesh : tuple of int, optional
        (width, height) instead of the chip's.
    input_port : tuple of int
        (x, y) of the router where input spikes enter.
    split : {"features", "space", "both", "search"}
        How to cut layers, see `hwmodel.mapping.splits.cut_layer`.
    limits : {"core", "silicon"}
        What a core holds, see `hwmodel.chip.chip.Chip.capacity`.
    strict : bool
        Refuse a mapping that breaks a physical limit of the chip.
    force_mixed : bool
        Add hop and static prices to an average SOP price all the same.
    n_draws : int
        Totals to draw from the bounds of the constants.
    seed : int
        Of these draws and of the placement's random numbers.
    placement, objective, budget
        As of `hwmodel.placing.place.place`.

    Returns
    -------
    Estimate
        Joules, seconds and the counts behind them.

    Raises
    ------
    WorkloadError
        If the counts exceed 64 bits.
    PlacementError
        If the network does not fit, or breaks a limit under `strict`.
    ChipError
        If a price is unknown, or would be paid twice.

    References
    ----------
    .. [1] W. Wei et al., "Temporal-Coded Spiking Neural Networks with Dynamic Firing
       Threshold: Learning with Event-Driven Backpropagation", ICCV 2023, Eq. 11, 12.
    """
    forced = check_mixing(chip, force_mixed)
    cast = chip.cast(casting)
    part = cut(workload.layers, chip, split, limits)
    traffic = tuple(layer_traffic(workload, part))
    placed = place_on(
        part,
        chip,
        mesh,
        workload,
        traffic,
        steps_per_window=steps_per_window,
        method=placement,
        objective=objective,
        casting=cast.value,
        input_port=input_port,
        seed=seed,
        budget=budget,
    )
    mapping = placed.mapping
    counts = count(workload, mapping, input_port, traffic)
    broken = broken_limits(chip, workload, mapping, counts)
    if strict:
        require_kept(broken)
    duration = latency(workload.windows, steps_per_window, chip)
    bill = bill_of(chip, counts, cast.value, duration, mapping.n_chips)
    energy, layer_energy = pay(chip, bill)
    normalised = None
    if chip.normalised is not None:
        spikes = counts.spikes / counts.n_samples
        normalised = normalised_energy(chip.normalised, duration.steps, spikes)
    return Estimate(
        chip=chip,
        workload=workload,
        mapping=mapping,
        placement=placed,
        counts=counts,
        casting=cast.value,
        casting_origin=cast.origin,
        input_port=input_port,
        bill=bill,
        energy=energy,
        layer_energy=layer_energy,
        uncertainty=uncertainty(chip, bill, n_draws, seed),
        normalised=normalised,
        latency=duration,
        n_chips=mapping.n_chips,
        warnings=(*doubts(workload), *broken, *forced),
        notes=(
            *workload_notes(workload),
            *unchecked_limits(chip, workload),
            *mapping_notes(chip, mapping, counts),
            *price_notes(chip, duration, mapping.n_chips),
            *traffic_notes(workload, counts),
        ),
        split=split,
        limits=limits,
    )
