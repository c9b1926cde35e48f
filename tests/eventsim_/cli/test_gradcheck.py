import json


def test_gradcheck__passes_and_fails_by_exit_code(call, tiny_yaml, monkeypatch):
    arguments = ["gradcheck", tiny_yaml, "--samples", 4, "--entries", 10]
    code, out, _ = call(*arguments)
    assert code == 0
    assert "passed: worst relative error" in out
    code, out, _ = call(*arguments, "--json", "--set", "seed=3")
    assert (code, json.loads(out)["passed"]) == (0, True)
    monkeypatch.setattr("eventsim.model_commands.TOLERANCE", -1.0)
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
