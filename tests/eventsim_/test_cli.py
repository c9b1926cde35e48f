import gzip
import json
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from eventsim.cli import cli, main

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = ["--set", "data.limit_train=20", "--set", "training.epochs=1"]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(capsys):
    """Return a function from arguments to exit code, output and errors."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def no_plots(monkeypatch):
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)


@pytest.fixture
def copy(finished_run, tmp_path):
    shutil.copytree(finished_run, tmp_path / "run")
    return tmp_path / "run"


def error_of(result):
    """Return the one line that an error is told in."""
    code, out, err = result
    assert (code, out) == (1, "")
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    others = [
        line
        for line in err.splitlines()
        if not line.startswith(("error: ", "NOTE: ", "data: ", "epoch", "first start"))
    ]
    assert len(told) == 1
    assert others == []
    return told[0].removeprefix("error: ")


# ---- every command on a good day


def test_train__writes_a_run_and_says_where(call, tiny_yaml):
    code, out, err = call("train", tiny_yaml, "--out", "r", *SMALL)
    assert code == 0
    assert "test accuracy" in out
    assert "written to r: model.h5" in out
    assert "next: hwmodel estimate r/model.h5 --chip truenorth" in out
    assert "data: yin-yang" in err
    assert Path("r/model.h5").is_file()


def test_train__json_is_the_summary_alone(call, tiny_yaml, no_plots):
    code, out, err = call("train", tiny_yaml, *SMALL, "--json", "--seed", 5)
    assert (code, err) == (0, "")
    printed = json.loads(out)
    assert printed.pop("folder") == "runs/tiny"
    assert printed == json.loads(Path("runs/tiny/summary.json").read_text())
    assert printed["seed"] == 5


def test_train__the_last_set_wins(call, tiny_yaml, no_plots):
    code, out, _ = call(
        "train", tiny_yaml, *SMALL, "--set", "seed=1", "--set", "seed=2", "--json"
    )
    assert (code, json.loads(out)["seed"]) == (0, 2)


def test_train__resumes(call, copy, no_plots):
    code, out, err = call("train", "--resume", copy, "--set", "training.epochs=3")
    assert code == 0
    assert f"resuming {copy} after epoch 2" in err
    assert "epoch   3/3" in err
    assert "epoch   2/3" not in err
    assert "written to" in out


def test_evaluate__text_and_json(call, finished_run):
    code, out, _ = call("evaluate", finished_run)
    assert code == 0
    assert "accuracy" in out
    code, out, err = call("evaluate", finished_run / "model.h5", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["n_samples"] == 60


def test_evaluate__writes_only_if_asked(call, copy):
    before = (copy / "model.h5").read_bytes()
    assert call("evaluate", copy)[0] == 0
    assert (copy / "model.h5").read_bytes() == before
    with h5py.File(copy / "model.h5", "a") as file:
        del file["activity"]
    assert call("evaluate", copy, "--write")[0] == 0
    with h5py.File(copy / "model.h5") as file:
        assert file["activity"].attrs["n_samples"] == 60


def test_info__text_and_json(call, finished_run):
    code, out, err = call("info", finished_run)
    assert (code, err) == (0, "")
    assert "relpsp, dynamic threshold" in out
    code, out, _ = call("info", finished_run, "--json")
    assert (code, json.loads(out)["neurons"]) == (0, 15)


def test_gradcheck__passes_and_fails_by_exit_code(call, tiny_yaml, monkeypatch):
    arguments = ["gradcheck", tiny_yaml, "--samples", 4, "--entries", 10]
    code, out, _ = call(*arguments)
    assert code == 0
    assert "passed: worst relative error" in out
    code, out, _ = call(*arguments, "--json", "--set", "seed=3")
    assert (code, json.loads(out)["passed"]) == (0, True)
    monkeypatch.setattr("eventsim.model_commands.TOLERANCE", -1.0)
    code, out, _ = call(*arguments)
    assert code == 1
    assert "FAILED" in out


def test_config_schema__is_json(call):
    code, out, err = call("config-schema")
    assert (code, err) == (0, "")
    assert json.loads(out)["title"] == "Config"


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


@pytest.fixture
def spike_input(tmp_path):
    """Write one input spike of each of two samples for the tiny network."""
    path = tmp_path / "in.npz"
    np.savez(path, time=[0.25, 0.5], neuron=[0, 4], sample=[0, 1])
    return path


def test_simulate__writes_the_spikes_of_all_layers(call, finished_run, spike_input):
    arguments = ["simulate", finished_run, "--spikes", spike_input, "--out", "o.npz"]
    code, out, err = call(*arguments)
    assert (code, out) == (0, "")
    assert "2 samples up to time 3, engine window" in err
    with np.load("o.npz") as found:
        assert sorted(found) == ["layer", "neuron", "sample", "time"]
        assert found["time"][found["layer"] == 0].tolist() == [0.25, 0.5]
    code, out, err = call(*arguments, "--json", "--engine", "sweep")
    assert (code, err) == (0, "")
    printed = json.loads(out)
    assert (printed["engine"], printed["n_samples"]) == ("sweep", 2)
    assert [layer["neurons"] for layer in printed["layers"]] == [5, 12, 3]


# ---- wrong usage


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


# ---- errors: one line, exit code 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "train: expected a CONFIG file or --resume DIR"),
        (["nope.yaml"], "config 'nope.yaml' cannot be read: No such file"),
        (["."], "config '.' cannot be read: Is a directory"),
        (["TINY", "--resume", "r"], "--resume goes without CONFIG and --out"),
        (["--resume", "r"], "'r/checkpoint.h5' does not exist"),
        (["TINY", "--set", "training.epoch=1"], "did you mean 'epochs'?"),
        (["TINY", "--set", "training.epochs=two"], "is 'two'; expected an integer"),
        (["TINY", "--set", "optimizer.lr=.nan"], "lr is nan; expected a finite number"),
        (["TINY", "--set", "nonsense"], "expected KEY=VALUE"),
        (["TINY", "--seed", "-1"], "seed is -1; expected greater than or equal to 0"),
        (["TINY", "--set", "network.layers=12-4"], "expected 'dense' with 3 units"),
        (["TINY", "--set", "network.layers=3C3-3"], "expected (height, width,"),
        (["TINY", "--set", "network.layers=999999999999-3"], "than fit into memory"),
        (["TINY", "--set", "data.name=mnst"], "did you mean 'mnist'?"),
        (["TINY", "--set", "data.n_validation=0", "--out", "/proc/x/y"],
         "cannot make the folder '/proc/x/y'"),
        (["TINY", "--out", "tiny.yaml/sub"], "cannot make the folder 'tiny.yaml/sub'"),
        (["TINY", "--out", "tiny.yaml"], "cannot make the folder 'tiny.yaml'"),
    ],
)  # fmt: skip
def test_train__errors_in_one_line(call, tiny_yaml, arguments, message):
    arguments = [tiny_yaml if a == "TINY" else a for a in arguments]
    assert message in error_of(call("train", *arguments))
    assert not Path("runs").exists()


def idx(kind, array):
    header = struct.pack(">HBB", 0, 8, array.ndim)
    header += struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def digits(tmp_path):
    """Write a small image data set; return its folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, n in (("train", 40), ("t10k", 20)):
        images = rng.integers(0, 256, (n, 8, 8))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx("images", images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            idx("labels", np.arange(n) % 10)
        )
    return folder


