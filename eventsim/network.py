"""What a network is: records of geometry, constants and weights. No behaviour.

The engines read these records; the model file stores them. Nothing here loads
Numba, so the hardware model can use them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from eventsim.errors import ShapeError
from eventsim.layer import (
    LAYER_ARRAYS,
    RESETS,
    THRESHOLDS,
    Layer,
    Neuron,
    check_layer,
)
from eventsim.topology import AveragePool, Dropout, Shape

__all__ = [
    "INPUTS",
    "LAYER_ARRAYS",
    "READOUTS",
    "READS_ALL_SPIKES",
    "READS_POTENTIALS",
    "RESETS",
    "THRESHOLDS",
    "Layer",
    "Network",
    "Neuron",
]

Readout = Literal[
    "spike_time", "spike_count", "weighted_count", "potential_start", "potential_end"
]
Input = Literal["spikes", "currents"]

READOUTS: tuple[Readout, ...] = (
    "spike_time",
    "spike_count",
    "weighted_count",
    "potential_start",
    "potential_end",
)
INPUTS: tuple[Input, ...] = ("spikes", "currents")
READS_POTENTIALS = ("potential_start", "potential_end")
"""Readouts of a potential, which ask for the dynamic threshold."""
READS_ALL_SPIKES = ("spike_count", "weighted_count")
"""Readouts of all output spikes, which ask for the static threshold."""


@dataclass(frozen=True)
class Network:
    """A feed-forward network.

    Parameters
    ----------
    input_shape : tuple of int
        ``(n,)`` or ``(height, width, channels)``.
    layers : tuple of Layer
        In order from the input; the input itself is layer 0 and is not listed.
    time_window : float, network time units
        ``T_w``, the length of a layer's firing window, positive.
    readout : str
        What the class scores are read from. ``"spike_time"``: the output layer's
        first spikes; ``"spike_count"``: the number of its spikes;
        ``"weighted_count"``: the same, a spike at t counting ``1.1 - 0.1 t /
        duration``; ``"potential_start"``, ``"potential_end"``: its membrane potential
        at the start or the end of its window.
    t_end : float or None, network time units
        End of a run, positive; spikes at ``t_end`` count. ``None``: the end of the
        last window. Dynamic thresholds have windows, so it must be ``None`` there.
    input : {"spikes", "currents"}
        What the first layer is given: spikes, or one constant current from each
        input neuron, which acts with its weights for the whole run (direct coding).

    Raises
    ------
    ShapeError
        If layers, arrays and constants do not fit together.
    """

    input_shape: Shape
    layers: tuple[Layer, ...]
    time_window: float = 1.0
    readout: Readout = "spike_time"
    t_end: float | None = None
    input: Input = "spikes"

    def __post_init__(self) -> None:
        if not self.layers or self.layers[-1].neuron is None:
            raise ShapeError(
                "network: the last layer must be 'dense', 'conv2d' or 'sparse', got "
                f"{self.layers[-1].topology.kind if self.layers else 'no layers'}"
            )
        if not (0 < self.time_window < float("inf")):
            raise ShapeError(
                f"network: the time window is {self.time_window}; expected a positive "
                "number"
            )
        shape = self.input_shape
        for layer in self.layers:
            if layer.topology.input_shape != shape:
                raise ShapeError(
                    f"network: {layer.name} expects input of shape "
                    f"{layer.topology.input_shape}, the layer before gives {shape}"
                )
            if layer.topology.has_neurons:
                check_layer(layer, self.time_window)
            shape = layer.topology.output_shape
        _check_end(self)
        if self.has_dynamic_thresholds:
            _check_windows(self)

    @property
    def has_dynamic_thresholds(self) -> bool:
        """Whether any layer has the dynamic threshold, and so firing windows."""
        return any(
            layer.neuron is not None and layer.neuron.threshold == "dynamic"
            for layer in self.layers
        )

    @property
    def spiking_layers(self) -> Iterator[tuple[int, Layer]]:
        """Pairs of (layer number from 1, layer) that hold neurons."""
        return (
            (k, layer)
            for k, layer in enumerate(self.layers, start=1)
            if layer.neuron is not None
        )

    @property
    def n_spiking_layers(self) -> int:
        """Number of layers with neurons; each owns one firing window."""
        return sum(layer.neuron is not None for layer in self.layers)

    @property
    def n_neurons(self) -> int:
        """Neurons of all layers with weights; input and pools are not counted."""
        return sum(layer.n_neurons for _, layer in self.spiking_layers)

    @property
    def n_classes(self) -> int:
        """Number of output neurons."""
        return self.layers[-1].n_neurons

    @property
    def duration(self) -> float:
        """Network time at which every decision has been taken.

        ``t_end`` if it is set, else the end of the output layer's firing window, or
        its start if the readout is the potential there.
        """
        if self.t_end is not None:
            return self.t_end
        n_windows = self.n_spiking_layers + (self.readout != "potential_start")
        return n_windows * self.time_window

    def window_number(self, k: int) -> int:
        """Return the number of layers with neurons among the first `k` layers.

        With dynamic thresholds, layer `k` passes its spikes in the window that
        starts at ``window_number(k) * time_window``; 0 is the input's window.
        """
        return sum(layer.neuron is not None for layer in self.layers[:k])

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return sum(weight.size for weight in self.weights)

    @property
    def weights(self) -> list[np.ndarray]:
        """Weight arrays of the layers with neurons, in order, not copied."""
        return [layer.weight for layer in self.layers if layer.weight is not None]

    @property
    def trained_arrays(self) -> list[np.ndarray]:
        """All weights, all thresholds, then weight steps if any; not copied."""
        thetas = [layer.theta for layer in self.layers if layer.theta is not None]
        steps = [layer.weight_step for layer in self.layers]
        return [*self.weights, *thetas, *(step for step in steps if step is not None)]

    def with_arrays(self, arrays: list[np.ndarray]) -> Network:
        """Return the same network with other arrays, in order of `trained_arrays`."""
        n = self.n_spiking_layers
        pairs = iter(zip(arrays[:n], arrays[n : 2 * n], strict=True))
        steps = iter(arrays[2 * n :])
        layers = []
        for layer in self.layers:
            if layer.weight is not None:
                weight, theta = next(pairs)
                step = None if layer.weight_step is None else next(steps)
                layer = replace(layer, weight=weight, theta=theta, weight_step=step)
            layers.append(layer)
        return replace(self, layers=tuple(layers))

    def with_weights(self, weights: list[np.ndarray]) -> Network:
        """Return the same network with other weight arrays, in the same order."""
        thetas = self.trained_arrays[len(weights) :]
        return self.with_arrays([*weights, *thetas])

    def astype(self, dtype: np.typing.DTypeLike) -> Network:
        """Return a copy with all arrays of the layers in another float type."""
        layers = tuple(_in_type(layer, dtype) for layer in self.layers)
        return replace(self, layers=layers)


def _in_type(layer: Layer, dtype: np.typing.DTypeLike) -> Layer:
    arrays: dict[str, Any] = {
        name: np.ascontiguousarray(getattr(layer, name), dtype=dtype)
        for name in LAYER_ARRAYS
        if getattr(layer, name) is not None
    }
    return replace(layer, **arrays) if arrays else layer


def _check_end(network: Network) -> None:
    if network.t_end is not None and not (0 < network.t_end < float("inf")):
        raise ShapeError(
            f"network: t_end is {network.t_end}; expected a positive number"
        )
    last = network.layers[-1]
    assert last.neuron is not None
    if network.readout in READS_POTENTIALS and last.neuron.model != "relpsp":
        raise ShapeError(
            f"network: readout '{network.readout}' of {last.name}, whose neuron model "
            f"is '{last.neuron.model}'; expected 'spike_time' or a count, "
            "potentials are read with the dynamic threshold only"
        )


def _check_windows(network: Network) -> None:
    """Refuse what has no meaning in a network with dynamic thresholds."""
    if network.t_end is not None:
        raise ShapeError(
            f"network: t_end is {network.t_end} in a network with dynamic thresholds; "
            "expected none, the run ends with the last window; leave it out"
        )
    if network.readout in READS_ALL_SPIKES:
        raise ShapeError(
            f"network: readout '{network.readout}' in a network with dynamic "
            "thresholds, whose neurons fire once; expected 'spike_time' or a potential"
        )
    if network.input == "currents":
        raise ShapeError(
            "network: input 'currents' in a network with dynamic thresholds; expected "
            "'spikes', these have windows; use the static threshold"
        )
    for layer in network.layers:
        if isinstance(layer.topology, AveragePool | Dropout):
            raise ShapeError(
                f"network: {layer.name} scales spikes in a network with dynamic "
                "thresholds; expected 'pool' or 'flatten', which pass them as they are"
            )
