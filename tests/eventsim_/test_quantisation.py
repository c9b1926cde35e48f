from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from eventsim_.builders import build, dense, normal_weights
from eventsim_.gathered_layers import NEURONS
from eventsim_.spiking_networks import (
    KINDS,
    Case,
    dense_network,
    random_case,
    random_network,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eventsim.engine.simulation import record
from eventsim.errors import ConfigError, ShapeError
from eventsim.layer import Layer, Neuron
from eventsim.quantisation import (
    best_steps,
    in_whole_numbers,
    largest_level,
    on_exact_grid,
    quantised,
    rounded,
    whole_numbers_of,
)
from eventsim.topology import Conv2d, Dense, Sparse

PER = ("layer", "channel")
STATIC = NEURONS["lif"][0]


def layer_of(weight, topology=None):
    weight = np.asarray(weight)
    topology = topology or Dense(weight.shape[:1], weight.shape[1])
    return Layer("layer_1", topology, STATIC, weight, np.ones(topology.n_features))


def sums_of_squares(weights, top):
    """Return every candidate and its error, number by number."""
    largest = max(abs(w) for w in weights)
    found = []
    for i in range(41):
        step = largest / top * 2 ** (-i / 8)
        levels = [max(-top, min(top, round(w / step))) for w in weights]
        error = sum((w - k * step) ** 2 for w, k in zip(weights, levels, strict=True))
        found.append((error, -step))
    return found


@pytest.mark.parametrize(("bits", "top"), [(2, 1), (3, 3), (4, 7), (8, 127)])
def test_largest_level__leaves_an_odd_number_of_levels(bits, top):
    assert largest_level(bits) == top
    assert 2 * top + 1 == 2**bits - 1


@pytest.mark.parametrize("bits", [-1, 0, 1, 17])
def test_largest_level__refuses_other_bits(bits):
    with pytest.raises(ConfigError, match=f"bits is {bits}; expected .* from 2 to 16"):
        largest_level(bits)


def test_quantised__refuses_an_unknown_unit():
    with pytest.raises(ConfigError, match="per is 'core'; expected layer or channel"):
        quantised(dense_network(), 4, "core")


def test_rounded__halves_go_to_the_even_number_and_the_rest_is_clipped():
    weight = [[0.5, 1.5, 2.5, -0.5, -1.5, 9.0, -9.0, 0.0]]
    step = np.full(8, 2.0)
    found = rounded(layer_of(np.multiply(weight, 2)), step, 3)
    np.testing.assert_array_equal(found, [[0, 4, 4, 0, -4, 6, -6, 0]])


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_best_steps__minimise_the_squared_error(bits):
    rng = np.random.default_rng(bits)
    layer = layer_of(rng.standard_t(2, (40, 3)))
    for per, columns in (
        ("layer", [layer.weight.ravel()] * 3),
        ("channel", layer.weight.T),
    ):
        found = best_steps(layer, bits, per)
        for step, column in zip(found, columns, strict=True):
            expected = -min(sums_of_squares(column.tolist(), largest_level(bits)))[1]
            assert step == pytest.approx(expected, rel=1e-12)


def test_best_steps__nothing_is_clipped_where_that_is_exact():
    weight = np.array([[3.0, 0.0, 6.0], [-7.0, 0.0, -14.0]])
    np.testing.assert_array_equal(best_steps(layer_of(weight), 4, "channel"), [1, 1, 2])
    assert (best_steps(layer_of(0 * weight), 4, "layer") == 1).all()


def test_best_steps__of_listed_synapses_are_those_of_the_dense_layer():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(6, 5))
    pre, post = np.divmod(rng.permutation(30), 5)
    listed = layer_of(weight[pre, post], Sparse((6,), 5, pre, post))
    for per in PER:
        step = best_steps(layer_of(weight), 3, per)
        np.testing.assert_allclose(best_steps(listed, 3, per), step, rtol=1e-15)
        dense_weight = rounded(layer_of(weight), step, 3)
        np.testing.assert_array_equal(rounded(listed, step, 3), dense_weight[pre, post])


def test_best_steps__of_a_neuron_without_synapses():
    lonely = Sparse((2,), 3, np.array([0, 1]), np.array([2, 2]))
    step = best_steps(layer_of(np.array([3.0, -1.0]), lonely), 3, "channel")
    np.testing.assert_array_equal(step, [1, 1, 1])
    empty = Sparse((2,), 3, np.array([], int), np.array([], int))
    assert best_steps(layer_of(np.array([]), empty), 3, "layer").tolist() == [1] * 3


