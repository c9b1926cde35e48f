"""Runs that stop and go on: bit for bit, and only as the same run."""

import json
import shutil
from pathlib import Path

import pytest
from eventsim_.run_folders import lines_of, names, stored_arrays
from eventsim_.training_states import untimed

from eventsim import run
from eventsim.config import load_config
from eventsim.errors import ConfigError
from eventsim.run import train_run

pytestmark = pytest.mark.usefixtures("own_folder")


def interrupt_after(monkeypatch, n_batches):
    """Press Ctrl-C in the middle of training."""
    original = run.EpochBars.batch_done
    calls = []

    def batch_done(self, *arguments):
        calls.append(1)
        if len(calls) == n_batches:
            raise KeyboardInterrupt
        original(self, *arguments)

    monkeypatch.setattr(run.EpochBars, "batch_done", batch_done)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["optimizer={name: sgd, lr: 0.05, momentum: 0.9}", "training.keep=best_test"],
    ],
    ids=["adam", "sgd"],
)
def test_train_run__interrupted_and_resumed_equals_uninterrupted(
    tiny_yaml, no_plots, monkeypatch, capsys, overrides
):
    overrides = ["training.epochs=4", "schedule.name=cosine", *overrides]
    whole = train_run(str(tiny_yaml), out="whole", overrides=overrides, quiet=True)
    # Five batches an epoch: the 13th is in the middle of epoch 3.
    with monkeypatch.context() as patch:
        interrupt_after(patch, 13)
        with pytest.raises(KeyboardInterrupt):
            train_run(str(tiny_yaml), out="broken", overrides=overrides, data_dir="d")
    said = capsys.readouterr().err
    assert "interrupted; epoch 2 is in broken/checkpoint.h5" in said
    assert "eventsim train --resume broken --data-dir d\n" in said
    assert names("broken") == {"checkpoint.h5", "config.yaml", "metrics.jsonl"}
    assert len(lines_of("broken")) == 2
    resumed = train_run(None, resume="broken", quiet=True)
    assert stored_arrays(resumed.folder) == stored_arrays(whole.folder)
    assert untimed(lines_of("broken")) == untimed(lines_of("whole"))
    assert untimed([resumed.summary]) == untimed([whole.summary])


def test_train_run__whoever_can_stop_it_does_the_talking(tiny_yaml, no_plots, capsys):
    """It says nothing, not even about stand-in data, and the checkpoint is kept."""
    overrides = [
        "data={name: mnist, limit_train: 40, limit_test: 20, n_validation: 0}",
        "encode.bias_spikes=0",
        "network.layers=12-10",
        "training={epochs: 3, batch_size: 20}",
    ]
    calls = []

    def stop_if_requested():
        calls.append(1)
        # After every batch and after every epoch: 2 + 1 calls in each.
        if len(calls) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_run(
            str(tiny_yaml),
            out="r",
            overrides=overrides,
            quiet=True,
            stop_if_requested=stop_if_requested,
        )
    assert capsys.readouterr() == ("", "")
    assert len(lines_of("r")) == 1
    assert train_run(None, resume="r", quiet=True).summary["epochs"] == 3


def test_train_run__resume_of_a_finished_run_changes_nothing(finished_run, no_plots):
    shutil.copytree(finished_run, "copy")
    result = train_run(None, resume="copy", quiet=True)
    assert stored_arrays(Path("copy")) == stored_arrays(finished_run)
    assert result.summary == json.loads((finished_run / "summary.json").read_text())


def test_train_run__resume_with_more_epochs_is_written_down(finished_run, no_plots):
    shutil.copytree(finished_run, "copy")
    train_run(None, resume="copy", overrides=["training.epochs=3"], quiet=True)
    assert load_config("copy/config.yaml").training.epochs == 3
    assert len(lines_of("copy")) == 3


def test_train_run__resume_refuses_fewer_epochs_than_are_done(finished_run):
    before = (finished_run / "config.yaml").read_text()
    with pytest.raises(ConfigError, match=r"training\.epochs is 1 and 2 epochs of"):
        train_run(
            None, resume=str(finished_run), overrides=["training.epochs=1"], quiet=True
        )
    assert (finished_run / "config.yaml").read_text() == before


def test_train_run__a_refused_resume_leaves_the_run_alone(finished_run):
    shutil.copytree(finished_run, "copy")
    before = (Path("copy") / "config.yaml").read_text()
    with pytest.raises(ConfigError, match=r"--resume cannot change 'network\.layers'"):
        train_run(None, resume="copy", overrides=["network.layers=13-3"], quiet=True)
    assert (Path("copy") / "config.yaml").read_text() == before


@pytest.mark.parametrize(
    "change", ["seed=7", "network.time_window=2.0", "training.keep=best_test"]
)
def test_train_run__resume_refuses_another_run(finished_run, change):
    shutil.copytree(finished_run, "other")
    key = change.split("=")[0]
    with pytest.raises(ConfigError, match=f"--resume cannot change '{key}'"):
        train_run(None, resume="other", overrides=[change], quiet=True)
