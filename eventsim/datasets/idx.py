"""Read IDX files, the format of MNIST and its relatives.

An IDX file is big-endian: two zero bytes, one byte for the element type (0x08:
unsigned byte), one byte for the number of dimensions, one 32-bit size per
dimension, then the elements. It is read gzip-compressed or plain; which one it
is, is told by the first two bytes and not by the name.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from eventsim.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08
_AGAIN = "get the file again"


def read_idx(path: Path, n_dimensions: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes.

    Parameters
    ----------
    path : Path
        File to read, gzip-compressed or plain.
    n_dimensions : int
        Number of dimensions the array must have.

    Returns
    -------
    ndarray, uint8
        The array; it cannot be written to.

    Raises
    ------
    DataError
        If the file is missing, empty, truncated, longer than its header says,
        or not an IDX file of unsigned bytes with that many dimensions.
    """
    content = _read_bytes(path)
    start = 4 + 4 * n_dimensions
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(
            f"{path}: not an IDX file, got first bytes '{content[:4].hex(' ')}'; "
            f"expected '00 00 08 {n_dimensions:02x}'; give the original file"
        )
    if content[2] != _UNSIGNED_BYTE:
        raise DataError(
            f"{path}: wrong element type, got 0x{content[2]:02x}; expected 0x08 "
            "(unsigned byte); give the original file"
        )
    if content[3] != n_dimensions:
        raise DataError(
            f"{path}: wrong number of dimensions, got {content[3]}; expected "
            f"{n_dimensions}; images and labels may have been swapped"
        )
    if len(content) < start:
        raise DataError(
            f"{path}: the header is cut off, got {len(content)} bytes; expected at "
            f"least {start}; {_AGAIN}"
        )
    sizes = np.frombuffer(content, ">u4", n_dimensions, offset=4)
    shape = tuple(int(size) for size in sizes)
    n_expected = start + math.prod(shape)
    if len(content) != n_expected:
        what = "truncated" if len(content) < n_expected else "longer than it says"
        raise DataError(
            f"{path}: the file is {what}, got {len(content)} bytes after "
            f"decompression; expected {n_expected} for shape {shape}; {_AGAIN}"
        )
    if 0 in shape:
        raise DataError(
            f"{path}: there is no data in it, got shape {shape}; expected every size "
            f"to be positive; {_AGAIN}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_images(path: Path) -> np.ndarray:
    """Read grey images.

    Parameters
    ----------
    path : Path
        IDX file with three dimensions.

    Returns
    -------
    ndarray, shape (n, height, width, 1), uint8
        The images.

    Raises
    ------
    DataError
        See :func:`read_idx`.
    """
    return read_idx(path, 3)[..., np.newaxis]


def read_labels(path: Path, n_classes: int) -> np.ndarray:
    """Read class labels.

    Parameters
    ----------
    path : Path
        IDX file with one dimension.
    n_classes : int
        Labels must be below this number.

    Returns
    -------
    ndarray, shape (n,), int64
        The labels.

    Raises
    ------
    DataError
        If a label is out of range; see also :func:`read_idx`.
    """
    labels = read_idx(path, 1).astype(np.int64)
    too_large = np.flatnonzero(labels >= n_classes)
    if too_large.size:
        first = int(too_large[0])
        raise DataError(
            f"{path}: a label is out of range, got {labels[first]} at index {first}; "
            f"expected 0 to {n_classes - 1}; check that the file belongs to this "
            "data set"
        )
    return labels


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot read the file, got '{error.strerror or error}'; expected "
            "a readable IDX file"
        ) from error
    if not content:
        raise DataError(
            f"{path}: the file is empty, got 0 bytes; expected an IDX file; {_AGAIN}"
        )
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}: damaged or truncated gzip file, got '{error}'; expected a "
            f"complete gzip stream; {_AGAIN}"
        ) from error
