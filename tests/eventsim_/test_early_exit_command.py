import json
import shutil

import pytest
from eventsim_.cli.calls import error_of


def test_early_exit__text_and_json(call, finished_run):
    code, out, err = call("early-exit", finished_run, "--policy", "leader")
    assert (code, err) == (0, "")
    assert "leader" in out
    assert "protocol of Zhu et al. 2023" in out
    code, out, err = call("early-exit", finished_run, "--json", "--limit", 7)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["n_samples"], found["split"]) == (7, "test")
    policies = {point["policy"] for point in found["points"]}
    # Its output neurons fire once: no margin but that of the leader.
    assert policies == {"first_spike", "leader", "confidence", "fixed_time"}


def test_early_exit__options(call, finished_run, tmp_path):
    given = ["--policy", "confidence=0.6", "--window", 0.5, "--smoothing", 0.1]
    code, out, _ = call("early-exit", finished_run, *given, "--split", "validation",
                        "--csv", tmp_path / "t.csv", "--json")  # fmt: skip
    assert code == 0
    (point,) = json.loads(out)["points"]
    assert (point["value"], point["window"]) == (0.6, 0.5)
    assert json.loads(out)["n_samples"] == 45


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "quick"], "early exit: there is no policy 'quick'; expected one"),
        (["--policy", "fixed_time=9"], "fixed_time is 9; expected at most 3, the end"),
        (["--window", "0"], "window is 0; expected a positive number"),
        (["--stop"], "has the dynamic threshold; expected 'static', a queue has no"),
    ],
)
def test_early_exit__errors_in_one_line(call, finished_run, arguments, message):
    assert message in error_of(call("early-exit", finished_run, *arguments))


def test_early_exit__wrong_usage(call, finished_run):
    assert call("early-exit", finished_run, "--split", "train")[0] == 2
    assert call("early-exit", finished_run, "--limit", 0)[0] == 2


def test_early_exit__of_several_models(call, finished_run, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(finished_run, other)
    given = ("early-exit", finished_run, other / "model.h5", "--policy", "leader")
    code, out, err = call(*given)
    assert (code, err) == (0, "")
    assert f"== {finished_run.name}\n" in out
    assert "== other\n" in out
    code, out, _ = call(*given, "--json")
    assert [one["name"] for one in json.loads(out)] == [finished_run.name, "other"]


def test_early_exit__not_of_the_same_model_twice(call, finished_run):
    message = "is given more than once; expected different models"
    assert message in error_of(call("early-exit", finished_run, finished_run))
