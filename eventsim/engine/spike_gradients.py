"""Derivatives of a loss on spike times by everything a network is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.engine.gradients import Gradients
from eventsim.engine.layer_dynamics import drive_scale_of
from eventsim.engine.spike_recording import SpikeRecording
from eventsim.errors import ShapeError
from eventsim.network import Layer, Network
from eventsim.neurons import model_of
from eventsim.neurons.constants import RateGradient
from eventsim.neurons.dynamics import Dynamics
from eventsim.spikes import SpikeTrains


@dataclass(frozen=True)
class LayerGradients:
    """Derivatives by the arrays and constants of one layer with neurons.

    Parameters
    ----------
    weight : ndarray, shape ``topology.weight_shape``
        By the weights.
    theta, current, delay : ndarray, shape (n_features,)
        By thresholds, constant input currents and axonal delays, whether the layer
        has such currents and delays or not.
    synaptic_delay : ndarray, shape ``topology.weight_shape``, or None
        By the synaptic delays, if the layer has them.
    time_constants : dict of str to float
        By the time constants of the neuron model, by name. NaN where they were not
        asked for.
    refractory : float
        By the refractory period; 0 if there is none.
    """

    weight: np.ndarray
    theta: np.ndarray
    current: np.ndarray
    delay: np.ndarray
    synaptic_delay: np.ndarray | None
    time_constants: dict[str, float]
    refractory: float


@dataclass(frozen=True)
class SpikeGradients:
    """Derivatives by a whole network and its input.

    Parameters
    ----------
    layers : tuple of LayerGradients or None
        One for each layer of the network; ``None`` for layers without neurons.
    input_time, input_value : ndarray, shape (n_input_spikes,)
        By times and values of the input spikes; 0 where they cause nothing.
    input_current : ndarray, shape (batch, *input shape), or None
        By the input currents, if these are the input and derivatives by them were
        asked for.
    """

    layers: tuple[LayerGradients | None, ...]
    input_time: np.ndarray
    input_value: np.ndarray
    input_current: np.ndarray | None = None

    def for_training(
        self, network: Network, spikes: SpikeTrains, with_input: bool
    ) -> Gradients:
        """Return what a trainer wants to know.

        Parameters
        ----------
        network : Network
            What was differentiated.
        spikes : SpikeTrains
            Its input, at most one spike of each neuron.
        with_input : bool
            Whether input times, or input currents, are wanted.

        Returns
        -------
        Gradients
            In the type of the weights.
        """
        weights = [
            by.weight.astype(layer.weight.dtype, copy=False)
            for by, layer in zip(self.layers, network.layers, strict=True)
            if by is not None and layer.weight is not None
        ]
        if not with_input:
            return Gradients(weights, None)
        if network.input == "currents":
            return Gradients(weights, None, self.input_current)
        by_input = np.zeros((spikes.batch, spikes.n_neurons))
        by_input[spikes.sample, spikes.neuron] = self.input_time
        shape = (spikes.batch, *network.input_shape)
        return Gradients(weights, by_input.reshape(shape))


def layer_gradients(
    layer: Layer,
    weight: np.ndarray,
    theta: np.ndarray,
    drive: np.ndarray,
    delay: np.ndarray,
    synaptic_delay: np.ndarray | None,
    rates: RateGradient,
    refractory: float,
    by_scale_of_inputs: float = 0.0,
) -> LayerGradients:
    """Bring the derivatives that engines find into the terms of a layer.

    Parameters
    ----------
    layer : Layer
        With neurons.
    weight, synaptic_delay : ndarray, shape (n_weights,)
        By flat weights and delays.
    theta, drive : ndarray, shape (n_neurons,) or (n_features,)
        By neuron or by feature.
    delay : ndarray, shape (n_features,)
        By axonal delays.
    rates : RateGradient
        By the constants of the dynamics; its ``drive_scale`` is found here.
    refractory : float
        By the refractory period.
    by_scale_of_inputs : float, default 0
        By the drive scale of currents that are not the layer's own.

    Returns
    -------
    LayerGradients
        Derivatives by the layer's own arrays and constants.
    """
    assert layer.neuron is not None
    assert layer.weight is not None
    by_drive = by_feature(drive, delay.size)
    current = np.zeros(delay.size) if layer.current is None else layer.current
    by_scale = float(current @ by_drive) + by_scale_of_inputs
    rates = rates._replace(drive_scale=by_scale)
    return LayerGradients(
        weight=weight.reshape(layer.weight.shape),
        theta=by_feature(theta, delay.size),
        current=by_drive * drive_scale_of(layer),
        delay=delay,
        synaptic_delay=None
        if synaptic_delay is None
        else synaptic_delay.reshape(layer.weight.shape),
        time_constants=model_of(layer.neuron).by_time_constants(layer.neuron, rates),
        refractory=refractory,
    )


def by_feature(by_neuron: np.ndarray, n_features: int) -> np.ndarray:
    """Sum over the neurons of each unit or channel."""
    return by_neuron.reshape(-1, n_features).sum(axis=0)


def check_slopes(
    where: str, d: Dynamics, slope_clip: float, exponential_slope: float | None
) -> None:
    """Refuse departures from the exact slope that make no sense or do not fit.

    Parameters
    ----------
    where : str
        What the message begins with.
    d : Dynamics
        Constants of the neurons.
    slope_clip : float
        Largest 1/slope.
    exponential_slope : float or None, network time units
        Time constant of the exponential slope.

    Raises
    ------
    ShapeError
        If one of them is not positive, or the neurons keep part of their state at a
        spike and so have no exponential slope.
    """
    if not slope_clip > 0:
        raise ShapeError(
            f"{where}: slope_clip is {slope_clip}; expected a positive number"
        )
    if exponential_slope is None:
        return
    if not 0 < exponential_slope < math.inf:
        raise ShapeError(
            f"{where}: exponential_slope is {exponential_slope}; expected a positive "
            "time"
        )
    if d.kick != 0 or d.recoil != 0 or (d.keep_v, d.drop, d.keep_i) != (0, 0, 0):
        raise ShapeError(
            f"{where}: exponential_slope was asked for with neurons that keep part of "
            "their state at a spike; expected srm_lif"
        )


def check_d_times(
    where: str, recording: SpikeRecording, d_times: Sequence[np.ndarray | None]
) -> None:
    """Refuse derivatives that do not fit the spikes of the layers.

    Raises
    ------
    ShapeError
        If there is not one entry for each layer, or one has another length than the
        layer's spikes.
    """
    n_layers = len(recording.trains) - 1
    if len(d_times) != n_layers:
        raise ShapeError(
            f"{where}: d_times has {len(d_times)} entries; expected {n_layers}, one "
            "for each layer, None where the loss does not depend on its spikes"
        )
    for k, d_time in enumerate(d_times, start=1):
        n_spikes = recording.trains[k].time.size
        if d_time is not None and d_time.shape != (n_spikes,):
            raise ShapeError(
                f"{where}: entry {k - 1} of d_times has shape {d_time.shape}; expected "
                f"({n_spikes},), one number for each spike of layer {k}"
            )


def d_output_spikes(
    recording: SpikeRecording, d_output: np.ndarray
) -> list[np.ndarray | None]:
    """Hand derivatives by first, or by all, output spikes to these spikes.

    Parameters
    ----------
    recording : SpikeRecording
        What was run.
    d_output : ndarray, shape (batch, n_classes) or (n_output_spikes,)
        dL/dt of the first spike of every output neuron, ignored where it is silent;
        or of every spike of the output layer.

    Returns
    -------
    list of ndarray or None
        One entry for each layer.
    """
    last = recording.trains[-1]
    others: list[np.ndarray | None] = [None] * (len(recording.trains) - 2)
    if d_output.ndim == 1:
        return [*others, d_output]
    key = last.key
    _, first = np.unique(key, return_index=True)
    d_time = np.zeros(last.time.size)
    d_time[first] = d_output.reshape(-1)[key[first]]
    return [*others, d_time]
