import numpy as np
import pytest
from eventsim_.gathered_layers import static
from eventsim_.spiking_networks import random_network, with_layer

from eventsim.engine.layer_runner import choose_runner, dynamics_of, synapses_of
from eventsim.errors import ShapeError
from eventsim.topology import Sparse


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


def test_dynamics_of__names_the_layer():
    network = random_network("dense", ["lif"], 0)
    layer = with_layer(network, 1, neuron=static("lif", tau_m=1.0)).layers[0]
    with pytest.raises(ShapeError, match=r"layer_1 \(dense\): neuron lif: tau_s is N"):
        dynamics_of(layer)


def test_synapses_of__sparse_layers_count_slots_as_listed():
    topology = Sparse((3,), 2, np.array([2, 0, 2]), np.array([1, 1, 0]))
    table = synapses_of(topology)
    assert table.offsets.tolist() == [0, 1, 3]
    assert table.source.tolist() == [2, 0, 2]
    assert table.slot.tolist() == [2, 1, 0]
