from __future__ import annotations

import math

import numpy as np
import pytest
from hwmodel_.builders import make_network
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.topology import Conv2d, Dense
from hwmodel.errors import PlacementError
from hwmodel.mapping.partition import equal_runs, partition
from hwmodel.workload.workload import layers_of


def layers_for(*topologies):
    parts = [(t, np.ones(t.weight_shape)) for t in topologies]
    return layers_of(make_network(topologies[0].input_shape, *parts))


def conv(height, width, channels):
    return Conv2d((height, width, 1), channels, (1, 1))


@given(size=st.integers(1, 400), data=st.data())
def test_equal_runs__cover_everything_and_differ_by_one(size, data):
    n_runs = data.draw(st.integers(1, size))
    runs = equal_runs(size, n_runs)
    assert [i for start, stop in runs for i in range(start, stop)] == list(range(size))
    lengths = [stop - start for start, stop in runs]
    assert len(lengths) == n_runs
    assert max(lengths) - min(lengths) <= 1


@given(units=st.integers(1, 3000), capacity=st.integers(1, 1100))
@settings(max_examples=60, deadline=None)
def test_partition__dense_uses_as_few_cores_as_possible(units, capacity):
    part = partition(layers_for(Dense((1,), units)), capacity).layers[0]
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
    part = partition(layers_for(conv(height, width, channels)), capacity).layers[0]
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
    part = partition(layers_for(conv(1, 2, 3)), 2).layers[0]
    assert part.core_of_neuron.tolist() == [0, 1, 2, 0, 1, 2]


def test_partition__splits_a_large_map_along_rows():
    # 40 x 40 = 1600 neurons a channel, 1024 a core: at most 25 rows, so 2 runs of 20
    part = partition(layers_for(conv(40, 40, 2)), 1024).layers[0]
    assert part.rows == ((0, 20), (20, 40))
    assert part.features == ((0, 1), (1, 2))
    assert part.neurons_per_core.tolist() == [800] * 4


def test_partition__numbers_cores_layer_by_layer():
    result = partition(layers_for(Dense((1,), 5), Dense((5,), 3)), 2)
    assert [list(layer.cores) for layer in result.layers] == [[0, 1, 2], [3, 4]]
    assert result.n_cores == 5
    assert result.neurons_per_core.tolist() == [2, 2, 1, 2, 1]
    assert result.layer_of_core.tolist() == [0, 0, 0, 1, 1]


def test_partition__refuses_a_row_larger_than_a_core():
    with pytest.raises(PlacementError, match=r"one row of a channel has 9 neurons.* 8"):
        partition(layers_for(conv(2, 9, 1)), 8)
