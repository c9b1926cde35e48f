import json

import numpy as np
import pytest
from eventsim_.builders import build, conv, dense, pool
from eventsim_.driven_networks import driven_case

from eventsim.errors import ModelFileError
from eventsim.model_description import (
    describe_model,
    describe_neuron,
    format_description,
)
from eventsim.model_file import Activity, ModelFile, write_model
from eventsim.network import Layer, Network, Neuron
from eventsim.quantisation import quantised
from eventsim.topology import Dense


@pytest.fixture
def model(tmp_path):
    network = build(
        (6, 6, 1),
        [conv(2), pool(2), dense(3)],
        weights=lambda topology, _: np.ones(topology.weight_shape),
        dtype=np.float32,
    )
    counts = (np.full(36, 4), np.full(32, 2), np.full(8, 2), np.array([4, 0, 1]))
    path = tmp_path / "model.h5"
    activity = Activity("test", 4, counts, 3.0)
    write_model(path, ModelFile(network, "", {"seed": 7, "name": "x"}, activity))
    return path


def test_describe_model__counts(model):
    found = describe_model(str(model))
    assert found["input_shape"] == [6, 6, 1]
    # 2 maps of 4 x 4 and 3 outputs; pools are not neurons.
    assert found["neurons"] == 35
    # A 3 x 3 kernel for 2 maps, and 8 pooled inputs for 3 units.
    assert found["weights"] == 18 + 24
    assert found["input_spikes_per_sample"] == 36
    assert [layer["spikes_per_sample"] for layer in found["layers"]] == [16, 4, 1.25]
    assert [layer["kind"] for layer in found["layers"]] == ["conv2d", "pool", "dense"]
    assert [layer["dtype"] for layer in found["layers"]] == ["float32", None, "float32"]
    assert found["provenance"] == {"seed": 7, "name": "x"}
    assert found["activity"] == "4 samples of the test set"


def test_describe_model__is_plain_json(model):
    found = describe_model(str(model))
    assert json.loads(json.dumps(found)) == found


def test_describe_model__takes_a_run_directory(model):
    assert describe_model(str(model.parent)) == describe_model(str(model))


def test_describe_model__without_activity(model):
    network = build((2,), [dense(3)], weights=lambda t, _: np.ones(t.weight_shape))
    write_model(model, ModelFile(network))
    found = describe_model(str(model))
    assert found["activity"] is None
    assert found["layers"][0]["spikes_per_sample"] is None
    assert "layer" in format_description(found)


LIF = Neuron("lif", "static", tau_m=2.0, tau_s=1 / 3, reset="zero", max_spikes=4)


def test_describe_neuron__names_the_constants_that_were_given():
    assert describe_neuron(Neuron()) == "relpsp, dynamic threshold"
    assert describe_neuron(LIF) == (
        "lif, static threshold, tau_m 2, tau_s 0.333333, reset zero, max_spikes 4"
    )


def test_describe_model__currents_delays_and_the_end(model):
    topology = Dense((2,), 3)
    weight = np.ones((2, 3))
    first = Layer("layer_1", topology, LIF, weight, np.ones(3), delay=np.arange(3.0))
    last = Layer(
        *("layer_2", Dense((3,), 3), LIF, np.ones((3, 3)), np.ones(3)),
        current=np.full(3, 0.25),
    )
    write_model(model, ModelFile(Network((2,), (first, last), t_end=7.5)))
    found = describe_model(str(model))
    assert found["t_end"] == 7.5
    assert [layer["delay"] for layer in found["layers"]] == ["0 to 2", None]
    assert [layer["current"] for layer in found["layers"]] == [None, "0.25"]
    assert "synaptic_delay" not in found["layers"][0]
    text = format_description(found)
    for part in ("t end", "7.5", "0 to 2", "tau_m 2"):
        assert part in text


def test_format_description__says_nothing_of_an_end_that_is_not_set(model):
    found = describe_model(str(model))
    assert found["t_end"] is None
    assert "t end" not in format_description(found)


def test_describe_model__refuses_a_missing_file(tmp_path):
    with pytest.raises(ModelFileError, match=r"does not exist; expected a model\.h5"):
        describe_model(str(tmp_path / "no.h5"))


def test_format_description__shows_every_layer_and_fact(model):
    text = format_description(describe_model(str(model)))
    for part in ("input shape", "conv2d", "pool", "dense", "seed", "neurons"):
        assert part in text
    assert "None" not in text


def test_describe_model__says_what_the_input_is(model, tmp_path):
    assert describe_model(str(model))["input"] == "spikes"
    case = driven_case("dense", "lif", 0)
    write_model(tmp_path / "d.h5", ModelFile(case.network))
    found = describe_model(str(tmp_path / "d.h5"))
    assert found["input"] == "currents"
    assert "currents" in format_description(found)


def test_describe_model__shows_the_steps_of_quantised_weights(tmp_path):
    weights = [np.array([[7.0, 14.0], [0.0, 2.0]])]
    network = build((2,), [dense(2)], weights=lambda _, k: weights[k])
    path = tmp_path / "model.h5"
    write_model(path, ModelFile(quantised(network, 4, "channel")))
    assert describe_model(str(path))["layers"][0]["weight_step"] == "1 to 2"
