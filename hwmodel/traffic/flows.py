"""Who sends spikes to whom: source core, destination cores, packets.

Flows depend on the layers, their groups and the spikes, not on where cores lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eventsim.topology import EarliestPool
from hwmodel.mapping.partition import Partition
from hwmodel.workload.workload import LayerGeometry, Workload

HOST = -1
"""Owner of the input neurons: the port where input spikes enter the mesh."""


@dataclass(frozen=True)
class Flows:
    """Packets into one layer, by source core and set of destination cores.

    Parameters
    ----------
    cores : range
        Numbers of the layer's cores.
    source : ndarray, shape (n_flows,), int64
        Core the spikes come from; `HOST` for the network's input.
    reaches : ndarray, shape (n_flows, n_cores of the layer), bool
        Which of the layer's cores they go to, at least one.
    packets : ndarray, shape (n_flows,), int64
        Spikes that travel so, positive.
    """

    cores: range
    source: np.ndarray
    reaches: np.ndarray
    packets: np.ndarray


@dataclass(frozen=True)
class LayerTraffic:
    """What a layer receives, wherever its cores lie.

    Parameters
    ----------
    into_core : ndarray, shape (n_in, n_cores), int64
        Non-zero synapses from each input into each core.
    flows : Flows
        Packets into its cores.
    split_pool_windows : int
        Pooling windows before it whose neurons live on several cores.
    """

    into_core: np.ndarray
    flows: Flows
    split_pool_windows: int


def layer_traffic(workload: Workload, partition: Partition) -> Iterator[LayerTraffic]:
    """Find what each layer receives.

    Parameters
    ----------
    workload : Workload
        Layers and measured spikes.
    partition : Partition
        Groups of the layers.

    Yields
    ------
    LayerTraffic
        Layer by layer from the input.
    """
    owner = np.full(int(np.prod(workload.input_shape)), HOST, dtype=np.int64)
    shape = workload.input_shape
    for layer, part, spikes in zip(
        workload.layers, partition.layers, workload.spikes_in, strict=True
    ):
        owner, n_split = _pass_on(layer, owner, shape)
        into_core = layer.synapses(part.features, part.rows)
        flows = _distinct_flows(part.cores, owner, into_core > 0, spikes)
        yield LayerTraffic(into_core, flows, n_split)
        owner, shape = part.core_of_neuron, layer.topology.output_shape


def _pass_on(
    layer: LayerGeometry, owner: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, int]:
    """Owner core of each input of a layer, and how many pool windows are split.

    A pooled neuron belongs to the core of the first neuron of its window. Average
    pools are part of the layer's synapses.
    """
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


def _distinct_flows(
    cores: range, owner: np.ndarray, reaches: np.ndarray, spikes: np.ndarray
) -> Flows:
    active = (spikes > 0) & reaches.any(axis=1)
    owner, reaches, spikes = owner[active], reaches[active], spikes[active]
    owner_bytes = np.ascontiguousarray(owner)[:, None].view(np.uint8)
    key = np.ascontiguousarray(
        np.concatenate([owner_bytes, np.packbits(reaches, axis=1)], axis=1)
    )
    rows = key.view(np.dtype((np.void, key.shape[1]))).ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    packets = np.zeros(first.size, dtype=np.int64)
    np.add.at(packets, inverse.ravel(), spikes)
    return Flows(cores, owner[first], reaches[first], packets)
