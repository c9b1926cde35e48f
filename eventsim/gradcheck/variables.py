"""What a loss is differentiated by: arrays of a network that are varied in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eventsim.engine.spike_gradients import SpikeGradients
from eventsim.network import LAYER_ARRAYS, Layer, Network
from eventsim.neurons import model_of
from eventsim.neurons.constants import RateGradient

TIME_STEP = 0.005
RELATIVE_STEP = 0.5
KINDS = {
    "theta": "thresholds",
    "current": "currents",
    "delay": "axonal delays",
    "synaptic_delay": "synaptic delays",
}
"""Fields of `Layer` and `LayerGradients`, and how they are called in a report."""


@dataclass(frozen=True)
class Variable:
    """Numbers that a loss depends on, and its analytic derivatives by them.

    Parameters
    ----------
    name : str
        A layer's name, ``"input times"``, ``"input currents"`` or a kind of
        parameter.
    values : ndarray, shape (n,)
        Flat view of an array that the probed loss reads; varied in place.
    gradient : ndarray, shape (n,)
        Derivatives.
    free : ndarray, shape (m,), int
        Entries that can move both ways.
    width : float
        First step of a difference.
    rate : float
        Change of a value per unit of the step.
    is_positive : bool
        Whether values must stay above 0.
    """

    name: str
    values: np.ndarray
    gradient: np.ndarray
    free: np.ndarray
    width: float
    rate: float = 1.0
    is_positive: bool = False


@dataclass(frozen=True)
class Constant:
    """A constant of one layer's neurons, kept where it can be varied in place.

    Parameters
    ----------
    k : int
        Layer number from 1.
    name : str
        Field of `Neuron`: a time constant or ``"refractory"``.
    values : ndarray, shape (1,), network time units
        Present value.
    """

    k: int
    name: str
    values: np.ndarray


def own_copy(network: Network) -> Network:
    """Return the network in float64 with arrays that belong to nobody else."""
    layers = tuple(_with_own_arrays(layer) for layer in network.layers)
    return replace(network, layers=layers)


def _with_own_arrays(layer: Layer) -> Layer:
    arrays: dict[str, Any] = {
        name: np.array(getattr(layer, name), np.float64, order="C")
        for name in LAYER_ARRAYS
        if getattr(layer, name) is not None
    }
    return replace(layer, **arrays)


def constants_of(network: Network) -> tuple[Constant, ...]:
    """Return time constants and refractory periods of all layers that have them."""
    found = []
    for k, layer in network.spiking_layers:
        assert layer.neuron is not None
        names = [
            *model_of(layer.neuron).by_time_constants(layer.neuron, RateGradient())
        ]
        if layer.neuron.refractory > 0:
            names.append("refractory")
        found += [
            Constant(k, name, np.array([getattr(layer.neuron, name)], np.float64))
            for name in names
        ]
    return tuple(found)


def with_constants(network: Network, constants: Sequence[Constant]) -> Network:
    """Return the network with the present values of its constants."""
    if not constants:
        return network
    layers = list(network.layers)
    for constant in constants:
        layer = layers[constant.k - 1]
        assert layer.neuron is not None
        change: dict[str, Any] = {constant.name: float(constant.values[0])}
        layers[constant.k - 1] = replace(layer, neuron=replace(layer.neuron, **change))
    return replace(network, layers=tuple(layers))


def weight_variables(
    network: Network, gradients: Sequence[np.ndarray]
) -> list[Variable]:
    """Return the weights of each layer."""
    return [
        _of_any_sign(layer.name, weight.ravel(), gradient.ravel())
        for (_, layer), weight, gradient in zip(
            network.spiking_layers, network.weights, gradients, strict=True
        )
    ]


def input_variable(
    network: Network, activation: np.ndarray, gradient: np.ndarray
) -> Variable:
    """Return the input times, which activations stand for."""
    values = activation.ravel()
    # Spikes at the border of the input window cannot move both ways.
    free = np.flatnonzero((values > 0.01) & (values < 0.99))
    width = TIME_STEP * network.time_window
    rate = -1 / network.time_window
    return Variable("input times", values, gradient.ravel(), free, width, rate)


def current_variable(values: np.ndarray, gradient: np.ndarray) -> Variable:
    """Return the input currents."""
    return _of_any_sign("input currents", values.ravel(), gradient.ravel())


def parameter_variables(
    network: Network, constants: Sequence[Constant], gradients: SpikeGradients
) -> list[Variable]:
    """Return what the layers have besides weights, sorted by kind.

    Delays of 0 cannot move both ways; where all are 0 there are none.
    """
    width, found = TIME_STEP * network.time_window, []
    for field, kind in KINDS.items():
        for layer, by in zip(network.layers, gradients.layers, strict=True):
            array = getattr(layer, field)
            if array is None or by is None:
                continue
            values, gradient = array.ravel(), getattr(by, field).ravel()
            if field in ("delay", "synaptic_delay"):
                free = np.flatnonzero(values > 0)
                found.append(
                    Variable(kind, values, gradient, free, width, is_positive=True)
                )
            else:
                found.append(
                    replace(
                        _of_any_sign(kind, values, gradient),
                        is_positive=field == "theta",
                    )
                )
    for constant in sorted(constants, key=_order_of_kind):
        by = gradients.layers[constant.k - 1]
        assert by is not None
        name = constant.name
        known = {**by.time_constants, "refractory": by.refractory}
        found.append(
            Variable(
                "refractory period" if name == "refractory" else name,
                constant.values,
                np.array([known[name]]),
                np.array([0]),
                width,
                is_positive=True,
            )
        )
    return [variable for variable in found if variable.free.size]


def _of_any_sign(name: str, values: np.ndarray, gradient: np.ndarray) -> Variable:
    size = float(np.sqrt(np.mean(values**2)))
    width = RELATIVE_STEP * size or RELATIVE_STEP
    return Variable(name, values, gradient, np.arange(values.size), width)


def _order_of_kind(constant: Constant) -> tuple[bool, str]:
    return constant.name == "refractory", constant.name
