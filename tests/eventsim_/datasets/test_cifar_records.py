"""Records of CIFAR against bytes that are written by hand."""

import numpy as np
import pytest
from eventsim_.datasets.cifar_bytes import random_images, record

from eventsim.datasets.cifar_records import read_records
from eventsim.errors import DataError


def test_read_records__one_label_byte():
    images = random_images(3, seed=1)
    labels = [9, 0, 4]
    content = b"".join(
        record([k], image) for k, image in zip(labels, images, strict=True)
    )
    split = read_records(content, (10,), "a file")
    assert split.inputs.dtype == np.uint8
    np.testing.assert_array_equal(split.inputs, images)
    assert split.labels.dtype == np.int64
    assert split.labels.tolist() == labels


def test_read_records__planes_are_red_green_blue_and_rows_come_first():
    planes = [[0] * 1024 for _ in range(3)]
    planes[0][1] = 11  # red, row 0, column 1
    planes[1][32] = 22  # green, row 1, column 0
    planes[2][1023] = 33  # blue, row 31, column 31
    split = read_records(bytes([7, *planes[0], *planes[1], *planes[2]]), (10,), "x")
    (image,) = split.inputs
    assert image.sum() == 66
    assert (image[0, 1, 0], image[1, 0, 1], image[31, 31, 2]) == (11, 22, 33)


def test_read_records__the_last_label_byte_counts():
    images = random_images(2, seed=2)
    content = record([19, 3], images[0]) + record([0, 99], images[1])
    split = read_records(content, (20, 100), "a file")
    assert split.labels.tolist() == [3, 99]
    np.testing.assert_array_equal(split.inputs, images)


@pytest.mark.parametrize("n_bytes", [0, 1, 3072, 3074, 2 * 3073 - 1])
def test_read_records__refuses_parts_of_records(n_bytes):
    message = (
        rf"batch\.bin: the file is damaged or not in this format, got {n_bytes} bytes; "
        "expected a multiple of 3073, .*; get the file again"
    )
    with pytest.raises(DataError, match=message):
        read_records(bytes(n_bytes), (10,), "batch.bin")


def test_read_records__refuses_files_of_the_other_set():
    content = record([3], random_images(1, seed=3)[0])
    with pytest.raises(DataError, match="got 3073 bytes; expected a multiple of 3074"):
        read_records(content, (20, 100), "train.bin")


@pytest.mark.parametrize(
    ("sizes", "labels", "got", "largest"),
    [
        ((10,), [10], 10, 9),
        ((20, 100), [20, 5], 20, 19),
        ((20, 100), [0, 100], 100, 99),
    ],
)
def test_read_records__refuses_labels_out_of_range(sizes, labels, got, largest):
    images = random_images(3, seed=4)
    good = [record([0] * len(sizes), image) for image in images[:2]]
    content = b"".join([*good, record(labels, images[2])])
    message = (
        rf"f: a label is out of range, got {got} at image 2; expected 0 to {largest}"
    )
    with pytest.raises(DataError, match=message):
        read_records(content, sizes, "f")
