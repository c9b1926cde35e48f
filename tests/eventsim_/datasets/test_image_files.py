"""The search order, with folders that the test makes itself."""

import gzip
import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest

from eventsim.datasets import download, image_files
from eventsim.datasets.image_files import FILES, ImageSource, NotFound, find_images
from eventsim.errors import DataError

SOURCE = ImageSource(
    name="mnist",
    n_classes=10,
    sha256=("0" * 64,) * 4,
    foreign_labels={},
    mirrors=("http://127.0.0.1:9/",),
)


def digests_of(folder):
    return tuple(
        hashlib.sha256((folder / f"{name}.gz").read_bytes()).hexdigest()
        for name in FILES
    )


def marked(small_set, mark):
    """Return replacement training images that tell which folder was read."""
    images = small_set["train-images-idx3-ubyte"].copy()
    images[0, 0, 0] = mark
    return {"train-images-idx3-ubyte": images}


def mark_of(found):
    return int(found.train.inputs[0, 0, 0, 0])


@pytest.mark.parametrize("compressed", [True, False], ids=["gzip", "plain"])
@pytest.mark.parametrize("dotted", [True, False], ids=["dotted", "dashed"])
@pytest.mark.parametrize("sub_folder", ["", "mnist"])
def test_find_images__reads_every_spelling(
    tmp_path, write_set, small_set, compressed, dotted, sub_folder
):
    write_set(tmp_path / "data" / sub_folder, compressed=compressed, dotted=dotted)
    found = find_images(SOURCE, tmp_path / "data")
    images, labels = small_set[FILES[0]], small_set[FILES[1]]
    np.testing.assert_array_equal(found.train.inputs[..., 0], images)
    np.testing.assert_array_equal(found.train.labels, labels)
    np.testing.assert_array_equal(found.test.inputs[..., 0], small_set[FILES[2]])
    np.testing.assert_array_equal(found.test.labels, small_set[FILES[3]])
    assert found.source == f"IDX files in '{tmp_path / 'data' / sub_folder}'"


def test_find_images__prefers_the_sub_folder_with_the_name(
    tmp_path, write_set, small_set
):
    write_set(tmp_path, **marked(small_set, 1))
    write_set(tmp_path / "mnist", **marked(small_set, 2))
    assert mark_of(find_images(SOURCE, tmp_path)) == 2


def test_find_images__order_of_places(tmp_path, write_set, small_set, monkeypatch):
    named, variable, cache, system = (
        write_set(tmp_path / place, **marked(small_set, mark))
        for mark, place in enumerate(["named", "variable", "cache", "system"])
    )
    source = replace(SOURCE, sha256=digests_of(cache), system_folders=(system,))
    assert mark_of(find_images(source, None)) == 3
    monkeypatch.setattr(download, "cache_folder", lambda name: cache)
    assert mark_of(find_images(source, None)) == 2
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(variable))
    assert mark_of(find_images(source, None)) == 1
    assert mark_of(find_images(source, named)) == 0


def test_find_images__reports_every_place_it_tried(tmp_path, monkeypatch):
    (tmp_path / "variable").mkdir()
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(tmp_path / "variable"))
    source = replace(SOURCE, system_folders=(tmp_path / "system",))
    found = find_images(source, None)
    assert isinstance(found, NotFound)
    assert found.tried == (
        f"EVENTSIM_DATA_DIR '{tmp_path / 'variable'}': no such files",
        f"cache '{tmp_path / 'no' / 'mnist'}': no such files",
        f"system package '{tmp_path / 'system'}': not installed",
        "download: switched off by EVENTSIM_NO_DOWNLOAD",
    )


def test_find_images__downloads_last(tmp_path, write_set, monkeypatch):
    folder = write_set(tmp_path / "fetched")
    asked = []

    def fetch(mirrors, files, cache):
        asked.append((mirrors, tuple(files), cache))
        return tuple(folder / f"{name}.gz" for name in FILES)

    monkeypatch.setattr(download, "fetch", fetch)
    assert len(find_images(SOURCE, None).train) == 40
    names = tuple(f"{name}.gz" for name in FILES)
    assert asked == [(SOURCE.mirrors, names, tmp_path / "no" / "mnist")]


def test_find_images__passes_over_a_damaged_cache(
    tmp_path, write_set, small_set, monkeypatch
):
    cache = write_set(tmp_path / "cache", **marked(small_set, 2))
    system = write_set(tmp_path / "system", **marked(small_set, 3))
    source = replace(SOURCE, sha256=digests_of(cache), system_folders=(system,))
    monkeypatch.setattr(download, "cache_folder", lambda name: cache)
    content = (cache / f"{FILES[2]}.gz").read_bytes()
    (cache / f"{FILES[2]}.gz").write_bytes(content[:-3])
    assert mark_of(find_images(source, None)) == 3


