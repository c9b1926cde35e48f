r"""Weights of a few bits: a whole number times a step.

With b bits a weight is :math:`W = k\,s` with a whole number k from :math:`-K` to
:math:`K = 2^{b-1} - 1`. These are :math:`2^b - 1` levels (15 with 4 bits); zero is one
of them, so a synapse that is absent stays absent. The lowest code of two's complement,
:math:`-2^{b-1}`, is not used. One step s belongs to a whole layer, or to each unit or
channel.

**Rounding**: :math:`k = \mathrm{round}(w / s)` to the nearest whole number, halves to
the even one, then clipped to :math:`\pm K`.

**Step**: of :math:`s_i = 2^{-i/8} \max|w| / K` with i = 0, ..., 40, the one with the
smallest sum of squared errors; if several have it, the largest. With :math:`s_0`
nothing is clipped; smaller steps give up the largest weights for the many small ones.
Where all weights are zero the step is 1.

Multiplying the weights, thresholds and constant currents of a unit by the same number
changes no spike time, so a chip can hold the whole numbers k and :math:`\theta / s`
(`in_whole_numbers`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from eventsim.errors import ConfigError, ShapeError
from eventsim.network import Layer, Network
from eventsim.topology import Sparse

Per = Literal["layer", "channel"]

FEWEST_BITS, MOST_BITS = 2, 16
N_STEPS, STEPS_PER_OCTAVE = 41, 8
OFF_GRID = 0.01
"""How far a stored weight may be from a whole number of steps: in float32 a product of
15 bits and a step is off by less than half of this."""


def largest_level(bits: int) -> int:
    """Return K, the largest whole number that a weight of so many bits can be.

    Parameters
    ----------
    bits : int
        From 2 to 16: with 1 bit, a symmetric range would hold 0 alone.

    Returns
    -------
    int
        ``2**(bits - 1) - 1``.

    Raises
    ------
    ConfigError
        If `bits` is out of range.
    """
    if not FEWEST_BITS <= bits <= MOST_BITS:
        raise ConfigError(
            f"quantise: bits is {bits}; expected a whole number from {FEWEST_BITS} to "
            f"{MOST_BITS}"
        )
    return 2 ** (bits - 1) - 1


def quantised(network: Network, bits: int, per: Per) -> Network:
    """Round all weights of a network.

    Parameters
    ----------
    network : Network
        With weights of any precision.
    bits : int
        From 2 to 16.
    per : {"layer", "channel"}
        What has a step of its own: every layer, or every unit or channel.

    Returns
    -------
    Network
        The same with rounded weights, and `Layer.weight_step` set. Float types stay.

    Raises
    ------
    ConfigError
        If `bits` is out of range or `per` is none of the two.
    """
    layers = []
    for layer in network.layers:
        if layer.weight is not None:
            step = best_steps(layer, bits, per)
            weight = rounded(layer, step, bits)
            layer = replace(layer, weight=weight, weight_step=step)
        layers.append(layer)
    return replace(network, layers=tuple(layers))


def best_steps(layer: Layer, bits: int, per: Per) -> np.ndarray:
    """Find the steps with the smallest sum of squared errors.

    Parameters
    ----------
    layer : Layer
        With weights.
    bits : int
        From 2 to 16.
    per : {"layer", "channel"}
        What has a step of its own.

    Returns
    -------
    ndarray, shape (n_features,)
        Step of each unit or channel, in the type of the weights; all equal for
        ``"layer"``.
    """
    if per not in get_args(Per):
        raise ConfigError(f"quantise: per is '{per}'; expected layer or channel")
    assert layer.weight is not None
    assert layer.theta is not None
    top = largest_level(bits)
    columns = _by_channel(layer) if per == "channel" else layer.weight.reshape(-1, 1)
    largest = np.abs(columns).max(axis=0, initial=0)
    start = np.where(largest > 0, largest, top) / top
    best, least = start, np.full(start.shape, np.inf)
    for i in range(N_STEPS):
        step = (start * 2 ** (-i / STEPS_PER_OCTAVE)).astype(columns.dtype)
        error = columns - _nearest(columns, step, top)
        total = np.square(error, out=error).sum(axis=0, dtype=np.float64)
        best, least = np.where(total < least, step, best), np.minimum(total, least)
    return np.broadcast_to(best, layer.theta.shape).astype(layer.weight.dtype)


def rounded(layer: Layer, step: np.ndarray, bits: int) -> np.ndarray:
    """Return a layer's weights as the nearest whole numbers times their steps.

    Parameters
    ----------
    layer : Layer
        With weights.
    step : ndarray, shape (n_features,)
        Step of each unit or channel.
    bits : int
        From 2 to 16.

    Returns
    -------
    ndarray
        Shape and type of the weights.
    """
    assert layer.weight is not None
    return _nearest(layer.weight, _by_synapse(layer, step), largest_level(bits))


def whole_numbers_of(layer: Layer) -> np.ndarray:
    """Return the whole numbers k of a layer with steps, shape of its weights.

    Raises
    ------
    ShapeError
        If a weight is not a whole number of steps.
    """
    assert layer.weight is not None
    assert layer.weight_step is not None
    given = layer.weight / _by_synapse(layer, layer.weight_step)
    whole = np.rint(given)
    if not np.all(np.abs(given - whole) <= OFF_GRID):
        raise ShapeError(
            f"network: {layer.name} has weights that are no whole multiples of its "
            "weight_step; expected k * weight_step; leave weight_step out if the "
            "weights were changed"
        )
    return whole


def on_exact_grid(network: Network) -> Network:
    """Return a network with steps in float64, each weight k * step to the last bit."""
    network = network.astype(np.float64)
    weights = [
        layer.weight
        if layer.weight_step is None
        else whole_numbers_of(layer) * _by_synapse(layer, layer.weight_step)
        for layer in network.layers
        if layer.weight is not None
    ]
    return network.with_weights(weights)


def in_whole_numbers(network: Network) -> Network:
    """Return the network as a chip stores it: whole weights, scaled thresholds.

    Parameters
    ----------
    network : Network
        With steps in every layer that has neurons.

    Returns
    -------
    Network
        Weights k; thresholds and constant currents divided by their unit's step. Every
        neuron fires at the same times, up to rounding.

    Raises
    ------
    ShapeError
        If a layer has no steps, or the dynamic threshold: it falls from the time
        window, whatever the scale of the weights.
    """
    layers = []
    for layer in network.layers:
        if layer.neuron is not None:
            if layer.neuron.threshold == "dynamic":
                raise ShapeError(
                    f"network: {layer.name} has the dynamic threshold, which starts at "
                    "the time window and cannot be scaled; expected a static one; keep "
                    "the weights as multiples of their steps"
                )
            layer = _scaled(layer)
        layers.append(layer)
    return replace(network, layers=tuple(layers))


def _scaled(layer: Layer) -> Layer:
    step = layer.weight_step
    if step is None:
        raise ShapeError(
            f"network: {layer.name} has no weight_step; expected quantised weights; "
            "make them with 'eventsim quantise'"
        )
    return replace(
        layer,
        weight=whole_numbers_of(layer),
        theta=layer.theta / step,
        current=None if layer.current is None else layer.current / step,
        weight_step=np.ones_like(step),
    )


def _nearest(weight: np.ndarray, step: np.ndarray, top: int) -> np.ndarray:
    level = weight / step
    np.rint(level, out=level)
    np.clip(level, -top, top, out=level)
    return np.multiply(level, step, out=level)


def _by_synapse(layer: Layer, values: np.ndarray) -> np.ndarray:
    """Spread values of units or channels over the weights."""
    topology = layer.topology
    return values[topology.post] if isinstance(topology, Sparse) else values


def _by_channel(layer: Layer) -> np.ndarray:
    """Return the weights with a column for each unit or channel; missing ones are 0."""
    topology, weight = layer.topology, layer.weight
    assert weight is not None
    if not isinstance(topology, Sparse):
        return weight.reshape(-1, weight.shape[-1])
    order = np.argsort(topology.post, kind="stable")
    unit = topology.post[order]
    first = np.searchsorted(unit, np.arange(topology.units))
    place = np.arange(order.size) - first[unit]
    table = np.zeros((place.max(initial=0) + 1, topology.units), weight.dtype)
    table[place, unit] = weight[order]
    return table
