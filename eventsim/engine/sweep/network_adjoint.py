"""Exact derivatives through all layers of a multi-spike sweep, the last layer first.

Between layers a derivative by an arrival time is one by the firing time it comes
from, and by the axonal delay on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from eventsim.engine.input_currents import by_values, to_network_input
from eventsim.engine.spike_gradients import (
    LayerGradients,
    SpikeGradients,
    check_d_times,
    layer_gradients,
)
from eventsim.engine.sweep.forced_output import with_forced
from eventsim.engine.sweep.forced_spikes import ForcedSpikes
from eventsim.engine.sweep.layer_runner import DrivenRunner, SlopeRule
from eventsim.engine.sweep.recording import SpikeSweepRecording, Step
from eventsim.network import Layer, Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import EarliestPool, Synapses


def backward_spikes(
    network: Network,
    recording: SpikeSweepRecording,
    d_times: Sequence[np.ndarray | None],
    *,
    slope_clip: float = math.inf,
    exponential_slope: float | None = None,
    forced: tuple[ForcedSpikes, np.ndarray] | None = None,
    with_input: bool = True,
) -> SpikeGradients:
    """Differentiate a loss on spike times by everything they depend on.

    Parameters
    ----------
    network : Network
        The network that made the recording.
    recording : SpikeSweepRecording
        What `forward_spikes` returned.
    d_times : sequence of ndarray, shape (n_spikes,), or None
        One entry for each layer: dL/dT of every spike of ``recording.trains[k]``,
        all else fixed; ``None`` where the loss does not depend on them.
    slope_clip : float, default inf
        Largest 1/slope at a threshold crossing; ``inf`` is exact.
    exponential_slope : float or None, network time units
        Time constant of the exponential slope, see
        `eventsim.engine.sweep.gathered_sweep.gathered_backward`; ``None`` is exact.
    forced : ForcedSpikes and ndarray, shape (batch,), or None
        Spikes that `force_output` gave to output neurons, and dL/dT of each.
    with_input : bool, default True
        Whether derivatives by input spikes or currents are wanted: those by currents
        cost extra, and so does an exponential slope of the first layer.

    Returns
    -------
    SpikeGradients
        Exact while no spike appears, vanishes or changes what it is caused by.

    Raises
    ------
    ShapeError
        If the arrays do not fit, or an option does not fit the model.
    """
    check_d_times("sweep engine", recording, d_times)
    rule = SlopeRule(slope_clip, exponential_slope)
    first, _ = next(network.spiking_layers)
    layers: list[LayerGradients | None] = []
    by_current = None
    last = recording.trains[-1]
    d_time, d_value = np.zeros(last.time.size), np.zeros(last.time.size)
    for k in range(len(network.layers), 0, -1):
        layer, step, own = network.layers[k - 1], recording.steps[k - 1], d_times[k - 1]
        if k == first and not with_input:
            rule = SlopeRule(slope_clip)
        if step.runner is None:
            d_time, d_value = _unpass(layer, step, d_time, d_value, own)
            layers.append(None)
            continue
        if isinstance(step.runner, DrivenRunner):
            by_layer, d_currents = _undrive(
                step.runner, step, d_time, own, rule, recording.with_constants
            )
            layers.append(by_layer)
            d_time, d_value = np.empty(0), np.empty(0)
            if with_input:
                d_values = by_values(layer, d_currents)
                by_current = to_network_input(network, d_values, recording.dropout)
            continue
        by_layer, d_time, d_value = _unrun(
            layer,
            step,
            d_time,
            own,
            rule,
            recording.with_constants,
            forced if k == len(network.layers) else None,
        )
        layers.append(by_layer)
    return SpikeGradients(tuple(layers[::-1]), d_time, d_value, by_current)


def _undrive(
    runner: DrivenRunner,
    step: Step,
    d_time: np.ndarray,
    own: np.ndarray | None,
    rule: SlopeRule,
    with_constants: bool,
) -> tuple[LayerGradients, np.ndarray]:
    """Return the gradients of a layer driven by its inputs, and those by its currents.

    `d_time` and `own` as in `_unrun`.
    """
    layer, sent = runner.layer, step.recording.spikes
    total = d_time if own is None else d_time + own
    found = runner.backward(step.recording, total, rule, with_constants)
    gradients = layer_gradients(
        layer,
        runner.by_weights(found),
        found.theta,
        found.drive.sum(axis=0),
        _by_axonal_delay(layer, sent, d_time),
        None,
        found.rates,
        found.refractory,
        found.rates.drive_scale,
    )
    return gradients, runner.by_currents(found)


def _unrun(
    layer: Layer,
    step: Step,
    d_time: np.ndarray,
    own: np.ndarray | None,
    rule: SlopeRule,
    with_constants: bool,
    forced: tuple[ForcedSpikes, np.ndarray] | None,
) -> tuple[LayerGradients, np.ndarray, np.ndarray]:
    """Return a layer's gradients and the derivatives by its input's times and values.

    `d_time` is what the layers behind make of the times at which spikes leave, `own`
    what the loss makes of the times at which they are fired.
    """
    assert step.runner is not None
    assert not isinstance(step.runner, DrivenRunner)
    by_delay = _by_axonal_delay(layer, step.recording.spikes, d_time)
    total = d_time if own is None else d_time + own
    found = step.runner.backward(
        step.arrived, step.recording, total, rule, with_constants
    )
    if forced is not None:
        found = with_forced(step, found, *forced, rule)
    gradients = layer_gradients(
        layer,
        found.weight,
        found.theta,
        found.drive,
        by_delay,
        found.delay,
        found.rates,
        found.refractory,
    )
    n_given = step.given.spikes.time.size
    return (
        gradients,
        _to_origin(found.input_time, step.arrived_from, n_given),
        _to_origin(found.value, step.arrived_from, n_given),
    )


def _by_axonal_delay(layer: Layer, sent: SpikeTrains, d_time: np.ndarray) -> np.ndarray:
    """Return derivatives by the axonal delay of each feature.

    A longer one is the same as firing later, for all but the loss itself.
    """
    assert isinstance(layer.topology, Synapses)
    n_features = layer.topology.n_features
    return np.bincount(sent.neuron % n_features, d_time, n_features)


def _unpass(
    layer: Layer,
    step: Step,
    d_time: np.ndarray,
    d_value: np.ndarray,
    own: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return derivatives by the times and values of what a pool or flatten was given.

    `d_time` and `d_value` are by what it sent on, `own` by what the recording shows.
    """
    assert step.sent_from is not None
    n_arrived, n_given = step.arrived.time.size, step.given.spikes.time.size
    if isinstance(layer.topology, EarliestPool):
        total = d_time if own is None else d_time + own
        by_time = _to_origin(total, step.sent_from, n_arrived)
        by_value = _to_origin(d_value, step.sent_from, n_arrived)
    else:
        by_time, by_value = d_time, d_value
        if own is not None:
            by_time = by_time + _to_origin(own, step.sent_from, n_arrived)
        by_value = by_value * step.factor
    return (
        _to_origin(by_time, step.arrived_from, n_given),
        _to_origin(by_value, step.arrived_from, n_given),
    )


def _to_origin(derivative: np.ndarray, origin: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(origin, derivative, n)
