import json
import math
import re
import shutil
from pathlib import Path

import pytest

from eventsim.early_exit import command
from eventsim.early_exit.command import early_exit_model
from eventsim.early_exit.published import PublishedExit
from eventsim.errors import ConfigError, ModelFileError, RunError
from eventsim.run import train_run

pytestmark = pytest.mark.usefixtures("one_thread")

EXAMPLE = Path(__file__).parents[3] / "examples" / "yinyang_lif_tiny.yaml"
SMALL = ["data.limit_train=60", "data.limit_test=40", "training.epochs=1"]


@pytest.fixture(scope="module")
def static_run(tmp_path_factory):
    """A run whose neurons fire any number of times; not to be changed."""
    out = str(tmp_path_factory.mktemp("static") / "run")
    return train_run(str(EXAMPLE), overrides=SMALL, out=out, quiet=True).folder


def shown(path, *policies, **options):
    return early_exit_model(str(path), policies, quiet=True, **options)


def test_early_exit_model__full_runs_agree_with_the_summary(static_run):
    summary = json.loads((static_run / "summary.json").read_text())
    found = shown(static_run, "first_spike", "fixed_time=4")
    assert found["n_samples"] == summary["n_test"]
    assert found["full"]["accuracy"] == summary["test_accuracy"]
    assert found["full"]["spikes"] == pytest.approx(summary["spikes_per_sample"])
    first, last = found["points"]
    assert first["accuracy"] == summary["test_accuracy"]
    assert first["mean_time"] == pytest.approx(summary["mean_decision_time"])
    assert last["spikes"] == found["full"]["spikes"]
    assert 0 < first["sops"] < last["sops"]
    assert json.loads(json.dumps(found)) == found
    assert "stopped" not in found
    assert (found["seed"], found["engine"]) == (summary["seed"], "sweep")
    assert found["smoothing"] == pytest.approx(1 / 3)
    assert "training" not in found


def test_early_exit_model__of_neurons_with_windows(finished_run):
    summary = json.loads((finished_run / "summary.json").read_text())
    found = shown(finished_run, "first_spike", "margin")
    assert found["full"]["accuracy"] == summary["test_accuracy"]
    first, margin = found["points"]  # an output neuron fires once: margins up to 1
    assert first["mean_time"] == pytest.approx(summary["mean_decision_time"])
    assert first["sops_saved"] >= 0
    assert (margin["value"], margin["window"]) == (1, None)


def test_early_exit_model__really_stops_if_asked(static_run):
    found = shown(static_run, "leader", "confidence=0.7", stop=True, limit=8,
                  windows=[0.5, 1.0])  # fmt: skip
    assert found["n_samples"] == 8
    assert [row["window"] for row in found["stopped"]] == [None, 0.5, 1.0]
    assert [row["window"] for row in found["points"]] == [None, 0.5, 1.0]
    for row, point in zip(found["stopped"], found["points"], strict=True):
        assert row["same_decisions"] == row["same_counts"] == 1
        assert row["spikes"] == pytest.approx(point["spikes"])
        assert row["sops"] == pytest.approx(point["sops"])
        assert 0 <= row["events_saved"] < 1
    assert found["stopped"][0]["events_saved"] > 0


def test_early_exit_model__really_stops_networks_with_input_currents(tmp_path):
    direct = [*SMALL, "encode={coding: direct}"]
    out = str(tmp_path / "run")
    train_run(str(EXAMPLE), overrides=direct, out=out, quiet=True)
    found = shown(out, "first_spike", "fixed_time=2", stop=True, limit=8)
    for row, point in zip(found["stopped"], found["points"], strict=True):
        assert row["same_decisions"] == row["same_counts"] == 1
        assert row["spikes"] == pytest.approx(point["spikes"])
    assert found["points"][0]["undecided"] < 1


def test_early_exit_model__times_no_run_that_loads_kernels(static_run, monkeypatch):
    calls, original = [], command.stop_at_decisions

    def noted(policies, network, trace):
        calls.append((len(policies), trace.labels.size))
        return original(policies, network, trace)

    monkeypatch.setattr(command, "stop_at_decisions", noted)
    shown(static_run, "leader", stop=True, limit=5)
    assert calls == [(0, 1), (1, 5)]


