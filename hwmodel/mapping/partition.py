"""Cut a network into groups of neurons, one group a core.

The rule of Wei et al. 2023, section 4.4.2, is the default: each layer is split into
equal groups along its features (units of a dense layer, channels of a convolution),
with as many neurons a core as allowed and therefore as few cores as possible.
`hwmodel.mapping.splits` has the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hwmodel.chip.chip import CoreLimits
from hwmodel.mapping.groups import LayerPartition, Partition
from hwmodel.mapping.needs import needs_of, targets_of
from hwmodel.mapping.splits import Split, cut_layer
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
    known once the layer behind it is cut. The search is therefore best for each layer
    by itself, not for all of them together.

    References
    ----------
    .. [1] W. Wei et al., "Temporal-Coded Spiking Neural Networks with Dynamic Firing
       Threshold: Learning with Event-Driven Backpropagation", ICCV 2023, section 4.4.2.
    """
    routes_limited = (capacity.target_cores, capacity.out_axons) != (None, None)
    parts: list[LayerPartition] = []
    targets = None
    for layer in reversed(layers):
        part = cut_layer(needs_of(layer, capacity, targets), split)
        if routes_limited:
            targets = targets_of(layer, part)
        parts.append(part)
    numbered, first_core = [], 0
    for part in reversed(parts):
        numbered.append(replace(part, first_core=first_core))
        first_core += part.n_cores
    copied = any(part.copies is not None for part in parts)
    return Partition(tuple(numbered), capacity.target_cores if copied else None)
