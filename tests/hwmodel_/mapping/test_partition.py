from __future__ import annotations

import math

import numpy as np
import pytest
from hwmodel_.builders import (
    averaging_model,
    conv_model,
    make_network,
    matrix_of,
    reach_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.topology import Conv2d, Dense
from hwmodel.chip.chip import CoreLimits
from hwmodel.errors import PlacementError
from hwmodel.mapping.partition import partition
from hwmodel.mapping.splits import SPLITS
from hwmodel.workload.workload import layers_of


def layers_for(*topologies):
    parts = [(t, np.ones(t.weight_shape)) for t in topologies]
    return layers_of(make_network(topologies[0].input_shape, *parts))


def holding(neurons):
    return CoreLimits(neurons=neurons)


def conv(height, width, channels):
    return Conv2d((height, width, 1), channels, (1, 1))


@given(units=st.integers(1, 3000), capacity=st.integers(1, 1100))
@settings(max_examples=60, deadline=None)
def test_partition__dense_uses_as_few_cores_as_possible(units, capacity):
    part = partition(layers_for(Dense((1,), units)), holding(capacity)).layers[0]
    assert part.n_cores == math.ceil(units / capacity)
    assert part.neurons_per_core.max() <= capacity


@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    channels=st.integers(1, 12),
    capacity=st.integers(12, 200),
)
@settings(max_examples=100, deadline=None)
def test_partition__every_neuron_has_one_core_within_capacity(
    height, width, channels, capacity
):
    part = partition(
        layers_for(conv(height, width, channels)), holding(capacity)
    ).layers[0]
    owners = part.core_of_neuron
    assert owners.shape == (height * width * channels,)
    sizes = np.bincount(owners, minlength=part.n_cores)
    assert sizes.tolist() == part.neurons_per_core.tolist()
    assert sizes.min() >= 1
    assert sizes.max() <= capacity
    features = [stop - start for start, stop in part.features]
    rows = [stop - start for start, stop in part.rows]
    assert max(features) - min(features) <= 1
    assert max(rows) - min(rows) <= 1
    if height * width <= capacity:
        assert len(part.rows) == 1
        assert part.n_cores == math.ceil(channels / (capacity // (height * width)))
    else:
        assert len(part.features) == channels


def test_partition__neuron_order_is_row_column_channel():
    # 1 x 2 map of 3 channels, 2 neurons a core: one channel a core
    part = partition(layers_for(conv(1, 2, 3)), holding(2)).layers[0]
    assert part.core_of_neuron.tolist() == [0, 1, 2, 0, 1, 2]


def test_partition__splits_a_large_map_along_rows():
    # 40 x 40 = 1600 neurons a channel, 1024 a core: at most 25 rows, so 2 runs of 20
    part = partition(layers_for(conv(40, 40, 2)), holding(1024)).layers[0]
    assert part.rows == ((0, 20), (20, 40))
    assert part.features == ((0, 1), (1, 2))
    assert part.neurons_per_core.tolist() == [800] * 4


def test_partition__numbers_cores_layer_by_layer():
    result = partition(layers_for(Dense((1,), 5), Dense((5,), 3)), holding(2))
    assert [list(layer.cores) for layer in result.layers] == [[0, 1, 2], [3, 4]]
    assert result.n_cores == 5
    assert result.neurons_per_core.tolist() == [2, 2, 1, 2, 1]
    assert result.layer_of_core.tolist() == [0, 0, 0, 1, 1]


def test_partition__splits_a_row_larger_than_a_core_along_columns():
    part = partition(layers_for(conv(2, 9, 1)), holding(8)).layers[0]
    assert part.rows == ((0, 1), (1, 2))
    assert part.columns == ((0, 5), (5, 9))


def test_partition__a_limit_on_target_cores_copies_the_neurons_before():
    # 12 synapses a core put 4 outputs on 2 cores; each of 6 hidden neurons reaches
    # both, so there are two of each, and 3 with their copies fill a core of 6
    tight = CoreLimits(neurons=6, synapses=12, target_cores=1)
    result = partition(layers_for(Dense((1,), 6), Dense((6,), 4)), tight)
    hidden, output = result.layers
    assert output.features == ((0, 2), (2, 4))
    assert hidden.features == ((0, 3), (3, 6))
    assert hidden.copies.tolist() == [2] * 6
    assert output.copies is None
    assert result.copies_per_core.tolist() == [3, 3, 0, 0]
    assert result.target_cores == 1
    roomy = CoreLimits(neurons=6, target_cores=1)
    result = partition(layers_for(Dense((1,), 6), Dense((6,), 4)), roomy)
    assert [layer.n_cores for layer in result.layers] == [1, 1]
    assert result.target_cores is None


def test_partition__routes_to_other_cores_are_limited():
    # each hidden neuron reaches 2 cores; 5 routes are 2 neurons a core
    layers = layers_for(Dense((1,), 6), Dense((6,), 4))
    result = partition(layers, CoreLimits(neurons=6, synapses=12, out_axons=5))
    assert [layer.n_cores for layer in result.layers] == [3, 2]


@given(
    make=st.sampled_from([conv_model, averaging_model]),
    split=st.sampled_from(["features", "space", "both", "search"]),
    neurons=st.integers(3, 40),
    axons=st.none() | st.integers(40, 90),
    synapses=st.none() | st.integers(60, 300),
    target_cores=st.none() | st.integers(1, 3),
    out_axons=st.none() | st.integers(8, 60),
    seed=st.integers(0, 999),
)
@settings(max_examples=40, deadline=None)
def test_partition__keeps_every_limit_under_every_split(
    make, split, neurons, axons, synapses, target_cores, out_axons, seed
):
    layers = layers_of(make(np.random.default_rng(seed)).network)
    limits = CoreLimits(
        neurons=neurons,
        axons=axons,
        synapses=synapses,
        target_cores=target_cores,
        out_axons=out_axons,
    )
    try:
        result = partition(layers, limits, split)
    except PlacementError:
        return
    first = np.cumsum([0, *(p.n_cores for p in result.layers)])
    assert [p.first_core for p in result.layers] == first[:-1].tolist()
    for i, (layer, part) in enumerate(zip(layers, result.layers, strict=True)):
        owner, matrix = part.core_of_neuron, matrix_of(layer)
        reached = [set() for _ in range(layer.n_neurons)]
        if i + 1 < len(layers):
            core_behind = result.layers[i + 1].core_of_neuron
            reached = [set(core_behind[row]) for row in reach_of(layers[i + 1])]
        copies = np.ones(layer.n_neurons, dtype=int)
        if part.copies is not None:
            copies = part.copies
        if target_cores is not None:
            assert copies.tolist() == [
                max(1, -(-len(r) // target_cores)) for r in reached
            ]
        sizes = [int((owner == core).sum()) for core in part.cores]
        assert sum(sizes) == layer.n_neurons
        assert part.neurons_per_core.tolist() == sizes
        for core in part.cores:
            mine = owner == core
            assert copies[mine].sum() <= neurons
            if axons is not None:
                assert matrix[:, mine].any(axis=1).sum() <= axons
            if synapses is not None:
                assert (matrix[:, mine].sum(axis=0) * copies[mine]).sum() <= synapses
            if out_axons is not None:
                routes = sum(len(reached[i]) for i in np.flatnonzero(mine))
                assert routes <= out_axons


def test_partition__names_the_layer_that_no_core_holds():
    layers = layers_for(Dense((4,), 9), Dense((9,), 2))
    with pytest.raises(
        PlacementError, match=r"layer_2 \(dense\): a neuron has 9 inputs"
    ):
        partition(layers, CoreLimits(neurons=8, axons=8))


@given(
    make=st.sampled_from([conv_model, averaging_model]),
    neurons=st.integers(3, 20),
    axons=st.none() | st.integers(40, 90),
    target_cores=st.none() | st.integers(1, 3),
    out_axons=st.none() | st.integers(8, 60),
    seed=st.integers(0, 999),
)
@settings(max_examples=15, deadline=None)
def test_partition__search_needs_no_more_cores_than_any_other_split(
    make, neurons, axons, target_cores, out_axons, seed
):
    layers = layers_of(make(np.random.default_rng(seed)).network)
    limits = CoreLimits(
        neurons=neurons, axons=axons, target_cores=target_cores, out_axons=out_axons
    )
    costs = {}
    for split in SPLITS:
        try:
            result = partition(layers, limits, split)
        except PlacementError:
            continue
        inputs = [
            matrix_of(layer)[:, part.core_of_neuron == core].any(axis=1).sum()
            for layer, part in zip(layers, result.layers, strict=True)
            for core in part.cores
        ]
        costs[split] = (result.n_cores, sum(inputs))
    assert not costs or costs["search"] == min(costs.values())


def test_partition__the_search_sees_what_a_layer_asks_of_the_one_before():
    # 64 neurons behind a 1 x 1 convolution of 8 maps of 4 x 4: as 2 runs of features
    # each hidden neuron needs 2 routes, as 2 halves of the map 1
    first, second = Conv2d((4, 4, 1), 8, (1, 1)), Conv2d((4, 4, 8), 8, (1, 1))
    layers = layers_for(first, second)
    limits = CoreLimits(neurons=64, out_axons=64)
    assert partition(layers, limits, "features").n_cores == 4 + 2
    result = partition(layers, limits, "search")
    assert [part.shape for part in result.layers] == [(1, 1, 2), (1, 1, 2)]


def test_partition__a_search_that_nothing_fits_names_the_reason():
    layers = layers_for(Dense((1,), 2), Dense((2,), 8))
    limits = CoreLimits(neurons=4, synapses=4, out_axons=3)
    with pytest.raises(PlacementError, match=r"needs 4 routes to other cores"):
        partition(layers, limits, "search")
