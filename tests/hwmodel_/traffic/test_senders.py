from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import (
    averaging_model,
    conv_model,
    counted,
    dense_model,
    explicit_layers,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.chip.chip import CoreLimits
from hwmodel.errors import PlacementError
from hwmodel.mapping.partition import partition
from hwmodel.mapping.placement import place_row_major
from hwmodel.mesh.grid import Grid
from hwmodel.traffic.senders import HOST, inputs_of_layers, senders_of, target_sets
from hwmodel.workload.connections import CoreSynapses
from hwmodel.workload.workload import layers_of


@given(
    capacity=st.sampled_from([5, 12, 30, 1024]),
    averaging=st.booleans(),
    seed=st.integers(0, 9),
)
@settings(max_examples=12, deadline=None)
def test_inputs_of_layers__equal_explicit_matrices(capacity, averaging, seed):
    rng = np.random.default_rng(seed)
    network = (averaging_model(rng) if averaging else conv_model(rng)).network
    layers = layers_of(network)
    part = partition(layers, CoreLimits(neurons=capacity + 5))
    mapping = place_row_major(part, Grid(9, 9), "test")
    found = list(inputs_of_layers(layers, network.input_shape, part))
    explicit = list(explicit_layers(network, mapping))
    assert len(found) == len(explicit) == 3
    for inputs, part, (matrix, _, owner) in zip(
        found, mapping.partition.layers, explicit, strict=True
    ):
        core_of = part.core_of_neuron
        into = [matrix[:, core_of == core].sum(axis=1) for core in part.cores]
        assert inputs.synapses.per_input.tolist() == np.stack(into, 1).tolist()
        assert inputs.owner.tolist() == owner
    assert set(found[0].owner.tolist()) == {HOST}


def test_target_sets__merges_inputs_that_reach_the_same_cores():
    counts = np.array([[2, 0, 1], [0, 0, 0], [1, 0, 7], [0, 3, 0]])
    reaches, target_set = target_sets(CoreSynapses(counts, np.array([0, 2, 1, 3, 0])))
    assert reaches[target_set].tolist() == [
        [True, False, True],
        [True, False, True],
        [False, False, False],
        [False, True, False],
        [True, False, True],
    ]
    assert len(reaches) == 3


def test_senders_of__a_dense_layer_without_zeros_has_one_set():
    network = dense_model([50, 40, 10], np.random.default_rng(0), 0.0).network
    layers = layers_of(network)
    part = partition(layers, CoreLimits(neurons=4))
    mapping = place_row_major(part, Grid(5, 5), "test")
    senders = senders_of(layers, network.input_shape, mapping)
    assert senders.first.tolist() == [0, 50, 90]
    assert senders.offsets.tolist() == [0, 10, 13]
    assert senders.core.tolist() == list(range(13))
    assert senders.sops.tolist() == [40] * 50 + [10] * 40
    assert senders.n_targets.tolist() == [10] * 50 + [3] * 40


def test_senders_of__copies_are_refused():
    model = dense_model([2, 3, 6], np.random.default_rng(0), 0.0)
    limits = CoreLimits(neurons=6, synapses=6, target_cores=1)
    workload, mapping, _ = counted(model, limits)
    with pytest.raises(PlacementError, match=r"have copies \(target_cores 1\)"):
        senders_of(workload.layers, workload.input_shape, mapping)
