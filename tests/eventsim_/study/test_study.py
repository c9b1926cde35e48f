import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from eventsim_.studies import DIVERGING, assert_same_studies, small_study

from eventsim import run
from eventsim.config import load_config
from eventsim.errors import ConfigError, DataError, RunError
from eventsim.run import load_run_dataset, train_run
from eventsim.study.lock import only_command_in
from eventsim.study.report import write_report
from eventsim.study.runs import ERROR_FILE
from eventsim.study.study import STOP_FILE, open_study, run_study

pytestmark = pytest.mark.usefixtures("one_thread", "tiny_yaml")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)


@pytest.fixture
def path(tmp_path):
    return small_study(tmp_path)


def opened(path, out="out", **options):
    return open_study(path, out=out, **options)


def states(study):
    return {(r.case, r.seed): r.status for r in study.runs}


def press_ctrl_c_in_batch(monkeypatch, number):
    """Press Ctrl-C once, in the middle of training."""
    original = run.EpochBars.batch_done
    calls = []

    def batch_done(self, *arguments):
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGINT)
        original(self, *arguments)

    monkeypatch.setattr(run.EpochBars, "batch_done", batch_done)


@pytest.fixture
def _ctrl_c_is_heard():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_open_study__says_what_there_is_to_do(path):
    study = opened(path)
    assert states(study) == dict.fromkeys(
        [("adam", 0), ("sgd", 0), ("adam", 1), ("sgd", 1)], "new"
    )
    # All cases with the first seed come first: an early look compares all of them.
    assert [r.seed for r in study.runs] == [0, 0, 1, 1]
    assert study.runs[1].folder == Path("out/sgd/seed-0")
    assert study.runs[1].config.optimizer.name == "sgd"
    assert study.runs[2].config.seed == 1
    assert not Path("out").exists()


def test_open_study__default_folder_and_other_seeds(path):
    study = open_study(path, seeds=[7])
    assert study.folder == Path("runs/small")
    assert study.config.seeds == [7]
    assert [r.folder.name for r in study.runs] == ["seed-7", "seed-7"]
    with pytest.raises(ConfigError, match="study, --seeds: seeds has 1 more than once"):
        open_study(path, seeds=[1, 1])


def test_run_study__leaves_ordinary_runs(path):
    told = []
    study = run_study(opened(path), on_run=told.append)
    assert set(states(study).values()) == {"finished"}
    assert [(r.case, r.seed) for r in told] == [(r.case, r.seed) for r in study.runs]
    # The same as eventsim train with the same settings.
    alone = train_run(str(study.runs[3].folder / "config.yaml"), out="one", quiet=True)
    timed = {"samples_per_second"}
    for key in alone.summary.keys() - timed:
        assert study.runs[3].summary[key] == alone.summary[key], key
    assert not Path("out", STOP_FILE).exists()


def test_run_study__keeps_what_is_finished(path, monkeypatch):
    first = run_study(opened(path, seeds=[0]))
    before = {p: p.stat().st_mtime_ns for p in Path("out").rglob("*.*")}
    again = opened(path)
    assert [r.status for r in again.runs] == ["finished", "finished", "new", "new"]
    done = run_study(again)
    assert set(states(done).values()) == {"finished"}
    assert done.runs[:2] == first.runs
    assert {p: p.stat().st_mtime_ns for p in before} == before

    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr("eventsim.study.runs.train_run", never)
    monkeypatch.setattr("eventsim.study.study.load_run_dataset", never)
    assert run_study(opened(path)).runs == done.runs


@pytest.mark.usefixtures("_ctrl_c_is_heard")
@pytest.mark.parametrize("batch", [1, 14, 26])
def test_run_study__interrupted_and_resumed_equals_uninterrupted(
    path, monkeypatch, capsys, batch
):
    """Runs of 2 epochs of 4 batches: the 14th is in epoch 2 of the second run."""
    write_report(run_study(opened(path, "whole")))
    with monkeypatch.context() as patch:
        press_ctrl_c_in_batch(patch, batch)
        with pytest.raises(KeyboardInterrupt):
            run_study(opened(path, "cut"))
    said = capsys.readouterr().err
    n_done = (batch - 1) // 8
    assert (
        "Ctrl-C: stopping all runs at the next safe place; again to stop at once"
        in said
    )
    assert f"interrupted; {n_done} of 4 runs are finished in cut; to go on" in said
    assert "eventsim train" not in said
    assert not Path("cut", STOP_FILE).exists()
    half = opened(path, "cut")
    assert sum(r.status == "finished" for r in half.runs) == n_done
    assert half.runs[n_done].status == "started"
    write_report(run_study(half))
    assert_same_studies(Path("whole"), Path("cut"))


