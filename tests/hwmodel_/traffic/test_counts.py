from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hwmodel_ import oracle
from hwmodel_.builders import (
    LIF,
    averaging_model,
    by_link,
    conv_model,
    counted,
    dense_model,
    make_model,
    make_network,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool, Flatten, Sparse
from hwmodel.errors import WorkloadError
from hwmodel.traffic.counts import count
from hwmodel.workload.workload import from_model

TOPOLOGIES = ["mesh", "triangular torus"]


def walk_of(grid):
    """How the oracle walks from router to router."""
    if grid.topology == "mesh":
        return oracle.walk
    return cache(
        lambda source, target: oracle.torus_walk(
            source, target, grid.width, grid.height
        )
    )


def brute_force(model, workload, mapping, port):
    """Layer by layer over explicit matrices: sops, packets, hops, link loads."""
    walk = walk_of(mapping.grid)
    position = dict(enumerate(zip(mapping.x.tolist(), mapping.y.tolist(), strict=True)))
    source_of = [port] * int(np.prod(model.network.input_shape))
    part = iter(mapping.partition.layers)
    results, loads = [], [{}, {}]
    windows, source = None, 0
    for number, layer in enumerate(model.network.layers, start=1):
        topology = layer.topology
        if isinstance(topology, EarliestPool):
            first = oracle.first_of_window(
                topology.input_shape, topology.size, topology.stride
            )
            source_of = [source_of[i] for i in first]
        if isinstance(topology, AveragePool):
            windows = oracle.window_matrix(
                topology.input_shape, topology.size, topology.stride
            )
            source = number - 1
        if not topology.has_neurons:
            continue
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
        if windows is None:
            source = number - 1
        else:
            matrix, windows = windows @ matrix, None
        core_of = next(part).core_of_neuron.tolist()
        spikes = model.activity.spike_counts[source].tolist()
        packets, hops, layer_loads = oracle.transport(
            matrix, spikes, source_of, core_of, position, walk
        )
        sops = sum(n * int(row.sum()) for n, row in zip(spikes, matrix, strict=True))
        loads = [oracle.merge(a, b) for a, b in zip(loads, layer_loads, strict=True)]
        results.append((sops, packets, hops, int(matrix.sum())))
        source_of = [position[core] for core in core_of]
    return results, loads


def assert_equal_to_brute_force(model, capacity, mesh, port, topology="mesh"):
    workload, mapping, counts = counted(model, capacity, mesh, port, topology=topology)
    expected, loads = brute_force(model, workload, mapping, port)
    for layer, (sops, packets, hops, synapses) in zip(
        counts.layers, expected, strict=True
    ):
        assert layer.sops == sops
        assert [layer.unicast.packets, layer.multicast.packets] == packets
        assert [layer.unicast.hops, layer.multicast.hops] == hops
        assert layer.synapses == synapses
    assert [by_link(counts.unicast), by_link(counts.multicast)] == loads


@given(
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=4),
    capacity=st.integers(1, 6),
    width=st.integers(1, 6),
    port=st.tuples(st.integers(0, 0), st.integers(0, 3)),
    zeros=st.sampled_from([0.0, 0.6]),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_count__dense_equals_brute_force(sizes, capacity, width, port, zeros, seed):
    model = dense_model(sizes, np.random.default_rng(seed), zeros)
    assert_equal_to_brute_force(model, capacity, (width, 40), port)


@pytest.mark.parametrize("capacity", [10, 14, 30, 1024])
@pytest.mark.parametrize("pool", [2, 3])
def test_count__conv_after_pooling_equals_brute_force(capacity, pool):
    model = conv_model(np.random.default_rng(capacity), pool=pool)
    assert_equal_to_brute_force(model, capacity, (5, 12), (2, 1))


def test_count__overlapping_pool_of_the_input_equals_brute_force():
    rng = np.random.default_rng(7)
    pool = EarliestPool((5, 5, 2), 3, 1)
    flat = Flatten(pool.output_shape)
    dense = Dense(flat.output_shape, 4)
    weight = rng.standard_normal(dense.weight_shape)
    network = make_network((5, 5, 2), (pool, None), (flat, None), (dense, weight))
    counts = [rng.integers(0, 3, n) for n in (50, 18, 18, 4)]
    assert_equal_to_brute_force(make_model(network, counts), 1, (2, 2), (1, 1))


@pytest.mark.parametrize("capacity", [5, 12, 1024])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 1), (2, 3)])
def test_count__sparse_after_average_pool_equals_brute_force(capacity, size, stride):
    model = averaging_model(np.random.default_rng(capacity), size, stride)
    assert_equal_to_brute_force(model, capacity, (5, 12), (2, 1))


