"""Who sends spikes to whom: source core, destination cores, packets.

Flows depend on the layers, their groups and the spikes, not on where cores lie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.topology import EarliestPool
from hwmodel.workload.workload import LayerGeometry

HOST = -1
"""Owner of the input neurons: the port where input spikes enter the mesh."""


@dataclass(frozen=True)
class Flows:
    """Packets by source core and set of destination cores.

    ``source`` (n_flows,), ``reaches`` (n_flows, n_cores of the layer), ``packets``
    (n_flows,) spikes that travel so.
    """

    source: np.ndarray
    reaches: np.ndarray
    packets: np.ndarray


def pass_on(
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


def distinct_flows(
    owner: np.ndarray, reaches: np.ndarray, spikes: np.ndarray
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
    return Flows(owner[first], reaches[first], packets)
