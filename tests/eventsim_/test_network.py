import numpy as np
import pytest
from eventsim_.builders import build, conv, dense, flatten, normal_weights, pool

from eventsim.errors import ShapeError
from eventsim.network import Layer, Network, Neuron
from eventsim.topology import Dense, EarliestPool


def five_layers(**changes):
    rng = np.random.default_rng(0)
    parts = [conv(3, 2), pool(2), conv(2, 2), flatten(), dense(4)]
    return build((6, 6, 1), parts, weights=normal_weights(rng), **changes)


def dense_layer(weight=None, theta=None, neuron=None):
    return Layer(
        "layer_1",
        Dense((2,), 3),
        Neuron() if neuron is None else neuron,
        np.zeros((2, 3)) if weight is None else weight,
        np.ones(3) if theta is None else theta,
    )


def test_network__counts_neurons_and_weights():
    network = five_layers()
    # 5 x 5 x 3, pooled to 2 x 2 x 3, 1 x 1 x 2, flat 2, 4.
    assert [layer.n_neurons for layer in network.layers] == [75, 12, 2, 2, 4]
    assert network.n_neurons == 75 + 2 + 4
    assert network.n_classes == 4
    assert network.n_parameters == 2 * 2 * 3 + 2 * 2 * 3 * 2 + 2 * 4
    assert network.n_spiking_layers == 3
    assert [k for k, _ in network.spiking_layers] == [1, 3, 5]


def test_duration__ends_with_the_window_that_is_read():
    assert five_layers(time_window=0.5).duration == 2.0
    assert five_layers(time_window=0.5, readout="potential_end").duration == 2.0
    assert five_layers(time_window=0.5, readout="potential_start").duration == 1.5


def test_window_number__pools_take_no_window():
    network = five_layers()
    assert [network.window_number(k) for k in range(6)] == [0, 1, 1, 2, 2, 3]


def test_with_weights__changes_weights_only():
    network = five_layers()
    changed = network.with_weights([weight + 1 for weight in network.weights])
    for old, new in zip(network.weights, changed.weights, strict=True):
        np.testing.assert_array_equal(new, old + 1)
    assert changed.layers[1] is network.layers[1]
    assert changed.layers[0].theta is network.layers[0].theta


def test_astype__converts_weights_and_thresholds():
    single = five_layers().astype(np.float32)
    for _, layer in single.spiking_layers:
        assert layer.weight.dtype == layer.theta.dtype == np.float32
        assert layer.weight.flags.c_contiguous


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            dense_layer(np.zeros((3, 2))),
            r"weights of shape \(3, 2\); expected \(2, 3\)",
        ),
        (dense_layer(theta=np.ones(2)), r"thresholds of shape \(2,\); expected \(3,\)"),
        (dense_layer(np.full((2, 3), np.nan)), "weights that are not finite"),
        (dense_layer(np.full((2, 3), np.inf)), "weights that are not finite"),
        (
            dense_layer(theta=np.array([1.0, 0.0, 1.0])),
            "thresholds that are not positive",
        ),
        (dense_layer(theta=np.full(3, np.nan)), "thresholds that are not positive"),
        (
            dense_layer(theta=np.full(3, np.inf), neuron=Neuron(threshold="static")),
            "thresholds that are not positive",
        ),
        (
            dense_layer(theta=np.full(3, 2.0)),
            "theta from 2.0 to 2.0; expected the time",
        ),
        (
            Layer("layer_1", Dense((2,), 3), Neuron(), np.zeros((2, 3))),
            "needs a neuron, weights and thresholds",
        ),
        (Layer("layer_1", EarliestPool((2, 2, 1), 2, 2)), "the last layer must be"),
    ],
)
def test_network__refuses_arrays_that_do_not_fit(layer, message):
    with pytest.raises(ShapeError, match=message):
        Network(layer.topology.input_shape, (layer,))


def test_network__static_thresholds_may_differ():
    theta = np.array([0.5, 1.0, 2.0])
    layer = dense_layer(theta=theta, neuron=Neuron(threshold="static"))
    assert Network((2,), (layer,)).n_classes == 3


def test_network__refuses_layers_that_do_not_meet():
    with pytest.raises(
        ShapeError, match=r"input of shape \(2,\), the layer before gives"
    ):
        Network((4,), (dense_layer(),))
    with pytest.raises(ShapeError, match="got no layers"):
        Network((4,), ())


@pytest.mark.parametrize("time_window", [0.0, -1.0, np.nan, np.inf])
def test_network__refuses_an_impossible_time_window(time_window):
    with pytest.raises(ShapeError, match=r"the time window is .*; expected a positive"):
        Network((2,), (dense_layer(),), time_window)
