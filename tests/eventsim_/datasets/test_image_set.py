"""How the parts of an image set are cut."""

import numpy as np
import pytest

from eventsim.datasets.image_files import Images
from eventsim.datasets.image_set import as_dataset
from eventsim.datasets.mnist import SOURCE
from eventsim.datasets.records import Request, Split


@pytest.fixture
def images():
    def split(n, first):
        pixels = np.arange(first, first + n, dtype=np.uint8)
        return Split(np.tile(pixels[:, None, None, None], (1, 2, 3, 1)), pixels % 5)

    return Images(split(100, 0), split(50, 100), "a test")


def numbers_of(split):
    return set(split.inputs[:, 0, 0, 0].tolist())


def test_as_dataset__validation_does_not_depend_on_the_limits(images):
    whole = as_dataset(SOURCE, images, Request(), 20)
    limited = as_dataset(SOURCE, images, Request(limit_train=10, limit_test=5), 20)
    assert [len(p) for p in (whole.train, whole.validation, whole.test)] == [80, 20, 50]
    assert (len(limited.train), len(limited.test)) == (10, 5)
    np.testing.assert_array_equal(limited.validation.inputs, whole.validation.inputs)
    assert numbers_of(limited.train) < numbers_of(whole.train)
    assert not numbers_of(whole.train) & numbers_of(whole.validation)
    assert numbers_of(whole.test) == set(range(100, 150))


def test_as_dataset__says_what_it_is(images):
    dataset = as_dataset(SOURCE, images, Request(n_validation=0), 20)
    assert dataset.input_shape == (2, 3, 1)
    assert dataset.source == "a test"
    assert (dataset.offline_fallback, dataset.note) == (False, "")
    assert (len(dataset.train), len(dataset.validation)) == (100, 0)


def test_as_dataset__passes_the_offline_note_on(images):
    dataset = as_dataset(SOURCE, images, Request(), 20, offline_note="A stand-in.")
    assert (dataset.offline_fallback, dataset.note) == (True, "A stand-in.")
