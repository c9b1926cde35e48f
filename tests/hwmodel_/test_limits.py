from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import (
    conv_model,
    counted,
    dense_model,
    make_model,
    make_network,
)

from eventsim.topology import Dense, Sparse
from hwmodel.chip.chip import CoreLimits, load_chip
from hwmodel.errors import PlacementError
from hwmodel.limits import (
    broken_limits,
    has_more_levels,
    needs_more_bits,
    needs_more_types,
    require_kept,
    unchecked_limits,
)
from hwmodel.workload.workload import layers_of


def broken(chip, n_in=784, weight=1.0, units=(3, 2), capacity=1024, mesh=(4, 4)):
    hidden, output = Dense((n_in,), units[0]), Dense((units[0],), units[1])
    network = make_network(
        (n_in,),
        (hidden, np.full(hidden.weight_shape, weight)),
        (output, np.full(output.weight_shape, weight)),
    )
    model = make_model(network, [np.ones(n_in), np.ones(units[0]), np.ones(units[1])])
    workload, mapping, counts = counted(model, capacity, mesh)
    return broken_limits(chip, workload, mapping, counts)


def test_broken_limits__fan_in_784_exceeds_truenorths_256_axons():
    assert broken(load_chip("truenorth")) == [
        "layer_1 (dense): 784 inputs (axons) to a core, chip truenorth has 256"
    ]


def test_broken_limits__nothing_is_said_within_the_limits():
    assert broken(load_chip("truenorth"), n_in=256) == []
    assert broken(load_chip("canmore")) == []


def test_broken_limits__zero_weights_need_no_axon():
    assert broken(load_chip("truenorth"), weight=0.0) == []


@pytest.mark.parametrize(
    ("overrides", "kwargs", "message"),
    [
        (["limits.neurons=2"], {}, "3 neurons on a core, chip canmore has 2"),
        (["limits.axons=2"], {}, r"784 inputs .* has 2 \(and 1 more layer\)"),
        (
            ["core.axons=500"],
            {},
            r"784 inputs \(axons\) to a core, chip canmore has 500",
        ),
        (
            ["limits.synapses=2351"],
            {},
            "2352 synapses on a core, chip canmore has 2351",
        ),
        (
            ["limits.target_cores=1"],
            {"capacity": 1},
            "2 cores to reach with one spike, chip canmore has 1",
        ),
        (["limits.fan_in=783"], {}, r"784 inputs \(fan_in\) of a neuron, .* has 783"),
        (
            ["limits.synapse_memory=18000", "limits.weight_bits=8"],
            {},
            "2352 synapses on a core, chip canmore has 2250",
        ),
        (
            ["limits.out_axons=1"],
            {"capacity": 1},
            r"2 routes \(out_axons\) from a core, chip canmore has 1",
        ),
    ],
)
def test_broken_limits__names_layer_count_and_limit(overrides, kwargs, message):
    (line,) = broken(load_chip("canmore", overrides), **kwargs)
    assert re.search(message, line)


def test_broken_limits__a_larger_mesh_than_the_silicon():
    (line,) = broken(load_chip("truenorth"), n_in=9, mesh=(257, 2))
    assert line == "mesh: 257x2 routers, chip truenorth has 256x256"


def test_broken_limits__copies_keep_target_cores_and_take_room():
    chip = load_chip("canmore", ["limits.target_cores=1"])
    model = dense_model([2, 3, 4], np.random.default_rng(0), 0.0)
    capacity = CoreLimits(neurons=6, synapses=8, target_cores=1)
    assert broken_limits(chip, *counted(model, capacity)) == []
    chip = load_chip("canmore", ["limits.neurons=3"])
    (line,) = broken_limits(chip, *counted(model, capacity))
    assert "4 neurons on a core, chip canmore has 3" in line


@pytest.mark.parametrize("split", ["features", "space", "both", "search"])
def test_broken_limits__nothing_is_broken_by_a_mapping_that_keeps_the_silicon(split):
    chip = load_chip(
        "canmore",
        [
            "limits.neurons=20",
            "limits.axons=60",
            "limits.synapses=300",
            "limits.target_cores=2",
            "limits.out_axons=40",
        ],
    )
    model = conv_model(np.random.default_rng(1))
    mapped = counted(model, chip.capacity("silicon"), (8, 40), split=split)
    assert broken_limits(chip, *mapped) == []
    assert broken_limits(chip, *counted(model, chip.capacity("core")))


def test_broken_limits__weights_need_more_bits_and_types():
    chip = load_chip("canmore", ["limits.weight_bits=1", "limits.axon_types=4"])
    dense = Dense((5,), 2)
    weight = np.arange(1.0, 11.0).reshape(5, 2)
    model = make_model(make_network((5,), (dense, weight)), [np.ones(5), np.ones(2)])
    lines = broken_limits(chip, *counted(model, 8))
    assert "weights take more than 2 values, chip canmore stores 1 bits" in lines[0]
    assert "more than 4 distinct weights" in lines[1]


