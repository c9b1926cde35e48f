import numpy as np
import pytest

from eventsim.build import build_network
from eventsim.errors import ConfigError, ShapeError
from eventsim.network import Neuron
from eventsim.neurons import lif
from eventsim.topology import AveragePool, Dropout

IMAGE = (12, 10, 2)


def test_build_network__shapes_and_names(tiny_config):
    config = tiny_config(
        "encode.bias_spikes=0",
        "network.layers=[{type: conv2d, channels: 4, kernel: [3, 5], stride: 2, "
        "padding: 1}, {type: pool}, {type: flatten}, {type: dense, units: 7}, "
        "{type: dense, units: 3}]",
    )
    network = build_network(config, IMAGE, 3)
    shapes = [layer.topology.output_shape for layer in network.layers]
    # (12 + 2 - 3) // 2 + 1 = 6 and (10 + 2 - 5) // 2 + 1 = 4; halved by the pool
    assert shapes == [(6, 4, 4), (3, 2, 4), (24,), (7,), (3,)]
    assert [w.shape for w in network.weights] == [(3, 5, 2, 4), (24, 7), (7, 3)]
    assert [layer.name for layer in network.layers] == [
        "layer_1 (conv2d 4)",
        "layer_2 (pool)",
        "layer_3 (flatten)",
        "layer_4 (dense 7)",
        "layer_5 (dense 3)",
    ]
    assert network.input_shape == IMAGE
    assert network.readout == "spike_time"


@pytest.mark.parametrize(("gain", "mean"), [(2.0, 0.0), (0.5, 3.0)])
def test_build_network__variance_is_gain_over_fan_in(tiny_config, gain, mean):
    config = tiny_config(
        "network.layers=8C3-400-3",
        "encode.bias_spikes=0",
        f"training.weight_gain={gain}",
        f"training.weight_mean={mean}",
        "precision=float64",
    )
    network = build_network(config, (12, 12, 30), 3)
    fan_ins = [3 * 3 * 30, 10 * 10 * 8]
    for weight, fan_in in zip(network.weights, fan_ins, strict=False):
        n = weight.size
        scale = np.sqrt(gain / fan_in)
        # Five standard errors of the mean and of the variance of n normal numbers.
        assert abs(weight.mean() - mean / fan_in) < 5 * scale / np.sqrt(n)
        assert abs(weight.var() / scale**2 - 1) < 5 * np.sqrt(2 / n)


def test_build_network__the_seed_fixes_the_weights(tiny_config):
    same = [build_network(tiny_config("seed=3"), (4,), 3) for _ in range(2)]
    other = build_network(tiny_config("seed=4"), (4,), 3)
    for a, b, c in zip(*(n.weights for n in same), other.weights, strict=True):
        assert a.tobytes() == b.tobytes()
        assert not np.array_equal(a, c)


def test_build_network__precision(tiny_config):
    single, double = (
        build_network(tiny_config(f"precision={name}"), (4,), 3)
        for name in ("float32", "float64")
    )
    for a, b in zip(single.weights, double.weights, strict=True):
        assert (a.dtype, b.dtype) == (np.float32, np.float64)
        assert np.array_equal(a, b.astype(np.float32))
    assert all(layer.theta.dtype == np.float32 for layer in single.layers)


def test_build_network__thresholds(tiny_config):
    dynamic = build_network(tiny_config("network.time_window=2.5"), (4,), 3)
    assert all(np.all(layer.theta == 2.5) for layer in dynamic.layers)
    config = tiny_config(
        "network.neuron={threshold: static, theta: 0.3}", "loss.silence_penalty=0"
    )
    static = build_network(config, (4,), 3)
    assert all(np.all(layer.theta == np.float32(0.3)) for layer in static.layers)
    assert {layer.neuron.threshold for layer in static.layers} == {"static"}


LIF = (
    "network.neuron={model: lif, theta: 0.5, tau_m: 4, tau_s: 2, reset: zero, "
    "max_spikes: 3, refractory: 0.25}"
)


def test_build_network__constants_of_the_neuron_model(tiny_config):
    config = tiny_config(LIF, "loss.silence_penalty=0", "network.t_end=20")
    network = build_network(config, (4,), 3)
    expected = Neuron(
        "lif",
        "static",
        tau_m=4.0,
        tau_s=2.0,
        reset="zero",
        max_spikes=3,
        refractory=0.25,
    )
    assert {layer.neuron for layer in network.layers} == {expected}
    assert network.t_end == 20.0
    for layer in network.layers:
        assert layer.theta.tolist() == [0.5] * layer.n_neurons
        assert layer.current is layer.delay is layer.synaptic_delay is None


