"""Fashion-MNIST from files and from the system package."""

from dataclasses import replace

import pytest

from eventsim.datasets import fashion_mnist, mnist
from eventsim.datasets.records import Request
from eventsim.errors import DataError


@pytest.fixture
def no_system_package(monkeypatch, tmp_path):
    source = replace(fashion_mnist.SOURCE, system_folders=(tmp_path / "system",))
    monkeypatch.setattr(fashion_mnist, "SOURCE", source)


def test_load__reads_the_system_package(no_system_package, tmp_path, write_set):
    write_set(tmp_path / "system")
    dataset = fashion_mnist.load(Request(n_validation=10))
    assert dataset.name == "fashion-mnist"
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (
        30,
        10,
        20,
    )
    assert dataset.source == f"IDX files in '{tmp_path / 'system'}'"


@pytest.mark.usefixtures("no_system_package")
def test_load__never_stands_in_with_digits():
    message = r"fashion-mnist: .*not found.*--data-dir.*apt install dataset-fashion-mni"
    with pytest.raises(DataError, match=message):
        fashion_mnist.load(Request(offline_fallback=True))


def test_source__knows_the_debian_folder():
    folders = [str(folder) for folder in fashion_mnist.SOURCE.system_folders]
    assert folders == ["/usr/share/datasets/fashion-mnist"]


@pytest.mark.parametrize("source", [mnist.SOURCE, fashion_mnist.SOURCE])
def test_source__is_well_formed(source):
    assert len(set(source.sha256)) == 4
    assert all(len(bytes.fromhex(digest)) == 32 for digest in source.sha256)
    assert all(mirror.endswith("/") for mirror in source.mirrors)
    assert len(set(source.mirrors)) >= 2
    assert source.name not in source.foreign_labels.values()