@pytest.mark.parametrize(
    ("name", "what"), [("empty", "no files in it"), ("absent", "no such folder")]
)
def test_find_images__named_folder_without_files(
    tmp_path, write_set, monkeypatch, name, what
):
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(write_set(tmp_path / "variable")))
    (tmp_path / "empty").mkdir()
    folder = tmp_path / name
    message = (
        f"data_dir: '{re.escape(str(folder))}' does not hold mnist, got {what}; "
        "expected train-images-idx3-ubyte, .*t10k-labels-idx1-ubyte .*; correct"
    )
    with pytest.raises(DataError, match=message):
        find_images(SOURCE, folder)


@pytest.mark.parametrize(
    ("name", "what"),
    [("absent", "no such folder"), ("file", "something that is no folder")],
)
def test_find_images__variable_that_names_no_folder(
    tmp_path, write_set, monkeypatch, name, what
):
    (tmp_path / "file").write_text("no folder")
    system = write_set(tmp_path / "system")  # a place the search must not reach
    value = str(tmp_path / name)
    monkeypatch.setenv("EVENTSIM_DATA_DIR", value)
    message = (
        f"^EVENTSIM_DATA_DIR: '{re.escape(value)}' .*got {what}; expected a folder "
        "that exists, .*; correct or unset EVENTSIM_DATA_DIR"
    )
    with pytest.raises(DataError, match=message):
        find_images(replace(SOURCE, system_folders=(system,)), None)


def test_find_images__named_folder_wins_over_a_wrong_variable(
    tmp_path, write_set, monkeypatch
):
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(tmp_path / "absent"))
    assert len(find_images(SOURCE, write_set(tmp_path / "named")).train) == 40


def test_find_images__unknown_home_in_the_variable(monkeypatch):
    monkeypatch.setenv("EVENTSIM_DATA_DIR", "~no-such-user-here/data")
    with pytest.raises(DataError, match=r"'~no-such-user-here/data' .*no such folder"):
        find_images(SOURCE, None)


@pytest.mark.parametrize("by_variable", [True, False])
def test_find_images__incomplete_set(tmp_path, write_set, monkeypatch, by_variable):
    folder = write_set(tmp_path / "data")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(folder))
    message = r"not complete, got 3 of 4 files; expected also t10k-labels-idx1-ubyte"
    with pytest.raises(DataError, match=message):
        find_images(SOURCE, None if by_variable else folder)


@pytest.mark.parametrize("by_variable", [True, False])
def test_find_images__damaged_file(tmp_path, write_set, monkeypatch, by_variable):
    folder = write_set(tmp_path / "data")
    path = folder / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:100])
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(folder))
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz: damaged or trunc"):
        find_images(SOURCE, None if by_variable else folder)


def test_find_images__other_data_set_under_the_same_names(
    tmp_path, write_set, to_idx, small_set, monkeypatch
):
    folder = write_set(tmp_path / "clothes", compressed=False)
    labels = hashlib.sha256(to_idx(small_set[FILES[1]])).hexdigest()
    source = replace(SOURCE, foreign_labels={labels: "fashion-mnist"})
    message = r"are another data set, got fashion-mnist; expected mnist; correct"
    with pytest.raises(DataError, match=message):
        find_images(source, folder)
    monkeypatch.setenv("EVENTSIM_DATA_DIR", str(folder))
    assert isinstance(find_images(source, None), NotFound)


def test_find_images__counts_differ(tmp_path, write_set):
    folder = write_set(tmp_path, **{FILES[1]: np.zeros(39)})
    message = r"labels do not match the images, got 39 labels; expected 40"
    with pytest.raises(DataError, match=message):
        find_images(SOURCE, folder)


def test_find_images__image_sizes_differ(tmp_path, write_set):
    folder = write_set(tmp_path, **{FILES[2]: np.zeros((20, 5, 5))})
    message = r"test images differ in size .*, got \(5, 5\); expected \(5, 4\)"
    with pytest.raises(DataError, match=message):
        find_images(SOURCE, folder)


def test_published_files__pairs_names_and_digests():
    source = replace(SOURCE, sha256=("a", "b", "c", "d"))
    assert image_files.published_files(source) == {
        "train-images-idx3-ubyte.gz": "a",
        "train-labels-idx1-ubyte.gz": "b",
        "t10k-images-idx3-ubyte.gz": "c",
        "t10k-labels-idx1-ubyte.gz": "d",
    }


def test_read_images__plain_name_with_gzip_content(tmp_path, write_set):
    folder = write_set(tmp_path, compressed=False)
    path = folder / FILES[0]
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert len(find_images(SOURCE, folder).train) == 40
