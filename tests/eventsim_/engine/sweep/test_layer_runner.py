import numpy as np
import pytest
from eventsim_.gathered_layers import static
from eventsim_.spiking_networks import random_network

from eventsim.circuit import Circuit, Input, Population, all_to_all
from eventsim.engine.queue.fast import run_circuit
from eventsim.engine.sweep.layer_runner import choose_runner
from eventsim.network import Layer
from eventsim.spikes import SpikeTrains
from eventsim.topology import Dense


def test_choose_runner__hands_each_neuron_the_arrays_of_its_feature():
    layer = random_network("conv", ["lif"], 0).layers[0]
    ran = choose_runner(layer).layer
    assert ran.theta.size == layer.n_neurons
    assert np.array_equal(ran.theta.reshape(-1, 2), np.tile(layer.theta, (30, 1)))
    # The drive of lif is its current over tau_m = 2.
    assert np.array_equal(ran.drive.reshape(-1, 2)[7], layer.current / 2)
    assert ran.delay is None


def test_choose_runner__without_a_current_there_is_no_drive():
    layer = random_network("dense", ["lif"], 0, currents=False).layers[0]
    assert not choose_runner(layer).layer.drive.any()


@pytest.mark.parametrize(
    "neuron",
    [
        static("relpsp"),
        static("lif", tau_m=2.0, tau_s=1.0, max_spikes=1),
        static("lif", tau_m=3.0, tau_s=1.0, max_spikes=1),
        static("alpha_synapse", tau_s=1.0),
    ],
    ids=str,
)
def test_runners__a_crossing_at_an_inhibitory_input_stands_as_in_the_queue(neuron):
    rng = np.random.default_rng(0)
    n_samples, n_channels = 300, 2
    weight = np.array([[9.0], [-50.0]])
    circuit = Circuit(
        (Input("in", n_channels),),
        (Population("out", 1, neuron),),
        (all_to_all("in", "out", weight),),
    )
    first = rng.uniform(0, 5, n_samples)
    offsets = np.arange(n_samples + 1)
    alone = SpikeTrains(first, np.zeros(n_samples, np.int32), offsets, n_channels)
    times = run_circuit(circuit, alone, t_end=20.0).spikes.time
    assert times.size == n_samples
    both = SpikeTrains(
        np.stack([first, times], axis=1).ravel(),
        np.tile(np.array([0, 1], np.int32), n_samples),
        2 * offsets,
        n_channels,
    )
    layer = Layer("out", Dense((n_channels,), 1), neuron, weight, np.ones(1))
    assert np.array_equal(run_circuit(circuit, both, t_end=20.0).spikes.time, times)
    for with_constants in (False, True):
        runner = choose_runner(layer, with_constants=with_constants)
        found = runner.forward(both, 20.0, 1000).spikes.time
        np.testing.assert_allclose(found, times, 1e-15)
