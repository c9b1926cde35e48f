from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from hwmodel_ import oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.chip.chip import CoreLimits
from hwmodel.errors import WorkloadError
from hwmodel.mapping.partition import partition
from hwmodel.mapping.placement import place_row_major
from hwmodel.mesh.grid import Grid
from hwmodel.traffic.counts import count
from hwmodel.workload.declared import (
    from_declaration,
    is_declared,
    read_declared,
    virtual_inferences,
)

EXAMPLES = Path(__file__).parents[3] / "examples" / "workloads"


def declare(*layers, **changes):
    """Return a declaration; a change of None leaves a key out."""
    raw = {
        "name": "net",
        "source": "made up",
        "input_shape": [4, 4, 1],
        "input_spikes_per_neuron": 0.5,
        "windows": 2,
        "spikes_per_neuron": 0.25,
        "layers": list(layers),
    } | changes
    return {key: value for key, value in raw.items() if value is not None}


DENSE = {"type": "dense", "units": 3}
CONV = {"type": "conv2d", "channels": 2, "kernel": 3, "padding": 1}
POOL = {"type": "pool"}


@pytest.mark.parametrize(
    ("name", "neurons", "sparsity", "windows"),
    [
        ("vgg11_cifar10", 159_754, "0.4387", 11),
        ("vgg16_cifar10", 284_682, "0.2561", 16),
        ("canmore_cifar10", 159_754, "0.4444", 11),
    ],
)
def test_read_declared__presets_have_the_published_size(
    name, neurons, sparsity, windows
):
    workload = read_declared(EXAMPLES / f"{name}.yaml")
    assert sum(layer.n_neurons for layer in workload.layers) == neurons
    spikes = sum(int(fired.sum()) for fired in workload.spikes_out)
    assert Fraction(spikes, workload.n_samples) == neurons * Fraction(sparsity)
    assert workload.n_input_spikes == 3072 * workload.n_samples
    assert workload.windows == windows
    assert workload.provenance["declared"] is True


def test_read_declared__vgg11_has_the_multiplications_of_its_shapes():
    # 171.7 M with full borders; (3 s - 2)^2 instead of 9 s^2 taps a channel of side s
    workload = read_declared(EXAMPLES / "vgg11_cifar10.yaml")
    sides = [(32, 3, 64), (16, 64, 128), (8, 128, 256), (8, 256, 256), (4, 256, 512)]
    sides += [(4, 512, 512), (2, 512, 512), (2, 512, 512)]
    expected = sum((3 * s - 2) ** 2 * a * b for s, a, b in sides)
    expected += 512 * 4096 + 4096 * 4096 + 4096 * 10
    part = partition(workload.layers, CoreLimits(neurons=1024))
    counts = count(workload, place_row_major(part, Grid(32, 32), "test"))
    assert counts.synapses_per_core.sum() == expected


decimals = st.integers(0, 6).flatmap(
    lambda k: st.integers(0, 2 * 10**k).map(lambda n: Fraction(n, 10**k))
)


