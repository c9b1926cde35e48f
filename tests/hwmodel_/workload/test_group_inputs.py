from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import LIF, make_network, matrix_of, sparse_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.errors import ShapeError
from eventsim.topology import AveragePool, Conv2d, Dense, Dropout, Flatten, Sparse
from hwmodel.errors import WorkloadError
from hwmodel.mapping.groups import LayerPartition, equal_runs
from hwmodel.workload.group_inputs import (
    distinct_inputs,
    fan_in,
    map_of,
    reached_groups,
    received,
)
from hwmodel.workload.workload import layers_of


@st.composite
def layer(draw):
    """Draw a layer of any kind, behind no, one or two average pools."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    shape = (draw(st.integers(1, 8)), draw(st.integers(1, 8)), draw(st.integers(1, 3)))
    parts = []
    for _ in range(draw(st.integers(0, 2))):
        size = draw(st.integers(1, 3))
        if size <= min(shape[:2]):
            parts.append((AveragePool(shape, size, draw(st.integers(1, 3))), None))
            shape = parts[-1][0].output_shape
    kind = draw(st.sampled_from(["dense", "conv", "sparse"]))
    if kind == "conv":
        kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
        try:
            last = Conv2d(
                shape,
                draw(st.integers(1, 4)),
                kernel,
                draw(st.integers(1, 3)),
                draw(st.integers(0, 2)),
            )
        except ShapeError:
            last = Conv2d(shape, 2, (1, 1))
    else:
        parts += [(Dropout(shape, 0.5), None), (Flatten(shape), None)]
        n_in, units = int(np.prod(shape)), draw(st.integers(1, 6))
        last = Dense((n_in,), units)
        if kind == "sparse":
            n = draw(st.integers(0, 20))
            ends = rng.integers(0, n_in, n), rng.integers(0, units, n)
            last = Sparse((n_in,), units, *ends)
    zeros = draw(st.sampled_from([0.0, 0.5, 0.9]))
    parts.append((last, sparse_weights(last.weight_shape, rng, zeros)))
    first = parts[0][0].input_shape
    (made,) = layers_of(make_network(first, *parts, neuron=LIF, t_end=4.0))
    return made


@given(layer=layer(), data=st.data())
@settings(max_examples=70, deadline=None)
def test_distinct_inputs__equal_the_explicit_matrix(layer, data):
    height, width, features = map_of(layer)
    runs = [
        equal_runs(n, data.draw(st.integers(1, n))) for n in (features, height, width)
    ]
    part = LayerPartition(0, *runs)
    matrix = matrix_of(layer)
    expected = [
        int(matrix[:, part.core_of_neuron == core].any(axis=1).sum())
        for core in part.cores
    ]
    assert distinct_inputs(layer, *runs).ravel().tolist() == expected
    # and the table that counting uses agrees on which inputs a core has
    assert (layer.synapses(*runs).per_input > 0).sum(axis=0).tolist() == expected


@given(layer=layer(), seed=st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_fan_in_and_received__equal_the_explicit_matrix(layer, seed):
    matrix = matrix_of(layer)
    spikes = np.random.default_rng(seed).integers(0, 9, matrix.shape[0])
    assert fan_in(layer).tolist() == (matrix > 0).sum(axis=0).tolist()
    assert received(layer, spikes).tolist() == (spikes @ matrix).tolist()


@given(layer=layer(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_distinct_inputs__without_a_mask_all_synapses_exist(layer, data):
    height, width, features = map_of(layer)
    runs = [
        equal_runs(n, data.draw(st.integers(1, n))) for n in (features, height, width)
    ]
    every = replace(layer, nonzero=np.ones(layer.topology.weight_shape, dtype=bool))
    unknown = replace(layer, nonzero=None)
    for count in (distinct_inputs, reached_groups):
        assert count(unknown, *runs).tolist() == count(every, *runs).tolist()
    n_in = matrix_of(layer).shape[0]
    spikes = np.arange(n_in)
    assert received(unknown, spikes).tolist() == received(every, spikes).tolist()


def test_received__refuses_what_floats_cannot_count():
    dense = Dense((2,), 1)
    (made,) = layers_of(make_network((2,), (dense, np.ones((2, 1)))))
    with pytest.raises(WorkloadError, match=r"9e\+15 synaptic operations in one"):
        received(made, np.array([2**53 - 1, 1]))


@pytest.mark.parametrize(
    ("topology", "expected"),
    [(Dense((3,), 5), (1, 1, 5)), (Conv2d((4, 5, 1), 2, (2, 2)), (3, 4, 2))],
)
def test_map_of__is_height_width_features(topology, expected):
    weight = np.ones(topology.weight_shape)
    (made,) = layers_of(make_network(topology.input_shape, (topology, weight)))
    assert map_of(made) == expected