@pytest.mark.usefixtures("_ctrl_c_is_heard")
def test_run_study__a_second_ctrl_c_acts_at_once(path, monkeypatch, capsys):
    def trained(*_, **__):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr("eventsim.study.runs.train_run", trained)
        with pytest.raises(KeyboardInterrupt):
            run_study(opened(path))
    assert "interrupted; 0 of 4 runs" in capsys.readouterr().err
    # Whoever still trains, on a cluster, is told; the next start forgets it.
    assert Path("out", STOP_FILE).exists()
    assert set(states(run_study(opened(path))).values()) == {"finished"}


def test_run_study__stops_by_the_file_alone(path, capsys):
    """As on another machine, where nobody presses Ctrl-C."""
    with pytest.raises(KeyboardInterrupt):
        run_study(opened(path), on_run=lambda _: Path("out", STOP_FILE).touch())
    assert "interrupted; 1 of 4 runs are finished" in capsys.readouterr().err
    assert not Path("out", STOP_FILE).exists()


@pytest.mark.usefixtures("_ctrl_c_is_heard")
def test_run_study__ctrl_c_after_the_last_run_is_too_late(path):
    def press(run):
        if (run.case, run.seed) == ("sgd", 1):
            os.kill(os.getpid(), signal.SIGINT)

    study = run_study(opened(path), on_run=press)
    assert set(states(study).values()) == {"finished"}
    assert not Path("out", STOP_FILE).exists()


def test_run_study__a_failed_run_does_not_stop_the_others(path):
    path.write_text(path.read_text().replace("{lr: 1e-2}", DIVERGING))
    study = run_study(opened(path))
    assert [r.status for r in study.runs] == [
        "failed", "finished", "failed", "finished"
    ]  # fmt: skip
    for failed in study.runs[::2]:
        assert "train: " in failed.error
        assert "lower optimizer.lr" in failed.error
        assert failed.summary is None
    assert not Path("out/adam/seed-0/summary.json").exists()


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug\nin two lines"), MemoryError("9 TiB")]
)
def test_run_study__retries_what_failed(path, monkeypatch, error):
    def broken(*arguments, **options):
        if Path(options["out"]).parts[-2:] == ("sgd", "seed-0"):
            raise error
        return train_run(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("eventsim.study.runs.train_run", broken)
        study = run_study(opened(path))
    assert [r.status for r in study.runs].count("failed") == 1
    told = study.runs[1].error
    assert told == f"{type(error).__name__}: {' '.join(str(error).split())}"
    assert set(states(run_study(opened(path))).values()) == {"finished"}


@pytest.mark.parametrize(
    ("change", "key", "values"),
    [
        (("lr: 0.05", "lr: 0.06"), "optimizer.lr", "got 0.06; expected 0.05"),
        (("limit_train: 80", "limit_train: 90"), "data.limit_train", "got 90; .* 80"),
        (("set: {optimizer: {name: sgd,", "set: {network.layers: 9-3, optimizer: "
          "{name: sgd,"), "network.layers", "got .*'units': 9.*; expected .*12"),
    ],
)  # fmt: skip
def test_open_study__refuses_other_settings_by_name(path, change, key, values):
    run_study(opened(path, seeds=[0]))
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(
        RunError, match=rf"'out/.*/seed-0' holds a run with another '{key}', {values}"
    ):
        opened(path)


def test_open_study__names_and_places_may_change(path, tiny_yaml):
    run_study(opened(path, seeds=[0]))
    text = tiny_yaml.read_text().replace("name: tiny", "name: other\ndescription: x")
    tiny_yaml.write_text(text.replace("{name: yin-yang", "{name: yin-yang, dir: d"))
    assert {r.status for r in opened(path, seeds=[0]).runs} == {"finished"}


def test_open_study__a_run_without_checkpoint_is_finished_too(path):
    run_study(opened(path, seeds=[0]))
    Path("out/sgd/seed-0/checkpoint.h5").unlink()
    assert {r.status for r in opened(path, seeds=[0]).runs} == {"finished"}


def test_open_study__a_start_without_an_epoch_may_change(path):
    """Nothing was trained with the settings of a lone config.yaml."""
    folder = Path("out/sgd/seed-0")
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(Path("tiny.yaml").read_text())
    study = opened(path)
    assert study.runs[1].status == "new"
    done = run_study(study)
    assert load_config(folder / "config.yaml") == done.runs[1].config


def test_open_study__refuses_folders_of_others(path, finished_run):
    with pytest.raises(RunError, match="holds a single run; expected a folder of its"):
        opened(path, finished_run)
    shutil.copytree(finished_run, "out/sgd/seed-0")
    Path("out/sgd/seed-0/config.yaml").unlink()
    with pytest.raises(ConfigError, match=r"seed-0/config.yaml' cannot be read"):
        opened(path)


def test_open_study__refuses_a_damaged_summary(path):
    run_study(opened(path, seeds=[0]))
    Path("out/sgd/seed-0/summary.json").write_text("{")
    with pytest.raises(RunError, match=r"seed-0/summary.json' cannot be read .*remove"):
        opened(path)


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("network.layers=12-4", ConfigError, "expected 'dense' with 3 units"),
        ("data.name=yinyang", DataError, "did you mean 'yin-yang'"),
        ("data.augment={shift: 2}", ConfigError, "data.augment is for images"),
        ("data={name: mnist, offline_fallback: false}", DataError, "was not found"),
    ],
)
def test_run_study__starts_nothing_if_a_run_could_not_start(
    path, override, error, message
):
    study = opened(path, overrides=[override])
    with pytest.raises(error, match=f"study, case 'adam': .*{message}"):
        run_study(study)
    assert not Path("out").exists()


