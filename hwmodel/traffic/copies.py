"""What copies of neurons add: synapses, synaptic operations, spikes, packets.

A copy lies on the core of its neuron, has the same synapses and fires the same spikes.
It sends them to other cores than its twins, at most `target_cores` of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.mapping.groups import LayerPartition
from hwmodel.workload.connections import CoreSynapses
from hwmodel.workload.group_inputs import received
from hwmodel.workload.synapse_list import synapse_list
from hwmodel.workload.workload import LayerGeometry


@dataclass(frozen=True)
class CopyCounts:
    """What the copies in a layer add, over all measured inferences.

    Parameters
    ----------
    neurons, synapses, sops, spikes : ndarray, shape (n_cores,), int64
        Copies on each core, their non-zero synapses, their synaptic operations and
        the spikes they fire. The neurons they are copies of do not count.
    """

    neurons: np.ndarray
    synapses: np.ndarray
    sops: np.ndarray
    spikes: np.ndarray


def count_copies(
    layer: LayerGeometry,
    part: LayerPartition,
    spikes_in: np.ndarray,
    spikes_out: np.ndarray,
) -> CopyCounts:
    """Count what the copies in a layer add.

    Parameters
    ----------
    layer : LayerGeometry
        The layer.
    part : LayerPartition
        Its groups and copies.
    spikes_in : ndarray, shape (n_in,), int64
        Spikes it receives.
    spikes_out : ndarray, shape (n_neurons,), int64
        Spikes its neurons fire, copies apart.

    Returns
    -------
    CopyCounts
        Zeros if nothing is copied.
    """
    if part.copies is None:
        return CopyCounts(*np.zeros((4, part.n_cores), dtype=np.int64))
    extra = part.copies - 1
    core = part.core_of_neuron - part.first_core

    def on_cores(of_neuron: np.ndarray) -> np.ndarray:
        sums = np.zeros(part.n_cores, dtype=np.int64)
        np.add.at(sums, core, of_neuron * extra)
        return sums

    return CopyCounts(
        on_cores(np.ones_like(extra)),
        on_cores(received(layer, np.ones_like(spikes_in))),
        on_cores(received(layer, spikes_in)),
        on_cores(spikes_out),
    )


def operations_of(
    layer: LayerGeometry, part: LayerPartition, synapses: CoreSynapses
) -> CoreSynapses:
    """Count the synaptic operations of one spike from each input in each core.

    Parameters
    ----------
    layer : LayerGeometry
        The layer.
    part : LayerPartition
        Its groups and copies.
    synapses : CoreSynapses
        Of its neurons alone.

    Returns
    -------
    CoreSynapses
        The same where nothing is copied; else every neuron counts as often as it is on
        its core. Memory then grows with the number of synapses.
    """
    if part.copies is None:
        return synapses
    pre, post, _ = synapse_list(layer)
    n_in = synapses.kind.size
    counts = np.zeros((n_in, part.n_cores), dtype=np.int64)
    core = part.core_of_neuron[post] - part.first_core
    np.add.at(counts, (pre, core), part.copies[post])
    return CoreSynapses(counts, np.arange(n_in))


def share_targets(reaches: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Deal the targets of each flow out to copies of its neuron.

    Parameters
    ----------
    reaches : ndarray, shape (n_flows, n_cores), bool
        Cores each flow goes to; one that goes nowhere has no share.
    most : int
        Most cores one copy sends to.

    Returns
    -------
    flow : ndarray, shape (n_shares,), int64
        Which flow each share belongs to.
    shares : ndarray, shape (n_shares, n_cores), bool
        The cores of each share: the first `most` by number, the next, and so on.
    """
    share_of_target = (np.cumsum(reaches, axis=1) - 1) // most
    n_shares = -(-reaches.sum(axis=1) // most)
    flow = np.repeat(np.arange(n_shares.size), n_shares)
    share = np.arange(flow.size) - np.repeat(np.cumsum(n_shares) - n_shares, n_shares)
    return flow, reaches[flow] & (share_of_target[flow] == share[:, None])
