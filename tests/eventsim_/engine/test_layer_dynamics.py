import pytest
from eventsim_.gathered_layers import static
from eventsim_.spiking_networks import random_network, with_layer

from eventsim.engine.layer_dynamics import dynamics_of
from eventsim.errors import ShapeError


def test_dynamics_of__names_the_layer():
    network = random_network("dense", ["lif"], 0)
    layer = with_layer(network, 1, neuron=static("lif", tau_m=1.0)).layers[0]
    with pytest.raises(ShapeError, match=r"layer_1 \(dense\): neuron lif: tau_s is N"):
        dynamics_of(layer)