IMAGES = "train-images-idx3-ubyte"
ON_DIGITS = [
    "--set=data={name: mnist, n_validation: 0}",
    "--set=encode.bias_spikes=0",
    "--set=network.layers=6C3-P2-10",
]


def test_train__on_files_of_the_user(call, tiny_yaml, digits, no_plots):
    code, out, _ = call(
        "train", tiny_yaml, *ON_DIGITS, *SMALL, "--data-dir", digits, "--json"
    )
    assert code == 0
    summary = json.loads(out)
    assert (summary["n_train"], summary["n_test"]) == (20, 20)
    assert summary["offline_fallback"] is False
    code, out, _ = call("evaluate", "runs/tiny", "--data-dir", digits, "--json")
    assert json.loads(out)["accuracy"] == summary["test_accuracy"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "the data set is not complete, got 3 of 4 files"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_bytes(b"hello world"), "not an IDX file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), "expected"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "expected"),
        (
            lambda path: path.with_name(IMAGES + ".gz").write_bytes(
                gzip.compress(path.read_bytes())[:-20]
            ),
            "damaged or truncated gzip file",
        ),
    ],
    ids=["missing", "empty", "magic", "short", "long", "gzip"],
)
def test_train__damaged_data_in_one_line(call, tiny_yaml, digits, spoil, message):
    spoil(digits / IMAGES)
    told = error_of(call("train", tiny_yaml, *ON_DIGITS, "--data-dir", digits))
    assert message in told
    assert "data" in told
    assert not Path("runs").exists()


