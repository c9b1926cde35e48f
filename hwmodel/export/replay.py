"""Neurons that replay the spikes of a mapped network, for simulators in time steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.cost.places import price
from hwmodel.errors import WorkloadError
from hwmodel.estimate import Estimate
from hwmodel.mapping.groups import LayerPartition
from hwmodel.ragged import rows_of
from hwmodel.traffic.senders import Senders, inputs_of_layers, senders_of
from hwmodel.workload.synapse_list import synapse_list
from hwmodel.workload.workload import LayerGeometry

MOST_SYNAPSES = 2_000_000
"""Synapses of the largest network; the format has a line for each."""

MOST_SPIKE_ENTRIES = 20_000_000
"""Neurons that spike times steps; the format has an entry for each."""


@dataclass(frozen=True)
class ReplayGroup:
    """Neurons of one kind.

    Parameters
    ----------
    name : str
        Of the group.
    core : ndarray, shape (n,), int64
        Core of each; `hwmodel.traffic.senders.HOST` for the host's.
    spikes : ndarray, shape (n,), int64, or None
        Spikes to replay in the whole run; ``None`` for neurons that never fire.
    soma : {"sent", "fired", "sink"}
        What they are: spikes that are sent, spikes that are only fired, or neurons.
    """

    name: str
    core: np.ndarray
    spikes: np.ndarray | None
    soma: str


@dataclass(frozen=True)
class SynapseList:
    """Non-zero synapses of one layer, those of copies too.

    Parameters
    ----------
    pre, post : ndarray, shape (n_synapses,), int64
        Place of the sender and of the neuron or copy in their groups.
    weight : ndarray, shape (n_synapses,), dimensionless
        Weights; 1 where they are unknown.
    """

    pre: np.ndarray
    post: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class ReplayRun:
    """What is simulated.

    Parameters
    ----------
    inferences, steps : int
        Inferences, and time steps of all of them.
    groups : tuple of ReplayGroup
        Neurons. The copies of one stand together, in the order in which
        `hwmodel.traffic.senders.Senders` has those that send.
    synapses : tuple of SynapseList
        Of each layer: from ``layerK_inputs`` to ``layerK``.
    """

    inferences: int
    steps: int
    groups: tuple[ReplayGroup, ...]
    synapses: tuple[SynapseList, ...]


def spread_spikes(count: int, steps: int) -> np.ndarray:
    """Place spikes in steps as evenly as whole steps allow.

    Parameters
    ----------
    count : int
        Spikes, at most `steps`.
    steps : int
        Time steps.

    Returns
    -------
    ndarray, shape (steps,), int64
        1 in the steps with a spike.
    """
    fires = np.zeros(steps, dtype=np.int64)
    fires[(2 * np.arange(count) + 1) * steps // (2 * max(count, 1))] = 1
    return fires


def replay_run(estimate: Estimate) -> ReplayRun:
    """Turn a mapped network with spike counts into neurons that replay them.

    Parameters
    ----------
    estimate : Estimate
        Network, mapping and spikes.

    Returns
    -------
    ReplayRun
        All measured inferences, less those that repeat.

    Raises
    ------
    WorkloadError
        If the network is too large, or a neuron fires more than once a step.
    """
    workload, mapping = estimate.workload, estimate.mapping
    counts = [*workload.spikes_in, *workload.spikes_out]
    common = int(np.gcd.reduce([*np.concatenate(counts), workload.n_samples]))
    inferences = workload.n_samples // common
    steps = inferences * estimate.latency.steps
    senders = senders_of(workload.layers, workload.input_shape, mapping)
    inputs = inputs_of_layers(workload.layers, workload.input_shape, mapping.partition)
    groups: list[ReplayGroup] = []
    for k, (layer, part, sent) in enumerate(
        zip(workload.layers, mapping.partition.layers, inputs, strict=True)
    ):
        name, times = f"layer{layer.number}", part.times_on_core
        owner, n_each = np.repeat(part.core_of_neuron, times), _n_each(senders, k)
        source = np.repeat(sent.owner, n_each)
        spikes_in = np.repeat(workload.spikes_in[k] // common, n_each)
        groups += [
            ReplayGroup(f"{name}_inputs", source, spikes_in, "sent"),
            ReplayGroup(name, owner, None, "sink"),
        ]
        if price(estimate.chip, "spike"):
            fired = np.repeat(workload.spikes_out[k] // common, times)
            groups.append(ReplayGroup(f"{name}_fired", owner, fired, "fired"))
    _require_small(estimate, groups, steps)
    listed = [
        _listed(layer, part, senders, k)
        for k, (layer, part) in enumerate(
            zip(workload.layers, mapping.partition.layers, strict=True)
        )
    ]
    return ReplayRun(inferences, steps, tuple(groups), tuple(listed))


def _n_each(senders: Senders, k: int) -> np.ndarray:
    """Return how many neurons replay each input of a layer, at least one, (n_in,)."""
    first, stop = senders.first_input[k : k + 2]
    return np.maximum(np.diff(senders.of_input[first : stop + 1]), 1)


def _listed(
    layer: LayerGeometry, part: LayerPartition, senders: Senders, k: int
) -> SynapseList:
    pre, post, slot = synapse_list(layer)
    weight = np.ones(pre.size) if layer.weight is None else layer.weight.ravel()[slot]
    sender = _sender_of(senders, k, pre, part.core_of_neuron[post])
    first = np.concatenate([[0], np.cumsum(part.times_on_core)])
    place, ends = rows_of(first, post)
    n_each = np.diff(ends)
    return SynapseList(np.repeat(sender, n_each), place, np.repeat(weight, n_each))


def _sender_of(
    senders: Senders, k: int, pre: np.ndarray, core: np.ndarray
) -> np.ndarray:
    """Find which of the neurons that replay an input of a layer reaches a core."""
    first, stop = senders.first_input[k : k + 2]
    own = senders.of_input[first : stop + 1]
    targets = senders.targets[own[0] : own[-1]]
    place, ends = rows_of(senders.offsets, targets)
    n_cores = int(senders.core.max(initial=0)) + 1
    n_targets = np.diff(ends)
    number = np.repeat(np.arange(targets.size), n_targets)
    of_input = np.repeat(np.arange(own.size - 1), np.diff(own))
    # in ascending order: copies of a neuron share its cores by number
    reached = of_input[number] * n_cores + senders.core[place]
    found = number[np.searchsorted(reached, pre * n_cores + core)]
    n_each = _n_each(senders, k)
    return np.cumsum(n_each)[pre] - n_each[pre] + found - (own[pre] - own[0])


def _require_small(estimate: Estimate, groups: list[ReplayGroup], steps: int) -> None:
    n_synapses = int(estimate.counts.synapses_per_core.sum())
    if n_synapses > MOST_SYNAPSES:
        raise WorkloadError(
            f"the network has {n_synapses} synapses; expected at most {MOST_SYNAPSES}, "
            "because the format has a line for each; export a smaller network"
        )
    replayed = [(g.name, g.spikes) for g in groups if g.spikes is not None]
    entries = steps * sum(int(np.count_nonzero(s)) for _, s in replayed)
    if entries > MOST_SPIKE_ENTRIES:
        raise WorkloadError(
            f"the spikes of {steps} steps take {entries} entries; expected at most "
            f"{MOST_SPIKE_ENTRIES}; pass a --trace of fewer samples, or a smaller "
            "--steps-per-window"
        )
    for name, spikes in replayed:
        if spikes.max(initial=0) > steps:
            raise WorkloadError(
                f"{name}: a neuron fires {spikes.max()} times in {steps} steps; "
                "expected at most once a step; pass a larger --steps-per-window"
            )
