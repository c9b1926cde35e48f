from dataclasses import replace

import h5py
import numpy as np
import pytest
from eventsim_.builders import build, conv, dense, normal_weights, pool
from eventsim_.spiking_networks import random_network

from eventsim.errors import ModelFileError
from eventsim.model_file import ModelFile, read_model, write_model
from eventsim.network import LAYER_ARRAYS, Layer, Network, Neuron
from eventsim.network_file import format_version_of
from eventsim.neurons import NEURON_MODELS
from eventsim.quantisation import quantised
from eventsim.topology import AveragePool, Conv2d, Dense, Dropout, Sparse

NEURONS = [
    Neuron("relpsp", "static", max_spikes=2),
    Neuron("srm_lif", "static", tau_m=4.0, tau_s=2.0, refractory=0.5),
    Neuron("lif", "static", tau_m=1 / 3, tau_s=0.1, reset="subtract", max_spikes=7),
    Neuron("non_leaky_if", "static", tau_s=1.5, reset="zero"),
    Neuron("alpha_synapse", "static", tau_s=1.5),
    Neuron("slayer_srm", "static", tau_s=1.0, tau_r=2.5, refractory_scale=3.0),
    Neuron("if_delta", "static", threshold_factor=0.5),
    Neuron("lif_delta", "static", tau_m=20.0, refractory=1.0),
]


def make_network(neuron=NEURONS[2], dtype=np.float64):
    """Return conv - average pool - sparse - dense, with every array there is."""
    rng = np.random.default_rng(0)
    topologies = [Conv2d((5, 5, 1), 2, (2, 2)), AveragePool((4, 4, 2), 2, 1)]
    n = int(np.prod(topologies[1].output_shape))
    pre, post = rng.integers(0, n, 30), rng.integers(0, 6, 30)
    topologies += [Sparse(topologies[1].output_shape, 6, pre, post), Dense((6,), 3)]
    layers = []
    for k, topology in enumerate(topologies, start=1):
        if not topology.has_neurons:
            layers.append(Layer(f"layer {k}", topology))
            continue
        shapes = [topology.weight_shape, *[topology.n_features] * 3]
        arrays = [rng.random(s).astype(dtype) for s in (*shapes, topology.weight_shape)]
        layers.append(Layer(f"layer {k}", topology, neuron, *arrays))
    return Network((5, 5, 1), tuple(layers), 0.7, t_end=12.5)


def round_trip(path, network):
    write_model(path, ModelFile(network))
    return read_model(path).network


def assert_same(found, expected):
    for name in ("input_shape", "time_window", "readout", "t_end"):
        assert getattr(found, name) == getattr(expected, name)
    for layer, other in zip(found.layers, expected.layers, strict=True):
        assert (layer.name, layer.topology) == (other.name, other.topology)
        assert layer.neuron == other.neuron
        for name in LAYER_ARRAYS:
            array, original = getattr(layer, name), getattr(other, name)
            assert (array is None) == (original is None), name
            if array is not None:
                assert array.dtype == original.dtype
                np.testing.assert_array_equal(array, original)


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.model)
def test_read_network__gives_every_neuron_model_back(tmp_path, neuron):
    network = make_network(neuron)
    assert_same(round_trip(tmp_path / "model.h5", network), network)


def test_neurons__are_all_tried():
    assert tuple(neuron.model for neuron in NEURONS) == NEURON_MODELS


def test_read_network__gives_float32_and_bare_layers_back(tmp_path):
    network = make_network(dtype=np.float32)
    bare = replace(network.layers[0], current=None, delay=None, synaptic_delay=None)
    network = replace(network, layers=(bare, *network.layers[1:]), t_end=None)
    assert_same(round_trip(tmp_path / "model.h5", network), network)


def old_network(threshold="static", **changes):
    rng = np.random.default_rng(0)
    parts = [conv(3), pool(2), dense(4)]
    weights = normal_weights(rng)
    return build((6, 6, 1), parts, weights=weights, threshold=threshold, **changes)