def test_count__every_spike_of_an_average_pool_acts_through_its_windows():
    # 3 inputs in a row, windows of 2 with stride 1: the middle input lies in both
    pool = AveragePool((2, 3, 1), 2, 1)
    dense = Dense(pool.output_shape, 5)
    network = make_network(
        (2, 3, 1), (pool, None), (dense, np.ones((2, 5))), neuron=LIF, t_end=1.0
    )
    model = make_model(network, [[3, 0, 0, 0, 4, 0], [7, 4], [0] * 5])
    _, _, counts = counted(model, 5)
    assert counts.sops == 3 * 5 + 4 * 10
    assert counts.transport("multicast").packets == 7
    assert counts.layers[0].axons == 6


@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    capacity=st.integers(1, 4),
    mesh=st.sampled_from([(5, 6), (6, 5), (9, 3), (2, 14), (27, 1)]),
    port=st.tuples(st.integers(0, 1), st.integers(0, 0)),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, deadline=None)
def test_count__on_a_torus_equals_brute_force(sizes, capacity, mesh, port, seed):
    model = dense_model(sizes[:3], np.random.default_rng(seed))
    assert_equal_to_brute_force(model, capacity, mesh, port, "triangular torus")


@given(
    seed=st.integers(0, 999),
    capacity=st.integers(1, 8),
    topology=st.sampled_from(TOPOLOGIES),
)
@settings(max_examples=30, deadline=None)
def test_count__invariants(seed, capacity, topology):
    model = dense_model([9, 8, 7, 3], np.random.default_rng(seed))
    _, _, counts = counted(model, capacity, topology=topology)
    for casting in ("unicast", "multicast"):
        assert counts.link_loads(casting).total == counts.transport(casting).hops
    for layer in counts.layers:
        assert layer.multicast.hops <= layer.unicast.hops
        assert layer.multicast.packets <= layer.unicast.packets
        assert layer.multicast.packets <= layer.spikes_in
    assert counts.sops_per_core.sum() == counts.sops
    assert counts.spikes_per_core.sum() == counts.spikes
    assert counts.synapses_per_core.sum() == sum(c.synapses for c in counts.layers)


@given(
    n_groups=st.lists(st.integers(1, 4), min_size=2, max_size=3),
    size=st.integers(1, 3),
    topology=st.sampled_from(TOPOLOGIES),
    seed=st.integers(0, 999),
)
@settings(max_examples=30, deadline=None)
def test_count__numbers_of_equal_cores_do_not_matter(n_groups, size, topology, seed):
    # the groups of each layer trade numbers, and keep their neurons and their places
    rng = np.random.default_rng(seed)
    sizes = [3, *(size * n for n in n_groups)]
    model = dense_model(sizes, rng)
    _, mapping, counts = counted(model, size, (4, 3), (1, 2), topology=topology)
    groups = [rng.permutation(n) for n in n_groups]
    first_cores = np.cumsum([0, *n_groups[:-1]])
    cores = np.concatenate(
        [g + first for g, first in zip(groups, first_cores, strict=True)]
    )
    units = [np.arange(3)]
    units += [(g[:, None] * size + np.arange(size)).ravel() for g in groups]
    layers = [
        (layer.topology, layer.weight[np.ix_(before, after)])
        for layer, before, after in zip(
            model.network.layers, units[:-1], units[1:], strict=True
        )
    ]
    spikes = [c[u] for c, u in zip(model.activity.spike_counts, units, strict=True)]
    renumbered = make_model(
        make_network((3,), *layers), spikes, model.activity.n_samples
    )
    moved = replace(mapping, x=mapping.x[cores], y=mapping.y[cores])
    again = count(from_model(renumbered), moved, (1, 2))
    assert again.layers == counts.layers
    for casting in ("unicast", "multicast"):
        assert by_link(again.link_loads(casting)) == by_link(counts.link_loads(casting))
    assert np.array_equal(again.sops_per_core, counts.sops_per_core[cores])
    assert np.array_equal(again.spikes_per_core, counts.spikes_per_core[cores])
    assert np.array_equal(again.synapses_per_core, counts.synapses_per_core[cores])


