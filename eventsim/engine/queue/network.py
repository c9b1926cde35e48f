"""Queue engine for feed-forward networks: every connection on its own.

The network is unrolled into a circuit, see `eventsim.engine.queue.network_circuit`, and
run event by event. That costs more than the sweep, whose results it confirms; it is
the engine to choose where a run may have far fewer events than neurons.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eventsim.encode import activations_to_times
from eventsim.engine.buffers import Buffers
from eventsim.engine.gradients import Gradients
from eventsim.engine.input_check import check_activations, check_spikes
from eventsim.engine.input_currents import (
    check_input,
    no_spikes,
    require_drivable,
)
from eventsim.engine.neuron_run_kernels import GRAZED
from eventsim.engine.passages import (
    Wave,
    arrive,
    average,
    earliest,
    require_whole_spikes,
)
from eventsim.engine.queue.circuit_checks import MAX_EVENTS
from eventsim.engine.queue.driven_circuit import InputDrive, input_drive
from eventsim.engine.queue.fast import QueueRecording, Scheduler, run_circuit
from eventsim.engine.queue.network_adjoint import (
    NetworkQueueRecording,
    backward_spikes,
)
from eventsim.engine.queue.network_circuit import NetworkCircuit, circuit_of
from eventsim.engine.spike_gradients import d_output_spikes
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.network import READS_POTENTIALS, Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, EarliestPool

__all__ = [
    "NetworkQueueRecording",
    "backward",
    "backward_spikes",
    "forward",
    "forward_spikes",
    "require_runnable",
]


def require_runnable(network: Network) -> None:
    """Refuse a network that this engine cannot run.

    Parameters
    ----------
    network : Network
        Any.

    Raises
    ------
    ShapeError
        If a layer has the dynamic threshold, potentials are read, an average pool is
        followed by one that passes the earliest spike, or input currents cannot be
        passed on.
    """
    require_drivable("queue engine", network)
    require_whole_spikes("queue engine", network)
    if network.readout in READS_POTENTIALS:
        raise ShapeError(
            f"queue engine: readout '{network.readout}'; expected 'spike_time' or a "
            "count, a queue knows spikes only; use the window engine"
        )
    circuit_of(network)


def forward_spikes(
    network: Network,
    spikes: SpikeTrains | None,
    *,
    currents: np.ndarray | None = None,
    max_events: int = MAX_EVENTS,
    scheduler: Scheduler = "auto",
) -> NetworkQueueRecording:
    """Find every spike of a batch, up to the network's ``duration``.

    Parameters
    ----------
    network : Network
        Static thresholds.
    spikes : SpikeTrains or None
        Input of any number of spikes per neuron, values included; times from 0 on.
        None or without any spike if currents are the input.
    currents : ndarray, shape (batch, *input shape), or None
        Input currents, for networks whose input they are.
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
    require_drivable("queue engine", network)
    check_input("queue engine", network, spikes, currents)
    unrolled, drive = circuit_of(network), None
    if currents is not None:
        drive = input_drive(network, unrolled.circuit, currents)
        spikes = no_spikes(len(currents), math.prod(network.input_shape))
    assert spikes is not None
    check_spikes(network, spikes)
    first = network.layers[0]
    if isinstance(first.topology, EarliestPool):
        try:
            earliest(spikes, first.topology)
        except ShapeError as error:
            raise ShapeError(f"{first.name}: {error}") from error
    try:
        queue = run_circuit(
            unrolled.circuit,
            spikes,
            t_end=network.duration,
            currents=None if drive is None else drive.currents,
            max_events=max_events,
            scheduler=scheduler,
        )
    except SimulationLimitError as error:
        stopped: Any = error.partial
        partial = _recording(network, spikes, unrolled, stopped, drive)
        raise SimulationLimitError(str(error), partial) from error
    return _recording(network, spikes, unrolled, queue, drive)


def _recording(
    network: Network,
    spikes: SpikeTrains,
    unrolled: NetworkCircuit,
    queue: QueueRecording,
    drive: InputDrive | None,
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
    return NetworkQueueRecording(tuple(trains), tuple(grazing), unrolled, queue, drive)


def forward(
    network: Network,
    activation: np.ndarray,
    buffers: Buffers | None = None,
    *,
    max_events: int = MAX_EVENTS,
) -> NetworkQueueRecording:
    """Find every spike of a batch of one input spike, or current, per neuron.

    Parameters
    ----------
    network : Network
        Static thresholds.
    activation : ndarray, shape (batch, *input shape), dimensionless
        Input spikes as activations ``1 - t / T_w`` in [0, 1]; or input currents, any
        numbers. Of the weights' float type.
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
        If the network cannot be run, or the input does not fit it: activations
        outside [0, 1], currents that are not finite.
    SimulationLimitError
        See `forward_spikes`.
    """
    if network.input == "currents":
        return forward_spikes(network, None, currents=activation, max_events=max_events)
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
        Also return the derivative with respect to the input spike times, or to the
        input currents.
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
