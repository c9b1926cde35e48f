from dataclasses import replace
from itertools import product

import numba
import numpy as np
import pytest
from eventsim_.driven_networks import driven_case
from eventsim_.gathered_layers import static

from eventsim.engine.input_currents import (
    before_first_neurons,
    by_values,
    by_weights,
    check_input,
    currents_of,
    first_driven,
    no_spikes,
    require_drivable,
    to_network_input,
)
from eventsim.errors import ShapeError
from eventsim.network import Layer, Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool, Sparse

TOPOLOGIES = [
    Dense((7,), 5),
    Dense((3, 2, 2), 70),
    Conv2d((6, 5, 2), 3, (3, 2), 2, 1),
    Conv2d((4, 4, 1), 2, (2, 3), 1, 0),
    Conv2d((2, 3, 2), 2, (1, 2), 1, 3),
]


def layer_of(topology, dtype=np.float64):
    rng = np.random.default_rng(0)
    return Layer(
        "first",
        topology,
        static("lif", tau_m=2.0, tau_s=1.0),
        rng.normal(size=topology.weight_shape).astype(dtype),
        np.ones(topology.n_features, dtype),
    )


def values_of(topology, batch, dtype=np.float64):
    rng = np.random.default_rng(1)
    return rng.normal(size=(batch, *topology.input_shape)).astype(dtype)


