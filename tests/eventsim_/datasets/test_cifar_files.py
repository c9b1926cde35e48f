"""Where the files of CIFAR are looked for, and what is refused."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eventsim_.datasets.cifar_bytes import as_archive, random_images, record

from eventsim.datasets import cifar10, cifar_files, download
from eventsim.datasets.cifar_files import find_cifar
from eventsim.errors import DataError

PUBLISHED = cifar10.SOURCE
NAMES = [f"data_batch_{k}.bin" for k in (1, 2, 3, 4, 5)] + ["test_batch.bin"]
IMAGES = {name: random_images(4, seed=k) for k, name in enumerate(NAMES)}
LABELS = {name: [k, 9, 0, 9 - k] for k, name in enumerate(NAMES)}
FILES = {
    name: b"".join(
        record([label], image)
        for label, image in zip(LABELS[name], IMAGES[name], strict=True)
    )
    for name in NAMES
}
ARCHIVE = as_archive(
    {
        "cifar-10-batches-bin": None,
        "cifar-10-batches-bin/readme.html": b"not data",
        # in another order than that of the numbers
        **{f"cifar-10-batches-bin/{name}": FILES[name] for name in reversed(NAMES)},
    }
)
# Four images in each file, and the archive that holds them.
SMALL = replace(
    PUBLISHED, n_train=20, n_test=4, sha256=hashlib.sha256(ARCHIVE).hexdigest()
)


def write_files(folder, files=FILES):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(folder, content=ARCHIVE):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cifar-10-binary.tar.gz").write_bytes(content)
    return folder


def check_all_images(images):
    np.testing.assert_array_equal(
        images.train.inputs, np.concatenate([IMAGES[name] for name in NAMES[:5]])
    )
    labels = [label for name in NAMES[:5] for label in LABELS[name]]
    assert images.train.labels.tolist() == labels
    np.testing.assert_array_equal(images.test.inputs, IMAGES["test_batch.bin"])
    assert images.test.labels.tolist() == LABELS["test_batch.bin"]


@pytest.mark.parametrize(
    "place",
    ["", "cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"],
)
def test_find_cifar__reads_unpacked_files(tmp_path, place):
    folder = write_files(tmp_path / "data" / place)
    images = find_cifar(SMALL, tmp_path / "data")
    check_all_images(images)
    assert images.source == f"CIFAR files in '{folder}'"


def test_find_cifar__reads_the_folder_that_was_unpacked(tmp_path, monkeypatch):
    folder = write_files(tmp_path / "cifar-10-batches-bin")
    check_all_images(find_cifar(SMALL, folder))
    monkeypatch.chdir(folder)
    check_all_images(find_cifar(SMALL, folder.relative_to(folder)))


@pytest.mark.parametrize("place", ["", "cifar10"])
def test_find_cifar__reads_the_archive(tmp_path, place):
    folder = write_archive(tmp_path / "data" / place)
    images = find_cifar(SMALL, tmp_path / "data")
    check_all_images(images)
    assert images.source == f"'{folder / 'cifar-10-binary.tar.gz'}'"
    assert [path.name for path in folder.iterdir()] == ["cifar-10-binary.tar.gz"]


def test_find_cifar__most_specific_place_first(tmp_path):
    write_files(tmp_path / "cifar10")
    write_archive(tmp_path)
    assert find_cifar(SMALL, tmp_path).source.endswith("cifar10'")
    write_files(tmp_path / "cifar10" / "cifar-10-batches-bin")
    assert find_cifar(SMALL, tmp_path).source.endswith("cifar-10-batches-bin'")


def test_find_cifar__as_many_images_as_there_are(tmp_path):
    write_files(tmp_path / "cifar10", {**FILES, "data_batch_2.bin": FILES[NAMES[5]]})
    images = find_cifar(PUBLISHED, tmp_path)
    assert (len(images.train), len(images.test)) == (20, 4)


@pytest.mark.parametrize(("name", "n_expected"), [(NAMES[2], 4), (NAMES[5], 4)])
def test_find_cifar__a_published_folder_has_the_published_sizes(
    tmp_path, monkeypatch, name, n_expected
):
    folder = tmp_path / "cifar-10-batches-bin"
    write_files(folder, {**FILES, name: FILES[name][: 3 * 3073]})
    message = (
        rf"{name}: the number of images differs from the published file, got 3; "
        rf"expected {n_expected}; get the file again, or .* folder named 'cifar10'"
    )
    monkeypatch.chdir(folder)
    for data_dir in (tmp_path, folder, Path(".")):
        with pytest.raises(DataError, match=message):
            find_cifar(SMALL, data_dir)


def test_find_cifar__sizes_of_the_real_set(tmp_path):
    write_files(tmp_path / "cifar-10-batches-bin")
    with pytest.raises(
        DataError, match=r"data_batch_1\.bin: .* got 4; expected 10000;"
    ):
        find_cifar(PUBLISHED, tmp_path)


def test_find_cifar__incomplete(tmp_path):
    write_files(tmp_path / "cifar10", {name: FILES[name] for name in NAMES[1:5]})
    message = (
        r"cifar10: the data set is not complete, got 4 of 6 files; expected also "
        r"data_batch_1\.bin, test_batch\.bin; add what is missing"
    )
    with pytest.raises(DataError, match=message):
        find_cifar(SMALL, tmp_path)


def test_find_cifar__truncated_file(tmp_path):
    folder = write_files(tmp_path / "d", {**FILES, NAMES[3]: FILES[NAMES[3]][:-1]})
    with pytest.raises(DataError, match=r"data_batch_4\.bin: the file is damaged"):
        find_cifar(SMALL, folder)


@pytest.mark.parametrize("content", [b"", ARCHIVE[:-20], b"an error page"])
def test_find_cifar__archive_that_is_not_the_published_one(tmp_path, content):
    write_archive(tmp_path, content)
    digest = hashlib.sha256(content).hexdigest()
    message = (
        r"cifar-10-binary\.tar\.gz: this is not the published archive, or not all of "
        rf"it, got SHA-256 {digest}; expected {SMALL.sha256}; get it again"
    )
    with pytest.raises(DataError, match=message):
        find_cifar(SMALL, tmp_path)


def test_find_cifar__file_that_cannot_be_read(tmp_path, monkeypatch):
    def deny(path):
        raise PermissionError(13, "Permission denied")

    folder = write_files(tmp_path / "d")
    monkeypatch.setattr(cifar_files.Path, "read_bytes", deny)
    message = r"data_batch_1\.bin: cannot read the file, got 'Permission denied';"
    with pytest.raises(DataError, match=message):
        find_cifar(SMALL, folder)
    write_archive(tmp_path / "a")
    monkeypatch.setattr(cifar_files, "_sha256", deny)
    with pytest.raises(DataError, match=r"tar\.gz: cannot read the file, got 'Permi"):
        find_cifar(SMALL, tmp_path / "a")


@pytest.mark.parametrize(
    ("folder", "what"), [("empty", "no files of it"), ("absent", "no such folder")]
)
def test_find_cifar__named_folder_without_it(tmp_path, folder, what):
    (tmp_path / "empty").mkdir()
    data_dir = tmp_path / folder
    message = (
        f"^data_dir: '{re.escape(str(data_dir))}' does not hold cifar10, got {what}; "
        r"expected the binary version, cifar-10-binary\.tar\.gz or its folder "
        rf"cifar-10-batches-bin, in '{re.escape(str(data_dir / 'cifar10'))}' or .*; "
        "correct --data-dir or leave it out$"
    )
    with pytest.raises(DataError, match=message):
        find_cifar(SMALL, data_dir)


@pytest.mark.parametrize(
    ("pickled", "data_dir"),
    [
        ("cifar-10-python.tar.gz", "."),
        ("cifar-10-batches-py/data_batch_1", "."),
        ("cifar10/cifar-10-batches-py/data_batch_1", "."),
        ("cifar-10-batches-py/data_batch_1", "cifar-10-batches-py"),
    ],
)
def test_find_cifar__refuses_pickles(tmp_path, pickled, data_dir):
    path = tmp_path / pickled
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    message = (
        r"as pickles, which are not read because they may run code, got '.*cifar-10-"
        r".*'; expected the binary version, cifar-10-binary\.tar\.gz or its folder "
        r"cifar-10-batches-bin, .*; get it from https://www\.cs\.toronto\.edu"
    )
    with pytest.raises(DataError, match=message):
        find_cifar(SMALL, tmp_path / data_dir)


def test_find_cifar__nothing_anywhere(tmp_path, monkeypatch):
    with pytest.raises(DataError) as caught:
        find_cifar(SMALL, None)
    cache = tmp_path / "no" / "cifar10"
    assert str(caught.value) == (
        "cifar10: the data set was not found, got (EVENTSIM_DATA_DIR: not set; cache "
        f"'{cache}': no such file; download: switched off by EVENTSIM_NO_DOWNLOAD); "
        "expected cifar-10-binary.tar.gz or its files; connect to a network, or get it "
        "from https://www.cs.toronto.edu/~kriz/ and give its folder with --data-dir"
    )
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(tmp_path))
    with pytest.raises(
        DataError, match=rf"DATA_DIR '{tmp_path}': no such files; cache"
    ):
        find_cifar(SMALL, None)
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(DataError, match="': only the Python version; cache"):
        find_cifar(SMALL, None)


def test_find_cifar__folder_of_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(write_files(tmp_path / "data")))
    check_all_images(find_cifar(SMALL, None))
    with pytest.raises(DataError, match="does not hold cifar10"):
        find_cifar(SMALL, tmp_path / "other")
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(tmp_path / "absent"))
    with pytest.raises(DataError, match=r"'.*absent' cannot be searched"):
        find_cifar(SMALL, None)


def test_find_cifar__the_cache_counts_only_if_it_is_the_published_archive(tmp_path):
    cache = write_archive(tmp_path / "no" / "cifar10")
    images = find_cifar(SMALL, None)
    check_all_images(images)
    assert images.source == f"'{cache / 'cifar-10-binary.tar.gz'}'"
    write_archive(cache, ARCHIVE[:-1])
    with pytest.raises(DataError, match="the data set was not found"):
        find_cifar(SMALL, None)


def test_find_cifar__downloads_the_archive(tmp_path, monkeypatch):
    asked = []

    def fetch(mirrors, files, folder):
        asked.append((mirrors, files, folder))
        write_archive(folder)
        return (folder / "cifar-10-binary.tar.gz",)

    monkeypatch.setattr(download, "fetch", fetch)
    check_all_images(find_cifar(SMALL, None))
    check_all_images(find_cifar(SMALL, None))  # now from the cache
    cache = tmp_path / "no" / "cifar10"
    wanted = {"cifar-10-binary.tar.gz": SMALL.sha256}
    assert asked == [(PUBLISHED.mirrors, wanted, cache)]
