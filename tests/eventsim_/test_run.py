import errno
import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from eventsim_.run_folders import lines_of, names
from eventsim_.training_states import untimed

from eventsim.config import load_config
from eventsim.errors import ConfigError, DataError, RunError
from eventsim.model_file import read_model
from eventsim.run import load_run_dataset, train_run
from eventsim.training import step as training_step

pytestmark = pytest.mark.usefixtures("own_folder")

FILES = {
    "checkpoint.h5",
    "config.yaml",
    "metrics.jsonl",
    "model.h5",
    "plots",
    "summary.json",
}
PICTURES = {
    "inactive_neurons.png",
    "learning_curves.png",
    "output_gradients.png",
    "silence.png",
    "spike_raster.png",
    "spike_times.png",
}


def test_train_run__leaves_a_complete_folder(finished_run):
    assert names(finished_run) == FILES
    assert names(finished_run / "plots") == PICTURES
    for name in PICTURES:
        assert (finished_run / "plots" / name).read_bytes()[:4] == b"\x89PNG"


def test_train_run__summary_keeps_the_contract(finished_run):
    summary = json.loads((finished_run / "summary.json").read_text())
    contract = {
        "test_accuracy": float,
        "train_accuracy": float,
        "epochs": int,
        "samples_per_second": float,
        "spikes_per_sample": float,
        "sparsity": float,
        "dataset": str,
        "n_train": int,
        "n_test": int,
        "seed": int,
        "version": str,
    }
    for key, kind in contract.items():
        assert type(summary[key]) is kind, key
    assert (summary["n_train"], summary["n_test"], summary["epochs"]) == (150, 60, 2)
    assert summary["offline_fallback"] is False
    assert 0 <= summary["test_accuracy"] <= 1
    # 12 hidden neurons and 3 outputs that count as one spike each.
    expected = (12 * summary["sparsity_hidden"] + 3) / 15
    assert summary["sparsity"] == pytest.approx(expected)


def test_train_run__counts_the_spikes_that_hwmodel_prices(finished_run):
    from hwmodel import estimate_model, load_chip

    model = read_model(finished_run)
    counts = estimate_model(model, load_chip("canmore")).counts
    summary = json.loads((finished_run / "summary.json").read_text())
    priced = counts.spikes / counts.n_samples
    assert priced == pytest.approx(summary["spikes_per_sample"])


def test_train_run__metrics_have_a_line_per_epoch(finished_run):
    lines = lines_of(finished_run)
    assert [line["epoch"] for line in lines] == [1, 2]
    for line in lines:
        assert {
            "lr",
            "train_loss",
            "train_accuracy",
            "validation_loss",
            "validation_accuracy",
            "spikes_per_neuron",
            "seconds",
            "samples_per_second",
        } <= set(line)


def test_train_run__config_is_resolved(finished_run, tiny_config):
    assert load_config(finished_run / "config.yaml") == tiny_config()
    shown = yaml.safe_load((finished_run / "config.yaml").read_text())
    assert shown["optimizer"]["beta1"] == 0.9


def test_train_run__model_holds_config_provenance_activity(finished_run):
    model = read_model(finished_run / "model.h5")
    summary = json.loads((finished_run / "summary.json").read_text())
    assert model.config == (finished_run / "config.yaml").read_text()
    assert model.provenance == summary
    activity = model.activity
    assert (activity.split, activity.n_samples) == ("test", 60)
    # The bias input fires in every sample.
    assert activity.spike_counts[0][4] == 60
    counted = sum(activity.spikes_per_sample[1:])
    assert counted == pytest.approx(summary["spikes_per_sample"])


def test_train_run__same_seed_same_files(tiny_yaml, no_plots, finished_run):
    again = train_run(str(tiny_yaml), out="again", quiet=True).folder
    one, other = (read_model(folder / "model.h5") for folder in (again, finished_run))
    for a, b in zip(one.network.weights, other.network.weights, strict=True):
        assert a.tobytes() == b.tobytes()
    for a, b in zip(
        one.activity.spike_counts, other.activity.spike_counts, strict=True
    ):
        assert np.array_equal(a, b)
    assert untimed(lines_of(again)) == untimed(lines_of(finished_run))
    summaries = [
        untimed([json.loads((folder / "summary.json").read_text())])
        for folder in (again, finished_run)
    ]
    assert summaries[0] == summaries[1]


def test_train_run__diverged_training_keeps_the_checkpoint(
    tiny_yaml, no_plots, monkeypatch
):
    def poisoned(network, recording, output, labels, config):
        loss = original(network, recording, output, labels, config)
        calls.append(1)
        return loss.__class__(np.nan, loss.d_output) if len(calls) == 7 else loss

    calls = []
    original = training_step.loss_of_output
    with monkeypatch.context() as patch:
        patch.setattr(training_step, "loss_of_output", poisoned)
        with pytest.raises(
            RunError, match="loss is nan in epoch 2, batch 2; lower opt"
        ):
            train_run(
                str(tiny_yaml), out="r", overrides=["data.n_validation=0"], quiet=True
            )
    assert len(lines_of("r")) == 1
    assert train_run(None, resume="r", quiet=True).summary["epochs"] == 2


def test_train_run__default_folders_are_numbered(tiny_yaml, no_plots):
    overrides = ["training.epochs=1", "data.limit_train=20"]
    folders = [
        train_run(str(tiny_yaml), overrides=overrides, quiet=True).folder
        for _ in range(3)
    ]
    assert [str(folder) for folder in folders] == [
        "runs/tiny",
        "runs/tiny-2",
        "runs/tiny-3",
    ]