def test_build_network__currents_and_delays(tiny_config):
    config = tiny_config(
        LIF,
        "loss.silence_penalty=0",
        "encode.bias_spikes=0",
        "network.layers=2C3-A2-3",
        "network.current=0.1",
        "network.delay=0.5",
    )
    network = build_network(config, IMAGE, 3)
    conv, pool, dense = network.layers
    assert pool.topology == AveragePool((10, 8, 2), 2, 2)
    assert pool.delay is pool.current is None
    for layer, n in ((conv, 2), (dense, 3)):
        assert layer.current.tolist() == [np.float32(0.1)] * n
        assert layer.delay.tolist() == [0.5] * n
        assert layer.delay.dtype == layer.current.dtype == np.float32


def test_build_network__weights_do_not_depend_on_the_neuron_model(tiny_config):
    plain = build_network(tiny_config(), (4,), 3)
    other = build_network(tiny_config(LIF, "loss.silence_penalty=0"), (4,), 3)
    for a, b in zip(plain.weights, other.weights, strict=True):
        assert a.tobytes() == b.tobytes()


def test_build_network__passes_on_what_the_neuron_model_refuses(
    tiny_config, monkeypatch
):
    def refuse(neuron):
        raise ShapeError("neuron lif: tau_m is 4.0; expected something else")

    monkeypatch.setattr(lif, "dynamics", refuse)
    with pytest.raises(
        ConfigError, match=r"config: network\.neuron: neuron lif: tau_m"
    ):
        build_network(tiny_config(LIF, "loss.silence_penalty=0"), (4,), 3)


def test_build_network__bias_inputs_widen_flat_inputs(tiny_config):
    network = build_network(tiny_config("encode.bias_spikes=3"), (4,), 3)
    assert network.input_shape == (7,)
    assert network.weights[0].shape == (7, 12)


def test_build_network__refuses_bias_inputs_on_images(tiny_config):
    with pytest.raises(
        ConfigError, match=r"bias_spikes is 1; expected 0 .*\(8, 8, 1\)"
    ):
        build_network(tiny_config(), (8, 8, 1), 3)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("12-4", "last entry of network.layers is dense with output shape (4,); "
         "expected 'dense' with 3 units"),
        ("12-3-P2", "network.layers.2: pool: input has shape (3,)"),
        ("3C99-3", "network.layers.0: conv2d: kernel height 99 is larger than the "
         "input height 12"),
        ("3C11-3", "network.layers.0: conv2d: kernel width 11 is larger than the "
         "input width 10"),
        ("3C3-P99-3", "network.layers.1: pool"),
        ("3C3", "network.layers is conv2d with output shape (10, 8, 3); expected"),
        ("12-3C3-3", "network.layers.1: conv2d: input has shape (12,)"),
        ("1000000000000-3", "network.layers.0 has weights of shape (240, "
         "1000000000000), more than fit into memory"),
        ("99999999999999999999-3", "network.layers.0 has weights of shape (240, "),
    ],
)  # fmt: skip
def test_build_network__refuses_layers_that_do_not_fit(tiny_config, layers, message):
    config = tiny_config(f"network.layers={layers}", "encode.bias_spikes=0")
    with pytest.raises(ConfigError) as caught:
        build_network(config, IMAGE, 3)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


DIRECT = (
    "encode={coding: direct}",
    "network.neuron={threshold: static, theta: 1}",
    "loss.silence_penalty=0",
)


def test_build_network__direct_coding_makes_currents_the_input(tiny_config):
    network = build_network(tiny_config(*DIRECT), (4,), 3)
    assert network.input == "currents"
    assert network.input_shape == (4,)
    assert build_network(tiny_config(), (4,), 3).input == "spikes"


def test_build_network__direct_coding_refuses_a_first_pool_of_spikes(tiny_config):
    config = tiny_config(*DIRECT, "network.layers=P2-3")
    with pytest.raises(
        ConfigError,
        match=r"config: layer_1 \(pool\) passes single spikes .*coding 'direct'",
    ):
        build_network(config, IMAGE, 3)


def test_build_network__dropout(tiny_config):
    config = tiny_config(*DIRECT, "network.layers=D-4C3-D0.3-5-D-3")
    network = build_network(config, IMAGE, 3)
    drops = [layer for layer in network.layers if layer.topology.kind == "dropout"]
    assert [layer.topology for layer in drops] == [
        Dropout(IMAGE, 0.1),
        Dropout((10, 8, 4), 0.3),
        Dropout((5,), 0.1),
    ]
    assert drops[0].name == "layer_1 (dropout)"
    assert all(layer.neuron is None for layer in drops)


def test_build_network__dropout_needs_the_static_threshold(tiny_config):
    with pytest.raises(ConfigError, match=r"layers\.1 is dropout; .* static threshold"):
        tiny_config("network.layers=5-D-3")
