"""Packets between cores, merged by source and destinations.

Flows depend on the layers, their groups and the spikes, not on where cores lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hwmodel.mapping.groups import Partition
from hwmodel.traffic.copies import share_targets
from hwmodel.traffic.senders import HOST, LayerInputs, inputs_of_layers, target_sets
from hwmodel.workload.workload import Workload


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
    inputs : LayerInputs
        Who sends to it.
    flows : Flows
        Packets into its cores.
    """

    inputs: LayerInputs
    flows: Flows


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
    all_inputs = inputs_of_layers(workload.layers, workload.input_shape, partition)
    for inputs, part, spikes in zip(
        all_inputs, partition.layers, workload.spikes_in, strict=True
    ):
        flows = _distinct_flows(part.cores, inputs, spikes)
        yield LayerTraffic(inputs, _from_copies(flows, partition.target_cores))


def _distinct_flows(cores: range, inputs: LayerInputs, spikes: np.ndarray) -> Flows:
    reaches, target_set = target_sets(inputs.synapses)
    active = (spikes > 0) & (reaches.sum(axis=1)[target_set] > 0)
    # owners begin at HOST = -1
    key = (inputs.owner[active] - HOST) * len(reaches) + target_set[active]
    distinct, flow = np.unique(key, return_inverse=True)
    packets = np.zeros(distinct.size, dtype=np.int64)
    np.add.at(packets, flow.reshape(-1), spikes[active])
    source, reached = np.divmod(distinct, len(reaches))
    return Flows(cores, source + HOST, reaches[reached], packets)


def _from_copies(flows: Flows, target_cores: int | None) -> Flows:
    """Let each copy of a neuron send to its share of the cores; the host has none."""
    if target_cores is None:
        return flows
    from_host = flows.source == HOST
    at_host = np.flatnonzero(from_host)
    of_copy, shares = share_targets(flows.reaches[~from_host], target_cores)
    flow = np.concatenate([at_host, np.flatnonzero(~from_host)[of_copy]])
    reaches = np.concatenate([flows.reaches[at_host], shares])
    return Flows(flows.cores, flows.source[flow], reaches, flows.packets[flow])
