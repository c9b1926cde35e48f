"""Tiny models for the tests: no training, spikes made up."""

from __future__ import annotations

import numpy as np
import pytest
from hwmodel_ import oracle

from eventsim.model_file import Activity, ModelFile
from eventsim.network import Layer, Network, Neuron
from eventsim.spikes import SpikeTrains
from eventsim.topology import (
    AveragePool,
    Conv2d,
    Dense,
    EarliestPool,
    Flatten,
    Sparse,
    Topology,
)
from eventsim.trace_file import writing_trace
from hwmodel.chip.chip import CoreLimits
from hwmodel.mapping.partition import partition
from hwmodel.mapping.placement import place_row_major
from hwmodel.mesh.grid import Grid
from hwmodel.mesh.loads import LinkLoads
from hwmodel.traffic.counts import count
from hwmodel.workload.trace import SpikeTrace
from hwmodel.workload.workload import from_model


def close(expected):
    """Compare to 9 digits; pytest's own absolute tolerance is larger than a pJ."""
    return pytest.approx(expected, rel=1e-9, abs=0)


RELPSP = Neuron()
LIF = Neuron("lif", "static", tau_m=2.0, tau_s=1.0, reset="zero")


def with_weights(
    topology: Topology, weight: np.ndarray | None, number: int, neuron: Neuron
) -> Layer:
    name = f"layer_{number} ({topology.kind})"
    if not topology.has_neurons:
        return Layer(name, topology)
    weight = np.asarray(weight, dtype=np.float64)
    return Layer(name, topology, neuron, weight, np.ones(topology.n_features))


def make_network(
    input_shape,
    *topologies_and_weights,
    neuron=RELPSP,
    t_end=None,
) -> Network:
    layers = [
        with_weights(topology, weight, number, neuron)
        for number, (topology, weight) in enumerate(topologies_and_weights, start=1)
    ]
    return Network(tuple(input_shape), tuple(layers), t_end=t_end)


def make_model(network, counts, n_samples=1, decision_time=2.0, **provenance):
    counts = tuple(np.asarray(c, dtype=np.int64) for c in counts)
    activity = Activity("test", n_samples, counts, decision_time)
    return ModelFile(network, "", provenance, activity)


def dense_model(sizes, rng, zero_fraction=0.3, n_samples=5, max_spikes=7, **provenance):
    parts, shape = [], (sizes[0],)
    for units in sizes[1:]:
        topology = Dense(shape, units)
        parts.append(
            (topology, sparse_weights(topology.weight_shape, rng, zero_fraction))
        )
        shape = topology.output_shape
    network = make_network((sizes[0],), *parts)
    counts = [rng.integers(0, max_spikes, size) for size in sizes]
    return make_model(network, counts, n_samples, **provenance)


def conv_model(rng, height=7, width=6, channels=(2, 5, 4), pool=2, n_samples=3):
    """conv (stride 1, padding) - pool - conv (stride 2) - flatten - dense."""
    first = Conv2d((height, width, channels[0]), channels[1], (3, 2), 1, 1)
    pooled = EarliestPool(first.output_shape, pool, pool)
    second = Conv2d(pooled.output_shape, channels[2], (2, 3), 2, 1)
    flat = Flatten(second.output_shape)
    last = Dense(flat.output_shape, 3)
    network = make_network(
        first.input_shape,
        (first, sparse_weights(first.weight_shape, rng)),
        (pooled, None),
        (second, sparse_weights(second.weight_shape, rng)),
        (flat, None),
        (last, sparse_weights(last.weight_shape, rng)),
    )
    counts = [rng.integers(0, 4, int(np.prod(first.input_shape)))]
    counts += [rng.integers(0, 4, layer.n_neurons) for layer in network.layers]
    return make_model(network, counts, n_samples)


def averaging_model(rng, size=2, stride=2, n_samples=3):
    """conv - average pool - sparse with doubles - dense; several spikes a neuron."""
    conv = Conv2d((6, 5, 1), 3, (2, 2))
    pooled = AveragePool(conv.output_shape, size, stride)
    n_in = int(np.prod(pooled.output_shape))
    pre, post = rng.integers(0, n_in, 60), rng.integers(0, 7, 60)
    sparse = Sparse(pooled.output_shape, 7, pre, post)
    last = Dense((7,), 2)
    network = make_network(
        conv.input_shape,
        (conv, sparse_weights(conv.weight_shape, rng, 0.1)),
        (pooled, None),
        (sparse, sparse_weights(sparse.weight_shape, rng)),
        (last, sparse_weights(last.weight_shape, rng)),
        neuron=LIF,
        t_end=4.0,
    )
    counts = [rng.integers(0, 9, 30)]
    counts += [rng.integers(0, 9, layer.n_neurons) for layer in network.layers]
    return make_model(network, counts, n_samples, decision_time=4.0)


