"""Every example loads, builds, trains and is measured, on few samples."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from eventsim.build import build_network
from eventsim.config import load_config
from eventsim.config.study_loading import load_study, study_cases
from eventsim.model_file import read_model
from eventsim.run import load_run_dataset, train_run
from eventsim.study.study import open_study, run_study
from hwmodel.cli import commands as hwmodel_commands

FILES = sorted((Path(__file__).parents[1] / "examples").glob("*.yaml"))
STUDIES = [path for path in FILES if "\nbase:" in path.read_text("utf-8")]
EXAMPLES = [path for path in FILES if path not in STUDIES]
WRITTEN = ("fashion-mnist", "cifar10", "cifar100")
"""Data sets that nothing stands in for."""
pytestmark = pytest.mark.usefixtures("one_thread")


VGG11 = "8C3p1x2-A2-D-16C3p1x3-A2-D-16C3p1x3-A2-D-32-D-32-D-{}"
NARROW = {
    "cifar10_vgg11_srm": VGG11.format(10),
    "cifar100_vgg11_srm": VGG11.format(100),
    "cifar10_cifarnet_srm": "8C3p1-16C3p1-A2-32C3p1-A2-16C3p1-8C3p1-32-16-10",
}
"""Networks of tens of millions of weights, with fewer channels."""


@pytest.fixture
def files(tmp_path):
    """Write a few random images in the files of several sets; return the folder."""
    _write_clothes(tmp_path)
    rng = np.random.default_rng(0)
    names = {
        "cifar10": [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"],
        "cifar100": ["train.bin", "test.bin"],
    }
    for folder, parts in names.items():
        (tmp_path / "data" / folder).mkdir()
        n_classes = int(folder.removeprefix("cifar"))
        n_labels = 2 if n_classes == 100 else 1
        for part in parts:
            records = rng.integers(0, 256, (100, n_labels + 3072), dtype=np.uint8)
            records[:, 0] %= 10
            records[:, n_labels - 1] = np.arange(100) % n_classes
            (tmp_path / "data" / folder / part).write_bytes(records.tobytes())
    return str(tmp_path / "data")


def _write_clothes(tmp_path):
    rng = np.random.default_rng(0)
    for part, n in (("train", 80), ("t10k", 30)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(">HBB", 0, 8, array.ndim)
            header += struct.pack(f">{array.ndim}I", *array.shape)
            path = tmp_path / "data" / "fashion-mnist" / f"{part}-{kind}-ubyte.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example__is_named_like_its_file(path):
    assert load_config(path).name == path.stem
    assert load_config(path).description


def run_of(path, files, out, *overrides):
    """Train an example for an epoch; return the summary."""
    overrides = ["training.epochs=1", *overrides]
    in_files = load_config(path).data.name in WRITTEN
    run = train_run(
        str(path), overrides=overrides, out=str(out),
        data_dir=files if in_files else None, quiet=True,
    )  # fmt: skip
    return run.summary


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example__trains_at_reduced_size(path, files, tmp_path, monkeypatch):
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)
    narrow = NARROW.get(path.stem)
    summary = run_of(
        path, files, tmp_path / "run", "data.limit_train=40", "data.limit_test=20",
        "data.n_validation=20", "training.batch_size=20",
        *([f"network.layers={narrow}"] if narrow else []),
    )  # fmt: skip
    assert summary["epochs"] == 1
    assert summary["n_train"] == 40
    assert summary["spikes_per_sample"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("stem", NARROW)
def test_example__runs_a_step_at_full_width(stem, files, tmp_path, monkeypatch):
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)
    path = next(path for path in EXAMPLES if path.stem == stem)
    summary = run_of(
        path, files, tmp_path / "run", "data.limit_train=2", "data.limit_test=2",
        "data.n_validation=0", "training.batch_size=2",
    )  # fmt: skip
    assert summary["spikes_per_sample"] > 10_000


@pytest.mark.parametrize(
    "stem", ["mnist_ttfs_tiny", "yinyang_ttfs_tiny", "yinyang_lif_tiny"]
)
def test_tiny_example__learns(stem, tmp_path, monkeypatch):
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)
    path = next(path for path in EXAMPLES if path.stem == stem)
    result = train_run(str(path), out=str(tmp_path / "run"), quiet=True)
    chance = 1 / load_run_dataset(load_config(path)).n_classes
    assert result.summary["test_accuracy"] > 1.3 * chance


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study__all_its_cases_can_start(path, files):
    study = load_study(path)
    assert study.name == path.stem
    assert study.description
    few = ["data.limit_train=40", "data.limit_test=20", "data.n_validation=20"]
    for case in study_cases(path, study, few):
        data_dir = files if case.config.data.name in WRITTEN else None
        dataset = load_run_dataset(case.config, data_dir)
        build_network(case.config, dataset.input_shape, dataset.n_classes)


def test_tiny_study__learns(tmp_path, monkeypatch):
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)
    path = next(path for path in STUDIES if path.stem == "study_tiny")
    done = run_study(open_study(path, out=tmp_path))
    assert [(run.case, run.seed) for run in done.runs] == [
        ("adam", 0), ("sgd", 0), ("adam", 1), ("sgd", 1)
    ]  # fmt: skip
    for run in done.runs:
        assert run.summary["test_accuracy"] > 1.3 / 3


@pytest.mark.parametrize(
    ("stem", "shapes"),
    [
        ("mnist_ttfs", [(800,), (10,)]),
        (
            "mnist_ttfs_cnn",
            # 28 - 5 + 1 = 24, halved, 12 - 5 + 1 = 8, halved
            [(24, 24, 16), (12, 12, 16), (8, 8, 32), (4, 4, 32), (800,), (128,), (10,)],
        ),
        (
            "mnist_srm_cnn",
            [(24, 24, 15), (12, 12, 15), (8, 8, 40), (4, 4, 40), (300,), (10,)],
        ),
        (
            "fashion_srm_cnn",
            [(28, 28, 32), (14, 14, 32), (14, 14, 64), (7, 7, 64), (1024,), (10,)],
        ),
    ],
)
def test_paper_example__has_the_layers_of_the_paper(stem, shapes):
    path = next(path for path in EXAMPLES if path.stem == stem)
    network = build_network(load_config(path), (28, 28, 1), 10)
    assert [layer.topology.output_shape for layer in network.layers] == shapes


@pytest.mark.parametrize(
    ("stem", "n_classes", "n_weights"),
    [
        ("mnist_srm_cnn", 10, 210_375),
        ("fashion_srm_cnn", 10, 3_273_504),
        ("cifar10_vgg11_srm", 10, 28_515_712),
        ("cifar100_vgg11_srm", 100, 28_700_032),
    ],
)
def test_paper_example__has_as_many_weights_as_the_paper(stem, n_classes, n_weights):
    path = next(path for path in EXAMPLES if path.stem == stem)
    shape = (32, 32, 3) if stem.startswith("cifar") else (28, 28, 1)
    assert build_network(load_config(path), shape, n_classes).n_parameters == n_weights


def test_multi_spike_example__is_priced_with_all_its_spikes(tmp_path, monkeypatch):
    monkeypatch.setattr("eventsim.plots.plot_run", lambda *_: None)
    path = next(path for path in EXAMPLES if path.stem == "yinyang_lif_tiny")
    overrides = ["training.epochs=1", "network.t_end=60"]
    run = train_run(
        str(path), overrides=overrides, out=str(tmp_path / "run"), quiet=True
    )
    counts = read_model(run.folder).activity.spike_counts
    # More spikes than neurons and samples: neurons fire several times.
    assert counts[1].max() > run.summary["n_test"]
    result = CliRunner().invoke(
        hwmodel_commands, ["estimate", str(run.folder), "--chip", "truenorth", "--json"]
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    n_test = run.summary["n_test"]
    assert found["spikes"] == pytest.approx(
        (counts[1].sum() + counts[2].sum()) / n_test
    )
    # Each input spike meets 20 synapses, each hidden spike 3.
    sops = (20 * counts[0].sum() + 3 * counts[1].sum()) / n_test
    assert found["sops"] == pytest.approx(sops)
