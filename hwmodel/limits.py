"""Compare a mapping with what the silicon can hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eventsim.topology import Sparse, Synapses
from hwmodel.chip.chip import Chip
from hwmodel.errors import PlacementError
from hwmodel.mapping.groups import Partition
from hwmodel.mapping.needs import targets_of
from hwmodel.mapping.placement import Mapping
from hwmodel.traffic.counts import ActionCounts
from hwmodel.workload.group_inputs import fan_in
from hwmodel.workload.workload import LayerGeometry, Workload


def broken_limits(
    chip: Chip, workload: Workload, mapping: Mapping, counts: ActionCounts
) -> list[str]:
    """List the limits of a chip that a mapping breaks.

    Parameters
    ----------
    chip : Chip
        Its ``core`` and ``limits``; the tighter of the two counts.
    workload : Workload
        Layers and weights.
    mapping : Mapping
        Groups on the mesh.
    counts : ActionCounts
        Axons, synapses and targets as counted.

    Returns
    -------
    list of str
        One line a limit, naming the worst layer; empty if nothing is broken. Layers
        whose weights are unknown are skipped by the limits on weights.
    """
    names = [layer.name for layer in workload.layers]
    part = mapping.partition

    capacity = chip.capacity("silicon")

    def worst(limit: int | None, have: list[int], what: str) -> list[str]:
        if limit is None or max(have) <= limit:
            return []
        i = have.index(max(have))
        others = sum(n > limit for n in have) - 1
        more = f" (and {others} more layer{'s' * (others > 1)})" if others else ""
        return [f"{names[i]}: {have[i]} {what}, chip {chip.name} has {limit}{more}"]

    of_core = part.layer_of_core
    synapses = [
        int(counts.synapses_per_core[of_core == i].max()) for i in range(len(names))
    ]
    neurons = [int(p.occupied_per_core.max()) for p in part.layers]
    # the first layer's inputs come from outside, where no neuron has to send them
    targets = [0, *(layer.target_cores for layer in counts.layers[1:])]
    if part.target_cores is not None:
        targets = [min(n, part.target_cores) for n in targets]
    lines = [
        *worst(capacity.neurons, neurons, "neurons on a core"),
        *worst(
            capacity.axons, [c.axons for c in counts.layers], "inputs (axons) to a core"
        ),
        *worst(capacity.most_synapses, synapses, "synapses on a core"),
        *worst(capacity.target_cores, targets, "cores to reach with one spike"),
    ]
    if capacity.fan_in is not None:
        inputs = [int(fan_in(layer).max()) for layer in workload.layers]
        lines += worst(capacity.fan_in, inputs, "inputs (fan_in) of a neuron")
    if capacity.out_axons is not None:
        routes = [*_most_routes(workload.layers, part), 0]
        what = "routes (out_axons) from a core"
        lines += worst(capacity.out_axons, routes, what)
    lines += _weight_lines(chip, workload.layers)
    size = chip.limits.mesh
    grid = mapping.grid
    if size is not None and (grid.width > size[0] or grid.height > size[1]):
        lines.append(f"mesh: {grid} routers, chip {chip.name} has {size[0]}x{size[1]}")
    return lines


def require_kept(broken: list[str]) -> None:
    """Refuse a mapping that breaks a limit.

    Parameters
    ----------
    broken : list of str
        From `broken_limits`.

    Raises
    ------
    PlacementError
        If there is one; it names the first.
    """
    if broken:
        n_more = len(broken) - 1
        more = f" (and {n_more} more limit{'s' * (n_more > 1)})" if n_more else ""
        raise PlacementError(
            f"{broken[0]}{more}; expected a mapping the chip can hold; drop --strict "
            "to be warned only"
        )


def _most_routes(layers: tuple[LayerGeometry, ...], part: Partition) -> list[int]:
    """Most routes that leave a core of each layer but the last."""
    most = []
    for source, layer, behind in zip(
        part.layers[:-1], layers[1:], part.layers[1:], strict=True
    ):
        routes = np.zeros(source.n_cores, dtype=np.int64)
        core = source.core_of_neuron - source.first_core
        np.add.at(routes, core, targets_of(layer, behind))
        most.append(int(routes.max()))
    return most


def unchecked_limits(chip: Chip, workload: Workload) -> list[str]:
    """List the limits that cannot be checked, because weights are not known.

    Parameters
    ----------
    chip : Chip
        Its ``core`` and ``limits``.
    workload : Workload
        Layers; those without weights are skipped by `broken_limits`.

    Returns
    -------
    list of str
        One line at most; empty if the chip has no limit on weights.
    """
    unknown = [layer.name for layer in workload.layers if layer.weight is None]
    capacity = chip.capacity("silicon")
    names = [
        name
        for name in ("weight_bits", "axon_types")
        if getattr(capacity, name) is not None
    ]
    if not unknown or not names:
        return []
    more = len(unknown) - 1
    layers = unknown[0] + (f" and {more} more layer{'s' * (more > 1)}" if more else "")
    return [
        f"{' and '.join(names)} of chip {chip.name} not checked: the weights of "
        f"{layers} are unknown"
    ]


def _weight_lines(chip: Chip, layers: tuple[LayerGeometry, ...]) -> list[str]:
    lines = []
    capacity = chip.capacity("silicon")
    bits, types = capacity.weight_bits, capacity.axon_types
    if bits is not None:
        lines += _first_layer(
            tuple(layer for layer in layers if layer.weight_step is None),
            lambda weight, topology: has_more_levels(weight, 2**bits),
            f"weights take more than {2**bits} values, chip {chip.name} stores {bits} "
            "bits; the model's accuracy does not include that rounding; round them "
            "with 'eventsim quantise'",
        )
        too_wide = [layer.name for layer in layers if needs_more_bits(layer, bits)]
        lines += [
            f"{name}: quantised weights need more than {bits} bits, chip {chip.name} "
            f"stores whole numbers from {-(2 ** (bits - 1))} to {2 ** (bits - 1) - 1}"
            for name in too_wide[:1]
        ]
    if types is not None:
        lines += _first_layer(
            layers,
            lambda weight, topology: needs_more_types(
                _by_feature(weight, topology), types
            ),
            f"a neuron has more than {types} distinct weights, chip {chip.name} gives "
            f"a neuron {types} (axon types)",
        )
    return lines


def _first_layer(
    layers: tuple[LayerGeometry, ...],
    breaks: Callable[[np.ndarray, Synapses], bool],
    what: str,
) -> list[str]:
    for layer in layers:
        if layer.weight is not None and breaks(layer.weight, layer.topology):
            return [f"{layer.name}: {what}"]
    return []


def _by_feature(weight: np.ndarray, topology: Synapses) -> np.ndarray:
    """Return weights whose last axis is the unit or channel; missing ones are 0."""
    if not isinstance(topology, Sparse):
        return weight
    order = np.argsort(topology.post, kind="stable")
    per_unit = np.bincount(topology.post, minlength=topology.units)
    rank = np.arange(order.size) - np.repeat(np.cumsum(per_unit) - per_unit, per_unit)
    table = np.zeros((int(per_unit.max()), topology.units), weight.dtype)
    table[rank, topology.post[order]] = weight[order]
    return table


def has_more_levels(weight: np.ndarray, n_levels: int) -> bool:
    """Tell whether an array holds more than `n_levels` distinct values.

    Parameters
    ----------
    weight : ndarray, dimensionless
        Any shape.
    n_levels : int
        Values that can be stored.

    Returns
    -------
    bool
        ``True`` if it does not fit. Looks at a sample first, which is enough for
        weights that were never quantised.
    """
    flat = weight.reshape(-1)
    sample = flat[: 4 * n_levels]
    return np.unique(sample).size > n_levels or np.unique(flat).size > n_levels


def needs_more_bits(layer: LayerGeometry, bits: int) -> bool:
    """Tell whether quantised weights need more than `bits` bits.

    Parameters
    ----------
    layer : LayerGeometry
        With steps: what the chip stores is the weights over their steps. Without
        steps or weights there is nothing to tell.
    bits : int
        Width of a whole number in two's complement.

    Returns
    -------
    bool
        ``True`` if one is out of ``-2**(bits - 1) .. 2**(bits - 1) - 1``.
    """
    step = layer.weight_step
    if step is None or layer.weight is None:
        return False
    if isinstance(layer.topology, Sparse):
        step = step[layer.topology.post]
    stored = np.rint(layer.weight / step)
    limit = 2 ** (bits - 1)
    return bool(np.any((stored < -limit) | (stored >= limit)))


def needs_more_types(weight: np.ndarray, n_types: int) -> bool:
    """Tell whether a neuron has more than `n_types` distinct non-zero weights.

    Parameters
    ----------
    weight : ndarray, shape (..., n_features), dimensionless
        Presynaptic-major weights.
    n_types : int
        Distinct weights a neuron may have.

    Returns
    -------
    bool
        ``True`` if any feature has more.
    """
    of_feature = weight.reshape(-1, weight.shape[-1])
    for start in range(0, of_feature.shape[1], 64):
        ordered = np.sort(of_feature[:, start : start + 64], axis=0)
        starts_new = np.ones(ordered.shape, dtype=bool)
        starts_new[1:] = ordered[1:] != ordered[:-1]
        if ((starts_new & (ordered != 0)).sum(axis=0) > n_types).any():
            return True
    return False
