"""Neurons that replay the spikes of a mapped network, for simulators in time steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.cost.places import price
from hwmodel.errors import PlacementError, WorkloadError
from hwmodel.estimate import Estimate
from hwmodel.traffic.senders import inputs_of_layers
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
    """Non-zero synapses of one layer.

    Parameters
    ----------
    pre, post : ndarray, shape (n_synapses,), int64
        Input and neuron of each, in flat order.
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
        Neurons.
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
    PlacementError
        If neurons have copies.
    """
    workload = estimate.workload
    n_copies = int(estimate.mapping.partition.copies_per_core.sum())
    if n_copies:
        raise PlacementError(
            f"{n_copies} neurons are copies, made because a neuron of chip "
            f"{estimate.chip.name} reaches few cores; expected a mapping without; "
            "export with the limits of 'core', or pass --set limits.target_cores=none"
        )
    counts = [*workload.spikes_in, *workload.spikes_out]
    common = int(np.gcd.reduce([*np.concatenate(counts), workload.n_samples]))
    inferences = workload.n_samples // common
    steps = inferences * estimate.latency.steps
    groups: list[ReplayGroup] = []
    part = estimate.mapping.partition
    inputs = inputs_of_layers(workload.layers, workload.input_shape, part)
    for i, (layer, sent) in enumerate(zip(workload.layers, inputs, strict=True)):
        name, owner = f"layer{layer.number}", part.layers[i].core_of_neuron
        spikes_in = workload.spikes_in[i] // common
        groups += [
            ReplayGroup(f"{name}_inputs", sent.owner, spikes_in, "sent"),
            ReplayGroup(name, owner, None, "sink"),
        ]
        if price(estimate.chip, "spike"):
            fired = workload.spikes_out[i] // common
            groups.append(ReplayGroup(f"{name}_fired", owner, fired, "fired"))
    _require_small(estimate, groups, steps)
    return ReplayRun(
        inferences,
        steps,
        tuple(groups),
        tuple(_listed(layer) for layer in workload.layers),
    )


def _listed(layer: LayerGeometry) -> SynapseList:
    pre, post, slot = synapse_list(layer)
    if layer.weight is None:
        return SynapseList(pre, post, np.ones(pre.size))
    return SynapseList(pre, post, layer.weight.ravel()[slot])


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
            f"{MOST_SPIKE_ENTRIES}; measure fewer samples, or pass a smaller "
            "--steps-per-window"
        )
    for name, spikes in replayed:
        if spikes.max(initial=0) > steps:
            raise WorkloadError(
                f"{name}: a neuron fires {spikes.max()} times in {steps} steps; "
                "expected at most once a step; pass a larger --steps-per-window"
            )
