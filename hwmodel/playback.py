"""Cut the traffic of a trace into bins of time, to be played on a map of the mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.model_file import ModelFile
from hwmodel.estimate import Estimate
from hwmodel.mesh.loads import LinkLoads
from hwmodel.ragged import rows_of
from hwmodel.traffic.counts import flow_loads
from hwmodel.traffic.flows import Flows
from hwmodel.traffic.senders import HOST
from hwmodel.traffic.spike_packets import SpikePackets, spike_packets
from hwmodel.workload.trace import SpikeTrace


@dataclass(frozen=True)
class Playback:
    """Traffic in bins of time, means of the inferences.

    Parameters
    ----------
    bin_edges_s : ndarray, shape (n_bins + 1,), s
        Increasing.
    core_spikes : ndarray, shape (n_bins, n_cores)
        Spikes that each core fires in each bin, those of copies of neurons included.
    link_packets : ndarray, shape (n_bins, n_links)
        Packets on each link that the estimate uses, in the order of
        `hwmodel.mesh.loads.LinkLoads.links`.
    """

    bin_edges_s: np.ndarray
    core_spikes: np.ndarray
    link_packets: np.ndarray


def playback_of(
    model: ModelFile, trace: SpikeTrace, estimate: Estimate, n_bins: int = 50
) -> Playback:
    """Cut a trace into bins.

    Parameters
    ----------
    model : ModelFile
        The network that fired.
    trace : SpikeTrace
        Its spikes.
    estimate : Estimate
        Of this trace: its mapping, casting and latency.
    n_bins : int
        Bins of equal length, positive.

    Returns
    -------
    Playback
        Its sums over time are the counts of the estimate.

    Raises
    ------
    ChipError
        If the time step of the chip is unknown.

    Notes
    -----
    A spike is in the bin in which it is fired, a packet in that in which it leaves. An
    event at an edge belongs to the later bin; what happens at the end of the trace or,
    after an axonal delay, later, belongs to the last one.
    """
    step = estimate.chip.require("timing.step", "the time of a spike needs it")
    unit = estimate.latency.steps_per_window * step / model.network.time_window
    edges = np.linspace(0.0, trace.duration * unit, n_bins + 1)
    packets = spike_packets(model.network, trace, estimate.mapping, unit)
    used = estimate.counts.link_loads(estimate.casting).packets > 0
    bin_of = _bins(packets.time, edges)
    links = np.stack(
        [_loads(packets, bin_of == b, estimate).packets[used] for b in range(n_bins)]
    )
    return Playback(
        edges,
        _core_spikes(trace, estimate, edges, unit) / trace.n_samples,
        links / trace.n_samples,
    )


def _bins(time: np.ndarray, edges: np.ndarray) -> np.ndarray:
    place = np.searchsorted(edges, time, side="right") - 1
    return np.minimum(place, edges.size - 2)


def _core_spikes(
    trace: SpikeTrace, estimate: Estimate, edges: np.ndarray, unit: float
) -> np.ndarray:
    n_bins, n_cores = edges.size - 1, estimate.mapping.partition.n_cores
    place, often = [], []
    for layer, part in zip(
        estimate.workload.layers, estimate.mapping.partition.layers, strict=True
    ):
        train = trace.trains[layer.number]
        core = part.core_of_neuron[train.neuron]
        place.append(_bins(train.time * unit, edges) * n_cores + core)
        often.append(part.times_on_core[train.neuron])
    counts = np.bincount(
        np.concatenate(place), np.concatenate(often), minlength=n_bins * n_cores
    )
    return counts.reshape(n_bins, n_cores)


def _loads(sent: SpikePackets, chosen: np.ndarray, estimate: Estimate) -> LinkLoads:
    """Add up the links of some of the packets, by source and set of destinations."""
    table, mapping = sent.senders, estimate.mapping
    grid, n_sets = mapping.grid, table.offsets.size - 1
    sender = sent.sender[chosen]
    if sender.size == 0:
        return LinkLoads.zeros(grid)
    start = table.source[sender].astype(np.int64) - HOST  # owners begin at HOST
    key = start * n_sets + table.targets[sender]
    flows, packets = np.unique(key, return_counts=True)
    source, of_set = flows // n_sets + HOST, flows % n_sets
    reaches = np.zeros((flows.size, mapping.partition.n_cores), dtype=bool)
    place, ends = rows_of(table.offsets, of_set)
    reaches[np.repeat(np.arange(flows.size), np.diff(ends)), table.core[place]] = True
    cores = range(mapping.partition.n_cores)
    unicast, multicast = flow_loads(
        mapping, Flows(cores, source, reaches, packets), estimate.input_port
    )
    return unicast if estimate.casting == "unicast" else multicast
