"""Records hold arrays and cannot be changed."""

import dataclasses

import numpy as np
import pytest

from eventsim.datasets.records import Split


def test_split__takes_samples_in_the_order_asked():
    split = Split(np.array([[0.1], [0.2], [0.3]]), np.array([5, 6, 7]))
    taken = split.take(np.array([2, 0]))
    assert taken.inputs.tolist() == [[0.3], [0.1]]
    assert taken.labels.tolist() == [7, 5]
    assert (len(split), len(taken)) == (3, 2)


def test_split__is_frozen():
    split = Split(np.zeros((1, 1)), np.zeros(1, dtype=np.int64))
    with pytest.raises(dataclasses.FrozenInstanceError, match="labels"):
        split.labels = np.ones(1)
