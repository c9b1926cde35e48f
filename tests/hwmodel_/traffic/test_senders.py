from __future__ import annotations

import numpy as np
from hwmodel_.builders import (
    averaging_model,
    conv_model,
    counted,
    dense_model,
    explicit_layers,
    make_network,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.topology import Dense
from hwmodel.chip.chip import CoreLimits
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


def test_senders_of__copies_are_senders_of_their_own():
    # 3 neurons with a copy each, 2 to a core; behind them 6 on 3 cores of 2
    model = dense_model([2, 3, 6], np.random.default_rng(0), 0.0)
    limits = CoreLimits(neurons=4, synapses=8, target_cores=2)
    workload, mapping, _ = counted(model, limits)
    assert mapping.partition.copies_per_core.tolist() == [2, 1, 0, 0, 0]
    senders = senders_of(workload.layers, workload.input_shape, mapping)
    assert senders.first_input.tolist() == [0, 2, 5]
    assert senders.of_input.tolist() == [0, 1, 2, 4, 6, 8]
    assert senders.first.tolist() == [0, 2, 8]
    assert senders.source.tolist() == [HOST, HOST, 0, 0, 0, 0, 1, 1]
    assert senders.sops.tolist() == [6, 6, 4, 2, 4, 2, 4, 2]
    cores = np.split(senders.core, senders.offsets[1:-1])
    assert [cores[s].tolist() for s in senders.targets] == [
        *([0, 1], [0, 1]),
        *([2, 3], [4], [2, 3], [4], [2, 3], [4]),
    ]


def test_senders_of__an_input_without_synapses_sends_nothing():
    network = make_network((3,), (Dense((3,), 2), [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]))
    layers = layers_of(network)
    mapping = place_row_major(
        partition(layers, CoreLimits(neurons=1)), Grid(2, 1), "test"
    )
    senders = senders_of(layers, (3,), mapping)
    assert senders.of_input.tolist() == [0, 0, 1, 2]
    assert senders.n_targets.tolist() == [1, 2]
