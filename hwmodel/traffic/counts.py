"""Count what happens on the chip: synaptic operations, packets, hops, link loads.

All counts are exact integers over the measured inferences. A spike makes one synaptic
operation in every neuron it reaches through a non-zero synapse, and a packet only to
cores where it has at least one. Spikes of the output layer leave no packets. Copies of
neurons receive and fire like them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from hwmodel.chip.casting import Casting
from hwmodel.errors import WorkloadError
from hwmodel.mapping.placement import Mapping
from hwmodel.mesh.loads import LinkLoads
from hwmodel.mesh.routing import multicast_loads, unicast_loads
from hwmodel.traffic.copies import CopyCounts, count_copies
from hwmodel.traffic.flows import Flows, LayerTraffic, layer_traffic
from hwmodel.traffic.senders import HOST
from hwmodel.workload.connections import CoreSynapses
from hwmodel.workload.workload import Workload


@dataclass(frozen=True)
class Transport:
    """Traffic under one casting rule.

    Parameters
    ----------
    packets, hops : int
        Packets sent; links crossed by all of them.
    hops_y, chip_crossings : int
        Hops that change the row; hops from one chip to another.
    """

    packets: int
    hops: int
    hops_y: int
    chip_crossings: int

    @classmethod
    def of(cls, packets: int, loads: LinkLoads) -> Transport:
        """Return the transport of packets that load links so."""
        return cls(packets, loads.total, loads.hops_y, loads.chip_crossings)

    def __add__(self, other: Transport) -> Transport:
        return Transport(
            self.packets + other.packets,
            self.hops + other.hops,
            self.hops_y + other.hops_y,
            self.chip_crossings + other.chip_crossings,
        )


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
        pooling); those of copies are not counted.
    sops : int
        Synaptic operations in its neurons and their copies.
    unicast, multicast : Transport
        How its input spikes travel.
    axons : int
        Most distinct inputs that reach one of its cores.
    target_cores : int
        Most cores of this layer that one input reaches.
    split_pool_windows : int
        Pooling windows before it whose neurons live on several cores.
    copies, copy_synapses, copy_sops, copy_spikes : int
        Copies of its neurons, and what they add: synapses (not in `synapses`),
        synaptic operations (in `sops`) and spikes (not in `spikes_out`).
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
    copies: int = 0
    copy_synapses: int = 0
    copy_sops: int = 0
    copy_spikes: int = 0

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
        Synaptic operations, spikes fired, non-zero synapses, copies included.
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
        first, *rest = (layer.transport(casting) for layer in self.layers)
        return sum(rest, start=first)

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

    Raises
    ------
    WorkloadError
        If counts might not fit 64 bits.

    Notes
    -----
    Flows with the same source core and the same destination cores are merged before
    they are routed, and inputs that reach all cores alike share one row of synapses,
    so the work grows with the number of distinct flows.
    """
    unicast = multicast = LinkLoads.zeros(mapping.grid)
    layers, sops, spikes, synapses = [], [], [], []
    most_sops = most_hops = 0.0
    if traffic is None:
        traffic = layer_traffic(workload, mapping.partition)
    for i, of_layer in enumerate(traffic):
        layer, part = workload.layers[i], mapping.partition.layers[i]
        into_core, flows = of_layer.inputs.synapses, of_layer.flows
        copied = count_copies(
            layer, part, workload.spikes_in[i], workload.spikes_out[i]
        )
        most_sops += float(workload.spikes_in[i].astype(float) @ into_core.fan_out)
        most_sops += float(copied.sops.astype(float).sum())
        most_hops += (mapping.grid.width + mapping.grid.height) * float(
            flows.packets.astype(float) @ flows.reaches.sum(axis=1)
        )
        _require_64_bits(layer.name, most_sops, most_hops)
        loads = flow_loads(mapping, flows, input_port)
        received = _received(into_core, workload.spikes_in[i])
        n_split = of_layer.inputs.n_split
        counted = _count_layer(workload, i, received, flows, loads, n_split)
        layers.append(_with_copies(counted, copied))
        unicast, multicast = unicast + loads[0], multicast + loads[1]
        sops.append(received.sops + copied.sops)
        synapses.append(received.synapses + copied.synapses)
        fired = np.zeros(part.n_cores, dtype=np.int64)
        np.add.at(fired, part.core_of_neuron - part.first_core, workload.spikes_out[i])
        spikes.append(fired + copied.spikes)
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


def _require_64_bits(name: str, sops: float, hops: float) -> None:
    """Refuse counts that integers of 64 bits might not hold."""
    for what, bound in (("synaptic operations", sops), ("hops", hops)):
        if bound >= 2**63:
            raise WorkloadError(
                f"{name}: up to {bound:.2g} {what} in all inferences; expected less "
                "than 2^63; measure fewer samples, or declare rates with fewer decimals"
            )


@dataclass(frozen=True)
class _Received:
    """What the cores of a layer receive.

    ``sops``, ``synapses``, ``axons``, each (n_cores,) int64: synaptic operations,
    non-zero synapses, and inputs with at least one synapse; ``target_cores``: most
    cores that one input reaches.
    """

    sops: np.ndarray
    synapses: np.ndarray
    axons: np.ndarray
    target_cores: int


def _received(into_core: CoreSynapses, spikes: np.ndarray) -> _Received:
    n_kinds = into_core.counts.shape[0]
    spikes_of_kind = np.zeros(n_kinds, dtype=np.int64)
    np.add.at(spikes_of_kind, into_core.kind, spikes)
    inputs_of_kind = np.bincount(into_core.kind, minlength=n_kinds)
    reaches = into_core.counts > 0
    return _Received(
        sops=spikes_of_kind @ into_core.counts,
        synapses=inputs_of_kind @ into_core.counts,
        axons=inputs_of_kind @ reaches,
        target_cores=int(reaches[inputs_of_kind > 0].sum(axis=1).max()),
    )


def _with_copies(counted: LayerCounts, copied: CopyCounts) -> LayerCounts:
    return replace(
        counted,
        sops=counted.sops + int(copied.sops.sum()),
        copies=int(copied.neurons.sum()),
        copy_synapses=int(copied.synapses.sum()),
        copy_sops=int(copied.sops.sum()),
        copy_spikes=int(copied.spikes.sum()),
    )


def flow_loads(
    mapping: Mapping, flows: Flows, input_port: tuple[int, int]
) -> tuple[LinkLoads, LinkLoads]:
    """Add up the links that flows use.

    Parameters
    ----------
    mapping : Mapping
        Where the cores are.
    flows : Flows
        Packets by source and destinations.
    input_port : tuple of int
        (x, y) of the router where input spikes enter.

    Returns
    -------
    unicast, multicast : LinkLoads
        Packets on each link.
    """
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
    received: _Received,
    flows: Flows,
    loads: tuple[LinkLoads, LinkLoads],
    n_split: int,
) -> LayerCounts:
    layer, spikes_in = workload.layers[i], workload.spikes_in[i]
    n_targets = flows.reaches.sum(axis=1)
    return LayerCounts(
        name=layer.name,
        kind=layer.topology.kind,
        neurons=layer.n_neurons,
        cores=received.sops.size,
        synapses=int(received.synapses.sum()),
        spikes_in=int(spikes_in.sum()),
        spikes_out=int(workload.spikes_out[i].sum()),
        sops=int(received.sops.sum()),
        unicast=Transport.of(int(n_targets @ flows.packets), loads[0]),
        multicast=Transport.of(int(flows.packets.sum()), loads[1]),
        axons=int(received.axons.max()),
        target_cores=received.target_cores,
        split_pool_windows=n_split,
    )
