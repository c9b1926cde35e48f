import csv
import json
import re
from pathlib import Path

import pytest
from eventsim_.early_exit.test_stopping import MODELS, case_of

from eventsim.early_exit.analysis import analyse
from eventsim.early_exit.policies import Confidence, FirstSpike, FixedTime
from eventsim.early_exit.published import BestSoFar
from eventsim.early_exit.report import (
    format_report,
    setting,
    to_dict,
    training_rows,
    write_csv,
)
from eventsim.errors import RunError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def result():
    trace = case_of("conv", MODELS["continuous"], 1)
    policies = [FirstSpike(), Confidence(0.9, 1.5), FixedTime(3.0)]
    found = to_dict(trace.network, analyse([trace], policies))
    return {**found, "stopped": [], "training": []}


def test_to_dict__is_json_and_complete(result):
    assert json.loads(json.dumps(result)) == result
    assert [setting(p) for p in result["points"]] == [
        "first_spike",
        "confidence 0.9 W=1.5",
        "fixed_time 3",
    ]
    curve = result["curve"]
    assert (curve[0]["time"], curve[-1]["time"]) == (0, result["duration"])
    assert curve[-1]["accuracy"] == result["full"]["accuracy"]
    assert result["layers"][0]["name"] == "input"
    assert len(result["protocol"]) == 3
    assert result["smoothing"] == pytest.approx(1 / 3)
    spent = result["layer_spikes"]
    assert [row["layer"] for row in spent] == [0, 1, 2] * 3
    assert [row["policy"] for row in spent[:4]] == ["first_spike"] * 3 + ["confidence"]
    for row, layer in zip(spent[:3], result["layers"], strict=True):
        assert row["name"] == layer["name"]
        assert row["spikes"] == pytest.approx((1 - row["saved"]) * layer["spikes"])
        assert 0 < row["saved"] < 1
    assert sum(b["n_samples"] for b in result["calibration"][0]["bins"]) == 4


def best(epoch):
    return BestSoFar(epoch, "10 steps", 0.5, 0.25, 0.15)


def test_format_report__says_what_was_found(result):
    text = format_report(result)
    assert text.startswith("4 samples, runs up to 6, readout spike_count: accuracy ")
    assert "confidence 0.9 W=1.5" in text
    assert "really stopped" not in text
    assert "(smoothing 0.3333): " in text
    (line,) = [x for x in text.splitlines() if x.startswith("calibration error")]
    assert line.count("% silent)") == 3
    assert re.search(r"from 0 +undecided", text)
    stopped = {"policy": "leader", "value": None, "window": None, "same_decisions": 1.0,
               "same_counts": 1.0, "events": 12.0, "events_saved": 0.25,
               "seconds": 1e-3, "full_seconds": 2e-3}  # fmt: skip
    training = training_rows([best(10), best(11)], "mnist")
    text = format_report({**result, "stopped": [stopped], "training": training})
    assert "really stopped" in text
    assert "98.83%" in text  # the published accuracy of epoch 10
    assert "Table 5" in text


def test_training_rows__every_tenth_epoch_and_the_last():
    rows = training_rows([best(k) for k in range(1, 24)], "mnist")
    assert [row["epoch"] for row in rows] == [10, 20, 23]
    assert [row["published_time"] for row in rows] == [0.189, 0.169, None]
    assert training_rows([], "mnist") == []


def test_training_rows__published_numbers_are_those_of_mnist():
    (row,) = training_rows([best(10)], "yin-yang")
    assert (row["published_accuracy"], row["published_time"]) == (None, None)


def test_write_csv__a_file_or_a_folder(result, tmp_path):
    (path,) = write_csv(tmp_path / "x.csv", result)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["policy"] for row in rows] == [
        "first_spike",
        "confidence",
        "fixed_time",
    ]
    assert float(rows[0]["accuracy"]) == result["points"][0]["accuracy"]
    assert rows[0]["value"] == ""
    paths = write_csv(tmp_path / "tables", result)
    assert sorted(p.stem for p in paths) == [
        "calibration", "curve", "layer_spikes", "layers", "points", "protocol",
    ]  # fmt: skip
    with (tmp_path / "tables" / "calibration.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 30


def test_write_csv__tells_where_it_cannot(result):
    with pytest.raises(RunError, match="/proc/x"):
        write_csv(Path("/proc/x/y.csv"), result)
