"""Who sends a spike to a layer, and to which of its cores it goes.

The inputs of a layer are the neurons of the layer before, or what a pool passes on of
them, or the network's input. Where they send from and to follows from the mapping
alone, whatever fires.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from eventsim.topology import EarliestPool
from hwmodel.errors import PlacementError
from hwmodel.mapping.groups import Partition
from hwmodel.mapping.placement import Mapping
from hwmodel.workload.connections import CoreSynapses
from hwmodel.workload.workload import LayerGeometry

HOST = -1
"""Owner of the input neurons: the port where input spikes enter the mesh."""


@dataclass(frozen=True)
class LayerInputs:
    """The inputs of one layer.

    Parameters
    ----------
    owner : ndarray, shape (n_in,), int64
        Core that sends the spikes of each input, or `HOST`.
    synapses : CoreSynapses
        Non-zero synapses from each input into each core of the layer.
    n_split : int
        Pooling windows before the layer whose neurons live on several cores.
    """

    owner: np.ndarray
    synapses: CoreSynapses
    n_split: int


@dataclass(frozen=True)
class Senders:
    """What each input of each layer sends when it spikes; the same for every spike.

    Inputs are numbered layer by layer: input i of layer k (k counts layers with
    neurons from 0) is sender ``first[k] + i``.

    Parameters
    ----------
    first : ndarray, shape (n_layers + 1,), int64
        First sender of each layer, and their number.
    source : ndarray, shape (n_senders,), int32
        Core that the packet leaves, or `HOST`.
    sops : ndarray, shape (n_senders,), int64
        Synaptic operations of one spike in all cores together.
    targets : ndarray, shape (n_senders,), int32
        Set of cores that the packet goes to.
    offsets : ndarray, shape (n_sets + 1,), int64
        Cores of set s are ``core[offsets[s]:offsets[s + 1]]``.
    core : ndarray, int32
        Cores of all sets, in ascending order within a set; a set may be empty.
    """

    first: np.ndarray
    source: np.ndarray
    sops: np.ndarray
    targets: np.ndarray
    offsets: np.ndarray
    core: np.ndarray

    @property
    def n_targets(self) -> np.ndarray:
        """Number of cores that each sender reaches, shape (n_senders,), int64."""
        return np.diff(self.offsets)[self.targets]


def inputs_of_layers(
    layers: Sequence[LayerGeometry], input_shape: tuple[int, ...], partition: Partition
) -> Iterator[LayerInputs]:
    """Find out who sends to each layer.

    Parameters
    ----------
    layers : sequence of LayerGeometry
        Layers with neurons, from the input.
    input_shape : tuple of int
        Shape of the network's input.
    partition : Partition
        Groups of the layers.

    Yields
    ------
    LayerInputs
        Of each layer in turn. A pooled neuron belongs to the core of the first neuron
        of its window. Average pools are part of the layer's synapses.
    """
    owner = np.full(prod(input_shape), HOST, dtype=np.int64)
    shape = input_shape
    for layer, part in zip(layers, partition.layers, strict=True):
        owner, n_split = _pass_on(layer, owner, shape)
        synapses = layer.synapses(part.features, part.rows, part.columns)
        yield LayerInputs(owner, synapses, n_split)
        owner, shape = part.core_of_neuron, layer.topology.output_shape


def target_sets(synapses: CoreSynapses) -> tuple[np.ndarray, np.ndarray]:
    """Merge the inputs of a layer that send to the same of its cores.

    Parameters
    ----------
    synapses : CoreSynapses
        Synapses from each input into each core.

    Returns
    -------
    reaches : ndarray, shape (n_sets, n_cores), bool
        Which cores each set holds; one set may be empty.
    target_set : ndarray, shape (n_in,), int64
        Set of each input.
    """
    reaches = synapses.counts > 0
    packed = np.packbits(reaches, axis=1)
    rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, set_of_kind = np.unique(rows, return_index=True, return_inverse=True)
    return reaches[first], set_of_kind.reshape(-1)[synapses.kind]


def senders_of(
    layers: tuple[LayerGeometry, ...], input_shape: tuple[int, ...], mapping: Mapping
) -> Senders:
    """Build the table of what each input of each layer sends.

    Parameters
    ----------
    layers : tuple of LayerGeometry
        Layers with neurons, from the input.
    input_shape : tuple of int
        Shape of the network's input.
    mapping : Mapping
        Where the neurons live.

    Returns
    -------
    Senders
        Inputs with the same destinations share a set, so the table grows with the
        number of inputs and not with that of synapses.

    Raises
    ------
    PlacementError
        If neurons are copied: each copy would send packets of its own.
    """
    if mapping.partition.target_cores is not None:
        raise PlacementError(
            "packets one by one: neurons of this mapping have copies (target_cores "
            f"{mapping.partition.target_cores}), whose packets are only counted, not "
            "listed; expected every neuron once; map with --limits core"
        )
    source, sops, targets, sizes, cores = [], [], [], [], []
    n_sets = 0
    for inputs, part in zip(
        inputs_of_layers(layers, input_shape, mapping.partition),
        mapping.partition.layers,
        strict=True,
    ):
        reaches, target_set = target_sets(inputs.synapses)
        source.append(inputs.owner)
        sops.append(inputs.synapses.fan_out)
        targets.append(n_sets + target_set)
        sizes.append(reaches.sum(axis=1))
        cores.append(part.first_core + np.nonzero(reaches)[1])
        n_sets += len(reaches)
    n_inputs = [owner.size for owner in source]
    return Senders(
        np.concatenate([[0], np.cumsum(n_inputs)]).astype(np.int64),
        np.concatenate(source).astype(np.int32),
        np.concatenate(sops),
        np.concatenate(targets).astype(np.int32),
        np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64),
        np.concatenate(cores).astype(np.int32),
    )


def _pass_on(
    layer: LayerGeometry, owner: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, int]:
    """Owner core of each input of a layer, and how many pool windows are split."""
    n_split = 0
    for topology in layer.passes:
        if isinstance(topology, EarliestPool):
            of_map = owner.reshape(shape)
            height, width, _ = topology.output_shape
            views = [
                of_map[
                    dy : dy + (height - 1) * topology.stride + 1 : topology.stride,
                    dx : dx + (width - 1) * topology.stride + 1 : topology.stride,
                ]
                for dy in range(topology.size)
                for dx in range(topology.size)
            ]
            split = np.zeros(topology.output_shape, dtype=bool)
            for view in views[1:]:
                split |= view != views[0]
            n_split += int(split.sum())
            owner = views[0].reshape(-1)
        shape = topology.output_shape
    return owner, n_split