def sparse_weights(shape, rng, zero_fraction=0.4):
    weight = rng.standard_normal(shape)
    weight[rng.random(shape) < zero_fraction] = 0.0
    return weight


def two_by_two_model(**provenance):
    """Two inputs, one hidden neuron, three outputs; worked out in test_estimate."""
    hidden, output = Dense((2,), 1), Dense((1,), 3)
    network = make_network((2,), (hidden, [[0.5], [0.0]]), (output, [[1.0, -1.0, 2.0]]))
    counts = [[4, 6], [2], [1, 0, 1]]
    return make_model(network, counts, n_samples=2, decision_time=2.0, **provenance)


def counted(
    model,
    capacity,
    mesh=(4, 30),
    port=(0, 0),
    chip=None,
    topology="mesh",
    split="features",
):
    """Workload, mapping and counts of a model; capacity in neurons, or all limits."""
    workload = from_model(model)
    if isinstance(capacity, int):
        capacity = CoreLimits(neurons=capacity)
    part = partition(workload.layers, capacity, split)
    grid = Grid(*mesh, chip=chip, topology=topology)
    mapping = place_row_major(part, grid, "test")
    return workload, mapping, count(workload, mapping, port)


def matrix_of(layer):
    """Explicit (n_in, n_neurons) synapses of a layer, average pools included."""
    topology = layer.topology
    if isinstance(topology, Conv2d):
        matrix = oracle.conv_matrix(
            layer.weight, topology.input_shape, topology.stride, topology.padding
        )
    elif isinstance(topology, Sparse):
        n_in = int(np.prod(topology.input_shape))
        matrix = oracle.list_matrix(
            n_in, topology.units, topology.pre, topology.post, layer.weight
        )
    else:
        matrix = oracle.dense_matrix(layer.weight)
    return _through_windows(layer.folded, matrix.astype(int))


def reach_of(layer):
    """Explicit (n_source, n_neurons): which neuron a source may reach through pools."""
    kept = layer.passes[: len(layer.passes) - len(layer.folded)]
    return _through_windows(kept, matrix_of(layer)) > 0


def _through_windows(passes, matrix):
    for passage in reversed(passes):
        if isinstance(passage, AveragePool | EarliestPool):
            windows = oracle.window_matrix(
                passage.input_shape, passage.size, passage.stride
            )
            matrix = windows @ matrix
    return matrix


def by_link(loads: LinkLoads) -> dict:
    """Non-zero loads as {((x, y), (x, y)): packets}."""
    return {(start, end): packets for start, end, packets in loads.links()}


def made_up_trace(network, rng, n_samples=3, per_neuron=1.5, duration=2.0):
    """Spikes of every layer at random times; several of a neuron, ties, silence."""
    sizes = [int(np.prod(network.input_shape)), *(x.n_neurons for x in network.layers)]
    trains = []
    for size in sizes:
        counts = rng.poisson(per_neuron * size, n_samples)
        times = [np.sort(rng.integers(0, 9, n) / 8 * duration) for n in counts]
        trains.append(
            SpikeTrains(
                np.concatenate(times),
                rng.integers(0, size, counts.sum()).astype(np.int32),
                np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
                size,
            )
        )
    labels = rng.integers(0, 3, n_samples)
    return SpikeTrace("made_up.npz", tuple(trains), duration, labels)


def write_trace(path, network, trace):
    with writing_trace(path, network, trace.duration) as writer:
        writer.add(trace.trains, trace.labels)
    return path


def explicit_layers(network, mapping):
    """Matrix, number of the source layer and owners of the inputs of each layer.

    The matrix counts non-zero synapses, (n_in, n_out); owners are cores, -1 the host.
    """
    owner = [-1] * int(np.prod(network.input_shape))
    parts, windows = iter(mapping.partition.layers), None
    for number, layer in enumerate(network.layers, start=1):
        topology = layer.topology
        if isinstance(topology, EarliestPool):
            place = topology.input_shape, topology.size, topology.stride
            owner = [owner[i] for i in oracle.first_of_window(*place)]
        if isinstance(topology, AveragePool):
            place = topology.input_shape, topology.size, topology.stride
            windows, source = oracle.window_matrix(*place), number - 1
        if not topology.has_neurons:
            continue
        if isinstance(topology, Conv2d):
            place = topology.input_shape, topology.stride, topology.padding
            matrix = oracle.conv_matrix(layer.weight, *place)
        elif isinstance(topology, Sparse):
            n_in = int(np.prod(topology.input_shape))
            ends = topology.pre, topology.post
            matrix = oracle.list_matrix(n_in, topology.units, *ends, layer.weight)
        else:
            matrix = oracle.dense_matrix(layer.weight)
        if windows is None:
            source = number - 1
        else:
            matrix, windows = windows @ matrix, None
        yield matrix, source, owner
        owner = next(parts).core_of_neuron.tolist()
