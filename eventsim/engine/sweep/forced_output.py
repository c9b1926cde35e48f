"""Supervisory spikes of a network's output layer: who may have them, where they go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eventsim.engine.layer_dynamics import dynamics_of
from eventsim.engine.neuron_adjoint_kernels import Rule
from eventsim.engine.sweep.forced_spikes import (
    ForcedSpikes,
    backward_forced,
    force_spikes,
    require_forcible,
)
from eventsim.engine.sweep.gathered_recording import GatheredGradients
from eventsim.engine.sweep.layer_runner import (
    DrivenRunner,
    SlopeRule,
    gathered_layer_of,
)
from eventsim.engine.sweep.recording import SpikeSweepRecording, Step
from eventsim.errors import ShapeError
from eventsim.network import Network


def require_supervisable(network: Network) -> None:
    """Refuse a network whose output neurons cannot be given supervisory spikes.

    Parameters
    ----------
    network : Network
        One that the sweep can run.

    Raises
    ------
    ShapeError
        If input currents drive the output neurons, or their model has a refractory
        kernel or instantaneous synapses.
    """
    layers = [layer for _, layer in network.spiking_layers]
    output = layers[-1]
    if network.input == "currents" and len(layers) == 1:
        raise ShapeError(
            f"supervisory spike: {output.name}, the output, is driven by input "
            "currents; expected a layer with neurons before it; leave "
            "training.supervisory_spike out"
        )
    require_forcible(dynamics_of(output))


def force_output(
    network: Network,
    recording: SpikeSweepRecording,
    labels: np.ndarray,
    *,
    least_rise: float,
    only_if_silent: bool,
) -> ForcedSpikes:
    """Let the label's output neuron of each sample fire where its potential rises.

    Parameters
    ----------
    network : Network
        The network that made the recording.
    recording : SpikeSweepRecording
        What `forward` returned.
    labels : ndarray, shape (batch,), int
        The neuron of each sample.
    least_rise : float, thresholds per run
        Least slope of the potential there, positive.
    only_if_silent : bool
        Leave neurons alone that fire by themselves.

    Returns
    -------
    ForcedSpikes
        For the loss and for `backward_spikes`.

    Raises
    ------
    ShapeError
        As `require_supervisable`, or if `labels` does not name an output neuron for
        each sample.
    """
    require_supervisable(network)
    step = recording.steps[-1]
    assert step.runner is not None
    assert not isinstance(step.runner, DrivenRunner)
    return force_spikes(
        gathered_layer_of(step.runner),
        step.arrived,
        step.recording.spikes,
        labels,
        network.duration,
        least_rise=least_rise,
        only_if_silent=only_if_silent,
    )


def with_forced(
    step: Step,
    found: GatheredGradients,
    forced: ForcedSpikes,
    d_forced: np.ndarray,
    rule: SlopeRule,
) -> GatheredGradients:
    """Add what a loss on forced spikes gives to a layer's gradients.

    Parameters
    ----------
    step : Step
        How the layer ran; not driven by input currents.
    found : GatheredGradients
        Its gradients from its own spikes.
    forced : ForcedSpikes
        From `force_output`.
    d_forced : ndarray, shape (batch,)
        dL/dT of each.
    rule : SlopeRule
        Options of the derivative at a crossing.

    Returns
    -------
    GatheredGradients
        The sum of both.
    """
    assert step.runner is not None
    assert not isinstance(step.runner, DrivenRunner)
    more = backward_forced(
        gathered_layer_of(step.runner),
        step.arrived,
        step.recording.spikes,
        forced,
        d_forced,
        Rule(float(rule.clip), float(rule.exponential or 0), False),
    )
    return replace(
        found,
        weight=found.weight + more.weight.reshape(found.weight.shape),
        drive=found.drive + more.drive,
        input_time=found.input_time + more.input_time,
        value=found.value + more.value,
    )
