"""From a configuration to a network with initial weights."""

from __future__ import annotations

import numpy as np

from eventsim.config.schema import (
    Config,
    Conv2dConfig,
    DenseConfig,
    LayerConfig,
    PoolConfig,
)
from eventsim.errors import ConfigError, ShapeError
from eventsim.network import Layer, Network, Neuron
from eventsim.topology import (
    Conv2d,
    Dense,
    EarliestPool,
    Flatten,
    Shape,
    Topology,
)

WEIGHTS_STREAM = 0


def build_network(config: Config, input_shape: Shape, n_classes: int) -> Network:
    """Build the network of a configuration with random weights.

    Weights are normal with variance ``weight_gain / fan_in`` [1]_ and mean
    ``weight_mean / fan_in``, drawn from the seed layer by layer.

    Parameters
    ----------
    config : Config
        What to build.
    input_shape : tuple of int
        Shape of one sample, before bias inputs are added.
    n_classes : int
        Number of classes of the data set.

    Returns
    -------
    Network
        In the configuration's precision.

    Raises
    ------
    ConfigError
        If the layers do not fit together or do not end in `n_classes` units.

    References
    ----------
    .. [1] K. He et al., "Delving deep into rectifiers", ICCV 2015.
    """
    rng = np.random.default_rng([config.seed, WEIGHTS_STREAM])
    spec = config.network
    bias = config.encode.bias_spikes
    if bias:
        if len(input_shape) != 1:
            raise ConfigError(
                f"config: encode.bias_spikes is {bias}; expected 0 for inputs of shape "
                f"{input_shape}, bias inputs exist for flat inputs only"
            )
        input_shape = (input_shape[0] + bias,)
    shape = input_shape
    layers = []
    for k, layer_config in enumerate(spec.layers, start=1):
        try:
            topology = _topology(layer_config, shape)
        except ShapeError as error:
            raise ConfigError(f"config: network.layers.{k - 1}: {error}") from error
        layers.append(_layer(k, topology, config, rng))
        shape = topology.output_shape
    last = layers[-1].topology
    if not isinstance(last, Dense) or last.units != n_classes:
        raise ConfigError(
            f"config: the last entry of network.layers is {last.kind} with output "
            f"shape {last.output_shape}; expected 'dense' with {n_classes} units, one "
            "per class"
        )
    return Network(input_shape, tuple(layers), spec.time_window, spec.readout)


def _topology(config: LayerConfig, shape: Shape) -> Topology:
    if isinstance(config, DenseConfig):
        return Dense(shape, config.units)
    if isinstance(config, Conv2dConfig):
        kernel = config.kernel
        sides = (kernel, kernel) if isinstance(kernel, int) else (kernel[0], kernel[1])
        return Conv2d(shape, config.channels, sides, config.stride, config.padding)
    if isinstance(config, PoolConfig):
        return EarliestPool(shape, config.size, config.stride or config.size)
    return Flatten(shape)


def _layer(
    k: int, topology: Topology, config: Config, rng: np.random.Generator
) -> Layer:
    if not isinstance(topology, Dense | Conv2d):
        return Layer(f"layer_{k} ({topology.kind})", topology)
    training, neuron = config.training, config.network.neuron
    spread = np.sqrt(training.weight_gain / topology.fan_in)
    mean = training.weight_mean / topology.fan_in
    try:
        weight = rng.normal(mean, spread, topology.weight_shape)
    except (MemoryError, ValueError) as error:
        raise ConfigError(
            f"config: network.layers.{k - 1} has weights of shape "
            f"{topology.weight_shape}, more than fit into memory; make it smaller"
        ) from error
    height = neuron.theta if neuron.theta is not None else config.network.time_window
    size = topology.units if isinstance(topology, Dense) else topology.channels
    return Layer(
        name=f"layer_{k} ({topology.kind} {size})",
        topology=topology,
        neuron=Neuron(neuron.model, neuron.threshold),
        weight=weight.astype(config.precision),
        theta=np.full(topology.n_features, height, config.precision),
    )