def test_count__silence_costs_nothing():
    model = dense_model([9, 8, 3], np.random.default_rng(0), max_spikes=1)
    _, _, counts = counted(model, 2)
    assert counts.sops == counts.spikes == counts.input_spikes == 0
    assert (
        counts.transport("unicast").hops == counts.transport("multicast").packets == 0
    )


def test_count__doubled_spikes_double_every_count():
    model = conv_model(np.random.default_rng(2))
    activity = model.activity
    louder = replace(
        model,
        activity=replace(
            activity, spike_counts=tuple(2 * c for c in activity.spike_counts)
        ),
    )
    _, _, once = counted(model, 14)
    _, _, twice = counted(louder, 14)
    assert twice.sops == 2 * once.sops
    for casting in ("unicast", "multicast"):
        assert twice.transport(casting).hops == 2 * once.transport(casting).hops
        assert twice.transport(casting).packets == 2 * once.transport(casting).packets


def test_count__output_spikes_leave_no_packets():
    model = dense_model([4, 3, 2], np.random.default_rng(5))
    spikes = model.activity.spike_counts
    louder = replace(
        model,
        activity=replace(model.activity, spike_counts=(*spikes[:-1], spikes[-1] + 100)),
    )
    _, _, counts = counted(model, 1)
    _, _, more = counted(louder, 1)
    assert more.output_spikes == counts.output_spikes + 200
    assert more.transport("unicast") == counts.transport("unicast")


def test_count__large_counts_do_not_overflow_32_bits():
    dense = Dense((1,), 10)
    network = make_network((1,), (dense, np.ones((1, 10))))
    _, _, counts = counted(make_model(network, [[3_000_000_000], [0] * 10]), 1)
    assert counts.sops == 30_000_000_000


def test_count__reports_pool_windows_that_span_cores():
    # a 4 x 2 map, 2 rows a core: windows on rows 0-1 and 2-3 are whole, with stride 1
    # there is one more on rows 1-2, which is split
    conv = Conv2d((4, 2, 1), 1, (1, 1))
    for stride, split in ((2, 0), (1, 1)):
        pool = EarliestPool(conv.output_shape, 2, stride)
        flat = Flatten(pool.output_shape)
        dense = Dense(flat.output_shape, 1)
        network = make_network(
            (4, 2, 1),
            (conv, np.ones(conv.weight_shape)),
            (pool, None),
            (flat, None),
            (dense, np.ones(dense.weight_shape)),
        )
        counts = [np.ones(n) for n in (8, 8, *[flat.output_shape[0]] * 2, 1)]
        _, _, result = counted(make_model(network, counts), 4)
        assert result.layers[1].split_pool_windows == split


@pytest.mark.parametrize(
    ("spikes", "mesh", "what"),
    [(2**62, (1, 40), "synaptic operations"), (2**57, (60, 60), "hops")],
)
def test_count__refuses_counts_beyond_64_bits(spikes, mesh, what):
    dense = Dense((1,), 3)
    network = make_network((1,), (dense, np.ones((1, 3))))
    with pytest.raises(WorkloadError, match=rf"layer_1.*{what}.*less than 2\^63"):
        counted(make_model(network, [[spikes], [0] * 3]), 1, mesh)
