import errno
import os

import h5py
import pytest

from eventsim.atomic_write import replacing, replacing_hdf5, require_writable
from eventsim.errors import RunError


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    return path


def only(folder):
    return sorted(path.name for path in folder.iterdir())


def test_replacing__makes_the_folder_and_the_file(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "new"
    assert only(path.parent) == ["file.txt"]


def test_replacing__old_content_until_the_end(old):
    with replacing(old) as temporary:
        temporary.write_text("new")
        assert old.read_text() == "old"
    assert old.read_text() == "new"


def test_replacing__who_reads_meanwhile_reads_the_whole_old_file(old):
    with old.open() as reader:
        with replacing(old) as temporary:
            temporary.write_text("new")
        assert reader.read() == "old"


def test_replacing__permissions_are_those_of_a_plain_file(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("")
    assert (tmp_path / "file").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt()])
def test_replacing__a_failing_block_leaves_the_old_file(old, error):
    def fail():
        with replacing(old) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert old.read_text() == "old"
    assert only(old.parent) == ["file.txt"]


def test_replacing__full_disk_leaves_the_old_file(old, monkeypatch):
    monkeypatch.setattr(os, "fsync", full_disk)
    with (
        pytest.raises(RunError, match=r"cannot write '.*file\.txt': No space left on"),
        replacing(old) as temporary,
    ):
        temporary.write_text("new")
    assert old.read_text() == "old"
    assert only(old.parent) == ["file.txt"]


def test_replacing__refuses_a_file_as_folder(old):
    with (
        pytest.raises(
            RunError, match=r"cannot write '.*x\.h5': (File exists|Not a dir)"
        ),
        replacing(old / "x.h5"),
    ):
        pass


def test_replacing__refuses_a_folder_as_file(tmp_path):
    (tmp_path / "x").mkdir()
    with (
        pytest.raises(RunError, match=r"cannot write '.*/x': Is a directory"),
        replacing(tmp_path / "x") as temporary,
    ):
        temporary.write_text("new")
    assert only(tmp_path) == ["x"]


def test_replacing_hdf5__writes_what_h5py_reads(tmp_path):
    path = tmp_path / "x.h5"
    with replacing_hdf5(path) as file:
        file.attrs["a"] = 1
        file["values"] = [1.5, 2.5]
        assert only(tmp_path) == []
    with h5py.File(path) as file:
        assert file.attrs["a"] == 1
        assert file["values"][()].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt()])
def test_replacing_hdf5__a_failing_block_writes_nothing(old, error):
    def fail():
        with replacing_hdf5(old) as file:
            file["values"] = [1.0]
            raise error

    with pytest.raises(type(error)):
        fail()
    assert old.read_text() == "old"
    assert only(old.parent) == ["file.txt"]


def test_replacing_hdf5__full_disk_is_one_line(old, monkeypatch):
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(RunError, match="No space left") as caught, replacing_hdf5(old):
        pass
    assert "\n" not in str(caught.value)
    assert old.read_text() == "old"


def test_require_writable__leaves_nothing(tmp_path, old):
    require_writable(tmp_path / "a" / "b" / "file.txt")
    require_writable(old)
    assert only(tmp_path) == ["file.txt"]
    assert old.read_text() == "old"


@pytest.mark.parametrize(
    ("place", "reason"), [("", "Is a directory"), ("file.txt/x", "Not a directory")]
)
def test_require_writable__tells_why_not(tmp_path, old, place, reason):
    with pytest.raises(RunError, match=f"^cannot write '.*': {reason}; expect"):
        require_writable(tmp_path / place)


def test_require_writable__tells_of_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: full_disk())
    with pytest.raises(RunError, match="No space left"):
        require_writable(tmp_path / "x")
