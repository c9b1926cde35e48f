"""NeuroBench's complexity metrics, computed from counts instead of a dense run.

NeuroBench runs a network in time steps and looks at every tensor. An event-driven run
has no steps, so steps are nominal here: an inference is divided into as many as the
latency has, and a neuron is taken to fire at most once in each. What the counts cannot
tell is ``None``, with a note that says why.

References
----------
J. Yik et al., "The neurobench framework for benchmarking neuromorphic computing
algorithms and systems", Nature Communications 16, 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from eventsim.topology import Conv2d, Synapses
from hwmodel.traffic.counts import ActionCounts
from hwmodel.workload.connections import taps_into_runs
from hwmodel.workload.workload import LayerGeometry, Workload


@dataclass(frozen=True)
class NeuroBench:
    """Metrics of one network; operations are means per inference.

    Parameters
    ----------
    steps : int
        Nominal time steps of an inference.
    step_windows : float, firing windows
        Length of one, as a part of a firing window.
    footprint : int or None, bytes
        Weights as stored in the model file (zeros too) and one threshold of the same
        type for each unit or channel. Neuron state is not in it: NeuroBench adds it if
        a model keeps it in buffers. ``None`` if the weights are unknown.
    connection_sparsity : float
        Weights that are zero over all weights; a kernel counts once. NeuroBench
        rounds to 4 decimals.
    activation_sparsity : float or None
        1 - spikes / (neurons x steps), over all layers with neurons, the input not
        counted; ``None`` if there are more spikes than that.
    spikes_per_neuron : float
        The same spikes, over the neurons alone.
    effective_acs : float or None
        Non-zero synapses that input spikes meet, exact at borders.
    effective_macs : float or None
        0 for spikes; those of real values, which are not recorded, are unknown.
    dense : int
        Operations if every input were active in every step and no weight zero, exact
        at borders.
    membrane_updates_events : float
        Membranes changed by an event: one for each synaptic operation.
    membrane_updates_steps : int
        Membranes changed if each neuron is updated in every step.
    notes : tuple of str
        What is unknown and why.
    """

    steps: int
    step_windows: float
    footprint: int | None
    connection_sparsity: float
    activation_sparsity: float | None
    spikes_per_neuron: float
    effective_acs: float | None
    effective_macs: float | None
    dense: int
    membrane_updates_events: float
    membrane_updates_steps: int
    notes: tuple[str, ...]


def neurobench(workload: Workload, counts: ActionCounts, steps: int) -> NeuroBench:
    """Compute the metrics.

    Parameters
    ----------
    workload : Workload
        Layers and spikes.
    counts : ActionCounts
        From `hwmodel.traffic.counts.count`, under any mapping.
    steps : int
        Nominal time steps of an inference, positive.

    Returns
    -------
    NeuroBench
        Metrics and notes.
    """
    layers, n = workload.layers, counts.n_samples
    neurons = sum(layer.n_neurons for layer in layers)
    spikes = counts.spikes / n
    # copies of neurons are the chip's, not the network's
    sops = sum(layer.sops - layer.copy_sops for layer in counts.layers) / n
    acs, macs, notes = _effective(workload, sops)
    sparsity = 1 - spikes / (neurons * steps)
    if sparsity < 0:
        notes.append(
            "no activation sparsity: more than one spike per neuron and step; expected "
            "shorter steps, see --steps-per-window"
        )
    footprint = _footprint(layers)
    if footprint is None:
        notes.append("no footprint: the weights are declared, not stored")
    return NeuroBench(
        steps=steps,
        step_windows=workload.windows / steps,
        footprint=footprint,
        connection_sparsity=_zeros(layers) / sum(map(_n_weights, layers)),
        activation_sparsity=None if sparsity < 0 else sparsity,
        spikes_per_neuron=spikes / neurons,
        effective_acs=acs,
        effective_macs=macs,
        dense=steps * sum(dense_operations(layer.topology) for layer in layers),
        membrane_updates_events=sops,
        membrane_updates_steps=neurons * steps,
        notes=tuple(notes),
    )


def dense_operations(topology: Synapses) -> int:
    """Count the synapses between all inputs and neurons of a layer.

    Parameters
    ----------
    topology : Dense, Conv2d or Sparse
        Geometry.

    Returns
    -------
    int
        Taps of a convolution that fall on the padding do not count; a sparse layer
        has those that it lists.
    """
    if not isinstance(topology, Conv2d):
        return prod(topology.weight_shape)
    taps = [
        int(taps_into_runs(topology, axis, [(0, topology.output_shape[axis])]).sum())
        for axis in (0, 1)
    ]
    return taps[0] * taps[1] * topology.input_shape[2] * topology.output_shape[2]


def _effective(
    workload: Workload, sops: float
) -> tuple[float | None, float | None, list[str]]:
    """Effective ACs and MACs per inference, and what is unknown about them."""
    notes, acs, macs = [], True, True
    for layer in workload.layers:
        if layer.folded:
            acs = macs = False
            notes.append(
                f"no effective operations: {layer.name} is fed by an average pool, "
                "whose values are not recorded"
            )
    if workload.input == "currents":
        macs = False
        notes.append(
            f"no effective MACs: {workload.layers[0].name} is fed by currents, whose "
            "zeros are not recorded"
        )
    return sops if acs else None, 0.0 if macs else None, notes


def _footprint(layers: tuple[LayerGeometry, ...]) -> int | None:
    total = 0
    for layer in layers:
        if layer.weight is None:
            return None
        n_thresholds = layer.topology.n_features
        total += (layer.weight.size + n_thresholds) * layer.weight.itemsize
    return total


def _n_weights(layer: LayerGeometry) -> int:
    return prod(layer.topology.weight_shape)


def _zeros(layers: tuple[LayerGeometry, ...]) -> int:
    return sum(
        layer.nonzero.size - int(np.count_nonzero(layer.nonzero))
        for layer in layers
        if layer.nonzero is not None
    )
