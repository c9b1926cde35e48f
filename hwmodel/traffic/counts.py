"""Count what happens on the chip: synaptic operations, packets, hops, link loads.

All counts are exact integers over the measured inferences. A spike makes one synaptic
operation in every neuron it reaches through a non-zero synapse, and a packet only to
cores where it has at least one. Spikes of the output layer leave no packets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hwmodel.mapping.placement import Mapping
from hwmodel.mesh.loads import LinkLoads
from hwmodel.mesh.xy_routing import multicast_loads, unicast_loads
from hwmodel.traffic.flows import HOST, Flows, LayerTraffic, layer_traffic
from hwmodel.workload.workload import Workload

Casting = Literal["multicast", "unicast"]


@dataclass(frozen=True)
class Transport:
    """Traffic under one casting rule.

    Parameters
    ----------
    packets, hops : int
        Packets sent; links crossed by all of them.
    """

    packets: int
    hops: int


@dataclass(frozen=True)
class LayerCounts:
    """Actions caused by the spikes a layer receives, over all measured inferences.

    Parameters
    ----------
    name, kind : str
        The layer.
    neurons, cores, synapses : int
        Its size; synapses are the non-zero ones, seen from the inputs of an average
        pool.
    spikes_in, spikes_out : int
        Spikes received (after pooling, but before an average pool) and fired (before
        pooling).
    sops : int
        Synaptic operations in its neurons.
    unicast, multicast : Transport
        How its input spikes travel.
    axons : int
        Most distinct inputs that reach one of its cores.
    target_cores : int
        Most cores of this layer that one input reaches.
    split_pool_windows : int
        Pooling windows before it whose neurons live on several cores.
    """

    name: str
    kind: str
    neurons: int
    cores: int
    synapses: int
    spikes_in: int
    spikes_out: int
    sops: int
    unicast: Transport
    multicast: Transport
    axons: int
    target_cores: int
    split_pool_windows: int

    def transport(self, casting: Casting) -> Transport:
        """Return packets and hops under one rule."""
        return self.unicast if casting == "unicast" else self.multicast


@dataclass(frozen=True)
class ActionCounts:
    """Everything counted, over all measured inferences.

    Parameters
    ----------
    n_samples : int
        Inferences.
    input_spikes : int
        Spikes of the network's input.
    layers : tuple of LayerCounts
        Layers with neurons; the first receives the input.
    unicast, multicast : LinkLoads
        Packets on each link.
    sops_per_core, spikes_per_core, synapses_per_core : ndarray, shape (n_cores,), int64
        Synaptic operations, spikes fired, non-zero synapses.
    """

    n_samples: int
    input_spikes: int
    layers: tuple[LayerCounts, ...]
    unicast: LinkLoads
    multicast: LinkLoads
    sops_per_core: np.ndarray
    spikes_per_core: np.ndarray
    synapses_per_core: np.ndarray

    @property
    def sops(self) -> int:
        """Synaptic operations of all layers."""
        return sum(layer.sops for layer in self.layers)

    @property
    def spikes(self) -> int:
        """Spikes fired by all layers with neurons; the input is not counted."""
        return sum(layer.spikes_out for layer in self.layers)

    @property
    def output_spikes(self) -> int:
        """Spikes fired by the last layer."""
        return self.layers[-1].spikes_out

    def transport(self, casting: Casting) -> Transport:
        """Return packets and hops of all layers, input included, under one rule."""
        parts = [layer.transport(casting) for layer in self.layers]
        return Transport(sum(p.packets for p in parts), sum(p.hops for p in parts))

    def link_loads(self, casting: Casting) -> LinkLoads:
        """Return the packets on each link under one rule."""
        return self.unicast if casting == "unicast" else self.multicast


def count(
    workload: Workload,
    mapping: Mapping,
    input_port: tuple[int, int] = (0, 0),
    traffic: Iterable[LayerTraffic] | None = None,
) -> ActionCounts:
    """Count the actions of a mapped workload.

    Parameters
    ----------
    workload : Workload
        Layers and measured spikes.
    mapping : Mapping
        Where the neurons live.
    input_port : tuple of int
        (x, y) of the router where input spikes enter; inside the mesh.
    traffic : iterable of LayerTraffic, optional
        What `layer_traffic` yields for this workload and partition, if it is at hand.

    Returns
    -------
    ActionCounts
        Exact integers.

    Notes
    -----
    Flows with the same source core and the same destination cores are merged before
    they are routed, so the work grows with the number of distinct flows.
    """
    unicast = multicast = LinkLoads.zeros(mapping.grid)
    layers, sops, spikes, synapses = [], [], [], []
    if traffic is None:
        traffic = layer_traffic(workload, mapping.partition)
    for i, received in enumerate(traffic):
        part, into_core = mapping.partition.layers[i], received.into_core
        loads = _route(mapping, received.flows, input_port)
        layers.append(_count_layer(workload, i, received, loads))
        unicast, multicast = unicast + loads[0], multicast + loads[1]
        sops.append(workload.spikes_in[i] @ into_core)
        synapses.append(into_core.sum(axis=0))
        fired = np.zeros(part.n_cores, dtype=np.int64)
        np.add.at(fired, part.core_of_neuron - part.first_core, workload.spikes_out[i])
        spikes.append(fired)
    return ActionCounts(
        workload.n_samples,
        workload.n_input_spikes,
        tuple(layers),
        unicast,
        multicast,
        np.concatenate(sops),
        np.concatenate(spikes),
        np.concatenate(synapses),
    )


def _route(
    mapping: Mapping, flows: Flows, input_port: tuple[int, int]
) -> tuple[LinkLoads, LinkLoads]:
    if flows.packets.size == 0:
        return LinkLoads.zeros(mapping.grid), LinkLoads.zeros(mapping.grid)
    from_host = flows.source == HOST
    source_x = np.where(from_host, input_port[0], mapping.x[flows.source])
    source_y = np.where(from_host, input_port[1], mapping.y[flows.source])
    cores = flows.cores
    target_x, target_y = (at[cores.start : cores.stop] for at in (mapping.x, mapping.y))
    flow, target = np.nonzero(flows.reaches)
    unicast = unicast_loads(
        mapping.grid,
        source_x[flow],
        source_y[flow],
        target_x[target],
        target_y[target],
        flows.packets[flow],
    )
    multicast = multicast_loads(
        mapping.grid,
        source_x,
        source_y,
        target_x,
        target_y,
        flows.reaches,
        flows.packets,
    )
    return unicast, multicast


def _count_layer(
    workload: Workload,
    i: int,
    received: LayerTraffic,
    loads: tuple[LinkLoads, LinkLoads],
) -> LayerCounts:
    layer, spikes_in = workload.layers[i], workload.spikes_in[i]
    into_core, flows = received.into_core, received.flows
    n_targets = flows.reaches.sum(axis=1)
    return LayerCounts(
        name=layer.name,
        kind=layer.topology.kind,
        neurons=layer.n_neurons,
        cores=into_core.shape[1],
        synapses=int(into_core.sum()),
        spikes_in=int(spikes_in.sum()),
        spikes_out=int(workload.spikes_out[i].sum()),
        sops=int(spikes_in @ into_core.sum(axis=1)),
        unicast=Transport(int(n_targets @ flows.packets), loads[0].total),
        multicast=Transport(int(flows.packets.sum()), loads[1].total),
        axons=int((into_core > 0).sum(axis=0).max()),
        target_cores=int((into_core > 0).sum(axis=1).max()),
        split_pool_windows=received.split_pool_windows,
    )
