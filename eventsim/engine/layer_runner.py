"""How one layer with neurons is run and differentiated: the choice of a sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from eventsim.engine.fan_in import FanIn, fan_in, sparse_fan_in
from eventsim.engine.gathered_recording import GatheredGradients, GatheredRecording
from eventsim.engine.gathered_sweep import (
    MAX_SPIKES,
    GatheredLayer,
    gathered_backward,
    gathered_forward,
)
from eventsim.errors import ShapeError
from eventsim.network import Layer
from eventsim.neurons import model_of
from eventsim.neurons.dynamics import Dynamics
from eventsim.spikes import SpikeTrains
from eventsim.topology import Sparse, Synapses


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


def choose_runner(
    layer: Layer, delay: np.ndarray | None = None, *, with_constants: bool = True
) -> GatheredRunner:
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
    GatheredRunner
        Has ``forward`` and ``backward``.

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
    return GatheredRunner(
        GatheredLayer(
            dynamics_of(layer),
            synapses_of(topology),
            layer.weight.ravel(),
            delay,
            np.tile(layer.theta, repeats),
            np.tile(drive, repeats),
        )
    )


def dynamics_of(layer: Layer) -> Dynamics:
    """Return the constants of a layer's neurons.

    Raises
    ------
    ShapeError
        If the model does not exist or refuses its constants; names the layer.
    """
    assert layer.neuron is not None
    try:
        return model_of(layer.neuron).dynamics(layer.neuron)
    except ShapeError as error:
        raise ShapeError(f"{layer.name}: {error}") from error


def drive_scale_of(layer: Layer) -> float:
    """Return the drive of a layer's neurons per unit of current."""
    assert layer.neuron is not None
    return model_of(layer.neuron).drive_scale(layer.neuron)


@lru_cache(maxsize=16)
def synapses_of(topology: Synapses) -> FanIn:
    """Return the synapses that end at each neuron; slots are flat weight indices."""
    if isinstance(topology, Sparse):
        return sparse_fan_in(
            topology.pre,
            topology.post,
            math.prod(topology.input_shape),
            topology.units,
        )
    return fan_in(topology)


__all__ = [
    "MAX_SPIKES",
    "GatheredRunner",
    "SlopeRule",
    "choose_runner",
    "drive_scale_of",
    "dynamics_of",
    "synapses_of",
]
