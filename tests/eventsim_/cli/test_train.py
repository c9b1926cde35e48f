import gzip
import json
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from eventsim_.cli.calls import SMALL, error_of


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