def test_train_run__refuses_a_folder_with_a_run(tiny_yaml, finished_run):
    before = {p.name: p.stat().st_mtime_ns for p in finished_run.iterdir()}
    with pytest.raises(RunError, match=r"already holds a run; .* use --resume"):
        train_run(str(tiny_yaml), out=str(finished_run), quiet=True)
    assert {p.name: p.stat().st_mtime_ns for p in finished_run.iterdir()} == before


def test_train_run__takes_an_empty_folder(tiny_yaml, no_plots):
    Path("empty").mkdir()
    overrides = ["training.epochs=1", "data.limit_train=20"]
    train_run(str(tiny_yaml), out="empty", overrides=overrides, quiet=True)
    assert "model.h5" in names("empty")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Path("file").write_text(""), "File exists"),
        (lambda: Path("file").mkdir(), None),
    ],
)
def test_train_run__out_that_cannot_be_made(tiny_yaml, make, reason):
    make()
    out = "file" if reason else "/proc/nothing/here"
    with pytest.raises(
        RunError, match=f"cannot make the folder '{out}': {reason or ''}"
    ):
        train_run(str(tiny_yaml), out=out, quiet=True)


@pytest.mark.parametrize("n_good", [0, 1, 2, 3, 5, 6, 7])
def test_train_run__full_disk_is_told_and_nothing_is_half_written(
    tiny_yaml, no_plots, monkeypatch, n_good
):
    """Files are written in the order config, checkpoint, (checkpoint, metrics) x 2,
    model, metrics, summary."""

    def fsync(handle):
        calls.append(handle)
        if len(calls) > n_good:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    calls = []
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RunError, match=r"cannot write .*: No space left on device"):
        train_run(str(tiny_yaml), out="full", quiet=True)
    for name in names("full"):
        assert not name.startswith("."), "a temporary file was left"
        path = Path("full", name)
        if path.suffix == ".h5":
            with h5py.File(path) as file:
                assert len(file)
        elif name == "metrics.jsonl":
            assert lines_of("full")
        else:
            assert load_config(path)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"config_path": None}, ConfigError, "expected a CONFIG file or --resume DIR"),
        (
            {"config_path": "c.yaml", "resume": "r"},
            ConfigError,
            "--resume goes without CONFIG and --out",
        ),
        (
            {"config_path": None, "resume": "r", "out": "o"},
            ConfigError,
            "--resume goes without CONFIG and --out",
        ),
        (
            {"config_path": None, "resume": "r"},
            RunError,
            r"'r/checkpoint\.h5' does not exist; expected the folder of a run",
        ),
    ],
)
def test_train_run__refuses_arguments_that_do_not_fit(arguments, error, match):
    with pytest.raises(error, match=match):
        train_run(**arguments)


def test_train_run__a_wrong_network_makes_no_folder(tiny_yaml):
    with pytest.raises(ConfigError, match="expected 'dense' with 3 units"):
        train_run(str(tiny_yaml), overrides=["network.layers=12-4"], quiet=True)
    assert not Path("runs").exists()


def test_train_run__quiet_says_nothing_and_loud_says_each_epoch(
    tiny_yaml, no_plots, capsys
):
    train_run(str(tiny_yaml), out="quiet", quiet=True)
    assert capsys.readouterr() == ("", "")
    train_run(str(tiny_yaml), out="loud")
    captured = capsys.readouterr()
    assert captured.out == ""
    for part in ("data: yin-yang from generated", "epoch   1/2", "epoch   2/2", "val "):
        assert part in captured.err


def test_train_run__offline_digits_are_said_loudly(tiny_yaml, no_plots, capsys):
    overrides = [
        "data={name: mnist, limit_train: 40, limit_test: 20, n_validation: 0}",
        "encode.bias_spikes=0",
        "network.layers=12-10",
        "training.epochs=1",
    ]
    result = train_run(str(tiny_yaml), out="r", overrides=overrides, quiet=True)
    assert "NOTE: MNIST was not found" in capsys.readouterr().err
    assert result.summary["offline_fallback"] is True
    assert "5,000 digits" in result.summary["dataset_note"]
    provenance = read_model("r").provenance
    assert provenance["offline_fallback"] is True
    assert "5,000 digits" in provenance["dataset_note"]


def test_load_run_dataset__data_dir_beats_the_configuration(tiny_config):
    config = tiny_config("data={name: mnist, dir: from-config}")
    with pytest.raises(DataError, match="'from-config' does not hold mnist"):
        load_run_dataset(config)
    with pytest.raises(DataError, match="'from-option' does not hold mnist"):
        load_run_dataset(config, "from-option")


def test_load_run_dataset__no_fallback_is_an_error(tiny_config):
    config = tiny_config("data={name: mnist, offline_fallback: false}")
    with pytest.raises(DataError, match="mnist: the data set was not found"):
        load_run_dataset(config)


def test_train_run__warns_when_the_outputs_are_silent(tiny_yaml, no_plots, capsys):
    silent = ["training.weight_mean=-20.0", "training.epochs=1"]
    train_run(str(tiny_yaml), overrides=silent, out="silent")
    assert "no output neuron fired" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("augment: {autoaugment: cifar10}", "not in colour, got 1 channel"),
        ("augment: {cutout: 29}", "cutout is larger than the image, got 29"),
        (
            "normalise: {mean: [0, 0, 0], std: [1, 1, 1]}",
            "mean does not fit the images",
        ),
    ],
)
def test_train_run__options_that_do_not_fit_leave_no_folder(
    tiny_yaml, tmp_path, options, message
):
    overrides = [
        "data={name: mnist, limit_train: 40, limit_test: 20, " + options + "}",
        "encode.bias_spikes=0",
        "network.layers=10",
    ]
    out = tmp_path / "run"
    with pytest.raises(ValueError, match=message):
        train_run(str(tiny_yaml), overrides=overrides, out=str(out), quiet=True)
    assert not out.exists()
