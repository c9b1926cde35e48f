import json
from dataclasses import replace

import pytest

from eventsim.engine.sweep import network as sweep
from eventsim.errors import ConfigError, DataError
from eventsim.gradcheck.command import check_gradients

pytestmark = pytest.mark.usefixtures("one_thread")


def checked(path, overrides=(), engine="auto", n_samples=4):
    return check_gradients(str(path), None, overrides, engine, n_samples, 12)


@pytest.mark.parametrize("engine", ["window", "sweep"])
def test_check_gradients__of_a_configuration(tiny_yaml, engine):
    report, text = checked(tiny_yaml, ["loss.silence_penalty=0"], engine)
    assert report["engine"] == engine
    assert report["passed"] is True
    assert report["worst_relative_error"] <= 1e-6
    assert report["n_samples"] == 4
    names = ["layer_1 (dense 12)", "layer_2 (dense 3)", "input times"]
    assert [layer["name"] for layer in report["layers"]] == names
    assert sum(layer["n_checked"] for layer in report["layers"]) > 0
    assert report["parameters"] == []
    assert json.loads(json.dumps(report)) == report
    assert "passed: worst relative error" in text
    assert all(name in text for name in names)


def test_check_gradients__of_a_model_or_its_folder(finished_run):
    report, _ = checked(finished_run)
    assert report["passed"]
    assert checked(finished_run / "model.h5")[0] == report


def test_check_gradients__says_if_it_fails(tiny_yaml, monkeypatch):
    monkeypatch.setattr("eventsim.gradcheck.command.TOLERANCE", -1.0)
    report, text = checked(tiny_yaml)
    assert report["passed"] is False
    assert "FAILED: worst relative error" in text


def test_check_gradients__refuses_set_with_a_model(finished_run):
    with pytest.raises(ConfigError, match="--set goes with a CONFIG file, not a MODEL"):
        checked(finished_run, ["seed=1"])


@pytest.mark.parametrize("engine", ["sweep", "queue"])
def test_check_gradients__of_instantaneous_synapses(tiny_yaml, engine):
    overrides = [
        "network.neuron={model: if_delta, theta: 1}",
        "loss={beta: 10}",
        "training={epochs: 1, weight_mean: 1, weight_gain: 3}",
        "network.t_end=4",
    ]
    report, _ = checked(tiny_yaml, overrides, engine)
    assert report["passed"], report
    names = ["layer_1 (dense 12)", "layer_2 (dense 3)", "thresholds"]
    assert report["without_effect"] == names
    assert report["layers"][-1]["largest_derivative"] > 0.1
    report, _ = checked(tiny_yaml, [*overrides, "network.current=0.3"], engine)
    assert report["passed"], report
    assert report["without_effect"] == ["layer_1 (dense 12)"]


def test_check_gradients__silent_instantaneous_synapses_do_not_pass(tiny_yaml):
    neuron = "network.neuron={model: if_delta, theta: 1}"
    silent = [neuron, "loss={beta: 10}", "training.weight_mean=-50.0"]
    report, text = checked(tiny_yaml, silent)
    assert not report["passed"]
    assert report["unchecked"] == ["input times"]
    assert "is the layer silent?" in text


def test_check_gradients__names_a_parameter_whose_derivative_is_wrong(
    tiny_yaml, monkeypatch
):
    right = sweep.backward_spikes

    def wrong(*arguments, **options):
        found = right(*arguments, **options)
        layers = tuple(replace(by, theta=by.theta * 1.001) for by in found.layers)
        return replace(found, layers=layers)

    monkeypatch.setattr(sweep, "backward_spikes", wrong)
    overrides = ["network.neuron={model: relpsp, threshold: static, theta: 0.3}"]
    report, text = checked(tiny_yaml, [*overrides, "loss.silence_penalty=0"])
    assert report["passed"] is False
    (check,) = report["parameters"]
    assert check["name"] == "thresholds"
    assert check["worst_relative_error"] == pytest.approx(1e-3, rel=0.1)
    assert max(x["worst_relative_error"] for x in report["layers"]) <= 1e-6
    assert "thresholds" in text


def test_check_gradients__tells_what_does_not_matter(tiny_yaml):
    # Neurons that fire once have no use for a refractory period.
    neuron = "{model: lif, tau_m: 4, tau_s: 2, theta: 1, reset: zero, refractory: 0.2"
    overrides = [
        f"network.neuron={neuron}, max_spikes: 1}}",
        "loss={beta: 10}",
        "training={epochs: 1, weight_mean: 30, weight_gain: 20}",
    ]
    report, text = checked(tiny_yaml, overrides)
    assert report["passed"], report
    assert report["without_effect"] == ["refractory period"]
    assert "without effect here: refractory period" in text


@pytest.mark.parametrize("engine", ["sweep", "queue"])
def test_check_gradients__of_neurons_of_many_spikes(tiny_yaml, engine):
    overrides = [
        "network.neuron={model: lif, tau_m: 4, tau_s: 2, theta: 1, reset: zero}",
        "loss={beta: 10}",
        "training={epochs: 1, weight_mean: 30, weight_gain: 20}",
        "network.delay=0.1",
    ]
    report, text = checked(tiny_yaml, overrides, engine)
    assert report["engine"] == engine
    assert report["passed"], report
    kinds = [check["name"] for check in report["parameters"]]
    assert kinds == ["thresholds", "axonal delays", "tau_m", "tau_s"]
    assert all(check["n_checked"] > 0 for check in report["parameters"])
    assert json.loads(json.dumps(report)) == report
    assert all(kind in text for kind in kinds)


def test_check_gradients__data_problems_are_told(tiny_yaml):
    overrides = ["data={name: mnist, dir: nowhere}", "encode.bias_spikes=0"]
    with pytest.raises(DataError, match="'nowhere' does not hold mnist"):
        checked(tiny_yaml, overrides)


def test_check_gradients__does_not_pass_on_a_silent_network(tiny_yaml):
    silent = ["training.weight_mean=-50.0", "loss.silence_penalty=0"]
    report, text = check_gradients(str(tiny_yaml), None, silent, "auto", 4, 5)
    assert not report["passed"]
    assert len(report["unchecked"]) == 3
    assert "not checked: layer_1 (dense 12), layer_2 (dense 3), input times" in text


def test_check_gradients__of_a_configuration_with_direct_coding(tiny_yaml):
    overrides = [
        "encode={coding: direct}",
        "network={layers: 12-3, t_end: 3, neuron: {model: srm_lif, threshold: static, "
        "tau_m: 3, tau_s: 2, theta: 0.3}}",
        "loss.silence_penalty=0",
    ]
    for engine in ("auto", "queue"):
        result, text = check_gradients(str(tiny_yaml), None, overrides, engine, 4, 5)
        assert result["passed"], text
        assert "input currents" in text