def test_early_exit_model__splits_limits_and_smoothing(static_run):
    validation = shown(static_run, "leader", split="validation")
    assert (validation["split"], validation["n_samples"]) == ("validation", 100)
    assert shown(static_run, "leader", limit=10_000)["n_samples"] == 40
    plain, smooth = (
        shown(static_run, "confidence=0.9", smoothing=e)["points"][0]
        for e in (0.01, 10.0)
    )
    assert smooth["undecided"] > plain["undecided"]


def test_early_exit_model__keys_are_documented(static_run):
    found = shown(static_run, "confidence=0.7", stop=True, limit=2)
    text = (EXAMPLE.parents[1] / "docs/how-to/early-exit.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", text.partition("## JSON")[2], re.M)
    told = {
        key: re.findall(r"`(\w+)`", content)
        for keys, content in rows
        for key in re.findall(r"`(\w+)`", keys)
    }
    assert set(told) == {*found, "training"}
    for key, value in found.items():
        if isinstance(value, list | dict):
            entry = value[0] if isinstance(value, list) else value
            assert set(entry) <= set(told[key]), key


def test_early_exit_model__writes_tables_and_pictures(static_run, tmp_path):
    shown(static_run, "leader", csv=str(tmp_path / "t"), plot=str(tmp_path / "p"))
    assert (tmp_path / "t" / "points.csv").is_file()
    assert len(list((tmp_path / "p").glob("*.png"))) == 5  # no policy has a threshold
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match=r"'.*taken' is a file without the ending"):
        shown(static_run, "leader", csv=str(tmp_path / "taken"))


@pytest.mark.parametrize(
    ("policy", "options", "error", "message"),
    [
        (
            "leader",
            {"smoothing": 0.0},
            ConfigError,
            "smoothing is 0; expected a pos",
        ),
        ("leader", {"smoothing": math.nan}, ConfigError, "smoothing is nan; expected"),
        ("leader", {"smoothing": math.inf}, ConfigError, "smoothing is inf; expected"),
        ("leader", {"windows": [-3.0]}, ConfigError, "window is -3; expected a positi"),
        ("leader", {"windows": [math.nan]}, ConfigError, "window is nan; expected a p"),
        ("leader", {"windows": [3.0]}, ConfigError, "--window without the policy 'con"),
        ("fixed_time=99", {}, ConfigError, "fixed_time is 99; expected at most 4"),
        ("leader", {"csv": "FILE/t.csv"}, RunError, "FILE/t.csv': Not a directory"),
        ("leader", {"csv": "FILE/t"}, RunError, "points.csv': Not a directory"),
        ("leader", {"plot": "FILE"}, RunError, "cannot write '.*': Not a directory"),
    ],
)
def test_early_exit_model__refuses_before_it_simulates(
    static_run, tmp_path, monkeypatch, policy, options, error, message
):
    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr("eventsim.early_exit.command.record_traces", never)
    (tmp_path / "FILE").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        shown(static_run, policy, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["FILE"]


def test_early_exit_model__shows_the_training_beside_the_paper(
    static_run, tmp_path, monkeypatch
):
    run = tmp_path / "run"
    shutil.copytree(static_run, run)
    lines = [
        {"epoch": k, "exit": {"10 steps": vars(PublishedExit(k / 100, 0.25, 0.15, 0))}}
        for k in range(1, 11)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run / "metrics.jsonl").write_text(text)
    (row,) = shown(run, "leader")["training"]
    assert row == {
        "epoch": 10,
        "protocol": "10 steps",
        "accuracy": 0.1,
        "time": 0.25,
        "time_from_zero": 0.15,
        "published_accuracy": None,
        "published_time": None,
    }
    (run / "metrics.jsonl").write_text("{broken")

    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr("eventsim.early_exit.command.record_traces", never)
    with pytest.raises(ModelFileError, match=r"metrics.jsonl' cannot be read"):
        shown(run, "leader")
