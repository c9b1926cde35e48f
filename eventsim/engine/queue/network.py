"""Queue engine for feed-forward networks: every connection on its own.

The network is unrolled into a circuit, see `eventsim.engine.queue.network_circuit`, and
run event by event. That costs more than the sweep, whose results it confirms; it is
the engine to choose where a run may have far fewer events than neurons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.encode import activations_to_times
from eventsim.engine.buffers import Buffers
from eventsim.engine.gradients import Gradients
from eventsim.engine.input_check import check_activations, check_spikes
from eventsim.engine.layer_dynamics import dynamics_of
from eventsim.engine.neuron_run_kernels import GRAZED
from eventsim.engine.passages import Wave, arrive, average, earliest
from eventsim.engine.queue.circuit_adjoint import CircuitGradients, circuit_gradients
from eventsim.engine.queue.circuit_checks import MAX_EVENTS
from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.engine.queue.fast import QueueRecording, Scheduler, run_circuit
from eventsim.engine.queue.network_circuit import NetworkCircuit, circuit_of
from eventsim.engine.spike_gradients import (
    LayerGradients,
    SpikeGradients,
    check_d_times,
    check_slopes,
    d_output_spikes,
    layer_gradients,
)
from eventsim.engine.spike_recording import SpikeRecording
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.network import READS_POTENTIALS, Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, EarliestPool, Synapses


@dataclass(frozen=True)
class NetworkQueueRecording(SpikeRecording):
    """Spikes of every layer, and of the circuit that the network was unrolled into.

    Parameters
    ----------
    unrolled : NetworkCircuit
        The circuit and what became of the layers.
    queue : QueueRecording
        Spikes of all its neurons.
    """

    unrolled: NetworkCircuit
    queue: QueueRecording

    def kinds(self, k: int) -> np.ndarray:
        """Return what made the neurons of layer `k` fire, for each of its spikes."""
        name = self.unrolled.names[k]
        if name is None:
            raise ShapeError(
                f"queue engine: layer {k} has no neurons; expected one that has"
            )
        return self.queue.kind[self.queue.is_in(name)]


def require_runnable(network: Network) -> None:
    """Refuse a network that this engine cannot run.

    Parameters
    ----------
    network : Network
        Any.

    Raises
    ------
    ShapeError
        If a layer has the dynamic threshold, potentials are read, or an average
        pool is followed by one that passes the earliest spike.
    """
    if network.readout in READS_POTENTIALS:
        raise ShapeError(
            f"queue engine: readout '{network.readout}'; expected 'spike_time' or a "
            "count, a queue knows spikes only; use the window engine"
        )
    circuit_of(network)


def forward_spikes(
    network: Network,
    spikes: SpikeTrains,
    *,
    max_events: int = MAX_EVENTS,
    scheduler: Scheduler = "auto",
) -> NetworkQueueRecording:
    """Find every spike of a batch, up to the network's ``duration``.

    Parameters
    ----------
    network : Network
        Static thresholds.
    spikes : SpikeTrains
        Input of any number of spikes per neuron, values included; times from 0 on.
    max_events : int, default 100 million
        Bound on arrivals plus spikes of one sample.
    scheduler : {"auto", "heap", "delay_window"}
        See `eventsim.engine.queue.fast.run_circuit`.

    Returns
    -------
    NetworkQueueRecording
        Spikes of every layer and what `backward_spikes` needs.

    Raises
    ------
    ShapeError
        If the network cannot be run or the input does not fit it.
    SimulationLimitError
        If a sample has more than `max_events` events; ``partial`` is the recording
        up to there.
    """
    check_spikes(network, spikes)
    first = network.layers[0]
    if isinstance(first.topology, EarliestPool):
        try:
            earliest(spikes, first.topology)
        except ShapeError as error:
            raise ShapeError(f"{first.name}: {error}") from error
    unrolled = circuit_of(network)
    try:
        queue = run_circuit(
            unrolled.circuit,
            spikes,
            t_end=network.duration,
            max_events=max_events,
            scheduler=scheduler,
        )
    except SimulationLimitError as error:
        stopped: Any = error.partial
        partial = _recording(network, spikes, unrolled, stopped)
        raise SimulationLimitError(str(error), partial) from error
    return _recording(network, spikes, unrolled, queue)


def _recording(
    network: Network,
    spikes: SpikeTrains,
    unrolled: NetworkCircuit,
    queue: QueueRecording,
) -> NetworkQueueRecording:
    """Sort the spikes of the circuit by layer; find those that only pass."""
    trains, grazing = [spikes], [0]
    wave = Wave(spikes)
    grazed = np.bincount(
        queue.spikes.neuron[queue.kind == GRAZED], minlength=queue.circuit.n_neurons
    )
    for layer, name in zip(network.layers, unrolled.names[1:], strict=True):
        if name is None:
            if isinstance(layer.topology, AveragePool):
                wave, _ = average(wave, layer.topology)
            trains.append(arrive(wave, network.duration).spikes)
            grazing.append(0)
            continue
        neurons = queue.circuit.neurons(name)
        trains.append(queue.population(name))
        grazing.append(int(grazed[neurons.start : neurons.stop].sum()))
        wave = Wave(trains[-1], layer.delay)
    return NetworkQueueRecording(tuple(trains), tuple(grazing), unrolled, queue)


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
    found = circuit_gradients(
        circuit_tables(circuit),
        recording.trains[0],
        all_spikes,
        d_all,
        slope_clip=slope_clip,
        exponential_slope=exponential_slope,
    )
    groups = [population.name for population in circuit.populations]
    layers = tuple(
        _layer(network, k, name, groups.index(name), unrolled, found)
        if name is not None and isinstance(network.layers[k - 1].topology, Synapses)
        else None
        for k, name in enumerate(unrolled.names[1:], start=1)
    )
    return SpikeGradients(layers, found.input_time, found.input_value)


def _layer(
    network: Network,
    k: int,
    name: str,
    group: int,
    unrolled: NetworkCircuit,
    found: CircuitGradients,
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
    )


def forward(
    network: Network,
    activation: np.ndarray,
    buffers: Buffers | None = None,
    *,
    max_events: int = MAX_EVENTS,
) -> NetworkQueueRecording:
    """Find every spike of a batch of one input spike per neuron.

    Parameters
    ----------
    network : Network
        Static thresholds.
    activation : ndarray, shape (batch, *input shape), dimensionless, in [0, 1]
        Input spikes as activations ``1 - t / T_w``, of the weights' float type.
    buffers : Buffers, optional
        Not used.
    max_events : int, default 100 million
        See `forward_spikes`.

    Returns
    -------
    NetworkQueueRecording
        Spikes of every layer and what `backward` needs.

    Raises
    ------
    ShapeError
        If the network cannot be run, or the input does not fit it or is outside
        [0, 1].
    SimulationLimitError
        See `forward_spikes`.
    """
    check_activations("queue engine", network, activation)
    times = activations_to_times(activation, activation.dtype.type(network.time_window))
    spikes = SpikeTrains.from_first_spikes(times.reshape(len(times), -1))
    return forward_spikes(network, spikes, max_events=max_events)


def backward(
    network: Network,
    recording: NetworkQueueRecording,
    d_output: np.ndarray,
    *,
    d_potential_end: np.ndarray | None = None,
    derivative_clip: float = math.inf,
    slope_clip: float = math.inf,
    exponential_slope: float | None = None,
    with_input: bool = False,
    buffers: Buffers | None = None,
) -> Gradients:
    """Differentiate a loss on the spikes of the output neurons.

    Parameters
    ----------
    network : Network
        The network that made the recording.
    recording : NetworkQueueRecording
        What `forward` returned.
    d_output : ndarray, shape (batch, n_classes) or (n_output_spikes,)
        dL/dt of each output neuron's first spike, ignored where it is silent; or of
        every spike of the output layer.
    d_potential_end : None
        Derivatives of output potentials are the window engine's.
    derivative_clip : float
        Must be ``inf``: it belongs to the dynamic threshold.
    slope_clip, exponential_slope : float
        See `backward_spikes`.
    with_input : bool, default False
        Also return the derivative with respect to the input spike times.
    buffers : Buffers, optional
        Not used.

    Returns
    -------
    Gradients
        Weight gradients, summed over the batch.

    Raises
    ------
    ShapeError
        If an option belongs to another threshold or model.
    """
    if d_potential_end is not None or derivative_clip != math.inf:
        raise ShapeError(
            "queue engine: loss.silence_penalty or derivative_clip with the static "
            "threshold; expected neither, they belong to the dynamic one"
        )
    found = backward_spikes(
        network,
        recording,
        d_output_spikes(recording, d_output),
        slope_clip=slope_clip,
        exponential_slope=exponential_slope,
    )
    return found.for_training(network, recording.trains[0], with_input)