def test_train__no_such_data_folder(call, tiny_yaml):
    told = error_of(call("train", tiny_yaml, *ON_DIGITS, "--data-dir", "nodir"))
    assert "'nodir' does not hold mnist, got no such folder" in told


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("6C9-10", "kernel height 9 is larger than the input height 8"),
        ("6C3-P7-10", "network.layers.1: pool"),
        ("6C3-P2-3", "expected 'dense' with 10 units"),
    ],
)
def test_train__impossible_shapes(call, tiny_yaml, digits, layers, message):
    told = error_of(
        call("train", tiny_yaml, *ON_DIGITS, "--data-dir", digits,
             "--set", f"network.layers={layers}")
    )  # fmt: skip
    assert message in told


def test_train__bad_yaml(call):
    Path("bad.yaml").write_text("name: x\n\tdata: y\n")
    told = error_of(call("train", "bad.yaml"))
    assert told.startswith("config 'bad.yaml', line 2, column 1: not valid YAML")


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
def test_commands__refuse_a_bad_model_in_one_line(call, copy, command, spoil, message):
    spoil(copy / "model.h5")
    files = ["--spikes", "i.npz", "--out", "o.npz"] if command == "simulate" else []
    told = error_of(call(command, copy, *files))
    assert message in told
    assert str(copy / "model.h5") in told


def test_evaluate__unknown_engine(call, finished_run):
    told = error_of(call("evaluate", finished_run, "--engine", "quick"))
    expected = "engine: there is no 'quick'; expected one of auto, window, sweep, queue"
    assert told == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--spikes", "no.npz"], "spike file 'no.npz' does not exist; expected an npz"),
        (["--engine", "quick"], "engine: there is no 'quick'; expected one of auto"),
        (["--engine", "queue"], "has the dynamic threshold; expected 'static'"),
        (["--t-end", "4"], "t_end is 4.0 in a network with dynamic thresholds"),
        (["--layer", "2"], "has no array 'layer'; expected one to take layer 2"),
        (["--out", "IN"], "is the input; expected another file"),
        (["--out", "/proc/x/o.npz"], "cannot write '/proc/x/o.npz'"),
    ],
)
def test_simulate__errors_in_one_line(
    call, finished_run, spike_input, arguments, message
):
    before = spike_input.read_bytes()
    arguments = [spike_input if a == "IN" else a for a in arguments]
    given = ["--spikes", spike_input, "--out", "o.npz", *arguments]
    assert message in error_of(call("simulate", finished_run, *given))
    assert not Path("o.npz").exists()
    assert spike_input.read_bytes() == before


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"neuron": [0, 5]}, "array 'neuron': entry 1 is 5; expected 0 to 4"),
        ({"time": [0.5, -1.0]}, "array 'time': entry 1 is -1.0; expected a time"),
        ({"time": [0.5, np.nan]}, "array 'time': entry 1 is nan; expected a time"),
        ({"time": [0.5, 1.5]}, "input spikes run from 0.5 to 1.5; expected 0 up to"),
        ({"sample": [0, 0], "neuron": [3, 3]}, "neuron 3 spikes 2 times in sample 0"),
        ({"value": [1.0, 0.5]}, "an input spike has the value 0.5; expected 1"),
        ({"layer": [0, 1]}, "holds the layers 0 to 1; expected the spikes of one"),
        ({"sample": [0]}, "array 'sample' has 1 entries and 'time' 2"),
    ],
)
def test_simulate__refuses_bad_spikes(call, finished_run, arrays, message):
    given = {"time": [0.25, 0.5], "neuron": [0, 4], "sample": [0, 1], **arrays}
    np.savez("in.npz", **{name: np.array(given[name]) for name in given})
    told = error_of(call("simulate", finished_run, "--spikes", "in.npz", "--out", "o"))
    assert message in told
    assert not Path("o").exists()


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


# ---- a process of its own


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


def test_process__ctrl_c_leaves_a_run_to_go_on_with(tiny_yaml, call, no_plots):
    endless = ["--set", "training.epochs=100000", "--out", "run"]
    # A process started in the background may have been told to ignore Ctrl-C.
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from eventsim.cli import main\n"
        "sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "train", str(tiny_yaml), *endless],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 100
    while not Path("run/metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "go on with: eventsim train --resume run" in err
    assert out == ""
    done = len(Path("run/metrics.jsonl").read_text().splitlines())
    assert done >= 1
    more = f"training.epochs={done + 1}"
    code, out, err = call("train", "--resume", "run", "--set", more)
    assert code == 0
    assert f"resuming run after epoch {done}" in err or (
        f"resuming run after epoch {done + 1}" in err
    )