@pytest.mark.parametrize(("n_types", "lines"), [(2, 1), (3, 0)])
def test_broken_limits__types_of_listed_synapses(n_types, lines):
    # neuron 0 has the weights 1, 2, 3 and a zero, neuron 1 one weight five times
    chip = load_chip("canmore", [f"limits.axon_types={n_types}"])
    pre, post = [0, 1, 2, 3, 0, 1, 2, 3, 3], [0, 0, 0, 0, 1, 1, 1, 1, 1]
    weight = np.array([1.0, 2.0, 3.0, 0.0, 4.0, 4.0, 4.0, 4.0, 4.0])
    sparse = Sparse((4,), 2, np.array(pre), np.array(post))
    model = make_model(make_network((4,), (sparse, weight)), [np.ones(4), np.ones(2)])
    assert len(broken_limits(chip, *counted(model, 8))) == lines


STEPS = np.array([0.5, 0.1])


def stepped(topology, weight):
    network = make_network((2,), (topology, weight))
    layer = replace(network.layers[0], weight_step=STEPS)
    return replace(network, layers=(layer,))


@pytest.mark.parametrize(
    ("extreme", "bits", "more"),
    [(7, 4, False), (8, 4, True), (-8, 4, False), (-9, 4, True), (7, 3, True)],
)
def test_needs_more_bits__whole_numbers_have_to_fit(extreme, bits, more):
    whole = np.array([[extreme, 0.0], [1.0, -1.0]])
    (dense,) = layers_of(stepped(Dense((2,), 2), whole * STEPS))
    assert needs_more_bits(dense, bits) is more
    pre, post = np.array([1, 0, 1, 0]), np.array([1, 0, 0, 1])
    sparse = Sparse((2,), 2, pre, post)
    (listed,) = layers_of(stepped(sparse, (whole * STEPS)[pre, post]))
    assert needs_more_bits(listed, bits) is more


@pytest.mark.parametrize(("bits", "n_lines"), [(4, 0), (3, 1)])
def test_broken_limits__of_quantised_weights_their_whole_numbers_count(bits, n_lines):
    rng = np.random.default_rng(0)
    whole = rng.integers(-7, 8, (50, 2)).astype(float)
    topology = Dense((50,), 2)
    network = make_network((50,), (topology, whole * STEPS))
    chip = load_chip("canmore", [f"limits.weight_bits={bits}"])
    given = make_model(network, [np.ones(50), np.ones(2)])
    (line,) = broken_limits(chip, *counted(given, 8))
    assert f"weights take more than {2**bits} values" in line
    layer = replace(network.layers[0], weight_step=STEPS)
    model = replace(given, network=replace(network, layers=(layer,)))
    lines = broken_limits(chip, *counted(model, 8))
    assert len(lines) == n_lines
    if lines:
        assert lines[0] == (
            "layer_1 (dense): quantised weights need more than 3 bits, chip canmore "
            "stores whole numbers from -4 to 3"
        )


@pytest.mark.parametrize(("n_levels", "more"), [(3, True), (4, False)])
def test_has_more_levels__counts_distinct_values(n_levels, more):
    weight = np.tile([0.0, 1.0, 2.0], 100)
    assert has_more_levels(np.append(weight, 7.0), n_levels) is more


@pytest.mark.parametrize(("n_types", "more"), [(2, True), (3, False)])
def test_needs_more_types__counts_non_zero_weights_of_each_neuron(n_types, more):
    weight = np.ones((6, 130))
    weight[:4, 129] = [0.0, 2.0, 3.0, 2.0]
    assert needs_more_types(weight, n_types) is more


def test_unchecked_limits__names_limits_on_weights_that_nobody_knows():
    rng = np.random.default_rng(0)
    workload, mapping, counts = counted(dense_model([5, 4, 3], rng), 1024)
    unknown = replace(
        workload, layers=tuple(replace(x, weight=None) for x in workload.layers)
    )
    chip = load_chip("canmore", ["limits.weight_bits=1", "limits.axon_types=1"])
    assert unchecked_limits(chip, workload) == []
    assert len(broken_limits(chip, workload, mapping, counts)) == 2
    assert broken_limits(chip, unknown, mapping, counts) == []
    assert unchecked_limits(chip, unknown) == [
        "weight_bits and axon_types of chip canmore not checked: the weights of "
        "layer_1 (dense) and 1 more layer are unknown"
    ]
    assert unchecked_limits(load_chip("canmore"), unknown) == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a"], "^a; expected a mapping"),
        (["a", "b"], r"^a \(and 1 more limit\); expected"),
        (["a", "b", "c"], r"^a \(and 2 more limits\); expected"),
    ],
)
def test_require_kept__names_the_first_and_counts_the_others(lines, said):
    with pytest.raises(PlacementError, match=said):
        require_kept(lines)
    require_kept([])
