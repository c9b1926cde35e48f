"""The registry and the one public function, in ``eventsim/datasets/__init__.py``."""

import subprocess
import sys

import numpy as np
import pytest

from eventsim.datasets import DATASETS, load
from eventsim.errors import DataError


def test_load__finds_files_by_text_or_path(tmp_path, write_set):
    folder = write_set(tmp_path / "data")
    options = {"n_validation": 10, "limit_train": 20, "limit_test": 10}
    for data_dir in (folder, str(folder)):
        dataset = load("mnist", data_dir=data_dir, **options)
        assert (len(dataset.train), len(dataset.test)) == (20, 10)
        assert np.bincount(dataset.train.labels).tolist() == [2] * 10


def test_load__expands_the_home_folder(tmp_path, write_set, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_set(tmp_path / "data")
    assert len(load("mnist", data_dir="~/data", n_validation=0).train) == 40


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("minst", "mnist"),
        ("fashion_mnist", "fashion-mnist"),
        ("yinyang", "yin-yang"),
        ("cifar-10", "cifar10"),
    ],
)
def test_load__unknown_name_gets_the_nearest(name, nearest):
    message = rf"unknown data set, got '{name}'; .*; did you mean '{nearest}'\?"
    with pytest.raises(DataError, match=message):
        load(name)


def test_load__unknown_name_without_a_near_one():
    message = (
        r"got 'q'; expected one of mnist, fashion-mnist, cifar10, cifar100, yin-yang$"
    )
    with pytest.raises(DataError, match=message):
        load("q")


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_load__checks_the_sizes_of_every_data_set(name):
    with pytest.raises(DataError, match=rf"{name}: limit_train is too small, got 0"):
        load(name, limit_train=0)


def test_load__too_large_validation(tmp_path, write_set):
    with pytest.raises(DataError, match=r"mnist: .*n_validation 5000; .*the 40 train"):
        load("mnist", data_dir=write_set(tmp_path))


def test_datasets__import_loads_nothing_heavy():
    heavy = ["numba", "pydantic", "matplotlib", "pooch", "requests", "pandas"]
    program = (
        "import sys, eventsim.datasets, eventsim.augment; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
