"""Cut a network into groups of neurons, one group a core.

The rule of Wei et al. 2023, section 4.4.2, is the default: each layer is split into
equal groups along its features (units of a dense layer, channels of a convolution),
with as many neurons a core as allowed and therefore as few cores as possible.
`hwmodel.mapping.splits` has the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tqdm import tqdm

from hwmodel.chip.chip import CoreLimits
from hwmodel.errors import PlacementError
from hwmodel.mapping.groups import LayerPartition, Partition
from hwmodel.mapping.needs import inputs_of, needs_of, targets_of
from hwmodel.mapping.splits import SPLITS, Split, cut_layer
from hwmodel.workload.workload import LayerGeometry


def partition(
    layers: Sequence[LayerGeometry], capacity: CoreLimits, split: Split = "features"
) -> Partition:
    """Cut layers into groups.

    Parameters
    ----------
    layers : sequence of LayerGeometry
        Layers with neurons.
    capacity : CoreLimits
        What a core holds, see `hwmodel.chip.chip.Chip.capacity`; `neurons` must be
        given.
    split : {"features", "space", "both", "search"}
        How to cut, see `hwmodel.mapping.splits.cut_layer`.

    Returns
    -------
    Partition
        Groups that keep neurons, axons, fan_in, synapses, synapse_memory, out_axons
        and target_cores; neurons that would have to reach more than `target_cores`
        cores are copied on their core.

    Raises
    ------
    PlacementError
        If a single neuron is too much for a core.

    Notes
    -----
    Layers are cut from the last to the first: how many cores a neuron has to reach is
    known once the layer behind it is cut. Without limits on routes (target_cores,
    out_axons) layers do not depend on each other, and the search finds the fewest cores
    that any cut into equal runs takes. With them it looks one layer ahead, and is
    compared with the other splits of the whole network: the one with the fewest cores,
    then inputs, is taken.

    References
    ----------
    .. [1] W. Wei et al., "Temporal-Coded Spiking Neural Networks with Dynamic Firing
       Threshold: Learning with Event-Driven Backpropagation", ICCV 2023, section 4.4.2.
    """
    if split == "search" and _limits_routes(capacity):
        parts = _cheapest_network(layers, capacity)
    else:
        parts = _cut_layers(layers, capacity, split)
    numbered, first_core = [], 0
    for part in parts:
        numbered.append(replace(part, first_core=first_core))
        first_core += part.n_cores
    copied = any(part.copies is not None for part in parts)
    return Partition(tuple(numbered), capacity.target_cores if copied else None)


def _cheapest_network(
    layers: Sequence[LayerGeometry], capacity: CoreLimits
) -> list[LayerPartition]:
    """Take the split of the whole network with the fewest cores, then inputs."""
    costs: list[tuple[int, int]] = []
    best: list[LayerPartition] = []
    refusals = []
    for split in reversed(SPLITS):  # the search first: it is seldom beaten
        most_cores = min(costs)[0] if costs else None
        try:
            parts = _cut_layers(layers, capacity, split, most_cores)
        except PlacementError as error:
            refusals.append(error)
            continue
        if len(parts) < len(layers):
            continue
        inputs = sum(
            int(inputs_of(layer, part).sum())
            for layer, part in zip(layers, parts, strict=True)
        )
        cost = sum(part.n_cores for part in parts), inputs
        if not costs or cost < min(costs):
            best = parts
        costs.append(cost)
    if not costs:
        raise refusals[0]
    return best


def _limits_routes(capacity: CoreLimits) -> bool:
    return capacity.target_cores is not None or capacity.out_axons is not None


def _cut_layers(
    layers: Sequence[LayerGeometry],
    capacity: CoreLimits,
    split: Split,
    most_cores: int | None = None,
) -> list[LayerPartition]:
    """Cut layer by layer; give up, with fewer layers, beyond `most_cores`."""
    parts: list[LayerPartition] = []
    targets = None
    numbered = list(enumerate(layers))[::-1]
    for i, layer in tqdm(
        numbered, "cutting layers", leave=False, disable=None, delay=2
    ):
        senders = layers[i - 1].n_neurons if i else 0
        part = cut_layer(needs_of(layer, capacity, targets, senders), split)
        if most_cores is not None:
            most_cores -= part.n_cores
            if most_cores < 0:
                break
        if i and _limits_routes(capacity):
            targets = targets_of(layer, part)
        parts.append(part)
    return parts[::-1]
