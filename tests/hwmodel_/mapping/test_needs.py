from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import (
    averaging_model,
    conv_model,
    make_model,
    make_network,
    matrix_of,
    reach_of,
    sparse_weights,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.topology import Conv2d, Dense, EarliestPool, Flatten
from hwmodel.chip.chip import CoreLimits
from hwmodel.errors import PlacementError
from hwmodel.mapping.groups import LayerPartition, equal_runs
from hwmodel.mapping.needs import inputs_of, needs_of, targets_of
from hwmodel.workload.group_inputs import map_of
from hwmodel.workload.workload import layers_of

ROOMY = CoreLimits(neurons=10_000)


def dense_layer(n_in=6, units=4):
    dense = Dense((n_in,), units)
    (layer,) = layers_of(make_network((n_in,), (dense, np.ones((n_in, units)))))
    return layer


def overlapping_model(rng):
    """One layer behind windows of 2 x 2 that overlap."""
    pool = EarliestPool((4, 5, 2), 2, 1)
    flat = Flatten(pool.output_shape)
    dense = Dense(flat.output_shape, 6)
    weight = sparse_weights(dense.weight_shape, rng, 0.8)
    network = make_network((4, 5, 2), (pool, None), (flat, None), (dense, weight))
    return make_model(network, [])


def random_cut(layer, rng, copies=None):
    height, width, features = map_of(layer)
    runs = [equal_runs(n, rng.integers(1, n + 1)) for n in (features, height, width)]
    return LayerPartition(0, *runs, copies)


@given(
    seed=st.integers(0, 999),
    make=st.sampled_from([conv_model, averaging_model, overlapping_model]),
)
@settings(max_examples=30, deadline=None)
def test_targets_of__equal_the_explicit_matrix(seed, make):
    rng = np.random.default_rng(seed)
    for layer in layers_of(make(rng).network):
        part = random_cut(layer, rng)
        reach, owner = reach_of(layer), part.core_of_neuron
        expected = [len(set(owner[row])) for row in reach]
        assert targets_of(layer, part).tolist() == expected


@given(
    seed=st.integers(0, 999),
    neurons=st.integers(3, 40),
    axons=st.none() | st.integers(40, 80),
    synapses=st.none() | st.integers(60, 300),
    out_axons=st.none() | st.integers(3, 60),
    target_cores=st.none() | st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_fits__is_what_the_explicit_matrix_says(
    seed, neurons, axons, synapses, out_axons, target_cores
):
    rng = np.random.default_rng(seed)
    layer = layers_of(conv_model(rng).network)[rng.integers(0, 3)]
    capacity = CoreLimits(
        neurons=neurons,
        axons=axons,
        synapses=synapses,
        out_axons=out_axons,
        target_cores=target_cores,
    )
    targets = rng.integers(0, 4, layer.n_neurons)
    try:
        needs = needs_of(layer, capacity, targets)
    except PlacementError:
        return
    part = random_cut(layer, rng, needs.copies)
    matrix, owner = matrix_of(layer), part.core_of_neuron
    copies = np.ones(layer.n_neurons, dtype=int)
    if target_cores is not None:
        copies = np.array([max(1, -(-n // target_cores)) for n in targets])
    fits = True
    for core in part.cores:
        mine = owner == core
        fits &= copies[mine].sum() <= neurons
        fits &= axons is None or matrix[:, mine].any(axis=1).sum() <= axons
        fits &= (
            synapses is None
            or (matrix[:, mine].sum(axis=0) * copies[mine]).sum() <= synapses
        )
        fits &= out_axons is None or targets[mine].sum() <= out_axons
    assert needs.fits(part) == fits
    assert part.n_cores >= needs.fewest_cores or not fits
    listed = needs.too_large(part)
    assert fits or len(listed) or needs.too_many_neurons(part)
    index = np.arange(layer.n_neurons).reshape(map_of(layer))
    groups = [np.array(group) for group in part.groups]
    for box in listed:
        # part of a group, and what breaks a limit by itself
        assert any(
            (g[:, 0] <= box[:, 0]).all() and (box[:, 1] <= g[:, 1]).all()
            for g in groups
        )
        (first, last), (top, bottom), (left, right) = box
        mine = index[top:bottom, left:right, first:last].ravel()
        needed = [
            (copies[mine].sum(), neurons),
            (matrix[:, mine].any(axis=1).sum(), axons),
            ((matrix[:, mine].sum(axis=0) * copies[mine]).sum(), synapses),
            (targets[mine].sum(), out_axons),
        ]
        assert any(limit is not None and n > limit for n, limit in needed)


def test_inputs_of__a_tile_sees_its_border_too():
    conv = Conv2d((6, 6, 2), 3, (3, 3))
    (layer,) = layers_of(
        make_network(conv.input_shape, (conv, np.ones(conv.weight_shape)))
    )
    tiles = LayerPartition(0, ((0, 3),), ((0, 2), (2, 4)), ((0, 4),))
    # 2 of 4 rows need 4 x 6 positions of 2 channels
    assert inputs_of(layer, tiles).ravel().tolist() == [48, 48]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"fan_in": 5}, r"layer_1 .*: a neuron has 6 inputs; .* 5, .*\(fan_in\)"),
        ({"axons": 5}, r"has 6 inputs; expected at most 5.*\(axons\).*partial sums"),
        ({"synapses": 5}, r"a neuron has 6 synapses; expected at most 5"),
        (
            {"synapse_memory": 40, "weight_bits": 8},
            r"a neuron has 6 synapses; expected at most 5",
        ),
        ({"out_axons": 2}, r"needs 3 routes to other cores \(out_axons\); .* 2"),
        (
            {"neurons": 2, "target_cores": 1},
            r"has to reach 3 cores with 1 a neuron \(target_cores\) and so needs 3 "
            r"copies on its core \(neurons\); expected at most 2",
        ),
        (
            {"synapses": 11, "target_cores": 2},
            "a neuron has, copies included, 12 synapses; expected at most 11",
        ),
    ],
)
def test_needs_of__refuses_a_neuron_that_no_core_holds(limits, message):
    layer, targets = dense_layer(), np.array([0, 1, 3, 2])
    with pytest.raises(PlacementError, match=message):
        needs_of(layer, replace(ROOMY, **limits), targets)


def test_needs_of__a_limit_that_is_met_refuses_nothing():
    just_enough = replace(
        ROOMY, fan_in=6, axons=6, synapses=12, out_axons=3, target_cores=2
    )
    needs = needs_of(dense_layer(), just_enough, np.array([0, 1, 3, 2]))
    assert needs.copies.tolist() == [1, 1, 2, 1]


@pytest.mark.parametrize(
    ("limits", "senders", "cores"),
    [
        ({}, 50, 0),
        ({"out_axons": 10}, 0, 0),
        ({"out_axons": 30}, 50, 4),
        ({"out_axons": 300}, 50, 3),
        ({"target_cores": 1}, 50, 6),
        ({"target_cores": 2, "out_axons": 31}, 50, 4),
    ],
)
def test_cores_before__have_room_for_neurons_copies_and_routes(limits, senders, cores):
    # 20 neurons a core; 101 inputs are 101 routes
    needs = needs_of(dense_layer(), CoreLimits(neurons=20, **limits), senders=senders)
    assert needs.cores_before(101) == cores


def test_cores_before__all_neurons_of_a_window_send():
    rng = np.random.default_rng(0)
    pool, flat = EarliestPool((4, 4, 1), 2, 2), Flatten((2, 2, 1))
    dense = Dense((4,), 3)
    weight = sparse_weights(dense.weight_shape, rng, 0.0)
    network = make_network((4, 4, 1), (pool, None), (flat, None), (dense, weight))
    (layer,) = layers_of(network)
    needs = needs_of(layer, CoreLimits(neurons=3, out_axons=4), senders=1)
    assert needs.cores_before(4) == 4
