import json


def test_gradcheck__passes_and_fails_by_exit_code(call, tiny_yaml, monkeypatch):
    arguments = ["gradcheck", tiny_yaml, "--samples", 4, "--entries", 10]
    code, out, _ = call(*arguments)
    assert code == 0
    assert "passed: worst relative error" in out
    code, out, _ = call(*arguments, "--json", "--set", "seed=3")
    assert (code, json.loads(out)["passed"]) == (0, True)
    monkeypatch.setattr("eventsim.gradcheck.command.TOLERANCE", -1.0)
    code, out, _ = call(*arguments)
    assert code == 1
    assert "FAILED" in out


def test_gradcheck__tells_every_kind_of_parameter(call, tiny_yaml):
    neuron = "network.neuron={model: relpsp, threshold: static, theta: 0.3}"
    arguments = ["--set", neuron, "--set", "loss.silence_penalty=0", "--entries", 4]
    code, out, err = call("gradcheck", tiny_yaml, *arguments)
    assert (code, err) == (0, "")
    assert out.splitlines()[5].startswith("thresholds ")
    code, out, _ = call("gradcheck", tiny_yaml, *arguments, "--json")
    (check,) = json.loads(out)["parameters"]
    assert (code, check["name"]) == (0, "thresholds")


def test_gradcheck__takes_the_network_that_training_begins_with(call, tiny_yaml):
    # Raw weights of this size would leave every neuron silent and nothing to check.
    given = [
        "network.neuron={model: lif, tau_m: 4, tau_s: 2, reset: subtract, theta: 1}",
        "network.t_end=4",
        "network.readout=spike_count",
        "network.layers=12-3",
        "loss={name: spikemax_s}",
        "training.weight_gain=0.01",
        "training.standardise={thresholds: trained}",
        "training.target_rate=1",
    ]
    settings = [part for text in given for part in ("--set", text)]
    code, out, err = call("gradcheck", tiny_yaml, *settings, "--samples", 4)
    assert (code, err) == (0, "")
    assert "passed" in out