@given(st.lists(decimals, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_virtual_inferences__is_the_least_power_of_ten(rates):
    n = virtual_inferences(rates)
    assert all((rate * n).denominator == 1 for rate in rates)
    assert n == 1 or any((rate * n / 10).denominator != 1 for rate in rates)


def test_virtual_inferences__ends_at_a_million():
    assert virtual_inferences([Fraction(1, 3)]) == 10**6


@given(decimals, decimals)
@settings(max_examples=30, deadline=None)
def test_from_declaration__means_are_the_declared_rates(first, second):
    workload = from_declaration(
        declare(
            {**DENSE, "spikes_per_neuron": float(first)},
            {**DENSE, "spikes_per_neuron": float(second)},
        )
    )
    for fired, rate in zip(workload.spikes_out, (first, second), strict=True):
        assert fired.dtype == np.int64
        assert [Fraction(int(n), workload.n_samples) for n in fired] == [rate] * 3
    assert workload.spikes_in[1].tolist() == workload.spikes_out[0].tolist()
    assert Fraction(workload.n_input_spikes, workload.n_samples) == 8


def passed_by_enumeration(rate, n):
    """Probability that at least one of n independent neurons fires."""
    total = Fraction(0)
    for pattern in product((0, 1), repeat=n):
        if any(pattern):
            total += prod(rate if fires else 1 - rate for fires in pattern)
    return total


@pytest.mark.parametrize(("rate", "size"), [("0.25", 2), ("0.5", 2), ("0.1", 3)])
def test_from_declaration__any_neuron_of_a_window_lets_a_spike_pass(rate, size):
    workload = from_declaration(
        declare(CONV, {**POOL, "size": size}, DENSE, spikes_per_neuron=float(rate))
    )
    exact = passed_by_enumeration(Fraction(rate), size**2)
    expected = round(exact * workload.n_samples)
    assert set(workload.spikes_in[1].tolist()) == {expected}
    # 1 - 0.9^9 has nine decimals, the others at most eight
    assert workload.n_samples == (10**4 if rate == "0.5" else 10**6)


@pytest.mark.parametrize(("stride", "seen"), [(2, 4 * 4), (1, 3 * 3), (3, 4 * 4)])
def test_from_declaration__two_pools_are_one_large_one(stride, seen):
    pools = [{**POOL, "stride": stride}, {**POOL, "stride": 2}]
    raw = declare(CONV, *pools, DENSE, input_shape=[8, 8, 1], spikes_per_neuron=0.1)
    workload = from_declaration(raw)
    assert workload.spikes_in[1][0] == round((1 - 0.9**seen) * 10**6)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"after_pool": "same"}, Fraction("0.25")),
        ({"layers": [CONV, POOL, {**DENSE, "spikes_in_per_neuron": 0.4}]}, "0.4"),
        ({"layers": [CONV, {**POOL, "kind": "average"}, DENSE]}, "0.25"),
    ],
)
def test_from_declaration__other_rates_after_a_pool(changes, expected):
    workload = from_declaration(declare(**({"layers": [CONV, POOL, DENSE]} | changes)))
    received = Fraction(int(workload.spikes_in[1][0]), workload.n_samples)
    assert received == Fraction(expected)


def test_from_declaration__currents_have_no_spikes():
    raw = declare(DENSE, input="currents", input_spikes_per_neuron=None)
    workload = from_declaration(raw)
    assert (workload.input, workload.n_input_spikes) == ("currents", 0)
    assert workload.spikes_in[0].sum() == 0