def summed_by_hand(layer, values):
    """The definition, one synapse at a time."""
    topology, weight = layer.topology, layer.weight
    found = np.zeros((len(values), *topology.output_shape))
    if isinstance(topology, Dense):
        for i, j in np.ndindex(*weight.shape):
            found[:, j] += values.reshape(len(values), -1)[:, i] * weight[i, j]
        return found.reshape(len(values), -1)
    height, width, _ = topology.input_shape
    for y, x, c in np.ndindex(*topology.output_shape):
        for ky, kx, i in product(*map(range, weight.shape[:3])):
            row = y * topology.stride + ky - topology.padding
            column = x * topology.stride + kx - topology.padding
            if 0 <= row < height and 0 <= column < width:
                found[:, y, x, c] += values[:, row, column, i] * weight[ky, kx, i, c]
    return found.reshape(len(values), -1)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_currents_of__is_the_weighted_sum(topology):
    layer, values = layer_of(topology), values_of(topology, 19)
    np.testing.assert_allclose(
        currents_of(layer, values), summed_by_hand(layer, values), rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_by_weights_and_values__are_the_adjoints_of_the_sum(topology):
    # The sum is linear in both, so these are the whole derivatives.
    layer, values = layer_of(topology), values_of(topology, 19)
    rng = np.random.default_rng(2)
    pull = rng.normal(size=(19, layer.n_neurons))
    other = replace(layer, weight=rng.normal(size=layer.weight.shape))
    moved = rng.normal(size=values.shape)
    by_weight, by_value = by_weights(layer, values, pull), by_values(layer, pull)
    assert by_weight.shape == layer.weight.shape
    assert by_value.shape == values.shape
    assert np.sum(by_weight * other.weight) == pytest.approx(
        np.sum(pull * summed_by_hand(other, values)), rel=1e-12
    )
    assert np.sum(by_value * moved) == pytest.approx(
        np.sum(pull * summed_by_hand(layer, moved)), rel=1e-12
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_sums__do_not_depend_on_threads_or_on_the_samples_beside(topology, dtype):
    layer, values = layer_of(topology, dtype), values_of(topology, 37, dtype)
    pull = values_of(Dense((1,), 1), 37 * layer.n_neurons, dtype).reshape(37, -1)
    seen = {}
    n_threads = numba.get_num_threads()
    for n in {1, numba.config.NUMBA_NUM_THREADS}:
        numba.set_num_threads(n)
        seen[n] = (
            currents_of(layer, values),
            by_weights(layer, values, pull),
            by_values(layer, pull),
        )
        assert all(found.dtype == dtype for found in seen[n])
    numba.set_num_threads(n_threads)
    for found in seen.values():
        assert [a.tobytes() for a in found] == [a.tobytes() for a in seen[1]]
    for part in (slice(0, 1), slice(5, 22), slice(36, 37)):
        alone = currents_of(layer, np.ascontiguousarray(values[part]))
        assert alone.tobytes() == seen[1][0][part].tobytes()
        alone = by_values(layer, pull[part])
        assert alone.tobytes() == seen[1][2][part].tobytes()


def test_before_first_neurons__averages_windows():
    network = driven_case("average", "lif", 0).network
    assert first_driven(network) == 2
    values = np.zeros((1, 6, 5, 2))
    values[0, 1, 1, 0], values[0, 2, 1, 0] = 4.0, -8.0
    seen = before_first_neurons(network, values)[0, :, :, 0]
    # Windows of 2 x 2, one step apart: rows 0 and 1 see the 4, rows 1 and 2 the -8.
    assert seen[:3, 0].tolist() == [1.0, -1.0, -2.0]
    assert seen[:3, 1].tolist() == [1.0, -1.0, -2.0]
    assert np.count_nonzero(seen) == 6


def test_to_network_input__is_the_adjoint():
    case = driven_case("average", "lif", 0)
    rng = np.random.default_rng(0)
    values = before_first_neurons(case.network, case.currents)
    pull = rng.normal(size=values.shape)
    back = to_network_input(case.network, pull)
    assert np.sum(back * case.currents) == pytest.approx(np.sum(pull * values))


def refused(network, **changes):
    with pytest.raises(ShapeError) as caught:
        require_drivable("x engine", replace(network, **changes))
    return str(caught.value)


def test_require_drivable__refuses_what_needs_spikes():
    network = driven_case("average", "lif", 0).network
    pool = Layer("early", EarliestPool((6, 5, 2), 2, 1))
    assert "early passes single spikes and gets input currents" in refused(
        network, layers=(pool, *network.layers[1:])
    )
    last = network.layers[2]
    sparse = replace(
        last,
        topology=Sparse((2,), 1, np.array([0]), np.array([0])),
        weight=np.ones(1),
        **dict.fromkeys(("theta", "current", "delay"), np.ones(1)),
    )
    assert "layer_3 gets input currents; expected 'dense' or 'conv2d'" in refused(
        network, layers=(sparse,), input_shape=(2,)
    )
    late = replace(
        network.layers[1], synaptic_delay=np.ones(network.layers[1].weight.shape)
    )
    assert "has synaptic delays" in refused(
        network, layers=(network.layers[0], late, last)
    )
    require_drivable("x engine", replace(network, input="spikes"))


SPIKES = SpikeTrains(np.ones(1), np.zeros(1, np.int32), np.array([0, 1]), 6)


@pytest.mark.parametrize(
    ("input_", "spikes", "currents", "match"),
    [
        ("currents", None, None, "none are given; expected an array .batch, 6."),
        ("currents", SPIKES, None, "none are given"),
        ("currents", SPIKES, np.ones((1, 6)), "got 1 spikes; expected none"),
        ("currents", None, np.ones((1, 5)), "input has shape .1, 5."),
        ("currents", None, np.ones((1, 6), np.float32), "expected the same type"),
        ("currents", None, np.full((1, 6), np.nan), "NaN or infinite"),
        ("currents", None, np.full((1, 6), np.inf), "NaN or infinite"),
        ("spikes", SPIKES, np.ones((1, 6)), "expected spikes and no currents"),
        ("spikes", None, None, "expected spikes and no currents"),
    ],
)
def test_check_input__refuses_what_is_not_the_input(input_, spikes, currents, match):
    network = replace(driven_case("dense", "lif", 0).network, input=input_)
    with pytest.raises(ShapeError, match=f"x engine: .*{match}"):
        check_input("x engine", network, spikes, currents)


def test_check_input__takes_currents_of_any_sign():
    network = driven_case("dense", "lif", 0).network
    check_input("x engine", network, None, np.full((2, 6), -3.0))
    check_input("x engine", network, no_spikes(2, 6), np.zeros((2, 6)))


def test_average_pool__overlapping_windows_share_an_input():
    pool = AveragePool((3, 1, 1), 1, 1)
    layers = (Layer("pool", pool), layer_of(Dense((3, 1, 1), 2)))
    network = Network((3, 1, 1), layers, t_end=1.0, input="currents")
    values = np.arange(3.0).reshape(1, 3, 1, 1)
    assert np.array_equal(before_first_neurons(network, values), values)
