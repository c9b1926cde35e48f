"""Turn the spikes of a trace into packets with a time, a source and destinations.

A spike becomes one packet for each layer that it is an input of, if it has at least
one synapse there; in a network without branches that is the next layer with neurons.
The counts of these packets are those of `hwmodel.traffic.counts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from eventsim.network import Network
from eventsim.spikes import SpikeTrains
from hwmodel.errors import WorkloadError
from hwmodel.mapping.placement import Mapping
from hwmodel.traffic.senders import inputs_of_layers, target_sets
from hwmodel.workload.trace import SpikeTrace
from hwmodel.workload.workload import LayerGeometry, layers_of


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
        Core that the packet leaves, or `hwmodel.traffic.senders.HOST`.
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


@dataclass(frozen=True)
class Packets:
    """Packets by inference, then by time; 16 bytes each.

    Parameters
    ----------
    time : ndarray, shape (n_packets,), s
        When a packet leaves its source, from the start of its inference.
    inference : ndarray, shape (n_packets,), int32
        Sample of the trace.
    sender : ndarray, shape (n_packets,), int32
        Which sender's spike it is.
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
        """Synaptic operations of each packet in all its cores, (n_packets,), int64."""
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
        counts = table.n_targets[self.sender]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        start = table.offsets[table.targets[self.sender]]
        place = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], counts)
        return table.core[place], offsets

    def of_inference(self, sample: int) -> Packets:
        """Return the packets of one inference, in order of time."""
        first, stop = np.searchsorted(self.inference, [sample, sample + 1])
        return replace(
            self,
            time=self.time[first:stop],
            inference=self.inference[first:stop],
            sender=self.sender[first:stop],
        )


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
    """
    source, sops, targets, sizes, cores = [], [], [], [], []
    n_sets = 0
    for inputs, part in zip(
        inputs_of_layers(layers, input_shape, mapping),
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


def packets_of(
    network: Network, trace: SpikeTrace, mapping: Mapping, seconds_per_unit: float
) -> Packets:
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
    Packets
        Spikes without synapses and those of the output layer send none. Packets of one
        inference and time are in the order of layers, and inside a layer in that of
        the trace.

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
    is_sent = senders.n_targets > 0
    time, inference, sender = [], [], []
    for k, layer in enumerate(layers):
        train = trace.trains[layer.source_number]
        number = (senders.first[k] + train.neuron).astype(np.int32)
        kept = is_sent[number]
        leaving = _leaving(network, layer.source_number, train)
        time.append(leaving[kept] * seconds_per_unit)
        inference.append(train.sample[kept].astype(np.int32))
        sender.append(number[kept])
    all_time, all_inference = np.concatenate(time), np.concatenate(inference)
    order = np.lexsort((all_time, all_inference))
    return Packets(
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