def test_from_declaration__density_draws_as_many_weights_by_seed():
    raw = declare({**CONV, "density": 0.5}, {**DENSE, "density": 0.1, "name": "out"})
    masks = [layer.nonzero for layer in from_declaration(raw).layers]
    assert [mask.sum() for mask in masks] == [9, round(0.1 * 32 * 3)]
    assert [mask.shape for mask in masks] == [(3, 3, 1, 2), (32, 3)]
    again = [layer.nonzero for layer in from_declaration(raw).layers]
    other = [layer.nonzero for layer in from_declaration(raw | {"seed": 1}).layers]
    assert all(np.array_equal(a, b) for a, b in zip(masks, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(masks, other, strict=True))
    assert [layer.name for layer in from_declaration(raw).layers] == [
        "layer_1 (conv2d)",
        "out",
    ]


def explicit(layer):
    """Matrix of a layer's synapses, seen from the neurons before average pools."""
    topology = layer.topology
    mask = np.ones(topology.weight_shape) if layer.nonzero is None else layer.nonzero
    if topology.kind == "dense":
        matrix = oracle.dense_matrix(mask)
    else:
        matrix = oracle.conv_matrix(
            mask, topology.input_shape, topology.stride, topology.padding
        )
    for pool in reversed([p for p in layer.passes if p.kind == "average_pool"]):
        matrix = oracle.window_matrix(pool.input_shape, pool.size, pool.stride) @ matrix
    return matrix


@given(
    sides=st.tuples(st.integers(4, 5), st.integers(4, 5)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    pool=st.sampled_from(["earliest", "average"]),
    density=st.sampled_from([1, 0.5]),
    capacity=st.integers(10, 40),
)
@settings(max_examples=8, deadline=None)
def test_from_declaration__counts_equal_brute_force(
    sides, kernel, stride, padding, pool, density, capacity
):
    conv = {"type": "conv2d", "channels": 2, "kernel": list(kernel)}
    raw = declare(
        {**conv, "padding": 1, "spikes_per_neuron": 0.3},
        {"type": "pool", "kind": pool, "size": 2, "stride": 1},
        {**conv, "stride": stride, "padding": padding, "spikes_per_neuron": 0.2},
        {"type": "flatten"},
        DENSE,
        input_shape=[*sides, 1],
        density=density,
    )
    workload = from_declaration(raw)
    part = partition(workload.layers, CoreLimits(neurons=capacity))
    mapping = place_row_major(part, Grid(5, 20), "test")
    counts = count(workload, mapping, (1, 2))
    passed = passed_by_enumeration(Fraction("0.3"), 4)
    rates = [0.5, passed if pool == "earliest" else 0.3, 0.2]
    position = dict(enumerate(zip(mapping.x.tolist(), mapping.y.tolist(), strict=True)))
    source_of = [(1, 2)] * prod(sides)
    for i, layer in enumerate(workload.layers):
        matrix = explicit(layer).astype(int)
        if pool == "earliest" and i == 1:
            first = oracle.first_of_window(
                workload.layers[0].topology.output_shape, 2, 1
            )
            source_of = [source_of[j] for j in first]
        n = round(rates[i] * counts.n_samples)
        core_of = part.layers[i].core_of_neuron.tolist()
        packets, hops, _ = oracle.transport(
            matrix, [n] * len(matrix), source_of, core_of, position
        )
        counted = counts.layers[i]
        assert counted.sops == n * int(matrix.sum())
        assert [counted.unicast.packets, counted.multicast.packets] == packets
        assert [counted.unicast.hops, counted.multicast.hops] == hops
        source_of = [position[core] for core in core_of]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (declare(DENSE, name=None), "name is missing"),
        (declare(DENSE, sorce="x"), "sorce is not a known key; did you mean 'source'"),
        (declare({**DENSE, "unit": 3}), r"layers\.0\.unit is not .* 'units'\?"),
        (declare({**DENSE, "kernel": 3}), r"layers\.0\.kernel is not .* expected name"),
        (declare({"type": "lstm"}), r"layers\.0\.type is 'lstm'; expected one of den"),
        (declare({"units": 3}), r"layers\.0\.type is None; expected one of dense"),
        (declare({"type": "dense"}), r"layers\.0\.units is missing; add it"),
        (declare({**DENSE, "units": 0}), r"layers\.0\.units: .*greater than .* got 0"),
        (declare({**CONV, "kernel": [3]}), r"layers\.0\.kernel: .*at least 2 items"),
        (declare(DENSE, windows=0), r"windows: .*greater than 0, got 0"),
        (declare(DENSE, windows=float("nan")), "windows: .*finite number, got nan"),
        (declare(DENSE, density=0), "density: .*greater than 0, got 0"),
        (declare(DENSE, spikes_per_neuron=-0.1), "number from 0 to 1000000, got -0.1"),
        (declare(DENSE, spikes_per_neuron=True), "expected a number, got True"),
        (declare(DENSE, spikes_per_neuron="x"), "expected a number, got 'x'"),
        (
            declare(DENSE, spikes_per_neuron=float("inf")),
            "number from 0 to 1000000, got inf",
        ),
        (declare(DENSE, spikes_per_neuron=float("nan")), "number from 0 to .* got nan"),
        (declare(DENSE, spikes_per_neuron=10**7), "number from 0 to .* got 10000000"),
        (
            declare({**CONV, "padding": 10**5}),
            r"layers\.0: shape \(200002, .* neurons; expected at most 100000000",
        ),
        (declare(DENSE, input_shape=[10**9]), r"input_shape: shape \(1000000000,\)"),
        (
            declare(DENSE, spikes_per_neuron=0.1234567),
            "spikes_per_neuron: expected at most 6 decimals; round it, got 0.1234567",
        ),
        (
            declare(DENSE, spikes_per_neuron=None),
            r"layers\.0\.spikes_per_neuron is missing; add it, or one",
        ),
        (declare(DENSE, input_spikes_per_neuron=None), "or 'input: currents' if the"),
        (declare(DENSE, input="currents"), "does not go with input: currents"),
        (declare(DENSE, POOL), "must end with one that has neurons"),
        (declare(), r"layers: .*at least 1 item"),
        (declare(DENSE, POOL, DENSE), r"layers\.1: pool: input has shape \(3,\)"),
        (declare({**CONV, "kernel": 7}), r"layers\.0: conv2d: kernel height 7"),
        (
            declare({**CONV, "spikes_per_neuron": 2}, POOL, DENSE),
            r"layers\.2: the pool before it receives 2 spikes .*spikes_in_per_neuron",
        ),
        (
            declare(CONV, {**DENSE, "spikes_in_per_neuron": 0.5}),
            r"layers\.1\.spikes_in_per_neuron is 0\.5, but no spikes reach this layer",
        ),
        (
            declare(
                POOL,
                {**DENSE, "spikes_in_per_neuron": 0.5},
                input="currents",
                input_spikes_per_neuron=None,
            ),
            r"layers\.1\.spikes_in_per_neuron is 0\.5, but no spikes",
        ),
        (
            declare({**DENSE, "units": 2**22, "density": 0.5}),
            r"layers\.0: density is 0\.5 for 67108864 weights; .*at most 33554432",
        ),
        (
            declare(
                CONV, {**POOL, "kind": "average"}, POOL, DENSE, input_shape=[8] * 3
            ),
            "an average pool is followed by an earliest-spike pool",
        ),
    ],
)
def test_from_declaration__names_what_is_wrong(raw, message):
    with pytest.raises(WorkloadError, match=f"^declared workload: .*{message}"):
        from_declaration(raw)


