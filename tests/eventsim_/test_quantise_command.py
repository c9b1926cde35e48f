import json
from pathlib import Path

import pytest
from eventsim_.cli.calls import error_of

pytestmark = pytest.mark.usefixtures("own_folder")


def test_quantise__writes_a_model_and_prints_the_accuracies(call, finished_run):
    code, out, err = call("quantise", finished_run, "--bits", 4, "--out", "q")
    assert (code, err) == (0, "")
    assert "before" in out
    assert "written to q/model.h5" in out
    assert "weight_step" in call("info", "q")[1]


def test_quantise__json_is_the_summary_alone(call, finished_run):
    arguments = ["--bits", 3, "--per", "channel", "--fine-tune", 1, "--json"]
    code, out, err = call(
        "quantise", finished_run, *arguments, "--out", "q", "--set", "optimizer.lr=0.01"
    )
    assert (code, err) == (0, "")
    printed = json.loads(out)
    assert printed.pop("folder") == "q"
    assert printed == json.loads(Path("q/summary.json").read_text())
    assert printed["quantise_epochs"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bits", 0], "quantise: bits is 0; expected a whole number from 2 to 16"),
        (["--bits", 4, "--set", "seed=1"], "quantise: --set goes with --fine-tune"),
    ],
)
def test_quantise__tells_mistakes_in_one_line(call, finished_run, arguments, message):
    assert message in error_of(call("quantise", finished_run, *arguments))
    assert message_of_missing(call) == 1


def message_of_missing(call):
    return "does not exist" in error_of(call("quantise", "nowhere", "--bits", 4))


def test_quantise__unknown_unit_is_wrong_usage(call, finished_run):
    code, _, err = call("quantise", finished_run, "--bits", 4, "--per", "core")
    assert code == 2
    assert "'core' is not one of 'layer', 'channel'" in err
