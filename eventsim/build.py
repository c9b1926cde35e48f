"""From a configuration to a network with initial weights."""

from __future__ import annotations

import numpy as np

from eventsim.config.network_schema import (
    Conv2dConfig,
    DenseConfig,
    DropoutConfig,
    LayerConfig,
    PoolConfig,
)
from eventsim.config.neuron_schema import CONSTANT_FIELDS, NeuronConfig
from eventsim.config.schema import Config
from eventsim.engine.input_currents import require_drivable
from eventsim.errors import ConfigError, ShapeError
from eventsim.network import Layer, Network, Neuron
from eventsim.neurons import model_of
from eventsim.topology import (
    AveragePool,
    Conv2d,
    Dense,
    Dropout,
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
        If the layers do not fit together or do not end in `n_classes` units, or
        the neuron model refuses its constants.

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
    neuron = _neuron(spec.neuron)
    layers = []
    for k, layer_config in enumerate(spec.layers, start=1):
        try:
            topology = _topology(layer_config, shape)
        except ShapeError as error:
            raise ConfigError(f"config: network.layers.{k - 1}: {error}") from error
        layers.append(_layer(k, topology, neuron, config, rng))
        shape = topology.output_shape
    last = layers[-1].topology
    if not isinstance(last, Dense) or last.units != n_classes:
        raise ConfigError(
            f"config: the last entry of network.layers is {last.kind} with output "
            f"shape {last.output_shape}; expected 'dense' with {n_classes} units, one "
            "per class"
        )
    network = Network(
        input_shape,
        tuple(layers),
        spec.time_window,
        spec.readout,
        spec.t_end,
        "currents" if config.encode.coding == "direct" else "spikes",
    )
    try:
        require_drivable("config", network)
    except ShapeError as error:
        raise ConfigError(f"{error}, with encode.coding 'direct'") from error
    return network


def _neuron(config: NeuronConfig) -> Neuron:
    constants = {name: getattr(config, name) for name in CONSTANT_FIELDS}
    neuron = Neuron(config.model, config.threshold, **constants)
    if neuron.threshold == "static":
        try:
            model_of(neuron).dynamics(neuron)
        except ShapeError as error:
            raise ConfigError(f"config: network.neuron: {error}") from error
    return neuron


def _topology(config: LayerConfig, shape: Shape) -> Topology:
    if isinstance(config, DenseConfig):
        return Dense(shape, config.units)
    if isinstance(config, Conv2dConfig):
        kernel = config.kernel
        sides = (kernel, kernel) if isinstance(kernel, int) else (kernel[0], kernel[1])
        return Conv2d(shape, config.channels, sides, config.stride, config.padding)
    if isinstance(config, PoolConfig):
        pool = AveragePool if config.kind == "average" else EarliestPool
        return pool(shape, config.size, config.stride or config.size)
    if isinstance(config, DropoutConfig):
        return Dropout(shape, config.rate)
    return Flatten(shape)


def _layer(
    k: int,
    topology: Topology,
    neuron: Neuron,
    config: Config,
    rng: np.random.Generator,
) -> Layer:
    if not isinstance(topology, Dense | Conv2d):
        return Layer(f"layer_{k} ({topology.kind})", topology)
    training, spec = config.training, config.network
    spread = np.sqrt(training.weight_gain / topology.fan_in)
    mean = training.weight_mean / topology.fan_in
    try:
        weight = rng.normal(mean, spread, topology.weight_shape)
    except (MemoryError, ValueError) as error:
        raise ConfigError(
            f"config: network.layers.{k - 1} has weights of shape "
            f"{topology.weight_shape}, more than fit into memory; make it smaller"
        ) from error
    theta = spec.neuron.theta
    size = topology.units if isinstance(topology, Dense) else topology.channels

    def everywhere(value: float) -> np.ndarray:
        return np.full(topology.n_features, value, config.precision)

    return Layer(
        name=f"layer_{k} ({topology.kind} {size})",
        topology=topology,
        neuron=neuron,
        weight=weight.astype(config.precision),
        theta=everywhere(spec.time_window if theta is None else theta),
        current=everywhere(spec.current) if spec.current else None,
        delay=everywhere(spec.delay) if spec.delay else None,
    )
