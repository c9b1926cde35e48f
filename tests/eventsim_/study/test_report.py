import csv
import errno
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from eventsim_.studies import SMALL_STUDY, small_study

from eventsim.errors import RunError
from eventsim.study.report import (
    Spread,
    StudyBar,
    as_json,
    format_csv,
    format_list,
    format_table,
    spread_of,
    study_record,
    write_report,
)
from eventsim.study.study import open_study


@pytest.fixture
def study(tiny_yaml, tmp_path):
    """Return a study with results by hand; one run has failed."""
    text = SMALL_STUDY.replace(
        "seeds: [0, 1]", "seeds: [0, 1, 2]\nmetric: [test_accuracy, test_loss]"
    )
    opened = open_study(small_study(tmp_path, text), out=tmp_path / "out")
    accuracy = {"adam": [0.9, 0.92, 0.97], "sgd": [0.5, None, 0.7]}
    loss = {"adam": [1.0, 2.0, 6.0], "sgd": [123.5, None, 321.5]}
    runs = []
    for run in opened.runs:
        value = accuracy[run.case][run.seed]
        if value is None:
            runs.append(replace(run, status="failed", error="train: the loss is nan"))
            continue
        summary = {
            "test_accuracy": value,
            "test_loss": loss[run.case][run.seed],
            "dataset_note": "a stand-in" if run.case == "sgd" else "",
        }
        runs.append(replace(run, status="finished", summary=summary))
    return replace(opened, runs=runs)


def test_spread__by_hand():
    spread = Spread([1.0, 2.0, 6.0])
    assert spread.mean == 3
    # ((-2)^2 + (-1)^2 + 3^2) / (3 - 1) = 7
    assert spread.std == pytest.approx(math.sqrt(7), rel=1e-15)
    assert (Spread([4.0]).mean, Spread([4.0]).std) == (4, None)
    assert (Spread([]).mean, Spread([]).std) == (None, None)


def test_spread_of__leaves_out_what_there_is_not(study):
    adam, sgd = study.cases
    assert spread_of(study, adam, "test_accuracy").values == [0.9, 0.92, 0.97]
    assert spread_of(study, sgd, "test_accuracy").values == [0.5, 0.7]
    assert spread_of(study, sgd, "tied").values == []


def test_format_table__by_hand(study):
    """Adam: mean 0.93, deviation sqrt((0.03^2 + 0.01^2 + 0.04^2) / 2) = 0.03606;
    SGD: mean 0.6, deviation sqrt(2 * 0.1^2) = 0.14142; losses: 3 and sqrt(7) = 2.6458,
    222.5 and sqrt(2 * 99^2) = 140.007."""
    lines = format_table(study).splitlines()
    assert lines[0] == "small: mean ± standard deviation over 3 seeds"
    cells = [[c.strip() for c in line.split("  ") if c.strip()] for line in lines[1:]]
    assert cells[0] == [
        "case", "n", "test_accuracy, %", "published, %", "test_loss"
    ]  # fmt: skip
    assert cells[2] == ["adam", "3", "93.00 ± 3.61", "90.00", "3.0 ± 2.6"]
    assert cells[3] == ["sgd", "2", "60.00 ± 14.14", "222 ± 140"]
    assert lines[5:] == [
        "published: Somebody et al. 2020",
        "FAILED sgd, seed 1: train: the loss is nan",
        "NOTE: a stand-in (2 of 5 runs)",
    ]


def test_format_table__one_seed_has_no_deviation(study):
    config = study.config.model_copy(update={"seeds": [0]})
    one = replace(study, config=config, runs=[r for r in study.runs if r.seed == 0])
    text = format_table(one)
    assert "over 1 seed\n" in text
    assert "90.00" in text
    assert "±" not in text.split("\n", 1)[1]


def test_format_list__shows_how_far_runs_are(study):
    lines = format_list(replace(study, runs=study.runs[2:4])).splitlines()
    assert lines[2].split() == [
        "adam", "1", "finished", "92.00", "2", str(study.folder / "adam/seed-1")
    ]  # fmt: skip
    assert lines[3].split()[:3] == ["sgd", "1", "failed"]
    assert lines[4:] == ["FAILED sgd, seed 1: train: the loss is nan"]


