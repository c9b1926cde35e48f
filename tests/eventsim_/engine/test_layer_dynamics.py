import numpy as np
import pytest
from eventsim_.gathered_layers import static
from eventsim_.spiking_networks import random_network, with_layer

from eventsim.engine.layer_dynamics import dynamics_of, plain, require_thresholds
from eventsim.errors import ShapeError
from eventsim.neurons.dynamics import Dynamics


def test_dynamics_of__names_the_layer():
    network = random_network("dense", ["lif"], 0)
    layer = with_layer(network, 1, neuron=static("lif", tau_m=1.0)).layers[0]
    with pytest.raises(ShapeError, match=r"layer_1 \(dense\): neuron lif: tau_s is N"):
        dynamics_of(layer)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf, np.nan])
def test_require_thresholds__names_the_first_wrong_one(wrong):
    require_thresholds("layer", np.array([0.5, 2.0]))
    with pytest.raises(ShapeError, match=f"layer: a threshold is {wrong}; expected"):
        require_thresholds("layer", np.array([1.0, wrong, -3.0]))


def test_plain__gives_constants_the_types_that_kernels_are_compiled_for():
    odd = Dynamics(
        alpha=1, beta=np.float32(0.5), clamps=np.True_, max_spikes=np.int8(3)
    )
    found = plain(odd)
    assert found == odd
    assert [type(x) for x in found] == [type(x) for x in Dynamics()]
