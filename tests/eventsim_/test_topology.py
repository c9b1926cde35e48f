import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eventsim.errors import ShapeError
from eventsim.topology import (
    AveragePool,
    Conv2d,
    Dense,
    Dropout,
    EarliestPool,
    Flatten,
    Sparse,
)

sizes = st.integers(1, 9)


def n_places(size, kernel, stride, padding=0):
    """Count the places at which a kernel fits."""
    last = size + 2 * padding - kernel
    return len([start for start in range(0, last + 1, stride)])


@settings(max_examples=100, deadline=None)
@given(sizes, sizes, sizes, sizes, st.integers(1, 4), st.integers(0, 3))
def test_conv2d__output_has_every_place_where_the_kernel_fits(
    height, width, kernel_h, kernel_w, stride, padding
):
    assume(kernel_h <= height + 2 * padding)
    assume(kernel_w <= width + 2 * padding)
    topology = Conv2d((height, width, 2), 5, (kernel_h, kernel_w), stride, padding)
    assert topology.output_shape == (
        n_places(height, kernel_h, stride, padding),
        n_places(width, kernel_w, stride, padding),
        5,
    )
    assert topology.weight_shape == (kernel_h, kernel_w, 2, 5)
    assert topology.fan_in == kernel_h * kernel_w * 2
    assert topology.n_features == 5


@pytest.mark.parametrize("pool", [EarliestPool, AveragePool])
@settings(max_examples=50, deadline=None)
@given(sizes, sizes, sizes, st.integers(1, 4))
def test_pools__windows_over_the_border_are_dropped(pool, height, width, size, stride):
    assume(size <= min(height, width))
    topology = pool((height, width, 3), size, stride)
    assert topology.output_shape == (
        n_places(height, size, stride),
        n_places(width, size, stride),
        3,
    )
    assert not topology.has_neurons


def test_dense__reads_maps_in_flat_order():
    topology = Dense((2, 3, 4), 5)
    assert topology.weight_shape == (24, 5)
    assert topology.fan_in == 24
    assert topology.output_shape == (5,)
    assert topology.n_features == 5


def test_sparse__keeps_the_list_as_it_is_given():
    pre, post = np.array([5, 0, 5, 5], np.uint8), np.array([1, 2, 1, 0])
    topology = Sparse((3, 2, 1), 4, pre, post)
    assert topology.weight_shape == (4,)
    assert topology.output_shape == (4,)
    assert topology.n_features == 4
    assert topology.fan_in == 1.0
    assert topology.has_neurons
    np.testing.assert_array_equal(topology.pre, [5, 0, 5, 5])
    np.testing.assert_array_equal(topology.post, [1, 2, 1, 0])
    assert topology.pre.dtype == topology.post.dtype == np.int32


def test_sparse__does_not_change_with_the_caller_s_array():
    pre, post = np.array([0, 1], np.int32), np.array([0, 0], np.int32)
    topology = Sparse((2,), 1, pre, post)
    pre[0] = 1
    assert topology.pre.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        topology.post[0] = 0


def test_sparse__compares_and_hashes_by_content():
    def make(pre=(0, 1), post=(1, 0), shape=(2,), units=2):
        return Sparse(shape, units, np.array(pre, np.int64), np.array(post))

    others = [
        make(pre=(1, 0)),
        make(post=(0, 1)),
        make(shape=(3,)),
        make(units=3),
        make(pre=(0, 1, 1), post=(1, 0, 0)),
        Dense((2,), 2),
    ]
    assert make() == Sparse((2,), 2, np.array([0, 1], np.int8), [1, 0])
    assert hash(make()) == hash(make())
    assert len({make(), make(), *others}) == 1 + len(others)


def test_sparse__may_have_no_synapse():
    none = Sparse((2,), 3, np.array([]), np.array([]))
    assert none.weight_shape == (0,)
    assert none.fan_in == 0


