from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import make_network

from eventsim.topology import Conv2d, Dense
from hwmodel.chip.chip import CoreLimits
from hwmodel.mapping.needs import needs_of
from hwmodel.mapping.splits import SPLITS, cut_layer
from hwmodel.workload.workload import layers_of


def layer_for(topology, weight=None):
    weight = np.ones(topology.weight_shape) if weight is None else weight
    (layer,) = layers_of(make_network(topology.input_shape, (topology, weight)))
    return layer


def conv(height, width, channels, kernel=(1, 1)):
    shape = (height + kernel[0] - 1, width + kernel[1] - 1, 1)
    return layer_for(Conv2d(shape, channels, kernel))


def shape_of(layer, split, **limits):
    return cut_layer(needs_of(layer, CoreLimits(**limits), None), split).shape


@pytest.mark.parametrize(
    ("split", "shape"),
    [("features", (4, 1, 1)), ("space", (1, 2, 2)), ("search", (1, 2, 2))],
)
def test_cut_layer__the_fewest_inputs_decide_between_equal_numbers_of_cores(
    split, shape
):
    # 4 channels of 8 x 8, 64 neurons a core, 3 x 3 kernel: 4 cores see 4 x 10 x 10
    # inputs if cut along features, 4 x 10 x 4 in stripes and 4 x 6 x 6 in squares
    assert shape_of(conv(8, 8, 4, (3, 3)), split, neurons=64) == shape


def test_cut_layer__fewer_runs_of_features_then_of_rows_break_ties():
    # a 1 x 1 kernel reads each input once, however the map is cut: 1 x 4 wins
    assert shape_of(conv(4, 8, 4), "search", neurons=32) == (1, 1, 4)


def test_cut_layer__both_cuts_the_longest_axis_first():
    # 5 features, 4 rows, 9 columns and 12 neurons a core: lengths (5, 4, 9) ->
    # 9/2: 5 -> features are first: 5/2: 3 -> columns 5 -> 9/3: 3 -> rows 4/2: 2 ->
    # 3 x 2 x 3 = 18 -> features 3/..: 2 -> 2 x 2 x 3 = 12
    assert shape_of(conv(4, 9, 5), "both", neurons=12) == (3, 2, 3)


def test_cut_layer__features_cut_rows_and_columns_only_if_they_must():
    assert shape_of(conv(4, 6, 3), "features", neurons=24) == (3, 1, 1)
    assert shape_of(conv(4, 6, 3), "features", neurons=23) == (3, 2, 1)
    assert shape_of(conv(4, 6, 3), "features", neurons=5) == (3, 4, 2)


def test_cut_layer__space_cuts_features_only_if_it_must():
    assert shape_of(conv(4, 6, 3), "space", neurons=3) == (1, 4, 6)
    assert shape_of(conv(4, 6, 3), "space", neurons=2) == (2, 4, 6)


def test_cut_layer__smaller_tiles_need_fewer_axons():
    # a 3 x 3 kernel, a map of 16 x 16: a tile of 8 x 4 sees 10 x 6 = 60 inputs; with
    # fewer than 8 cores the smallest is 16 x 3 (18 x 5) or 8 x 6 (10 x 8), over 64
    layer = conv(16, 16, 1, (3, 3))
    assert shape_of(layer, "search", neurons=256) == (1, 1, 1)
    assert shape_of(layer, "search", neurons=256, axons=64) == (1, 2, 4)


@pytest.mark.parametrize("split", SPLITS)
def test_cut_layer__dense_layers_have_no_space(split):
    assert shape_of(layer_for(Dense((5,), 7)), split, neurons=3) == (3, 1, 1)
