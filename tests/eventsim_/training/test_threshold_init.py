from dataclasses import replace

import numpy as np
import pytest
from eventsim_.spiking_networks import dense_network

from eventsim.engine.sweep import network as sweep
from eventsim.errors import RunError
from eventsim.training.threshold_init import set_thresholds


def inputs_of(network, seed=0, batch=200):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.05, 1, (batch, *network.input_shape))


def rates(network, inputs):
    recording = sweep.forward(network, inputs)
    return [t.time.size / (t.batch * t.n_neurons) for t in recording.trains[1:]]


@pytest.mark.parametrize("rate", [0.3, 1.5])
def test_set_thresholds__every_layer_reaches_the_rate(rate):
    network = dense_network(sizes=(20, 40, 30, 30))
    inputs = inputs_of(network)
    set_thresholds(network, inputs, rate)
    # The factor is found to 1 %, and rates depend on it smoothly but in steps.
    np.testing.assert_allclose(rates(network, inputs), rate, rtol=0.15)
    for theta in network.trained_arrays[3:]:
        assert np.ptp(theta) == 0


def test_set_thresholds__keeps_the_ratios_of_a_layer():
    network = dense_network(sizes=(20, 40, 10))
    network.layers[0].theta[:] = np.linspace(1, 2, 40)
    set_thresholds(network, inputs_of(network), 0.5)
    theta = network.layers[0].theta
    np.testing.assert_allclose(theta / theta[0], np.linspace(1, 2, 40))


def test_set_thresholds__brings_a_dead_network_to_life():
    network = dense_network(sizes=(20, 40, 10), theta=50.0)
    inputs = inputs_of(network)
    assert rates(network, inputs) == [0, 0]
    set_thresholds(network, inputs, 0.6)
    np.testing.assert_allclose(rates(network, inputs), 0.6, rtol=0.1)


def test_set_thresholds__is_not_stopped_by_a_layer_that_fires_wildly():
    network = dense_network(sizes=(20, 40, 10), theta=1e-3)
    inputs = inputs_of(network)
    set_thresholds(network, inputs, 0.6)
    np.testing.assert_allclose(rates(network, inputs), 0.6, rtol=0.1)


@pytest.mark.parametrize("max_spikes", [1, 3])
def test_set_thresholds__counts_the_whole_run_of_neurons_that_stop(max_spikes):
    # Currents let them fire early; in the last third they are silent already.
    network = dense_network(sizes=(20, 40, 10))
    layers = [
        replace(layer, neuron=replace(layer.neuron, max_spikes=max_spikes))
        for layer in network.layers
    ]
    network = replace(network, layers=tuple(layers), input="currents")
    inputs = inputs_of(network)
    set_thresholds(network, inputs, 0.6)
    np.testing.assert_allclose(rates(network, inputs), 0.6, rtol=0.1)


def test_set_thresholds__says_which_layer_fires_too_much():
    network = dense_network(sizes=(20, 40, 10), theta=1e-6)
    with pytest.raises(RunError, match=r"layer_1 \(dense 40\) fires more than 0\.6"):
        set_thresholds(network, inputs_of(network), 0.6)
    np.testing.assert_array_equal(network.layers[0].theta, 1e-6)


def test_set_thresholds__delays_between_layers_count():
    network = dense_network(sizes=(20, 40, 10))
    late = replace(network.layers[0], delay=np.full(40, 2.0))
    network = replace(network, layers=(late, network.layers[1]))
    inputs = inputs_of(network)
    set_thresholds(network, inputs, 0.5)
    np.testing.assert_allclose(rates(network, inputs), 0.5, rtol=0.1)


def test_set_thresholds__says_which_layer_cannot_reach_the_rate():
    network = dense_network(sizes=(20, 40, 10))
    network.weights[1][:] = -1
    before = network.layers[1].theta.copy()
    with pytest.raises(RunError, match=r"layer_2 \(dense 10\) does not fire 0\.6"):
        set_thresholds(network, inputs_of(network), 0.6)
    np.testing.assert_array_equal(network.layers[1].theta, before)
