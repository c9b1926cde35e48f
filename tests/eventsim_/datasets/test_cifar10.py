"""CIFAR-10 as a data set."""

import numpy as np
import pytest
from eventsim_.datasets.cifar_bytes import random_images, record

from eventsim.datasets import cifar10, load
from eventsim.errors import DataError

NAMES = [f"data_batch_{k}.bin" for k in (1, 2, 3, 4, 5)] + ["test_batch.bin"]


@pytest.fixture
def folder(tmp_path):
    """Twenty images in each file, two of each class."""
    (tmp_path / "cifar10").mkdir()
    for seed, name in enumerate(NAMES):
        images = random_images(20, seed)
        content = b"".join(record([k % 10], image) for k, image in enumerate(images))
        (tmp_path / "cifar10" / name).write_bytes(content)
    return tmp_path


def test_load__splits_and_limits(folder):
    dataset = load(
        "cifar10", data_dir=folder, n_validation=30, limit_train=50, limit_test=10
    )
    assert (dataset.name, dataset.n_classes) == ("cifar10", 10)
    assert dataset.input_shape == (32, 32, 3)
    assert np.bincount(dataset.train.labels).tolist() == [5] * 10
    assert np.bincount(dataset.validation.labels).tolist() == [3] * 10
    assert np.bincount(dataset.test.labels).tolist() == [1] * 10
    assert dataset.train.inputs.shape == (50, 32, 32, 3)
    assert not dataset.offline_fallback


def test_load__sets_aside_5000_unless_told(folder):
    with pytest.raises(
        DataError, match=r"cifar10: .*n_validation 5000; .*the 100 trai"
    ):
        load("cifar10", data_dir=folder)


def test_load__nothing_stands_in():
    with pytest.raises(DataError, match="cifar10: the data set was not found"):
        load("cifar10", offline_fallback=True)


def test_source__is_well_formed():
    source = cifar10.SOURCE
    assert len(bytes.fromhex(source.sha256)) == 32
    assert [*source.train_files, source.test_file] == NAMES
    assert source.label_sizes[-1] == source.n_classes
    assert all(mirror.endswith("/") for mirror in source.mirrors)
    # 1 + 3 * 32 * 32 bytes in each of 60,000 records, from the published sizes
    assert (source.n_train // 5, source.n_test) == (30_730_000 // 3073,) * 2
