"""Exact derivatives of a feed-forward network that ran as a circuit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.engine.layer_dynamics import dynamics_of
from eventsim.engine.queue.circuit_adjoint import CircuitGradients, circuit_gradients
from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.engine.queue.driven_circuit import (
    InputDrive,
    InputDriveGradients,
    driven_gradients,
)
from eventsim.engine.queue.fast import QueueRecording
from eventsim.engine.queue.network_circuit import NetworkCircuit
from eventsim.engine.spike_gradients import (
    LayerGradients,
    SpikeGradients,
    check_d_times,
    check_slopes,
    layer_gradients,
)
from eventsim.engine.spike_recording import SpikeRecording
from eventsim.errors import ShapeError
from eventsim.network import Network
from eventsim.topology import Synapses


@dataclass(frozen=True)
class NetworkQueueRecording(SpikeRecording):
    """Spikes of every layer, and of the circuit that the network was unrolled into.

    Parameters
    ----------
    unrolled : NetworkCircuit
        The circuit and what became of the layers.
    queue : QueueRecording
        Spikes of all its neurons.
    drive : InputDrive or None
        What input currents did, where these are the input.
    """

    unrolled: NetworkCircuit
    queue: QueueRecording
    drive: InputDrive | None = None

    def kinds(self, k: int) -> np.ndarray:
        """Return what made the neurons of layer `k` fire, for each of its spikes."""
        name = self.unrolled.names[k]
        if name is None:
            raise ShapeError(
                f"queue engine: layer {k} has no neurons; expected one that has"
            )
        return self.queue.kind[self.queue.is_in(name)]


def backward_spikes(
    network: Network,
    recording: NetworkQueueRecording,
    d_times: Sequence[np.ndarray | None],
    *,
    slope_clip: float = math.inf,
    exponential_slope: float | None = None,
) -> SpikeGradients:
    """Differentiate a loss on spike times by everything they depend on.

    Parameters
    ----------
    network : Network
        The network that made the recording.
    recording : NetworkQueueRecording
        What `forward_spikes` returned.
    d_times : sequence of ndarray, shape (n_spikes,), or None
        One entry for each layer: dL/dT of every spike of ``recording.trains[k]``.
        Average pools and flattened maps have no neurons here: ``None``.
    slope_clip : float, default inf
        Largest 1/slope at a threshold crossing; ``inf`` is exact.
    exponential_slope : float or None, network time units
        Time constant of the exponential slope, see
        `eventsim.engine.sweep.gathered_sweep.gathered_backward`; ``None`` is exact.

    Returns
    -------
    SpikeGradients
        The same as the sweep engine's, by other means.

    Raises
    ------
    ShapeError
        If the arrays do not fit, or an option does not fit the model.
    """
    check_d_times("queue engine", recording, d_times)
    for _, layer in network.spiking_layers:
        check_slopes(layer.name, dynamics_of(layer), slope_clip, exponential_slope)
    unrolled, circuit = recording.unrolled, recording.unrolled.circuit
    all_spikes = recording.queue.spikes
    d_all = np.zeros(all_spikes.time.size)
    for layer, name, d_time in zip(
        network.layers, unrolled.names[1:], d_times, strict=True
    ):
        if d_time is None:
            continue
        if name is None:
            raise ShapeError(
                f"queue engine: d_times has an entry for {layer.name}, which has no "
                "neurons; expected None; use the sweep engine"
            )
        d_all[recording.queue.is_in(name)] = d_time
    through_input = None
    if recording.drive is None:
        found = circuit_gradients(
            circuit_tables(circuit),
            recording.trains[0],
            all_spikes,
            d_all,
            slope_clip=slope_clip,
            exponential_slope=exponential_slope,
        )
    else:
        found, through_input = driven_gradients(
            network,
            circuit,
            recording.drive,
            all_spikes,
            d_all,
            slope_clip=slope_clip,
            exponential_slope=exponential_slope,
        )
    groups = [population.name for population in circuit.populations]
    layers = tuple(
        _layer(network, k, name, groups.index(name), unrolled, found, through_input)
        if name is not None and isinstance(network.layers[k - 1].topology, Synapses)
        else None
        for k, name in enumerate(unrolled.names[1:], start=1)
    )
    by_current = None if through_input is None else through_input.current
    return SpikeGradients(layers, found.input_time, found.input_value, by_current)


def _layer(
    network: Network,
    k: int,
    name: str,
    group: int,
    unrolled: NetworkCircuit,
    found: CircuitGradients,
    through_input: InputDriveGradients | None,
) -> LayerGradients:
    """Sum the derivatives by connections and neurons into those of a layer."""
    layer = network.layers[k - 1]
    assert layer.neuron is not None
    assert layer.weight is not None
    assert isinstance(layer.topology, Synapses)
    n_features, n_weights = layer.topology.n_features, layer.weight.size
    by_weight, by_synaptic_delay = np.zeros(n_weights), np.zeros(n_weights)
    by_delay = np.zeros(n_features)
    begin = 0
    for projection, origin in zip(
        unrolled.circuit.projections, unrolled.origins, strict=True
    ):
        part = slice(begin, begin + projection.n_connections)
        begin = part.stop
        if projection.source == name:
            by_delay += np.bincount(origin.feature, found.delay[part], n_features)
        if projection.target == name:
            by_product = found.weight[part] * origin.factor
            by_weight += np.bincount(origin.synapse, by_product, n_weights)
            by_synaptic_delay += np.bincount(
                origin.synapse, found.delay[part], n_weights
            )
    by_scale = 0.0
    if through_input is not None and group == 0:
        by_weight, by_scale = through_input.weight, through_input.scale
    neurons = unrolled.circuit.neurons(name)
    own = slice(neurons.start, neurons.stop)
    return layer_gradients(
        layer,
        by_weight,
        found.theta[own],
        found.drive[own],
        by_delay,
        None if layer.synaptic_delay is None else by_synaptic_delay,
        found.rates[group],
        float(found.refractory[group]) if layer.neuron.refractory else 0.0,
        by_scale,
    )
