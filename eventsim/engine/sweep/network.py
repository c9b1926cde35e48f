"""Sweep engine for any number of spikes: layer after layer, exact both ways.

It runs networks of static thresholds with every neuron model, constant currents,
delays, graded inputs and pools. A layer is run by one of the layer sweeps, see
`eventsim.engine.sweep.layer_runner`; what lies between layers with neurons is index
arithmetic, see `eventsim.engine.passages`.

Memory is that of the spikes: each is stored once, as a time and a neuron number,
with what its derivative needs beside it.
"""

from __future__ import annotations

import math

import numpy as np

from eventsim.dropout import Masks, masks_of
from eventsim.encode import activations_to_times
from eventsim.engine.buffers import Buffers
from eventsim.engine.gradients import Gradients
from eventsim.engine.input_check import check_activations, check_spikes
from eventsim.engine.input_currents import (
    before_first_neurons,
    check_input,
    no_spikes,
    require_drivable,
)
from eventsim.engine.layer_dynamics import dynamics_of
from eventsim.engine.passages import (
    Wave,
    arrive,
    average,
    drop,
    earliest,
    require_whole_spikes,
    scale_of,
)
from eventsim.engine.spike_gradients import d_output_spikes
from eventsim.engine.sweep.forced_spikes import ForcedSpikes
from eventsim.engine.sweep.gathered_sweep import MAX_SPIKES
from eventsim.engine.sweep.layer_runner import choose_runner, drive_layer
from eventsim.engine.sweep.network_adjoint import backward_spikes
from eventsim.engine.sweep.recording import SpikeSweepRecording, Step
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.network import READS_POTENTIALS, Layer, Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Dropout, EarliestPool, Synapses

