"""Turn the spikes of a trace into packets with a time, a source and destinations.

A spike becomes one packet to all cores of the next layer with neurons in which it has
a synapse; where its neuron has copies, one of each copy to its share of these cores.
The counts of these packets are those of `hwmodel.traffic.counts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from eventsim.network import Network
from eventsim.spikes import SpikeTrains
from hwmodel.errors import WorkloadError
from hwmodel.mapping.placement import Mapping
from hwmodel.ragged import rows_of
from hwmodel.traffic.senders import Senders, senders_of
from hwmodel.workload.trace import SpikeTrace
from hwmodel.workload.workload import layers_of


@dataclass(frozen=True)
class SpikePackets:
    """Packets by inference, then by time; 16 bytes each.

    Parameters
    ----------
    time : ndarray, shape (n_packets,), s
        When a packet leaves its source, from the start of its inference.
    inference : ndarray, shape (n_packets,), int32
        Sample of the trace.
    sender : ndarray, shape (n_packets,), int32
        Who sends it: a neuron, an input, or a copy of a neuron.
    senders : Senders
        Source, destinations and operations of each sender.
    """

    time: np.ndarray
    inference: np.ndarray
    sender: np.ndarray
    senders: Senders

    @property
    def source(self) -> np.ndarray:
        """Core that each packet leaves, or `HOST`, shape (n_packets,), int32."""
        return self.senders.source[self.sender]

    @property
    def layer(self) -> np.ndarray:
        """Receiving layer, counted among those with neurons, (n_packets,), int64."""
        return np.searchsorted(self.senders.first, self.sender, side="right") - 1

    @property
    def sops(self) -> np.ndarray:
        """Synaptic operations of each packet in all its cores, (n_packets,), int64.

        Those of copied neurons count with the neurons they are copies of.
        """
        return self.senders.sops[self.sender]

    def destinations(self) -> tuple[np.ndarray, np.ndarray]:
        """List the destination cores of every packet.

        Returns
        -------
        core : ndarray, int32
            Destinations of packet p are ``core[offsets[p]:offsets[p + 1]]``.
        offsets : ndarray, shape (n_packets + 1,), int64
            Ends with the number of packets under unicast.
        """
        table = self.senders
        place, ends = rows_of(table.offsets, table.targets[self.sender])
        return table.core[place], ends

    def of_inference(self, sample: int) -> SpikePackets:
        """Return the packets of one inference, in order of time."""
        first, stop = np.searchsorted(self.inference, [sample, sample + 1])
        return replace(
            self,
            time=self.time[first:stop],
            inference=self.inference[first:stop],
            sender=self.sender[first:stop],
        )


@dataclass(frozen=True)
class LocalPorts:
    """Ports between the mesh and what sends and takes packets, one for each.

    Port k of router (x, y) has the number ``(y * width + x) * n_each + k``.

    Parameters
    ----------
    n_each : int
        Ports of each router: as many as the fullest router needs.
    of_core : ndarray, shape (n_cores + 1,), int64
        Port of each core, and last that of the network's input, so that `HOST` is an
        index too.
    """

    n_each: int
    of_core: np.ndarray


def local_ports(mapping: Mapping, input_port: tuple[int, int] = (0, 0)) -> LocalPorts:
    """Give each core, and the network's input, a port of its own at its router.

    Parameters
    ----------
    mapping : Mapping
        Where the cores are.
    input_port : tuple of int
        (x, y) of the router where input spikes enter.

    Returns
    -------
    LocalPorts
        Ports of one router are numbered in the order of its cores, the input's last.
    """
    width = mapping.grid.width
    router = np.append(
        mapping.y * width + mapping.x, input_port[1] * width + input_port[0]
    )
    order = np.argsort(router, kind="stable")
    first = np.searchsorted(router[order], router[order])
    k = np.empty_like(router)
    k[order] = np.arange(router.size) - first
    n_each = int(k.max()) + 1
    return LocalPorts(n_each, router * n_each + k)


def spike_packets(
    network: Network, trace: SpikeTrace, mapping: Mapping, seconds_per_unit: float
) -> SpikePackets:
    """List the packets that the spikes of a trace send.

    Parameters
    ----------
    network : Network
        The model that fired.
    trace : SpikeTrace
        Its spikes.
    mapping : Mapping
        Where its neurons live.
    seconds_per_unit : float, s
        Length of one unit of network time on the chip, positive.

    Returns
    -------
    SpikePackets
        Spikes without synapses and those of the output layer send none. Packets of one
        inference and time are in the order of layers, and inside a layer in that of
        the trace; those of copies by number of their cores.

    Raises
    ------
    WorkloadError
        If `seconds_per_unit` is not a positive number.

    Notes
    -----
    A packet leaves when its neuron fires plus the neuron's axonal delay, which is the
    time a spike takes to leave. Delays of synapses come after the arrival and are not
    in it. A neuron that fires shortly before the end of a run may so send after it; the
    packet is counted, as its spike is by `hwmodel.traffic.counts`.
    """
    if not 0 < seconds_per_unit < np.inf:
        raise WorkloadError(
            f"packets: a unit of network time lasts {seconds_per_unit:g} s; expected a "
            "positive number"
        )
    layers = layers_of(network)
    senders = senders_of(layers, network.input_shape, mapping)
    time, inference, sender = [], [], []
    for k, layer in enumerate(layers):
        train = trace.trains[layer.source_number]
        number, ends = rows_of(senders.of_input, senders.first_input[k] + train.neuron)
        n_each = np.diff(ends)
        leaving = _leaving(network, layer.source_number, train)
        time.append(np.repeat(leaving * seconds_per_unit, n_each))
        inference.append(np.repeat(train.sample.astype(np.int32), n_each))
        sender.append(number.astype(np.int32))
    all_time, all_inference = np.concatenate(time), np.concatenate(inference)
    order = np.lexsort((all_time, all_inference))
    return SpikePackets(
        all_time[order], all_inference[order], np.concatenate(sender)[order], senders
    )


def _leaving(network: Network, number: int, train: SpikeTrains) -> np.ndarray:
    """Return when the spikes of a layer leave, network time units.

    What a pool or a flattened map passes on has the time of its arrival there.
    """
    delay = network.layers[number - 1].delay if number > 0 else None
    if delay is None:
        return train.time
    return train.time + np.asarray(delay, np.float64)[train.neuron % delay.size]
