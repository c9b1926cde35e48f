from dataclasses import replace

import numpy as np
import pytest
from eventsim_.spiking_networks import random_network, with_layer

from eventsim.engine.spike_gradients import LayerGradients, SpikeGradients
from eventsim.gradcheck.variables import (
    constants_of,
    input_variable,
    own_copy,
    parameter_variables,
    with_constants,
)


def gradients_of(network):
    """Return gradients that are all different from each other."""
    layers = tuple(
        LayerGradients(
            weight=layer.weight,
            theta=layer.theta + 1,
            current=layer.current + 2,
            delay=layer.delay + 3,
            synaptic_delay=layer.synaptic_delay + 4,
            time_constants={"tau_m": 5.0 + k, "tau_s": 7.0 + k},
            refractory=9.0 + k,
        )
        for k, layer in enumerate(network.layers)
    )
    return SpikeGradients(layers, np.empty(0), np.empty(0))


def test_own_copy__shares_no_array():
    network = random_network("dense", ["lif"], 0).astype(np.float32)
    own = own_copy(network)
    for layer, given in zip(own.layers, network.layers, strict=True):
        for name in ("weight", "theta", "current", "delay", "synaptic_delay"):
            one, other = getattr(layer, name), getattr(given, name)
            assert one.dtype == np.float64
            assert not np.shares_memory(one, other)
            np.testing.assert_array_equal(one, other)
    own = own_copy(own)
    assert own.layers[0].theta is not network.layers[0].theta


def test_constants_of__are_those_that_a_model_has():
    network = random_network("dense", ["lif held", "slayer_srm"], 0)
    found = [(c.k, c.name, c.values.tolist()) for c in constants_of(network)]
    assert found == [
        (1, "tau_m", [2.0]),
        (1, "tau_s", [1.3]),
        (1, "refractory", [0.4]),
        (2, "tau_s", [1.0]),
        (2, "tau_r", [1.4]),
    ]
    assert constants_of(random_network("dense", ["if_delta"], 0)) == ()


def test_with_constants__takes_present_values():
    network = random_network("dense", ["lif held"], 0)
    assert with_constants(network, ()) is network
    constants = constants_of(network)
    assert with_constants(network, constants) == network
    constants[-1].values[0] = 0.75
    changed = with_constants(network, constants)
    assert changed.layers[0].neuron == network.layers[0].neuron
    assert changed.layers[1].neuron == replace(
        network.layers[1].neuron, refractory=0.75
    )


def test_parameter_variables__are_sorted_by_kind_and_share_the_arrays():
    network = own_copy(random_network("dense", ["lif held"], 0))
    constants, gradients = constants_of(network), gradients_of(network)
    found = parameter_variables(network, constants, gradients)
    kinds = ["thresholds", "currents", "axonal delays", "synaptic delays"]
    kinds += ["tau_m", "tau_s", "refractory period"]
    assert [v.name for v in found] == [kind for kind in kinds for _ in range(2)]
    names = ("theta", "current", "delay", "synaptic_delay")
    for v, name in zip(found[:8:2], names, strict=True):
        assert np.shares_memory(v.values, getattr(network.layers[0], name))
        expected = getattr(gradients.layers[0], name)
        np.testing.assert_array_equal(v.gradient, expected.ravel())
    assert [v.gradient[0] for v in found[8:]] == [5, 6, 7, 8, 9, 10]
    for v, constant in zip(found[8::2], constants[:3], strict=True):
        assert v.values is constant.values
    assert [v.is_positive for v in found[::2]] == [True, False] + 5 * [True]


def test_parameter_variables__delays_of_zero_cannot_move_both_ways():
    network = own_copy(random_network("dense", ["lif"], 0))
    network = with_layer(network, 1, delay=np.array([0, 0.25, 0, 0.5, 0]))
    network = with_layer(network, 2, delay=np.zeros(3))
    found = parameter_variables(network, (), gradients_of(network))
    (axonal,) = [v for v in found if v.name == "axonal delays"]
    assert axonal.free.tolist() == [1, 3]


def test_input_variable__leaves_the_border_out():
    network = random_network("dense", ["lif"], 0)
    activation = np.array([[0, 0.005, 0.5, 0.75, 0.995, 1]])
    found = input_variable(replace(network, time_window=2.0), activation, activation)
    assert found.free.tolist() == [2, 3]
    assert found.rate == -0.5
    assert found.width == pytest.approx(0.01)
