"""Random small networks whose input are currents, of every model."""

from dataclasses import dataclass

import numpy as np
from eventsim_.gathered_layers import NEURONS

from eventsim.network import Layer, Network
from eventsim.topology import AveragePool, Conv2d, Dense, Flatten

KINDS = ("dense", "conv", "average", "flat")
T_END = 6.0


@dataclass(frozen=True)
class DrivenCase:
    """A network and its input currents."""

    network: Network
    currents: np.ndarray


def _topologies(kind):
    if kind == "dense":
        return [Dense((6,), 5), Dense((5,), 3)]
    if kind == "flat":
        return [Flatten((3, 2, 2)), Dense((12,), 5), Dense((5,), 3)]
    if kind == "conv":
        conv = Conv2d((6, 5, 2), 2, (3, 2), 2, 1)
        pool = AveragePool(conv.output_shape, 2, 1)
        return [conv, pool, Dense(pool.output_shape, 3)]
    pool = AveragePool((6, 5, 2), 2, 1)
    conv = Conv2d(pool.output_shape, 2, (3, 2), 1, 0)
    return [pool, conv, Dense(conv.output_shape, 3)]


def driven_case(kind, name, seed, *, batch=3, dtype=np.float64):
    """Return a network of one model, with own currents and axonal delays."""
    rng = np.random.default_rng(seed)
    neuron, size = NEURONS[name]
    layers = []
    for k, topology in enumerate(_topologies(kind), start=1):
        if not topology.has_neurons:
            layers.append(Layer(f"layer_{k}", topology))
            continue
        scale, n = size * min(1.0, 5 / topology.fan_in), topology.n_features
        layers.append(
            Layer(
                f"layer_{k}",
                topology,
                neuron,
                rng.uniform(-0.4, 1.0, topology.weight_shape) * scale,
                rng.uniform(0.8, 1.2, n),
                rng.uniform(-0.1, 0.5, n),
                rng.uniform(0.0, 0.4, n),
            )
        )
    shape = layers[0].topology.input_shape
    network = Network(shape, tuple(layers), 1.0, "spike_time", T_END, "currents")
    currents = rng.normal(0.4, 0.6, (batch, *shape))
    return DrivenCase(network.astype(dtype), currents.astype(dtype))
