from dataclasses import replace

import numpy as np
import pytest

from eventsim.errors import ShapeError
from eventsim.layer import Layer, Neuron, check_layer
from eventsim.topology import Conv2d, Dense

DENSE = Layer(
    "layer_1", Dense((2,), 3), Neuron(threshold="static"), np.ones((2, 3)), np.ones(3)
)


def test_layer__has_as_many_neurons_as_places():
    conv = Conv2d((5, 4, 2), 3, (2, 2))
    assert Layer("layer_1", conv).n_neurons == 4 * 3 * 3
    assert DENSE.n_neurons == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": np.ones((3, 2))}, r"weights of shape \(3, 2\); expected \(2, 3\)"),
        ({"theta": np.zeros(3)}, "thresholds that are not positive"),
        ({"neuron": None}, "needs a neuron, weights and thresholds"),
        ({"delay": -np.ones(3)}, "delays that are negative"),
        ({"weight_step": np.ones(2)}, r"weight steps of shape \(2,\); expected \(3,\)"),
        ({"weight_step": np.array([1.0, 0.0, 1.0])}, "weight steps that are not posit"),
        ({"neuron": Neuron()}, "the dynamic threshold and theta from 1.0 to 1.0"),
        ({"neuron": Neuron("lif")}, "'lif' with the dynamic threshold"),
    ],
)
def test_check_layer__says_what_does_not_fit(changes, message):
    check_layer(DENSE, time_window=2.0)
    with pytest.raises(ShapeError, match=message):
        check_layer(replace(DENSE, **changes), time_window=2.0)
