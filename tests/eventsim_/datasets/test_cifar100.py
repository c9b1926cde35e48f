"""CIFAR-100 as a data set."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from eventsim_.datasets.cifar_bytes import as_archive, random_images, record

from eventsim.datasets import cifar100, load
from eventsim.errors import DataError

COARSE = [3, 19, 0, 7]
FINE = [99, 0, 20, 55]


def content(seed):
    images = random_images(4, seed)
    return b"".join(
        record([coarse, fine], image)
        for coarse, fine, image in zip(COARSE, FINE, images, strict=True)
    )


def test_load__reads_the_fine_labels(tmp_path):
    (tmp_path / "train.bin").write_bytes(content(1))
    (tmp_path / "test.bin").write_bytes(content(2))
    dataset = load("cifar100", data_dir=tmp_path, n_validation=0)
    assert (dataset.name, dataset.n_classes) == ("cifar100", 100)
    assert dataset.input_shape == (32, 32, 3)
    assert dataset.train.labels.tolist() == FINE
    np.testing.assert_array_equal(dataset.train.inputs, random_images(4, 1))
    np.testing.assert_array_equal(dataset.test.inputs, random_images(4, 2))


def test_load__reads_the_archive(tmp_path, monkeypatch):
    members = {"cifar-100-binary": None, "cifar-100-binary/test.bin": content(2)}
    archive = as_archive({**members, "cifar-100-binary/train.bin": content(1)})
    (tmp_path / "cifar-100-binary.tar.gz").write_bytes(archive)
    digest = hashlib.sha256(archive).hexdigest()
    with pytest.raises(DataError, match=r"not the published .*; expected 58a81ae1"):
        load("cifar100", data_dir=tmp_path, n_validation=0)
    monkeypatch.setattr(cifar100, "SOURCE", replace(cifar100.SOURCE, sha256=digest))
    dataset = load("cifar100", data_dir=tmp_path, n_validation=0)
    np.testing.assert_array_equal(dataset.test.inputs, random_images(4, 2))
    assert dataset.test.labels.tolist() == FINE


def test_source__is_well_formed():
    source = cifar100.SOURCE
    assert len(bytes.fromhex(source.sha256)) == 32
    assert source.label_sizes == (20, source.n_classes)
    assert (source.n_train, source.n_test) == (50_000, 10_000)
