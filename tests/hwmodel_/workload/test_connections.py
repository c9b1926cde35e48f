from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import sparse_weights
from hwmodel_.oracle import conv_matrix, dense_matrix, list_matrix, window_matrix
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eventsim.errors import ShapeError
from eventsim.topology import AveragePool, Conv2d, Dense, Sparse
from hwmodel.mapping.groups import equal_runs
from hwmodel.workload.connections import (
    CoreSynapses,
    average_pool_synapses,
    conv_synapses,
    dense_synapses,
    sparse_synapses,
    taps_into_runs,
)


@given(
    n_in=st.integers(1, 9),
    n_out=st.integers(1, 9),
    n_cores=st.integers(1, 9),
    zeros=st.sampled_from([0.0, 0.4, 1.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_dense_synapses__equal_the_explicit_matrix(n_in, n_out, n_cores, zeros, seed):
    weight = sparse_weights((n_in, n_out), np.random.default_rng(seed), zeros)
    runs = equal_runs(n_out, min(n_cores, n_out))
    matrix = dense_matrix(weight)
    expected = [[matrix[i, a:b].sum() for a, b in runs] for i in range(n_in)]
    counted = dense_synapses(Dense((n_in,), n_out), weight != 0, runs)
    assert counted.per_input.tolist() == expected


@given(
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 5)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    n_runs=st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4)),
    zeros=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 99),
)
@settings(max_examples=80, deadline=None)
def test_conv_synapses__equal_the_explicit_matrix(
    height, width, channels, kernel, stride, padding, n_runs, zeros, seed
):
    shape = (height, width, channels[0])
    try:
        topology = Conv2d(shape, channels[1], kernel, stride, padding)
    except ShapeError:
        return
    weight = sparse_weights(topology.weight_shape, np.random.default_rng(seed), zeros)
    out_h, out_w, n_out = topology.output_shape
    channel_runs = equal_runs(n_out, min(n_runs[0], n_out))
    row_runs = equal_runs(out_h, min(n_runs[1], out_h))
    column_runs = equal_runs(out_w, min(n_runs[2], out_w))
    matrix = conv_matrix(weight, shape, stride, padding)
    by_map = matrix.reshape(-1, out_h, out_w, n_out)
    expected = np.stack(
        [
            by_map[:, r0:r1, k0:k1, c0:c1].sum(axis=(1, 2, 3))
            for c0, c1 in channel_runs
            for r0, r1 in row_runs
            for k0, k1 in column_runs
        ],
        axis=1,
    )
    runs = (channel_runs, row_runs, column_runs)
    counted = conv_synapses(topology, weight != 0, *runs)
    assert counted.per_input.tolist() == expected.tolist()


@given(
    n_in=st.integers(1, 9),
    n_out=st.integers(1, 9),
    n_synapses=st.integers(0, 30),
    n_cores=st.integers(1, 9),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_sparse_synapses__equal_the_explicit_matrix(
    n_in, n_out, n_synapses, n_cores, seed
):
    rng = np.random.default_rng(seed)
    pre, post = rng.integers(0, n_in, n_synapses), rng.integers(0, n_out, n_synapses)
    weight = sparse_weights((n_synapses,), rng)
    runs = equal_runs(n_out, min(n_cores, n_out))
    matrix = list_matrix(n_in, n_out, pre, post, weight)
    expected = [[int(matrix[i, a:b].sum()) for a, b in runs] for i in range(n_in)]
    counted = sparse_synapses(Sparse((n_in,), n_out, pre, post), weight != 0, runs)
    assert counted.per_input.tolist() == expected


@given(
    sides=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    size=st.integers(1, 4),
    stride=st.integers(1, 4),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_average_pool_synapses__equal_the_explicit_matrix(sides, size, stride, seed):
    shape = (*sides, 2)
    assume(size <= min(sides))
    pool = AveragePool(shape, size, stride)
    n_windows = int(np.prod(pool.output_shape))
    behind = np.random.default_rng(seed).integers(0, 5, (n_windows, 3))
    counted = average_pool_synapses(pool, CoreSynapses(behind, np.arange(n_windows)))
    assert (
        counted.per_input.tolist()
        == (window_matrix(shape, size, stride) @ behind).tolist()
    )


def test_conv_synapses__a_corner_reaches_fewer_neurons():
    # 3x3 map, 3x3 kernel, padding 1: corner 4, edge 6, centre 9 outputs
    topology = Conv2d((3, 3, 1), 1, (3, 3), 1, 1)
    nonzero = np.ones(topology.weight_shape, dtype=bool)
    counted = conv_synapses(topology, nonzero, [(0, 1)], [(0, 3)])
    assert counted.per_input.ravel().tolist() == [4, 6, 4, 6, 9, 6, 4, 6, 4]


@pytest.mark.parametrize("stride", [1, 2])
def test_conv_synapses__sum_is_the_number_of_synapses(stride):
    topology = Conv2d((8, 8, 2), 3, (3, 3), stride, 0)
    nonzero = np.ones(topology.weight_shape, dtype=bool)
    counted = conv_synapses(topology, nonzero, [(0, 2), (2, 3)], [(0, 1)])
    rows_used = 1 * topology.output_shape[1]
    assert counted.per_input.sum() == rows_used * 3 * topology.fan_in


@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    n_runs=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
@settings(max_examples=60, deadline=None)
def test_conv_synapses__no_mask_is_a_mask_of_ones(
    shape, kernel, stride, padding, n_runs
):
    try:
        topology = Conv2d(shape, 4, kernel, stride, padding)
    except ShapeError:
        return
    out_h = topology.output_shape[0]
    runs = equal_runs(4, n_runs[0]), equal_runs(out_h, min(n_runs[1], out_h))
    ones = np.ones(topology.weight_shape, dtype=bool)
    plain, masked = (conv_synapses(topology, mask, *runs) for mask in (None, ones))
    assert np.array_equal(plain.per_input, masked.per_input)


def test_taps_into_runs__name_the_run_that_each_tap_lands_in():
    # 4 columns, 2 taps, stride 2: input 0 uses tap 0 and input 1 tap 1 of output 0
    hit = taps_into_runs(Conv2d((1, 4, 1), 1, (1, 2), 2), 1, [(0, 1), (1, 2)])
    assert hit[:, :, 0].tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]
    assert hit[:, :, 1].tolist() == [[0, 0], [0, 0], [1, 0], [0, 1]]


def test_dense_synapses__no_mask_is_a_mask_of_ones():
    topology, runs = Dense((5, 2), 7), [(0, 3), (3, 7)]
    counted = dense_synapses(topology, None, runs)
    assert counted.per_input.tolist() == [[3, 4]] * 10
    assert counted.counts.shape == (1, 2)


def test_sparse_synapses__no_mask_takes_the_whole_list():
    topology = Sparse((3,), 2, np.array([0, 2, 2]), np.array([1, 0, 0]))
    counted = sparse_synapses(topology, None, [(0, 1), (1, 2)])
    assert counted.per_input.tolist() == [[0, 1], [0, 0], [2, 0]]


def test_conv_synapses__inner_positions_share_a_row():
    # first, inner and last row of the map times the same of its columns
    topology = Conv2d((32, 32, 64), 64, (3, 3), 1, 1)
    runs = equal_runs(64, 64), equal_runs(32, 1)
    assert conv_synapses(topology, None, *runs).counts.shape == (9, 64)