def test_flatten__keeps_the_number_of_neurons():
    assert Flatten((2, 3, 4)).output_shape == (24,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense((3,), 0), "dense: units must be at least 1, got 0"),
        (lambda: Conv2d((3,), 1, (1, 1)), r"conv2d: input has shape \(3,\); expected"),
        (lambda: EarliestPool((3, 3), 2, 2), r"pool: input has shape \(3, 3\)"),
        (lambda: Conv2d((3, 3, 1), 0, (1, 1)), "channels must be at least 1, got 0"),
        (lambda: Conv2d((3, 3, 1), 1, (1, 0)), "kernel must be at least 1, got 0"),
        (lambda: Conv2d((3, 3, 1), 1, (1, 1), 0), "stride must be at least 1, got 0"),
        (
            lambda: Conv2d((3, 3, 1), 1, (1, 1), 1, -1),
            "padding must not be negative, got -1",
        ),
        (
            lambda: Conv2d((3, 9, 1), 1, (6, 2), 1, 1),
            "kernel height 6 is larger than the input height 3 with padding 1; "
            "expected a kernel of at most 5",
        ),
        (
            lambda: Conv2d((9, 3, 1), 1, (2, 6)),
            "kernel width 6 is larger than the input width 3",
        ),
        (lambda: EarliestPool((3, 3, 1), 0, 1), "size must be at least 1, got 0"),
        (lambda: EarliestPool((3, 3, 1), 2, 0), "stride must be at least 1, got 0"),
        (
            lambda: EarliestPool((3, 5, 1), 4, 1),
            "window of 4 x 4 is larger than the input map of 3 x 5",
        ),
        (
            lambda: AveragePool((3, 5, 1), 4, 1),
            "average_pool: window of 4 x 4 is larger than the input map of 3 x 5",
        ),
        (lambda: AveragePool((3,), 1, 1), r"average_pool: input has shape \(3,\)"),
        (lambda: Sparse((2,), 0, [], []), "sparse: units must be at least 1, got 0"),
        (
            lambda: Sparse((2,), 3, [0, 2], [0, 0]),
            "sparse: entry 1 of pre is 2; expected 0 to 1",
        ),
        (
            lambda: Sparse((2,), 3, [0, -1], [0, 0]),
            "sparse: entry 1 of pre is -1; expected 0 to 1",
        ),
        (
            lambda: Sparse((2,), 3, [0, 1], [3, 4]),
            "sparse: entry 0 of post is 3; expected 0 to 2",
        ),
        (
            lambda: Sparse((2,), 3, [0], [2**32]),
            "sparse: entry 0 of post is 4294967296; expected 0 to 2",
        ),
        (
            lambda: Sparse((2,), 3, [0, 1], [0]),
            "sparse: pre has 2 entries and post 1; expected one of each",
        ),
        (lambda: Sparse((2,), 3, [0.0], [0]), "sparse: pre has shape .* float64"),
        (lambda: Sparse((2,), 3, [0], [[0]]), r"sparse: post has shape \(1, 1\)"),
    ],
)
def test_topology__refuses_impossible_geometry(make, message):
    with pytest.raises(ShapeError, match=message):
        make()


def test_topology__is_hashable_and_compares_by_value():
    assert Conv2d((3, 3, 1), 2, (2, 2)) == Conv2d((3, 3, 1), 2, (2, 2))
    assert len({Dense((3,), 2), Dense((3,), 2), Dense((3,), 3)}) == 2
    assert np.prod(Dense((3,), 2).weight_shape) == 6


def test_dropout__has_the_shape_before():
    assert Dropout((4, 3, 2), 0.1).output_shape == (4, 3, 2)
    assert Dropout((7,), 0.0).output_shape == (7,)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_dropout__refuses_rates_out_of_range(rate):
    with pytest.raises(ShapeError, match="dropout: rate is"):
        Dropout((7,), rate)
