import csv
import json
from pathlib import Path

import pytest
from eventsim_.cli.calls import error_of
from eventsim_.studies import DIVERGING, small_study

pytestmark = pytest.mark.usefixtures("own_folder", "tiny_yaml")


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)
    return small_study(tmp_path)


def test_study__prints_the_table_and_says_where(call, path):
    code, out, err = call("study", path, "--csv", "mine.csv")
    assert code == 0
    assert "small: mean ± standard deviation over 2 seeds" in out
    assert "published: Somebody et al. 2020" in out
    assert "written to runs/small: study.json, study.csv, study.png" in out
    assert [line[:20] for line in err.splitlines() if line.startswith("[")] == [
        "[1/4] adam, seed 0: ",
        "[2/4] sgd, seed 0: t",
        "[3/4] adam, seed 1: ",
        "[4/4] sgd, seed 1: t",
    ]
    assert Path("mine.csv").read_text() == Path("runs/small/study.csv").read_text()
    code, again, err = call("study", path)
    assert (code, again) == (0, out)
    assert err == "4 of 4 runs were finished before\n"
    # Each is an ordinary run.
    assert call("info", "runs/small/sgd/seed-1")[0] == 0
    assert call("evaluate", "runs/small/sgd/seed-1")[0] == 0


def test_study__json_is_the_record_alone(call, path):
    arguments = ["study", path, "--out", "o", "--seeds", "3", "--json"]
    code, out, err = call(*arguments, "--set", "training.epochs=1")
    assert (code, err) == (0, "")
    record = json.loads(out)
    assert record == json.loads(Path("o/study.json").read_text())
    assert record["seeds"] == [3]
    assert Path("o/adam/seed-3/model.h5").is_file()
    summary = json.loads(Path("o/adam/seed-3/summary.json").read_text())
    assert record["cases"][0]["mean"]["test_accuracy"] == summary["test_accuracy"]
    assert summary["epochs"] == 1


def test_study__list_trains_nothing(call, path):
    code, out, err = call("study", path, "--list")
    assert (code, err) == (0, "")
    assert out.count("new") == 4
    assert "runs/small/sgd/seed-1" in out
    code, out, _ = call("study", path, "--list", "--json")
    record = json.loads(out)
    assert [run["status"] for case in record["cases"] for run in case["runs"]] == [
        "new"
    ] * 4
    assert not Path("runs").exists()


def test_study__list_writes_the_csv_and_shows_failures(call, path):
    folder = Path("runs/small/sgd/seed-1")
    folder.mkdir(parents=True)
    (folder / "error.txt").write_text("train: the loss is nan")
    code, out, _ = call("study", path, "--list", "--csv", "new/list.csv")
    assert code == 0
    assert "FAILED sgd, seed 1: train: the loss is nan" in out
    rows = list(csv.DictReader(Path("new/list.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["new", "new", "new", "failed"]
    assert rows[3]["error"] == "train: the loss is nan"


def test_study__json_knows_how_it_was_made(call, path):
    _, out, _ = call("study", path, "--list", "--json", "--out", "o",
                        "--set", "training.epochs=1")  # fmt: skip
    record = json.loads(out)
    assert record["set"]["data.limit_train"] == 80
    assert record["overrides"] == ["training.epochs=1"]
    assert (record["folder"], record["data_dir"]) == ("o", None)


@pytest.mark.parametrize(
    ("place", "reason"),
    [("tiny.yaml/x.csv", "Not a directory"), (".", "Is a directory")],
)
def test_study__refuses_a_place_for_the_csv_before_it_trains(call, path, place, reason):
    told = error_of(call("study", path, "--csv", place))
    assert f"cannot write '{place}': {reason}" in told
    assert not Path("runs").exists()


def test_study__a_failed_run_is_exit_code_1_after_the_table(call, path):
    path.write_text(path.read_text().replace("{lr: 1e-2}", DIVERGING))
    code, out, err = call("study", path, "--seeds", 0)
    assert code == 1
    assert "FAILED adam, seed 0: train: " in out
    assert "written to runs/small" in out
    (told,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert told == (
        "error: study: 1 of 2 runs failed; the same command tries them again"
    )
    code, out, err = call("study", path, "--seeds", 0, "--json")
    assert code == 1
    assert json.loads(out)["cases"][0]["runs"][0]["status"] == "failed"
    assert err == told + "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.yaml"], "study 'nope.yaml' cannot be read: No such file"),
        (["tiny.yaml"], "run it with: eventsim train tiny.yaml"),
        (["PATH", "--set", "training.epoch=1"], "did you mean 'epochs'?"),
        (["PATH", "--set", "seed=1"], "use --seeds"),
        (["PATH", "--set", "name=x"], "a study has its own name"),
        (["PATH", "--seeds", "0,0"], "seeds has 0 more than once"),
        (["PATH", "--backend", "lokey"], "cannot be used (Invalid backend: lokey)"),
        (["PATH", "--out", "tiny.yaml"], "cannot make the folder 'tiny.yaml': File ex"),
    ],
)
def test_study__errors_in_one_line(call, path, arguments, message):
    arguments = [path if a == "PATH" else a for a in arguments]
    told = error_of(call("study", *arguments))
    assert message in told
    assert not list(Path().rglob("config.yaml"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'CONFIG'"),
        (["s.yaml", "--jobs", "0"], "0 is not in the range"),
        (["s.yaml", "--seeds", "0;1"], "'0;1' is not a list of whole numbers"),
    ],
)
def test_study__wrong_usage_is_exit_code_2(call, arguments, message):
    code, out, err = call("study", *arguments)
    assert code == 2
    assert message in out + err
