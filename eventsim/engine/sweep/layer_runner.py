"""How one layer with neurons is run and differentiated: the choice of a sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eventsim.engine.fan_in import synapses_of
from eventsim.engine.input_currents import by_weights, currents_of
from eventsim.engine.layer_dynamics import drive_scale_of, dynamics_of
from eventsim.engine.sweep import row_sweep
from eventsim.engine.sweep.driven_sweep import (
    DrivenGradients,
    DrivenNeurons,
    driven_backward,
    driven_forward,
)
from eventsim.engine.sweep.gathered_recording import (
    GatheredGradients,
    GatheredRecording,
)
from eventsim.engine.sweep.gathered_sweep import (
    GatheredLayer,
    gathered_backward,
    gathered_forward,
)
from eventsim.engine.sweep.row_layer import RowLayer, runs_as_rows
from eventsim.engine.sweep.row_sweep import RowRecording
from eventsim.network import Layer
from eventsim.spikes import SpikeTrains
from eventsim.topology import Conv2d, Dense, Synapses


@dataclass(frozen=True)
class SlopeRule:
    """Departures from the exact derivative at a threshold crossing.

    Parameters
    ----------
    clip : float, default inf
        Largest 1/slope.
    exponential : float or None, network time units
        Time constant of the exponential slope, see `gathered_backward`.
    """

    clip: float = math.inf
    exponential: float | None = None


@dataclass(frozen=True)
class GatheredRunner:
    """A layer whose neurons gather their arrivals one by one."""

    layer: GatheredLayer

    def forward(
        self, spikes: SpikeTrains, t_end: float, max_spikes: int
    ) -> GatheredRecording:
        """Find the spikes of the layer."""
        return gathered_forward(self.layer, spikes, t_end, max_spikes)

    def backward(
        self,
        spikes: SpikeTrains,
        recording: Any,
        d_time: np.ndarray,
        rule: SlopeRule,
        with_constants: bool,
    ) -> GatheredGradients:
        """Differentiate by everything; thresholds and drives by neuron."""
        return gathered_backward(
            self.layer,
            spikes,
            recording,
            d_time,
            slope_clip=rule.clip,
            exponential_slope=rule.exponential,
            with_rates=with_constants,
        )


@dataclass(frozen=True)
class RowRunner:
    """A layer whose neurons are moved row by row, in the float type of its weights.

    Parameters
    ----------
    layer : RowLayer
        The layer.
    gathered : GatheredLayer
        The same layer, for what rows do not have.
    """

    layer: RowLayer
    gathered: GatheredLayer

    def forward(
        self, spikes: SpikeTrains, t_end: float, max_spikes: int
    ) -> RowRecording:
        """Find the spikes of the layer."""
        return row_sweep.forward(self.layer, spikes, t_end, max_spikes=max_spikes)

    def backward(
        self,
        spikes: SpikeTrains,
        recording: RowRecording,
        d_time: np.ndarray,
        rule: SlopeRule,
        with_constants: bool,
    ) -> GatheredGradients:
        """Differentiate; thresholds and drives of a feature by its first neuron."""
        found = row_sweep.backward(
            self.layer,
            spikes,
            recording,
            d_time,
            slope_clip=rule.clip,
            exponential_slope=rule.exponential,
        )
        n_neurons = recording.spikes.n_neurons
        return replace(
            found,
            theta=_at_first_position(found.theta, n_neurons),
            drive=_at_first_position(found.drive, n_neurons),
        )


def _at_first_position(by_feature: np.ndarray, n_neurons: int) -> np.ndarray:
    by_neuron = np.zeros(n_neurons)
    by_neuron[: by_feature.size] = by_feature
    return by_neuron


@dataclass(frozen=True)
class DrivenRunner:
    """A layer whose inputs are constant currents.

    Parameters
    ----------
    layer : Layer
        The layer.
    values : ndarray, shape (batch, *topology.input_shape)
        Inputs of every sample.
    currents : ndarray, shape (batch, n_neurons)
        What they give to every neuron, its own current not included.
    neurons : DrivenNeurons
        Thresholds, and drives of all currents.
    """

    layer: Layer
    values: np.ndarray
    currents: np.ndarray
    neurons: DrivenNeurons

    def forward(self, t_end: float, max_spikes: int) -> GatheredRecording:
        """Find the spikes of the layer."""
        return driven_forward(self.neurons, t_end, max_spikes)

    def backward(
        self,
        recording: GatheredRecording,
        d_time: np.ndarray,
        rule: SlopeRule,
        with_constants: bool,
    ) -> DrivenGradients:
        """Differentiate by drives, thresholds and constants."""
        found = driven_backward(
            self.neurons,
            recording,
            d_time,
            slope_clip=rule.clip,
            exponential_slope=rule.exponential,
            with_rates=with_constants,
        )
        by_scale = float(np.sum(found.drive * self.currents))
        return replace(found, rates=found.rates._replace(drive_scale=by_scale))

    def by_currents(self, found: DrivenGradients) -> np.ndarray:
        """Return derivatives by the currents of each sample, (batch, n_neurons)."""
        return found.drive * drive_scale_of(self.layer)

    def by_weights(self, found: DrivenGradients) -> np.ndarray:
        """Return derivatives by the weights."""
        return by_weights(self.layer, self.values, self.by_currents(found))


Runner = GatheredRunner | RowRunner


def gathered_layer_of(runner: Runner) -> GatheredLayer:
    """Return the layer that a runner runs, as its neurons gather their arrivals."""
    return runner.gathered if isinstance(runner, RowRunner) else runner.layer


def drive_layer(layer: Layer, values: np.ndarray) -> DrivenRunner:
    """Return what runs a layer that is driven by its inputs.

    Parameters
    ----------
    layer : Layer
        Dense or a convolution, with neurons of a static threshold.
    values : ndarray, shape (batch, *topology.input_shape)
        Inputs, of the weights' float type.

    Returns
    -------
    DrivenRunner
        Works in float64, whatever the type of the weights, but for their sums.

    Raises
    ------
    ShapeError
        If the model refuses its constants, or a current is not finite.
    """
    assert layer.theta is not None
    repeats = layer.n_neurons // layer.theta.size
    currents = currents_of(layer, values).astype(np.float64, copy=False)
    total = currents
    if layer.current is not None:
        total = currents + np.tile(np.asarray(layer.current, np.float64), repeats)
    neurons = DrivenNeurons(
        dynamics_of(layer),
        np.tile(np.asarray(layer.theta, np.float64), repeats),
        total * drive_scale_of(layer),
    )
    return DrivenRunner(layer, values, currents, neurons)


def choose_runner(
    layer: Layer, delay: np.ndarray | None = None, *, with_constants: bool = True
) -> Runner:
    """Return what runs a layer.

    Parameters
    ----------
    layer : Layer
        With neurons of a static threshold.
    delay : ndarray, shape (n_weights,), network time units, or None
        Delay of each synapse, axonal delays included where they are not part of the
        input's times.
    with_constants : bool, default True
        Whether derivatives by time constants, refractory periods and input values
        will be asked for; without them faster kernels may do.

    Returns
    -------
    GatheredRunner or RowRunner
        Has ``forward`` and ``backward``. Rows, unless a synapse has its own delay,
        the model needs gathered arrivals, or constants are asked for.

    Raises
    ------
    ShapeError
        If the model refuses its constants.
    """
    topology = layer.topology
    assert isinstance(topology, Synapses)
    assert layer.weight is not None
    assert layer.theta is not None
    repeats = layer.n_neurons // topology.n_features
    drive = np.zeros(topology.n_features)
    if layer.current is not None:
        drive = layer.current * drive_scale_of(layer)
    d = dynamics_of(layer)
    gathered = GatheredLayer(
        d,
        synapses_of(topology),
        layer.weight.ravel(),
        delay,
        np.tile(layer.theta, repeats),
        np.tile(drive, repeats),
    )
    has_rows = isinstance(topology, Dense | Conv2d) and runs_as_rows(d)
    if with_constants or delay is not None or not has_rows:
        return GatheredRunner(gathered)
    assert isinstance(topology, Dense | Conv2d)
    row = RowLayer(d, topology, layer.weight, layer.theta, drive)
    return RowRunner(row, gathered)