def test_format_version_of__is_1_as_long_as_old_readers_understand():
    assert format_version_of(old_network()) == 1
    assert format_version_of(old_network("dynamic")) == 1
    assert format_version_of(old_network(t_end=3.0)) == 2
    old = old_network()
    last, zeros = old.layers[-1], np.zeros(4)
    for change in (
        {"current": zeros},
        {"delay": zeros},
        {"synaptic_delay": np.zeros(last.weight.shape)},
        {"neuron": Neuron("relpsp", "static", max_spikes=2)},
        {"neuron": Neuron("if_delta", "static")},
        {"topology": Sparse((2, 2, 3), 4, [], []), "weight": np.zeros(0)},
    ):
        newer = replace(old, layers=(*old.layers[:-1], replace(last, **change)))
        assert format_version_of(newer) == 2, change
    average = replace(old.layers[1], topology=AveragePool((4, 4, 3), 2, 2))
    newer = replace(old, layers=(old.layers[0], average, last))
    assert format_version_of(newer) == 2


@pytest.fixture
def by_hand(tmp_path):
    """Return the path of a file that was written with h5py alone."""
    with h5py.File(tmp_path / "hand.h5", "w") as file:
        file.attrs.update(format="eventsim-model", format_version=2)
        network = file.create_group("network")
        network.attrs.update(input_shape=[2, 2, 1], time_window=1, n_layers=2)
        network.attrs.update(readout="spike_time", t_end=20)
        pooled = network.create_group("layer_1")
        pooled.attrs.update(kind="average_pool", input_shape=[2, 2, 1], size=1)
        layer = network.create_group("layer_2")
        layer.attrs.update(kind="sparse", input_shape=[2, 2, 1], units=3)
        layer.attrs.update(neuron="lif", threshold="static", tau_m=2, tau_s=1.0)
        layer.attrs.update(reset="zero", max_spikes=5)
        layer["pre"], layer["post"] = [3, 0, 3], [0, 0, 2]
        layer["weight"], layer["theta"] = [1.0, 0.5, 2.0], [1.0, 1.0, 2.0]
        layer["delay"], layer["synaptic_delay"] = [0.0, 1.0, 2.0], [0.0, 0.0, 0.5]
    return tmp_path / "hand.h5"


def test_read_network__reads_a_file_written_by_hand(by_hand):
    network = read_model(by_hand).network
    assert network.t_end == network.duration == 20.0
    assert network.layers[0].topology == AveragePool((2, 2, 1), 1, 1)
    layer = network.layers[1]
    assert layer.topology == Sparse((2, 2, 1), 3, [3, 0, 3], [0, 0, 2])
    assert layer.neuron == Neuron(
        "lif", "static", tau_m=2.0, tau_s=1.0, reset="zero", max_spikes=5
    )
    assert type(layer.neuron.max_spikes) is int
    assert layer.current is None
    np.testing.assert_array_equal(layer.delay, [0.0, 1.0, 2.0])


def _set(group, name, value):
    return lambda file: file[group].attrs.__setitem__(name, value)


def _put(name, value):
    def change(file):
        if name in file:
            del file[name]
        file[name] = value

    return change


