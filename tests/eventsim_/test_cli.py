import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from eventsim_.cli.calls import error_of

from eventsim.cli import cli

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.mark.parametrize("command", ["", *cli.commands])
def test_help__of_each_command(call, command):
    for option in ("--help", "-h"):
        code, out, err = call(*filter(None, [command, option]))
        assert (code, err) == (0, "")
        assert f"Usage: eventsim {command}".rstrip() in out


def test_version(call):
    code, out, _ = call("--version")
    assert code == 0
    assert out.startswith("eventsim, version ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Commands:"),
        (["trian"], "No such command 'trian'"),
        (["train", "--sed", "1"], "No such option '--sed'"),
        (["train", "--seed", "x"], "'x' is not a valid integer"),
        (["train", "a.yaml", "b.yaml"], "unexpected extra argument"),
        (["evaluate"], "Missing argument 'MODEL'"),
        (["gradcheck", "x.yaml", "--samples", "0"], "0 is not in the range"),
        (["simulate", "m.h5", "--out", "o.npz"], "Missing option '--spikes'"),
        (["simulate", "m.h5", "--spikes", "i.npz"], "Missing option '--out'"),
        (
            ["simulate", "m", "--spikes", "i", "--out", "o", "--max-spikes", "0"],
            "0 is not in the range",
        ),
    ],
)
def test_wrong_usage__is_exit_code_2(call, arguments, message):
    code, out, err = call(*arguments)
    assert code == 2
    assert message.lower() in (out + err).lower()
    assert "Traceback" not in err


def truncate(path):
    path.write_bytes(path.read_bytes()[:3000])


def make_newer(path):
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 99


def make_foreign(path):
    path.unlink()
    with h5py.File(path, "w") as file:
        file["x"] = [1.0]


def drop_weights(path):
    with h5py.File(path, "a") as file:
        del file["network/layer_1/weight"]


def nan_weights(path):
    with h5py.File(path, "a") as file:
        file["network/layer_1/weight"][0, 0] = np.nan


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "does not exist; expected a model.h5"),
        (lambda path: path.write_text("hello"), "is damaged or is not an HDF5 file"),
        (truncate, "is damaged or is not an HDF5 file"),
        (make_newer, "has format version 99, this eventsim reads up to 2; install a"),
        (make_foreign, "is an HDF5 file but not a model"),
        (drop_weights, "is damaged"),
        (nan_weights, "weights that are not finite"),
    ],
    ids=["missing", "text", "truncated", "newer", "foreign", "incomplete", "nan"],
)
@pytest.mark.parametrize("command", ["evaluate", "info", "gradcheck", "simulate"])
def test_commands__refuse_a_bad_model_in_one_line(
    call, finished_run, tmp_path, command, spoil, message
):
    copy = shutil.copytree(finished_run, tmp_path / "run")
    spoil(copy / "model.h5")
    files = ["--spikes", "i.npz", "--out", "o.npz"] if command == "simulate" else []
    told = error_of(call(command, copy, *files))
    assert message in told
    assert str(copy / "model.h5") in told


def test_memory__that_is_not_there_is_told(call, tiny_yaml, monkeypatch):
    def greedy(*_, **__):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr("eventsim.run.train", greedy)
    told = error_of(call("train", tiny_yaml))
    assert "out of memory (Unable to allocate 9 TiB); lower training.batch_size" in told


def test_debug__shows_the_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "eventsim.cli", "--debug", "info", "nope.h5"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ModelFileError" in done.stderr


def test_process__error_and_exit_code():
    done = subprocess.run(
        [sys.executable, "-m", "eventsim.cli", "info", "nope.h5"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: model file 'nope.h5' does not exist")
    assert done.stderr.count("\n") == 1


def test_process__a_closed_pipe_is_no_error(finished_run):
    process = subprocess.Popen(
        [sys.executable, "-m", "eventsim.cli", "config-schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(20)
