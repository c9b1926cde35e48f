from dataclasses import replace

import numpy as np
import pytest
from eventsim_.builders import build, dense

from eventsim.engine.first_spike import network as first_spike
from eventsim.engine.first_spike.check import beyond_first_spikes
from eventsim.errors import ShapeError
from eventsim.network import Layer, Network, Neuron
from eventsim.topology import AveragePool, Sparse

PLAIN = build(
    (2,), [dense(2)], weights=lambda t, _: np.ones(t.weight_shape), threshold="static"
)


def changed(**changes):
    return replace(PLAIN, layers=(replace(PLAIN.layers[0], **changes),))


def averaging():
    dense_layer = replace(
        PLAIN.layers[0], topology=dense(2)((1, 1, 2)), weight=np.ones((2, 2))
    )
    mean = Layer("mean", AveragePool((2, 2, 2), 2, 2))
    return Network((2, 2, 2), (mean, dense_layer))


BEYOND = [
    (changed(current=np.ones(2)), "has a current"),
    (changed(delay=np.ones(2)), "has a delay"),
    (changed(synaptic_delay=np.ones((2, 2))), "has a synaptic_delay"),
    (
        changed(neuron=Neuron("relpsp", "static", max_spikes=3)),
        "has neurons of up to 3 spikes",
    ),
    (changed(neuron=Neuron("if_delta", "static")), "has the neuron model 'if_delta'"),
    (
        changed(
            topology=Sparse((2,), 2, np.array([0]), np.array([1])), weight=np.ones(1)
        ),
        "is of the kind 'sparse'",
    ),
    (averaging(), "mean is of the kind 'average_pool'"),
]


@pytest.mark.parametrize(("network", "message"), BEYOND)
def test_beyond_first_spikes__names_what_would_be_overlooked(network, message):
    assert message in beyond_first_spikes(network)
    shape = (1, *network.input_shape)
    for run in (first_spike.forward, first_spike.forward_times):
        with pytest.raises(ShapeError, match=f"first-spike sweep: .*{message}"):
            run(network, np.zeros(shape))


def test_beyond_first_spikes__says_nothing_about_plain_networks():
    assert beyond_first_spikes(PLAIN) is None
    assert (
        beyond_first_spikes(changed(neuron=Neuron("relpsp", "static", max_spikes=1)))
        is None
    )
    assert beyond_first_spikes(changed(current=np.zeros(2))) is None


def test_forward__ends_at_t_end():
    # Slope 2 from 0: theta 0.3 at 0.15.
    activation = np.ones((1, 2))
    for t_end, expected in ((0.15, 0.15), (0.14, np.inf), (None, 0.15)):
        network = replace(PLAIN, t_end=t_end)
        found = first_spike.forward(network, activation).times(network, 1)
        np.testing.assert_allclose(found, expected)