LAYER = "network/layer_2"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set(LAYER, "tau_x", 1.0), "layer_2 has 'tau_x', which is not known; exp.*ta"),
        (_set("network/layer_1", "window", 1), "layer_1 has 'window', which is not kn"),
        (_set("network", "tend", 1.0), "network has 'tend', which is not known"),
        (_put(f"{LAYER}/delays", [0.0]), "layer_2 has 'delays', which is not known"),
        (_set(LAYER, "tau_m", -1.0), r"layer_2 tau_m is -1\.0; expected a positive"),
        (_set(LAYER, "tau_s", np.nan), "layer_2 tau_s is nan; expected a number"),
        (_set(LAYER, "tau_s", "long"), "layer_2 tau_s is long; expected a number"),
        (_set(LAYER, "refractory", -1.0), r"refractory is -1\.0; expected a time from"),
        (_set(LAYER, "threshold_factor", 0), "threshold_factor is 0.0; expected a pos"),
        (_set(LAYER, "max_spikes", 0), "max_spikes is 0.0; expected a whole number"),
        (_set(LAYER, "max_spikes", 1.5), r"max_spikes is 1\.5; expected a whole numb"),
        (_set(LAYER, "reset", "half"), "reset is 'half'; expected one of zero, subtr"),
        (_set(LAYER, "threshold", "dynamic"), "layer_2 .* expected threshold 'static'"),
        (_set("network", "t_end", 0.0), r"t_end is 0\.0; expected a positive number"),
        (_set(LAYER, "kind", "lstm"), "layer_2 has kind 'lstm'; expected .* sparse"),
        (_put(f"{LAYER}/pre", [4, 0, 3]), "sparse: entry 0 of pre is 4; expected 0 to"),
        (_put(f"{LAYER}/pre", [0, 3]), "sparse: pre has 2 entries and post 3"),
        (_put(f"{LAYER}/post", [0.5, 0, 0]), "sparse: post has shape .* whole numbers"),
        (_put(f"{LAYER}/weight", [1.0]), r"weights of shape \(1,\); expected \(3,\)"),
        (_put(f"{LAYER}/delay", [0.0, -1.0, 0.0]), "delays that are negative"),
        (_put(f"{LAYER}/synaptic_delay", [0.0]), r"synaptic delays of shape \(1,\)"),
        (_put(f"{LAYER}/current", [0.0, 0.0]), r"currents of shape \(2,\); exp"),
        (lambda file: file[LAYER].attrs.__delitem__("units"), "is damaged"),
        (lambda file: file[LAYER].__delitem__("pre"), "is damaged"),
        (_set("network/layer_1", "size", 3), "average_pool: window of 3 x 3 is larger"),
    ],
)
def test_read_network__damaged_content(by_hand, change, message):
    with h5py.File(by_hand, "r+") as file:
        change(file)
    with pytest.raises(ModelFileError, match=message) as caught:
        read_model(by_hand)
    assert str(by_hand) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_read_network__a_file_of_version_1_may_hold_other_names(tmp_path):
    write_model(tmp_path / "model.h5", ModelFile(old_network()))
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        assert file.attrs["format_version"] == 1
        file["network/layer_1"].attrs["colour"] = "blue"
        file["network/layer_1/mask"] = [1]
    assert read_model(tmp_path / "model.h5").network.n_classes == 4


def test_network_file__keeps_dropout(tmp_path):
    layers = list(random_network("conv", ["lif"], 0).layers)
    layers.insert(1, Layer("drop", Dropout(layers[0].topology.output_shape, 0.3)))
    network = replace(random_network("conv", ["lif"], 0), layers=tuple(layers))
    assert format_version_of(network) == 2
    write_model(tmp_path / "m.h5", ModelFile(network))
    again = read_model(tmp_path / "m.h5").network
    assert [layer.topology for layer in again.layers] == [
        layer.topology for layer in network.layers
    ]
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file["network/layer_2"].attrs["rate"] = 1.5
    with pytest.raises(ModelFileError, match=r"dropout: rate is 1\.5"):
        read_model(tmp_path / "m.h5")


def test_write_network__keeps_the_steps_of_quantised_weights(tmp_path):
    rng = np.random.default_rng(0)
    plain = build((6, 6, 1), [conv(3), dense(2)], weights=normal_weights(rng))
    network = quantised(plain, 4, "channel")
    assert (format_version_of(plain), format_version_of(network)) == (1, 2)
    assert_same(round_trip(tmp_path / "model.h5", network), network)


def test_read_model__refuses_steps_that_do_not_fit_the_weights(tmp_path):
    rng = np.random.default_rng(0)
    plain = build((4,), [dense(2)], weights=normal_weights(rng))
    path = tmp_path / "model.h5"
    write_model(path, ModelFile(quantised(plain, 4, "layer")))
    with h5py.File(path, "a") as file:
        file["network/layer_1/weight"][1, 1] *= 1.1
    message = r"model\.h5': network: layer_1 .* no whole multiples of its weight_step"
    with pytest.raises(ModelFileError, match=message):
        read_model(path)
    with h5py.File(path, "a") as file:
        file["network/layer_1/weight_step"][0] = 0
    with pytest.raises(ModelFileError, match="weight steps that are not positive"):
        read_model(path)