def test_run_study__last_case_is_checked_too(path):
    text = path.read_text().replace("set: {optimizer: {name: sgd", (
        "set: {network.layers: 12-4, optimizer: {name: sgd"))  # fmt: skip
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"study, case 'sgd': .*dense.* with 3 units"):
        run_study(opened(path))
    assert not Path("out").exists()


def test_run_study__uses_the_data_folder_given(path):
    with pytest.raises(DataError, match="'nodir' does not hold mnist"):
        run_study(opened(path, overrides=["data={name: mnist}"]), data_dir="nodir")


def test_run_study__summary_is_what_lies_in_the_folder(path):
    for done in run_study(opened(path, seeds=[0])).runs:
        assert done.summary == json.loads((done.folder / "summary.json").read_text())


def test_run_study__two_commands_do_not_train_in_one_folder(path):
    study = opened(path)
    Path("out").mkdir()
    with only_command_in(Path("out")):
        Path("out", STOP_FILE).touch()
        with pytest.raises(RunError, match="another 'eventsim study' trains in"):
            run_study(study)
        # The first one's request to stop is still there.
        assert Path("out", STOP_FILE).exists()
    assert not list(Path("out").rglob("config.yaml"))


def test_run_study__looks_again_when_it_is_its_turn(path, monkeypatch):
    """Two commands were started; the second one waited until the first had ended."""
    late = opened(path)
    first = run_study(opened(path))

    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr("eventsim.study.runs.train_run", never)
    assert run_study(late).runs == first.runs


def test_run_study__a_failure_stays_known_until_the_run_is_tried_again(
    path, monkeypatch
):
    def broken(*_, **__):
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("eventsim.study.runs.train_run", broken)
        run_study(opened(path, seeds=[0]))
    again = opened(path)
    assert [r.status for r in again.runs] == ["failed", "failed", "new", "new"]
    assert again.runs[0].error == "RuntimeError: a bug"
    done = run_study(again)
    assert {(r.status, r.error) for r in done.runs} == {("finished", "")}
    assert not list(Path("out").rglob(ERROR_FILE))


def test_run_study__a_failed_run_goes_on_from_its_checkpoint(path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        run_study(opened(path), on_run=lambda _: Path("out", STOP_FILE).touch())
    folder = Path("out/adam/seed-0")
    (folder / "summary.json").unlink()
    (folder / ERROR_FILE).write_text("the disk was full")
    resumed = []

    def noted(*arguments, **options):
        resumed.append(options.get("resume"))
        return train_run(*arguments, **options)

    monkeypatch.setattr("eventsim.study.runs.train_run", noted)
    run_study(opened(path))
    assert resumed[0] == str(folder.resolve())
    assert resumed[1:] == [None] * 3


def test_run_study__finished_runs_must_be_of_the_data_given(path, monkeypatch):
    run_study(opened(path, seeds=[0]))
    assert run_study(opened(path, seeds=[0]), data_dir=".").data_dir == "."
    original = load_run_dataset

    def others(config, data_dir):
        data = config.data.model_copy(update={"limit_train": 70})
        return original(config.model_copy(update={"data": data}), data_dir)

    monkeypatch.setattr("eventsim.study.study.load_run_dataset", others)
    with pytest.raises(RunError, match=r"case 'adam': .* was trained on other data"):
        run_study(opened(path, seeds=[0]), data_dir=".")
    # A folder need not be given: without one a stand-in may be what is found.
    with pytest.raises(RunError, match=r"got .*70 train.*; expected .*80 train"):
        run_study(opened(path))
    assert not Path("out/adam/seed-1").exists()
    assert {r.status for r in run_study(opened(path, seeds=[0])).runs} == {"finished"}


def test_run_study__an_unknown_backend_leaves_no_folder(path):
    with pytest.raises(ConfigError, match="'lokey' cannot be used"):
        run_study(opened(path), backend="lokey")
    assert not Path("out").exists()


def test_open_study__refuses_settings_that_would_be_lost(path):
    text = path.read_text().replace("limit_train: 80,", "limit_train: 80, data: {},")
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"'data.limit_train' and the whole section"):
        opened(path)