def test_study_record__is_json_with_everything(study):
    record = json.loads(json.dumps(study_record(study)))
    assert record["name"] == "small"
    assert record["seeds"] == [0, 1, 2]
    assert record["reference"] == "Somebody et al. 2020"
    assert record["notes"] == ["a stand-in (2 of 5 runs)"]
    adam, sgd = record["cases"]
    assert adam["published"] == {"test_accuracy": 0.9}
    assert adam["mean"] == pytest.approx({"test_accuracy": 0.93, "test_loss": 3})
    assert sgd["settings"]["optimizer"]["name"] == "sgd"
    assert sgd["n"] == 2
    assert sgd["std"]["test_accuracy"] == pytest.approx(math.sqrt(0.02))
    assert sgd["runs"][1] == {
        "seed": 1,
        "status": "failed",
        "folder": "sgd/seed-1",
        "error": "train: the loss is nan",
        "version": None,
        "test_accuracy": None,
        "test_loss": None,
    }


def test_format_csv__has_a_row_per_run(study):
    rows = list(csv.DictReader(format_csv(study).splitlines()))
    assert [(row["case"], row["seed"]) for row in rows] == [
        (case, seed) for case in ("adam", "sgd") for seed in "012"
    ]
    assert list(rows[0]) == [
        "case", "seed", "status", "optimizer", "training.batch_size",
        "test_accuracy", "test_loss", "published_test_accuracy", "folder", "error",
    ]  # fmt: skip
    assert json.loads(rows[0]["optimizer"]) == {"lr": 0.01}
    assert float(rows[2]["test_accuracy"]) == 0.97
    assert rows[2]["published_test_accuracy"] == "0.9"
    assert (rows[4]["status"], rows[4]["test_accuracy"]) == ("failed", "")
    assert rows[4]["error"] == "train: the loss is nan"


def test_write_report__writes_all_files(study, tmp_path):
    write_report(study, str(tmp_path / "else" / "mine.csv"))
    folder = study.folder
    assert {p.name for p in folder.iterdir()} == {
        "study.json", "study.csv", "study.png"
    }  # fmt: skip
    assert json.loads((folder / "study.json").read_text()) == study_record(study)
    assert (folder / "study.csv").read_text() == format_csv(study)
    assert (tmp_path / "else/mine.csv").read_text() == format_csv(study)
    assert (folder / "study.png").read_bytes()[:4] == b"\x89PNG"


def test_write_report__the_copy_of_the_user_comes_last(study, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        write_report(study, str(tmp_path / "file" / "mine.csv"))
    names = {path.name for path in study.folder.iterdir()}
    assert names == {"study.json", "study.csv", "study.png"}


def test_as_json__has_no_number_that_is_none(study):
    lost = {"test_accuracy": math.inf, "test_loss": math.nan}
    run = replace(study.runs[0], summary=lost)
    text = as_json(replace(study, runs=[run, *study.runs[1:]]))
    run = json.loads(text, parse_constant=pytest.fail)["cases"][0]["runs"][0]
    assert (run["test_accuracy"], run["test_loss"]) == (None, None)
    assert math.isnan(Spread([1.0, math.inf]).mean)
    assert Spread([1.0, math.inf]).std is None


@pytest.mark.parametrize("n_good", [0, 1, 2])
def test_write_report__leaves_nothing_half_written(study, monkeypatch, n_good):
    def fsync(handle):
        calls.append(handle)
        if len(calls) > n_good:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    calls = []
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RunError, match=r"cannot write .*No space left"):
        write_report(study)
    names = sorted(path.name for path in Path(study.folder).iterdir())
    assert names == sorted(["study.json", "study.csv", "study.png"][:n_good])


def test_study_bar__tells_each_run(study, capsys):
    with StudyBar(replace(study, runs=study.runs[:2])) as bar:
        bar.run_done(study.runs[2])
        bar.run_done(study.runs[3])
    assert capsys.readouterr().err.splitlines() == [
        "2 of 2 runs were finished before",
        "[3/2] adam, seed 1: test_accuracy 92.00 %, test_loss 2",
        "[4/2] sgd, seed 1: FAILED: train: the loss is nan",
    ]
    with StudyBar(study, quiet=True) as bar:
        bar.run_done(study.runs[2])
    assert capsys.readouterr().err == ""


def test_study_bar__says_why_the_first_start_takes_long(study, capsys, monkeypatch):
    monkeypatch.setattr("eventsim.study.report.is_first_start", lambda: True)
    with StudyBar(study):
        assert "first start: compiling kernels" in capsys.readouterr().err
    with StudyBar(study, quiet=True):
        assert capsys.readouterr().err == ""
