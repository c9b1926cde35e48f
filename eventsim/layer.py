"""What a layer is: geometry, a neuron model with its constants, arrays.

No behaviour, and nothing here loads Numba.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from eventsim.errors import ShapeError
from eventsim.topology import Synapses, Topology

Threshold = Literal["dynamic", "static"]
Reset = Literal["zero", "subtract"]

THRESHOLDS: tuple[Threshold, ...] = ("dynamic", "static")
RESETS: tuple[Reset, ...] = ("zero", "subtract")

LAYER_ARRAYS = (
    "weight",
    "theta",
    "current",
    "delay",
    "synaptic_delay",
    "weight_step",
)
"""Fields of `Layer` that hold arrays."""


@dataclass(frozen=True)
class Neuron:
    """A neuron model by name, with its constants.

    Which constants a model has is said in its file in ``eventsim.neurons``; it
    refuses the others. ``None`` means "not given".

    Parameters
    ----------
    model : str
        File name in ``eventsim.neurons``, for example ``"lif"``.
    threshold : {"dynamic", "static"}
        ``"static"``: constant in time. ``"dynamic"`` (`relpsp` only): falls from
        ``T_w`` to 0 inside the layer's own window and is infinite elsewhere (Wei et
        al. 2023, Eq. 5).
    tau_m, tau_s : float or None, network time units
        Time constants of the membrane and of the synaptic current.
    tau_r : float or None, network time units
        Time constant of the refractory kernel.
    reset : {"zero", "subtract"} or None
        What a spike does to the membrane potential.
    max_spikes : int or None
        Spikes after which a neuron stays silent for the rest of a run.
    refractory : float, network time units
        Absolute refractory period.
    threshold_factor : float, dimensionless
        The neuron fires at this multiple of theta; the reset subtracts theta.
    refractory_scale : float or None, dimensionless
        Height of the refractory kernel in units of theta.
    """

    model: str = "relpsp"
    threshold: Threshold = "dynamic"
    tau_m: float | None = None
    tau_s: float | None = None
    tau_r: float | None = None
    reset: Reset | None = None
    max_spikes: int | None = None
    refractory: float = 0.0
    threshold_factor: float = 1.0
    refractory_scale: float | None = None


@dataclass(frozen=True)
class Layer:
    """One layer: geometry, and for layers with neurons their constants and weights.

    Parameters
    ----------
    name : str
        Unique, for messages and plots, for example ``"layer_1 (dense 800)"``.
    topology : Dense, Conv2d, Sparse, EarliestPool, AveragePool, Flatten or Dropout
        Geometry.
    neuron : Neuron or None
        ``None`` for layers that only pass spikes on.
    weight : ndarray, shape ``topology.weight_shape``, dimensionless, or None
        Synaptic weights, presynaptic-major.
    theta : ndarray, shape (n_features,), or None
        Firing threshold of each unit or channel, positive. With the dynamic
        threshold it must equal the network's ``time_window`` everywhere.
    current : ndarray, shape (n_features,), or None
        Constant input current of each unit or channel, in the neuron model's units;
        ``None`` = 0.
    delay : ndarray, shape (n_features,), network time units, or None
        How long a spike of each unit or channel takes to leave (axonal delay), not
        negative; ``None`` = 0. Recorded spikes carry the time of firing.
    synaptic_delay : ndarray, shape ``topology.weight_shape``, or None
        Further delay of each synapse, network time units, not negative; ``None`` = 0.
    weight_step : ndarray, shape (n_features,), or None
        Quantised weights are whole multiples of the step of their unit or channel,
        positive; ``None`` = not quantised.
    """

    name: str
    topology: Topology
    neuron: Neuron | None = None
    weight: np.ndarray | None = None
    theta: np.ndarray | None = None
    current: np.ndarray | None = None
    delay: np.ndarray | None = None
    synaptic_delay: np.ndarray | None = None
    weight_step: np.ndarray | None = None

    @property
    def n_neurons(self) -> int:
        """Number of output positions (neurons, or pooled or flattened ones)."""
        return prod(self.topology.output_shape)


def check_layer(layer: Layer, time_window: float) -> None:
    """Refuse a layer with neurons whose arrays and constants do not fit together.

    Parameters
    ----------
    layer : Layer
        With neurons.
    time_window : float, network time units
        Of its network.

    Raises
    ------
    ShapeError
        Naming the layer and what is wrong.
    """
    _check_neuron(layer)
    _check_arrays(layer)
    _check_dynamic_layer(layer, time_window)


def _check_neuron(layer: Layer) -> None:
    neuron = layer.neuron
    if neuron is None or layer.weight is None or layer.theta is None:
        raise ShapeError(
            f"network: {layer.name} needs a neuron, weights and thresholds"
        )
    if neuron.model != "relpsp" and neuron.threshold != "static":
        raise ShapeError(
            f"network: {layer.name} has the neuron model '{neuron.model}' with the "
            f"{neuron.threshold} threshold; expected threshold 'static', only relpsp "
            "has the dynamic one"
        )


def _check_arrays(layer: Layer) -> None:
    topology, weight, theta = layer.topology, layer.weight, layer.theta
    assert isinstance(topology, Synapses)
    assert weight is not None
    assert theta is not None
    per_feature = (topology.n_features,)
    for array, name, shape in (
        (weight, "weights", topology.weight_shape),
        (theta, "thresholds", per_feature),
        (layer.current, "currents", per_feature),
        (layer.delay, "delays", per_feature),
        (layer.synaptic_delay, "synaptic delays", topology.weight_shape),
        (layer.weight_step, "weight steps", per_feature),
    ):
        if array is not None and array.shape != shape:
            raise ShapeError(
                f"network: {layer.name} has {name} of shape {array.shape}; expected "
                f"{shape}"
            )
    if not np.all(np.isfinite(weight)):
        raise ShapeError(f"network: {layer.name} has weights that are not finite")
    if not np.all((theta > 0) & np.isfinite(theta)):
        raise ShapeError(
            f"network: {layer.name} has thresholds that are not positive numbers"
        )
    step = layer.weight_step
    if step is not None and not np.all((step > 0) & np.isfinite(step)):
        raise ShapeError(
            f"network: {layer.name} has weight steps that are not positive numbers"
        )
    if layer.current is not None and not np.all(np.isfinite(layer.current)):
        raise ShapeError(f"network: {layer.name} has currents that are not finite")
    for array, name in (
        (layer.delay, "delays"),
        (layer.synaptic_delay, "synaptic delays"),
    ):
        if array is not None and not np.all((array >= 0) & np.isfinite(array)):
            raise ShapeError(
                f"network: {layer.name} has {name} that are negative or not finite; "
                "expected times from 0 on"
            )


def _check_dynamic_layer(layer: Layer, time_window: float) -> None:
    if layer.neuron is None or layer.neuron.threshold != "dynamic":
        return
    assert layer.theta is not None
    if not np.allclose(layer.theta, time_window, rtol=1e-6, atol=0):
        raise ShapeError(
            f"network: {layer.name} has the dynamic threshold and theta from "
            f"{layer.theta.min()} to {layer.theta.max()}; expected the time window "
            f"{time_window} everywhere"
        )
    for name in ("current", "delay", "synaptic_delay"):
        if getattr(layer, name) is not None:
            raise ShapeError(
                f"network: {layer.name} has the dynamic threshold and a {name}; "
                f"expected none, its inputs come in windows; leave {name} out or use "
                "the static threshold"
            )
