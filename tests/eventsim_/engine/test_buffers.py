import numpy as np

from eventsim.engine.buffers import Buffers


def test_get__keeps_the_array_for_the_same_or_a_shorter_batch():
    buffers = Buffers()
    first = buffers.get("a", (4, 3), np.float64)
    first[:] = 7
    shorter = buffers.get("a", (2, 3), np.float64)
    assert shorter.shape == (2, 3)
    assert np.shares_memory(first, shorter)
    assert buffers.get("a", (4, 3), np.float64)[3, 0] == 7


def test_get__gives_a_new_array_for_other_names_shapes_and_types():
    buffers = Buffers()
    first = buffers.get("a", (4, 3), np.float64)
    for name, shape, dtype in (
        ("b", (4, 3), np.float64),
        ("a", (5, 3), np.float64),
        ("a", (4, 2), np.float64),
        ("a", (4, 3), np.float32),
    ):
        other = buffers.get(name, shape, dtype)
        assert other.shape == shape
        assert other.dtype == dtype
        assert other.flags.c_contiguous
        assert not np.shares_memory(first, other)