__all__ = [
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
        If a layer has the dynamic threshold, a model refuses its constants, an
        average pool or dropout is followed by a pool that passes the earliest spike,
        potentials are read, or input currents cannot be passed on.
    """
    for layer in network.layers:
        if layer.neuron is not None and layer.neuron.threshold == "dynamic":
            raise ShapeError(
                f"sweep engine: {layer.name} has the dynamic threshold beside layers "
                "that need more than one exact spike per neuron; expected the static "
                "threshold in all layers"
            )
        if layer.neuron is not None:
            dynamics_of(layer)
    require_whole_spikes("sweep engine", network)
    if network.readout in READS_POTENTIALS:
        raise ShapeError(
            f"sweep engine: readout '{network.readout}' of {network.layers[-1].name}, "
            "which has a static threshold; expected 'spike_time' or a count"
        )
    require_drivable("sweep engine", network)


def forward_spikes(
    network: Network,
    spikes: SpikeTrains | None,
    *,
    currents: np.ndarray | None = None,
    dropout: Masks | None = None,
    max_spikes: int = MAX_SPIKES,
    with_constants: bool = True,
) -> SpikeSweepRecording:
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
    dropout : sequence of ndarray or None
        What dropout layers keep, see `eventsim.dropout.draw_masks`; None: everything,
        as it is.
    max_spikes : int, default 50 million
        Bound on the spikes of a layer, all samples together.
    with_constants : bool, default True
        Whether derivatives by time constants, refractory periods and input values
        will be asked for.

    Returns
    -------
    SpikeSweepRecording
        Spikes of every layer and what `backward_spikes` needs.

    Raises
    ------
    ShapeError
        If the network cannot be run or the input does not fit it.
    SimulationLimitError
        If a layer has more spikes than `max_spikes`; ``partial`` holds the spikes of
        the layers before it.
    """
    require_runnable(network)
    check_input("sweep engine", network, spikes, currents)
    masks = masks_of(network, dropout)
    values = None
    if currents is not None:
        values = before_first_neurons(network, currents, masks)
        spikes = no_spikes(len(currents), math.prod(network.input_shape))
    assert spikes is not None
    check_spikes(network, spikes)
    trains, grazing, steps = [spikes], [0], []
    wave = Wave(spikes)
    for layer, kept in zip(network.layers, masks, strict=True):
        if isinstance(layer.topology, Synapses):
            try:
                if values is not None:
                    step = _drive(layer, wave, values, network.duration, max_spikes)
                    values = None
                else:
                    step = _run(
                        layer, wave, network.duration, max_spikes, with_constants
                    )
            except SimulationLimitError as error:
                raise SimulationLimitError(
                    f"{layer.name}: {error}", partial=tuple(trains)
                ) from error
            sent = step.recording.spikes
            wave = Wave(sent, layer.delay)
            grazing.append(step.recording.n_grazing)
        else:
            step, wave, sent = _pass(layer, wave, network.duration, kept)
            grazing.append(0)
        trains.append(sent)
        steps.append(step)
    return SpikeSweepRecording(
        tuple(trains), tuple(grazing), tuple(steps), with_constants, masks
    )


def _run(
    layer: Layer, wave: Wave, t_end: float, max_spikes: int, with_constants: bool
) -> Step:
    if layer.synaptic_delay is None:
        passed = arrive(wave, t_end)
        arrived, origin, delay = passed.spikes, passed.origin, None
    else:
        # One sum of both delays, so that times do not depend on the engine.
        arrived, origin = wave.spikes, np.arange(wave.spikes.time.size)
        delay = np.asarray(layer.synaptic_delay, np.float64).ravel()
        if wave.delay is not None:
            delay = delay + _axonal_delay_of_weights(layer, wave.delay)
    runner = choose_runner(layer, delay, with_constants=with_constants)
    recording = runner.forward(arrived, t_end, max_spikes)
    return Step(wave, arrived, origin, runner=runner, recording=recording)


def _drive(
    layer: Layer, wave: Wave, values: np.ndarray, t_end: float, max_spikes: int
) -> Step:
    """Run the first layer with neurons, whose inputs are currents."""
    runner = drive_layer(layer, values)
    recording = runner.forward(t_end, max_spikes)
    nothing = np.empty(0, np.int64)
    return Step(wave, wave.spikes, nothing, runner=runner, recording=recording)


def _axonal_delay_of_weights(layer: Layer, delay: np.ndarray) -> np.ndarray:
    """Return the axonal delay before each weight; features are last in maps."""
    topology = layer.topology
    assert isinstance(topology, Synapses)
    if hasattr(topology, "pre"):
        source = topology.pre
    elif hasattr(topology, "kernel"):
        shape = topology.weight_shape
        source = np.broadcast_to(np.arange(shape[2])[:, None], shape).ravel()
    else:
        source = np.repeat(np.arange(topology.weight_shape[0]), topology.units)
    return np.asarray(delay, np.float64)[source % delay.size]


def _pass(
    layer: Layer, wave: Wave, t_end: float, kept: np.ndarray | None
) -> tuple[Step, Wave, SpikeTrains]:
    """Let spikes through a layer without neurons; `kept` is what dropout keeps.

    Returns what was done, the spikes that go on, and how they look from outside.
    """
    topology = layer.topology
    if isinstance(topology, EarliestPool):
        arrived = arrive(wave, t_end)
        try:
            passed = earliest(arrived.spikes, topology)
        except ShapeError as error:
            raise ShapeError(f"{layer.name}: {error}") from error
        step = Step(wave, arrived.spikes, arrived.origin, passed.origin)
        return step, Wave(passed.spikes), passed.spikes
    sent, origin, factor = wave, np.arange(wave.spikes.time.size), 1.0
    if isinstance(topology, AveragePool):
        sent, origin = average(wave, topology)
        factor = scale_of(topology)
    elif isinstance(topology, Dropout) and kept is not None:
        sent, origin = drop(wave, topology, kept)
        factor = scale_of(topology)
    seen = arrive(sent, t_end)
    step = Step(wave, sent.spikes, origin, seen.origin, factor)
    return step, sent, seen.spikes


def forward(
    network: Network,
    activation: np.ndarray,
    buffers: Buffers | None = None,
    *,
    dropout: Masks | None = None,
) -> SpikeSweepRecording:
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
    dropout : sequence of ndarray or None
        See `forward_spikes`.

    Returns
    -------
    SpikeSweepRecording
        Spikes of every layer and what `backward` needs.

    Raises
    ------
    ShapeError
        If the network cannot be run, or the input does not fit it: activations
        outside [0, 1], currents that are not finite.
    """
    if network.input == "currents":
        return forward_spikes(
            network, None, currents=activation, dropout=dropout, with_constants=False
        )
    check_activations("sweep engine", network, activation)
    times = activations_to_times(activation, activation.dtype.type(network.time_window))
    spikes = SpikeTrains.from_first_spikes(times.reshape(len(times), -1))
    return forward_spikes(network, spikes, dropout=dropout, with_constants=False)


def backward(
    network: Network,
    recording: SpikeSweepRecording,
    d_output: np.ndarray,
    *,
    d_potential_end: np.ndarray | None = None,
    derivative_clip: float = math.inf,
    slope_clip: float = math.inf,
    exponential_slope: float | None = None,
    with_input: bool = False,
    forced: tuple[ForcedSpikes, np.ndarray] | None = None,
    buffers: Buffers | None = None,
) -> Gradients:
    """Differentiate a loss on the spikes of the output neurons.

    Parameters
    ----------
    network : Network
        The network that made the recording.
    recording : SpikeSweepRecording
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
    forced : ForcedSpikes and ndarray, shape (batch,), or None
        Supervisory spikes of `force_output`, and dL/dT of each.
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
            "sweep engine: loss.silence_penalty or derivative_clip with the static "
            "threshold; expected neither, they belong to the dynamic one"
        )
    found = backward_spikes(
        network,
        recording,
        d_output_spikes(recording, d_output),
        slope_clip=slope_clip,
        exponential_slope=exponential_slope,
        forced=forced,
        with_input=with_input,
    )
    return found.for_training(network, recording.trains[0], with_input)
