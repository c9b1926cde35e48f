"""Read the records of the binary version of CIFAR-10 and CIFAR-100.

A file is a row of records without a header: one byte for each label, then the red,
the green and the blue plane of an image of 32 x 32 pixels, row by row.

References
----------
Krizhevsky, "Learning multiple layers of features from tiny images", technical
report, University of Toronto, 2009; https://www.cs.toronto.edu/~kriz/cifar.html
describes the files.
"""

from __future__ import annotations

import numpy as np

from eventsim.datasets.records import Split
from eventsim.errors import DataError

SIDE = 32
N_CHANNELS = 3
N_PIXEL_BYTES = N_CHANNELS * SIDE * SIDE


def read_records(content: bytes, label_sizes: tuple[int, ...], where: str) -> Split:
    """Turn the bytes of a file into images and labels.

    Parameters
    ----------
    content : bytes
        The whole file. Its size says how many records there are.
    label_sizes : tuple of int
        For each label byte of a record, the number of classes it may name. The
        last one is the class of the image.
    where : str
        Name of the file, for error messages.

    Returns
    -------
    Split
        Images as uint8 of shape (n, 32, 32, 3), labels as int64.

    Raises
    ------
    DataError
        If the size is not that of one or more whole records, or a label is out of
        range.
    """
    n_record_bytes = len(label_sizes) + N_PIXEL_BYTES
    if not content or len(content) % n_record_bytes:
        raise DataError(
            f"{where}: the file is damaged or not in this format, got {len(content)} "
            f"bytes; expected a multiple of {n_record_bytes}, the bytes of one image "
            "and its label; get the file again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, n_record_bytes)
    for position, n_classes in enumerate(label_sizes):
        _check_labels(records[:, position], n_classes, where)
    planes = records[:, len(label_sizes) :].reshape(-1, N_CHANNELS, SIDE, SIDE)
    return Split(
        inputs=np.ascontiguousarray(np.moveaxis(planes, 1, -1)),
        labels=records[:, len(label_sizes) - 1].astype(np.int64),
    )


def _check_labels(labels: np.ndarray, n_classes: int, where: str) -> None:
    too_large = np.flatnonzero(labels >= n_classes)
    if too_large.size:
        first = int(too_large[0])
        raise DataError(
            f"{where}: a label is out of range, got {labels[first]} at image {first}; "
            f"expected 0 to {n_classes - 1}; check that the file belongs to this "
            "data set, or get it again"
        )
