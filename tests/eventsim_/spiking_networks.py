"""Random small networks of every model, with currents, delays, values and pools."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from eventsim_.gathered_layers import NEURONS, random_trains

from eventsim.network import Layer, Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool, Flatten, Sparse

MAP = (5, 4, 2)
KINDS = ("dense", "sparse", "conv", "average", "earliest", "flat")
T_END = 6.0


@dataclass(frozen=True)
class Case:
    """A network and its input."""

    network: Network
    spikes: SpikeTrains


def _sparse(rng, shape, units, n_synapses):
    n_in = int(np.prod(shape))
    pre, post = (rng.integers(0, n, n_synapses) for n in (n_in, units))
    return Sparse(shape, units, pre, post)


def topologies(kind, rng):
    """Return the topologies of a network, from a map or a vector to a few neurons."""
    if kind in ("dense", "sparse"):
        middle = Dense((6,), 5) if kind == "dense" else _sparse(rng, (6,), 5, 14)
        return [middle, Dense((5,), 3)]
    conv = Conv2d(MAP, 2, (2, 2), 1, 1)
    pool = {
        "average": AveragePool(conv.output_shape, 2, 2),
        "earliest": EarliestPool(conv.output_shape, 2, 1),
        "flat": Flatten(conv.output_shape),
    }.get(kind)
    shape = conv.output_shape if pool is None else pool.output_shape
    if kind == "average":
        last = _sparse(rng, shape, 3, 24)
    elif kind == "earliest":
        last = Conv2d(shape, 1, (3, 2), 2, 0)
    else:
        last = Dense(shape, 3)
    return [conv, *([] if pool is None else [pool]), last]


def random_network(
    kind, models, seed, *, delays=True, synaptic_delays=True, currents=True, t_end=T_END
):
    """Return a network of a kind, its layers' models taken in turn."""
    rng = np.random.default_rng(seed)
    layers = []
    for k, topology in enumerate(topologies(kind, rng), start=1):
        name = f"layer_{k} ({topology.kind})"
        if not topology.has_neurons:
            layers.append(Layer(name, topology))
            continue
        neuron, size = NEURONS[models[len(layers) % len(models)]]
        scale = size * min(1.0, 5 / topology.fan_in)
        n = topology.n_features

        def some(is_wanted, low, high, shape):
            return rng.uniform(low, high, shape) if is_wanted else None

        layers.append(
            Layer(
                name,
                topology,
                neuron,
                rng.uniform(-0.3, 1.2, topology.weight_shape) * scale,
                rng.uniform(0.8, 1.2, n),
                some(currents, -0.1, 0.7, n),
                some(delays, 0.0, 0.5, n),
                some(synaptic_delays, 0.0, 0.5, topology.weight_shape),
            )
        )
    shape = layers[0].topology.input_shape
    return Network(shape, tuple(layers), 1.0, "spike_time", t_end)


def random_case(kind, models, seed, *, batch=2, with_values=True, **options):
    """Return a network and its input, several spikes of a neuron."""
    network = random_network(kind, models, seed, **options)
    rng = np.random.default_rng(seed + 1)
    n_in = int(np.prod(network.input_shape))
    spikes = random_trains(rng, batch, n_in, 2 * n_in, 0.7 * network.t_end, with_values)
    return Case(network, spikes)


def with_layer(network, k, **changes):
    """Return the network with other arrays or constants of layer `k`, from 1."""
    layers = list(network.layers)
    layers[k - 1] = replace(layers[k - 1], **changes)
    return replace(network, layers=tuple(layers))


def dense_network(
    seed=0,
    *,
    sizes=(6, 8, 3),
    model="srm_lif",
    theta=1.0,
    t_end=5.0,
    readout="spike_count",
    dtype=np.float64,
):
    """Return a plain multi-layer network with random weights, static thresholds."""
    rng = np.random.default_rng(seed)
    neuron, size = NEURONS[model]
    layers = []
    for k, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        weight = rng.normal(0.4, 1.0, (n_in, n_out)) * size / np.sqrt(n_in)
        layers.append(
            Layer(
                f"layer_{k} (dense {n_out})",
                Dense((n_in,), n_out),
                neuron,
                weight.astype(dtype),
                np.full(n_out, theta, dtype),
            )
        )
    return Network((sizes[0],), tuple(layers), 1.0, readout, t_end)