@settings(max_examples=60, deadline=None)
@given(
    weight=hnp.arrays(
        np.float64, (3, 2, 2, 3), elements=st.sampled_from([0.0]) | st.floats(-1e3, 1e3)
    ),
    bits=st.integers(2, 16),
    per=st.sampled_from(PER),
)
def test_quantised__holds_few_levels_zero_among_them(weight, bits, per):
    weight[np.abs(weight) < 1e-100] = 0
    layer = layer_of(weight, Conv2d((4, 4, 2), 3, (3, 2)))
    step = best_steps(layer, bits, per)
    found = replace(layer, weight=rounded(layer, step, bits), weight_step=step)
    k = whole_numbers_of(found)
    assert np.abs(k).max() <= 2 ** (bits - 1) - 1
    assert (found.weight[weight == 0] == 0).all()
    assert (found.weight * weight >= 0).all()
    if per == "layer":
        assert np.unique(found.weight).size <= 2**bits - 1
        assert np.unique(step).size == 1
    # unclipped weights are off by half a step at most, clipped ones become the largest
    clipped = np.abs(weight) > (2 ** (bits - 1) - 1) * step
    error = np.abs(found.weight - weight)
    assert (error[~clipped] <= (0.5 * step * (1 + 1e-9) * ~clipped)[~clipped]).all()
    assert (np.abs(k)[clipped] == 2 ** (bits - 1) - 1).all()
    again = rounded(found, step, bits)
    np.testing.assert_array_equal(again, found.weight)


@pytest.mark.parametrize("per", PER)
def test_quantised__keeps_types_thresholds_and_the_given_network(per):
    network = dense_network(dtype=np.float32)
    before = [weight.copy() for weight in network.weights]
    found = quantised(network, 4, per)
    for layer, old, weight in zip(found.layers, network.layers, before, strict=True):
        assert layer.weight.dtype == layer.weight_step.dtype == np.float32
        assert layer.weight_step.shape == layer.theta.shape
        assert layer.theta is old.theta
        assert old.weight_step is None
        np.testing.assert_array_equal(old.weight, weight)


def test_on_exact_grid__rounds_products_of_float32_away():
    network = quantised(dense_network(dtype=np.float32), 16, "channel")
    exact = on_exact_grid(network)
    for layer, old in zip(exact.layers, network.layers, strict=True):
        step = old.weight_step.astype(np.float64)
        k = np.rint(old.weight / step)
        np.testing.assert_array_equal(layer.weight, k * step)
        np.testing.assert_allclose(layer.weight, old.weight, rtol=1e-6)


def test_whole_numbers_of__refuses_changed_weights():
    layer = quantised(dense_network(), 4, "layer").layers[0]
    changed = layer.weight.copy()
    changed[2, 3] += 0.02 * layer.weight_step[3]
    with pytest.raises(ShapeError, match=r"layer_1 .* no whole multiples of its"):
        whole_numbers_of(replace(layer, weight=changed))


def case_of(kind, model):
    if model != "relpsp":
        return random_case(kind, [model], seed=5)
    case = random_case(kind, ["non_leaky_if"], seed=5)
    layers = [
        replace(layer, neuron=layer.neuron and Neuron("relpsp", "static"))
        for layer in case.network.layers
    ]
    return Case(replace(case.network, layers=tuple(layers)), case.spikes)


@pytest.mark.parametrize(
    ("kind", "model", "per"),
    [(kind, "lif", per) for kind, per in product(KINDS, PER)]
    + [("average", model, "channel") for model in (*NEURONS, "relpsp")],
)
def test_in_whole_numbers__every_neuron_fires_at_the_same_times(kind, model, per):
    case = case_of(kind, model)
    network = quantised(case.network, 5, per)
    whole = in_whole_numbers(network)
    for layer in whole.layers:
        if layer.weight is not None:
            np.testing.assert_array_equal(layer.weight, np.rint(layer.weight))
            assert np.abs(layer.weight).max() <= 15
    one, other = record(network, case.spikes, "sweep"), record(whole, case.spikes)
    for k in range(1, len(network.layers) + 1):
        assert one.trains[k].time.size > 0
        np.testing.assert_array_equal(one.trains[k].neuron, other.trains[k].neuron)
        np.testing.assert_array_equal(one.trains[k].offsets, other.trains[k].offsets)
        np.testing.assert_allclose(
            one.trains[k].time, other.trains[k].time, rtol=1e-9, atol=1e-9
        )


def test_in_whole_numbers__refuses_falling_thresholds_and_full_precision():
    rng = np.random.default_rng(0)
    falling = build((4,), [dense(3)], weights=normal_weights(rng))
    with pytest.raises(ShapeError, match=r"layer_1 .* has the dynamic threshold"):
        in_whole_numbers(quantised(falling, 4, "layer"))
    with pytest.raises(ShapeError, match=r"layer_1 .* has no weight_step; expected"):
        in_whole_numbers(random_network("dense", ["lif"], seed=0))
