"""Who sends a spike to a layer, and to which of its cores it goes.

The inputs of a layer are the neurons of the layer before, or what a pool passes on of
them, or the network's input. Where they send from and to follows from the mapping
alone, whatever fires. A neuron with more target cores than it may have is copied on its
core, and every copy sends to cores of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from eventsim.topology import EarliestPool
from hwmodel.mapping.groups import LayerPartition, Partition
from hwmodel.mapping.placement import Mapping
from hwmodel.ragged import rows_of
from hwmodel.traffic.copies import operations_of, share_targets
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
    neurons from 0) has the number ``first_input[k] + i``. A sender is an input, or one
    of the copies of a neuron; it sends one packet a spike.

    Parameters
    ----------
    first_input : ndarray, shape (n_layers + 1,), int64
        First input of each layer, and their number.
    of_input : ndarray, shape (n_inputs + 1,), int64
        Senders of input j are ``of_input[j]`` to ``of_input[j + 1]``, the end not
        included: none if it has no synapse, several if it sends by copies.
    source : ndarray, shape (n_senders,), int32
        Core that the packet leaves, or `HOST`.
    sops : ndarray, shape (n_senders,), int64
        Synaptic operations of one packet in all its cores together, those of copies
        there included.
    targets : ndarray, shape (n_senders,), int32
        Set of cores that the packet goes to.
    offsets : ndarray, shape (n_sets + 1,), int64
        Cores of set s are ``core[offsets[s]:offsets[s + 1]]``.
    core : ndarray, int32
        Cores of all sets, in ascending order within a set; at least one each.
    """

    first_input: np.ndarray
    of_input: np.ndarray
    source: np.ndarray
    sops: np.ndarray
    targets: np.ndarray
    offsets: np.ndarray
    core: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """First sender of each layer, and their number, (n_layers + 1,), int64."""
        return self.of_input[self.first_input]

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
        Senders with the same destinations share a set, so the table grows with the
        number of senders and not with that of synapses.

    Notes
    -----
    Copies share the cores that a spike reaches as `hwmodel.traffic.flows` deals them
    out. A pooled value that needs fewer of them than its neuron has is sent by these.
    """
    tables = [
        _layer_senders(
            layer, part, inputs, mapping.partition.target_cores if k else None
        )
        for k, (layer, part, inputs) in enumerate(
            zip(
                layers,
                mapping.partition.layers,
                inputs_of_layers(layers, input_shape, mapping.partition),
                strict=True,
            )
        )
    ]
    n_each, source, sops, shares, reached = zip(*tables, strict=True)
    first_share = np.cumsum([0, *(len(of_layer) for of_layer in reached)])
    targets = [first + share for first, share in zip(first_share, shares, strict=False)]
    sizes = np.concatenate([of_layer.sum(axis=1) for of_layer in reached])
    cores = [
        part.first_core + np.nonzero(of_layer)[1]
        for part, of_layer in zip(mapping.partition.layers, reached, strict=True)
    ]
    return Senders(
        np.cumsum([0, *(n.size for n in n_each)]),
        np.concatenate([[0], np.cumsum(np.concatenate(n_each))]).astype(np.int64),
        np.concatenate(source).astype(np.int32),
        np.concatenate(sops),
        np.concatenate(targets).astype(np.int32),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate(cores).astype(np.int32),
    )


def _layer_senders(
    layer: LayerGeometry, part: LayerPartition, inputs: LayerInputs, most: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tell who sends to one layer; `most` is how many cores one sender reaches.

    Senders of each input (n_in,); source, operations and share of the cores of each
    sender; cores of each share (n_shares, n_cores).
    """
    reaches, target_set = target_sets(inputs.synapses)
    of_set, reached = share_targets(reaches, part.n_cores if most is None else most)
    first_share = np.searchsorted(of_set, np.arange(len(reaches) + 1))
    share, ends = rows_of(first_share, target_set)
    n_each = np.diff(ends)
    operations = operations_of(layer, part, inputs.synapses)
    kind = np.repeat(operations.kind, n_each)
    sops = _sums_over(operations.counts, kind, reached, share)
    return n_each, np.repeat(inputs.owner, n_each), sops, share, reached


def _sums_over(
    counts: np.ndarray, kind: np.ndarray, reached: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Add up rows of a table, each over the cores of a share."""
    distinct, place = np.unique(kind * len(reached) + share, return_inverse=True)
    kinds, shares = np.divmod(distinct, max(len(reached), 1))
    return np.einsum("ij,ij->i", counts[kinds], reached[shares])[place.reshape(-1)]


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
