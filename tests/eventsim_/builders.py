"""Small networks for tests, and the same networks in the oracle's words."""

import numpy as np
import oracles

from eventsim.network import Layer, Network, Neuron
from eventsim.topology import Conv2d, Dense, EarliestPool, Flatten


def conv(channels, kernel=3, stride=1, padding=0):
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    return lambda shape: Conv2d(shape, channels, sides, stride, padding)


def dense(units):
    return lambda shape: Dense(shape, units)


def pool(size=2, stride=None):
    return lambda shape: EarliestPool(shape, size, stride or size)


def flatten():
    return Flatten


def build(
    input_shape,
    parts,
    *,
    weights,
    threshold="dynamic",
    theta=0.3,
    time_window=1.0,
    readout="spike_time",
    dtype=np.float64,
    t_end=None,
):
    """Build a network; `weights(topology, number)` gives each layer's weights.

    `theta` is a number or a function of the topology; static threshold only.
    """
    layers, shape, number = [], tuple(input_shape), 0
    for k, part in enumerate(parts, start=1):
        topology = part(shape)
        shape = topology.output_shape
        name = f"layer_{k} ({topology.kind})"
        if not topology.has_neurons:
            layers.append(Layer(name, topology))
            continue
        height = time_window if threshold == "dynamic" else theta
        if callable(height):
            height = height(topology)
        layers.append(
            Layer(
                name,
                topology,
                Neuron("relpsp", threshold),
                np.asarray(weights(topology, number), dtype),
                np.broadcast_to(height, topology.n_features).astype(dtype),
            )
        )
        number += 1
    return Network(tuple(input_shape), tuple(layers), time_window, readout, t_end)


def normal_weights(rng, gain=2.0, mean=0.3):
    """Normal weights of variance gain / fan_in and mean `mean` / fan_in."""
    return lambda topology, _: rng.normal(
        mean / topology.fan_in, np.sqrt(gain / topology.fan_in), topology.weight_shape
    )


def random_activation(rng, batch, shape, silent=0.4):
    """Activations of which a share is silent."""
    values = rng.random((batch, *shape))
    return np.where(rng.random(values.shape) < silent, 0.0, values)


def oracle_layers(network):
    """Return the network in the oracle's words."""
    found = []
    for layer in network.layers:
        match layer.topology:
            case Dense():
                found.append(oracles.Dense(layer.weight, layer.theta))
            case Conv2d(stride=stride, padding=padding):
                found.append(oracles.Conv(layer.weight, layer.theta, stride, padding))
            case EarliestPool(size=size, stride=stride):
                found.append(oracles.Pool(size, stride))
            case _:
                found.append(oracles.Flatten())
    return found


def oracle_times(network, activation):
    """Return the oracle's spike times of every layer, each (batch, n)."""
    threshold = network.layers[-1].neuron.threshold
    rule = (oracles.DynamicRule if threshold == "dynamic" else oracles.StaticRule)(
        network.time_window
    )
    layers = oracle_layers(network)
    samples = []
    for sample in activation:
        times = np.where(sample > 0, (1 - sample) * network.time_window, np.inf)
        samples.append(oracles.run(layers, rule, times))
    return [np.stack([s[k].ravel() for s in samples]) for k in range(len(layers) + 1)]


def largest_difference(times, expected):
    """Largest difference of spike times; inf if other neurons fired."""
    if not np.array_equal(np.isfinite(times), np.isfinite(expected)):
        return np.inf
    fired = np.isfinite(times)
    return float(np.abs(times[fired] - expected[fired]).max(initial=0))