def test_from_declaration__unknown_layer_type_that_is_no_section():
    with pytest.raises(WorkloadError, match=r"layers\.0 is 5; expected keys, for"):
        from_declaration(declare(5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", r"workload file '.*w\.yaml' is not valid YAML"),
        ("a: 1\na: 2\n", "the key 'a' appears twice"),
        ("- 1\n", "holds no keys; expected name, source"),
        ("name: x\n", r"workload file '.*w\.yaml': \w+ is missing; add it"),
    ],
)
def test_read_declared__names_the_file(tmp_path, text, message):
    path = tmp_path / "w.yaml"
    path.write_text(text)
    with pytest.raises(WorkloadError, match=message):
        read_declared(path)


def test_read_declared__a_training_configuration_is_named_as_one():
    path = Path(__file__).parents[3] / "examples" / "mnist_ttfs.yaml"
    with pytest.raises(WorkloadError, match=r"a configuration of a training; .* 'even"):
        read_declared(path)


def test_read_declared__binary_garbage_is_neither(tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(WorkloadError, match=r"neither a model file .* nor text"):
        read_declared(path)


def test_read_declared__rates_stay_what_was_written(tmp_path):
    path = tmp_path / "w.yaml"
    raw = declare(DENSE, spikes_per_neuron=0.000003)
    path.write_text(yaml.safe_dump(raw))
    workload = read_declared(path)
    assert (workload.n_samples, workload.spikes_out[0].tolist()) == (10**6, [3] * 3)


def test_read_declared__no_such_file(tmp_path):
    with pytest.raises(WorkloadError, match=r"x\.yaml' cannot be read \(No such file"):
        read_declared(tmp_path / "x.yaml")


def test_is_declared__looks_at_the_content(tmp_path):
    text, model = tmp_path / "model.h5", tmp_path / "net.yaml"
    text.write_text("name: x\n")
    with h5py.File(model, "w") as file:
        file["x"] = 1
    assert is_declared(text)
    assert not is_declared(model)
    assert not is_declared(tmp_path)
    assert not is_declared(tmp_path / "nothing")
