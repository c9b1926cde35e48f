"""Networks with delays, chips with a price for everything, traces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hwmodel_.builders import (
    LIF,
    averaging_model,
    conv_model,
    made_up_trace,
    make_network,
    sparse_weights,
)

from eventsim.model_file import ModelFile
from eventsim.topology import Conv2d, Dense
from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_workload
from hwmodel.workload.workload import from_trace

STEPS = 4  # of a window of 1: a step is 1/4, a hop along x 1/8, along y 1/4
TRAVEL = ("timing.hop=0.0001220703125s:marginal", "timing.hop_y=0.000244140625s")
SILICON = ("limits.target_cores=1", "limits.synapses=none")
STEP = 0.000244140625  # 2 ** -12
PORT = (1, 1)
PRICES = {
    "sop": 3e-12,
    "neuron_update": 5e-12,
    "spike": 7e-12,
    "axon_in": 11e-12,
    "axon_out": 13e-12,
    "router": 17e-12,
    "hop": 19e-12,
    "hop_y": 23e-12,
    "chip_crossing": 29e-12,
}
STATIC = 1e-6  # W


def priced_chip(*more, neurons=5, base="truenorth"):
    """Marginal prices of everything, small cores on chips of 2x1 routers."""
    sets = [f"energy.{name}={j * 1e12:g}pJ:marginal" for name, j in PRICES.items()]
    sets += [f"energy.static={STATIC * 1e6:g}uW", f"timing.step={STEP}s"]
    sets += [f"core.neurons={neurons}", "mesh.width=6", "mesh.height=40"]
    sets += ["mesh.chip.width=2", "mesh.chip.height=1"]
    return load_chip(base, [*sets, *more])


def later(rng, shape):
    return rng.integers(0, 5, shape) / 4


def delayed_dense(rng):
    """dense - dense - dense, axonal and synaptic delays."""
    shapes = [(6, 8), (8, 7), (7, 3)]
    parts = [(Dense((i,), j), sparse_weights((i, j), rng)) for i, j in shapes]
    network = make_network((6,), *parts, neuron=LIF, t_end=2.0)
    first, second, last = network.layers
    layers = (
        replace(first, delay=later(rng, 8)),
        replace(second, synaptic_delay=later(rng, (8, 7)), delay=later(rng, 7)),
        last,
    )
    return replace(network, layers=layers)


def delayed_conv(rng):
    """conv - conv with a delay of each tap, and of each channel."""
    first = Conv2d((5, 4, 1), 2, (2, 2))
    second = Conv2d(first.output_shape, 3, (3, 2), 2, 1)
    network = make_network(
        first.input_shape,
        (first, sparse_weights(first.weight_shape, rng)),
        (second, sparse_weights(second.weight_shape, rng)),
        neuron=LIF,
        t_end=2.0,
    )
    layers = (
        replace(network.layers[0], delay=later(rng, 2)),
        replace(network.layers[1], synaptic_delay=later(rng, second.weight_shape)),
    )
    return replace(network, layers=layers)


def delayed_average(rng):
    """conv - average pool - sparse - dense, axonal and synaptic delays."""
    network = replace(averaging_model(rng, size=2, stride=1).network, t_end=2.0)
    conv, pool, sparse, last = network.layers
    layers = (
        replace(conv, delay=later(rng, conv.topology.n_features)),
        pool,
        replace(sparse, synaptic_delay=later(rng, sparse.weight.shape)),
        last,
    )
    return replace(network, layers=layers)


def pooled_conv(rng):
    """conv - earliest pool - conv - flatten - dense with windows; no delays."""
    return conv_model(rng, height=5, width=4).network


NETWORKS = {
    "dense": delayed_dense,
    "conv": delayed_conv,
    "average pool": delayed_average,
    "earliest pool": pooled_conv,
}


def setup(build, chip, seed=0, casting="multicast", per_neuron=0.4, **options):
    """Network, trace and full estimate."""
    rng = np.random.default_rng(seed)
    network = NETWORKS[build](rng)
    trace = made_up_trace(network, rng, 3, per_neuron, duration=network.duration)
    workload = from_trace(ModelFile(network), trace)
    full = estimate_workload(
        workload,
        chip,
        casting=casting,
        steps_per_window=STEPS,
        input_port=PORT,
        **options,
    )
    return network, trace, full
