"""Every way in which an IDX file can be wrong, and the two in which it is right."""

import gzip
import re

import numpy as np
import pytest

from eventsim.datasets.idx import read_idx, read_images, read_labels
from eventsim.errors import DataError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.fixture
def write(tmp_path):
    def write_bytes(content):
        path = tmp_path / "file-idx"
        path.write_bytes(content)
        return path

    return write_bytes


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_read_idx__reads_what_was_written(write, to_idx, pack):
    array = read_idx(write(pack(to_idx(IMAGES))), 3)
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, IMAGES)


def test_read_images__adds_a_channel_axis(write, to_idx):
    images = read_images(write(to_idx(IMAGES)))
    np.testing.assert_array_equal(images, IMAGES[..., None])


def test_read_labels__gives_int64(write, to_idx):
    labels = read_labels(write(to_idx(np.array([3, 0, 9]))), 10)
    assert labels.dtype == np.int64
    assert labels.tolist() == [3, 0, 9]


def test_read_idx__missing_file(tmp_path):
    with pytest.raises(DataError, match=r"absent: cannot read the file, got 'No such"):
        read_idx(tmp_path / "absent", 3)


def test_read_idx__empty_file(write):
    with pytest.raises(DataError, match=r"file is empty, got 0 bytes; expected an IDX"):
        read_idx(write(b""), 3)


def test_read_idx__gzip_of_nothing(write):
    with pytest.raises(DataError, match=r"not an IDX file, got first bytes ''"):
        read_idx(write(gzip.compress(b"")), 3)


@pytest.mark.parametrize("n_kept", [5, 15, 30])
def test_read_idx__truncated_gzip(write, to_idx, n_kept):
    content = gzip.compress(to_idx(IMAGES))
    with pytest.raises(DataError, match=r"file-idx: damaged or truncated gzip file"):
        read_idx(write(content[:n_kept]), 3)


def test_read_idx__flipped_byte_in_gzip(write, to_idx):
    content = bytearray(gzip.compress(to_idx(IMAGES)))
    content[-6] ^= 0xFF
    with pytest.raises(DataError, match=r"damaged or truncated gzip file.*CRC"):
        read_idx(write(bytes(content)), 3)


def test_read_idx__bytes_after_the_gzip_stream(write, to_idx):
    with pytest.raises(DataError, match=r"damaged or truncated gzip file"):
        read_idx(write(gzip.compress(to_idx(IMAGES)) + b"more"), 3)


@pytest.mark.parametrize(
    ("change", "n_bytes", "what"),
    [(-1, 39, "truncated"), (1, 41, "longer than it says")],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_read_idx__wrong_length(write, to_idx, pack, change, n_bytes, what):
    content = to_idx(IMAGES)
    content = content[:change] if change < 0 else content + b"\0"
    message = rf"the file is {what}, got {n_bytes} bytes .*; expected 40 for shape"
    with pytest.raises(DataError, match=message):
        read_idx(write(pack(content)), 3)


def test_read_idx__sizes_that_overflow_are_only_a_wrong_length(write):
    content = bytes([0, 0, 8, 3]) + b"\xff" * 12
    with pytest.raises(DataError, match=r"the file is truncated, got 16 bytes"):
        read_idx(write(content), 3)


def test_read_idx__header_cut_off(write, to_idx):
    with pytest.raises(DataError, match=r"header is cut off, got 10 bytes.*least 16"):
        read_idx(write(to_idx(IMAGES)[:10]), 3)


def test_read_idx__other_file_format(write):
    message = r"not an IDX file, got first bytes '89 50 4e 47'; expected '00 00 08 03'"
    with pytest.raises(DataError, match=message):
        read_idx(write(b"\x89PNG\r\n\x1a\n" + bytes(50)), 3)


def test_read_idx__other_element_type(write, to_idx):
    content = bytearray(to_idx(IMAGES))
    content[2] = 0x0D
    with pytest.raises(DataError, match=r"element type, got 0x0d; expected 0x08"):
        read_idx(write(bytes(content)), 3)


def test_read_idx__labels_in_place_of_images(write, to_idx):
    message = r"number of dimensions, got 1; expected 3; .* swapped"
    with pytest.raises(DataError, match=message):
        read_idx(write(to_idx(np.arange(5))), 3)


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4)])
def test_read_idx__no_data(write, to_idx, shape):
    message = re.escape(f"there is no data in it, got shape {shape}")
    with pytest.raises(DataError, match=message):
        read_idx(write(to_idx(np.zeros(shape))), 3)


def test_read_labels__out_of_range(write, to_idx):
    message = r"a label is out of range, got 10 at index 1; expected 0 to 9"
    with pytest.raises(DataError, match=message):
        read_labels(write(to_idx(np.array([9, 10, 11]))), 10)
