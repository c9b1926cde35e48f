import numpy as np
import pytest
from eventsim_.builders import build, conv, dense, flatten, normal_weights, pool

from eventsim.errors import ShapeError
from eventsim.network import Layer, Network, Neuron
from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool, Sparse

LIF = Neuron("lif", "static", tau_m=2.0, tau_s=1.0, reset="zero")


def five_layers(**changes):
    rng = np.random.default_rng(0)
    parts = [conv(3, 2), pool(2), conv(2, 2), flatten(), dense(4)]
    return build((6, 6, 1), parts, weights=normal_weights(rng), **changes)


def dense_layer(weight=None, theta=None, neuron=None, **arrays):
    return Layer(
        "layer_1",
        Dense((2,), 3),
        Neuron() if neuron is None else neuron,
        np.zeros((2, 3)) if weight is None else weight,
        np.ones(3) if theta is None else theta,
        **arrays,
    )


def delayed_layer():
    return dense_layer(
        neuron=LIF,
        current=np.array([0.1, -0.2, 0.0]),
        delay=np.array([0.0, 0.1, 0.3]),
        synaptic_delay=np.arange(6.0).reshape(2, 3),
    )


def test_trained_arrays__steps_come_last_and_are_put_back():
    steps = np.array([1.0, 2.0, 4.0])
    plain, stepped = dense_layer(), dense_layer(weight_step=steps)
    assert len(Network((2,), (plain,)).trained_arrays) == 2
    network = Network((2,), (stepped,))
    assert network.trained_arrays[2] is steps
    weight, theta = network.trained_arrays[:2]
    found = network.with_arrays([weight, theta, 3 * steps])
    np.testing.assert_array_equal(found.layers[0].weight_step, 3 * steps)
    assert network.with_weights(network.weights).layers[0].weight_step is steps


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


def test_duration__is_the_end_of_the_run_if_that_is_set():
    network = Network((2,), (dense_layer(neuron=LIF),), t_end=7.5)
    assert network.duration == 7.5
    assert Network((2,), (dense_layer(neuron=LIF),), time_window=3.0).duration == 6.0


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


def test_network__carries_currents_and_delays():
    layer = delayed_layer()
    network = Network((2,), (layer,), t_end=5.0)
    changed = network.with_weights([np.ones((2, 3))])
    single = network.astype(np.float32)
    assert changed.t_end == single.t_end == 5.0
    for name in ("current", "delay", "synaptic_delay"):
        assert getattr(changed.layers[0], name) is getattr(layer, name)
        found = getattr(single.layers[0], name)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, np.float32(getattr(layer, name)))
    bare = Network((2,), (dense_layer(neuron=LIF),)).astype(np.float32).layers[0]
    assert bare.current is bare.delay is bare.synaptic_delay is None


def test_network__one_delay_a_channel_and_one_a_kernel_place():
    topology = Conv2d((3, 3, 1), 2, (2, 2))
    weight = np.ones(topology.weight_shape)
    layer = Layer(
        "layer_1", topology, LIF, weight, np.ones(2), np.zeros(2), np.ones(2), weight
    )
    assert Network((3, 3, 1), (layer,)).layers[0].synaptic_delay.shape == (2, 2, 1, 2)


def test_network__sparse_layers():
    topology = Sparse((2,), 3, [0, 1, 1], [0, 0, 2])
    layer = Layer("layer_1", topology, LIF, np.ones(3), np.ones(3))
    network = Network((2,), (layer,))
    assert (network.n_classes, network.n_parameters) == (3, 3)
    wrong = Layer("layer_1", topology, LIF, np.ones((2, 3)), np.ones(3))
    with pytest.raises(ShapeError, match=r"weights of shape \(2, 3\); expected \(3,\)"):
        Network((2,), (wrong,))


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
        (Layer("layer_1", AveragePool((2, 2, 1), 2, 2)), "got average_pool"),
        (
            dense_layer(neuron=LIF, current=np.ones(2)),
            r"layer_1 has currents of shape \(2,\); expected \(3,\)",
        ),
        (
            dense_layer(neuron=LIF, delay=np.ones((2, 3))),
            r"layer_1 has delays of shape \(2, 3\); expected \(3,\)",
        ),
        (
            dense_layer(neuron=LIF, synaptic_delay=np.ones(3)),
            r"layer_1 has synaptic delays of shape \(3,\); expected \(2, 3\)",
        ),
        (
            dense_layer(neuron=LIF, current=np.array([1.0, np.inf, 0.0])),
            "layer_1 has currents that are not finite",
        ),
        (
            dense_layer(neuron=LIF, delay=np.array([1.0, -1e-9, 0.0])),
            "layer_1 has delays that are negative or not finite; expected times from 0",
        ),
        (
            dense_layer(neuron=LIF, delay=np.array([1.0, np.nan, 0.0])),
            "layer_1 has delays that are negative or not finite",
        ),
        (
            dense_layer(neuron=LIF, synaptic_delay=np.full((2, 3), -1.0)),
            "layer_1 has synaptic delays that are negative",
        ),
        (
            dense_layer(neuron=LIF, synaptic_delay=np.full((2, 3), np.inf)),
            "layer_1 has synaptic delays that are negative or not finite",
        ),
        (
            dense_layer(neuron=Neuron("lif", tau_m=2.0)),
            "layer_1 has the neuron model 'lif' with the dynamic threshold; expected "
            "threshold 'static'",
        ),
        (
            dense_layer(delay=np.zeros(3)),
            "layer_1 has the dynamic threshold and a delay; expected none",
        ),
        (dense_layer(current=np.zeros(3)), "dynamic threshold and a current"),
        (
            dense_layer(synaptic_delay=np.zeros((2, 3))),
            "dynamic threshold and a synaptic_delay",
        ),
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


@pytest.mark.parametrize("t_end", [0.0, -1.0, np.nan, np.inf])
def test_network__refuses_an_impossible_end(t_end):
    with pytest.raises(ShapeError, match=r"t_end is .*; expected a positive number"):
        Network((2,), (dense_layer(neuron=LIF),), t_end=t_end)


def test_network__dynamic_thresholds_end_with_their_windows():
    with pytest.raises(ShapeError, match=r"t_end is 3\.0 in a network with dynamic"):
        five_layers(t_end=3.0)


def test_network__refuses_averages_of_windows():
    pool = Layer("layer_1", AveragePool((2, 2, 1), 2, 1))
    topology = Dense((1, 1, 1), 3)
    for neuron, is_wrong in ((Neuron(), True), (LIF, False)):
        last = Layer("layer_2", topology, neuron, np.ones((1, 3)), np.ones(3))
        if is_wrong:
            with pytest.raises(ShapeError, match=r"layer_1 scales .*expected 'pool'"):
                Network((2, 2, 1), (pool, last))
        else:
            assert Network((2, 2, 1), (pool, last)).n_neurons == 3


@pytest.mark.parametrize("readout", ["potential_start", "potential_end"])
def test_network__reads_potentials_with_the_dynamic_threshold_only(readout):
    with pytest.raises(ShapeError, match=f"readout '{readout}' of layer_1, whose neur"):
        Network((2,), (dense_layer(neuron=LIF),), readout=readout)
