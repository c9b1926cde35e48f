import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eventsim.errors import ShapeError
from eventsim.topology import Conv2d, Dense, EarliestPool, Flatten

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


@settings(max_examples=50, deadline=None)
@given(sizes, sizes, sizes, st.integers(1, 4))
def test_earliest_pool__windows_over_the_border_are_dropped(
    height, width, size, stride
):
    assume(size <= min(height, width))
    topology = EarliestPool((height, width, 3), size, stride)
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
    ],
)
def test_topology__refuses_impossible_geometry(make, message):
    with pytest.raises(ShapeError, match=message):
        make()


def test_topology__is_hashable_and_compares_by_value():
    assert Conv2d((3, 3, 1), 2, (2, 2)) == Conv2d((3, 3, 1), 2, (2, 2))
    assert len({Dense((3,), 2), Dense((3,), 2), Dense((3,), 3)}) == 2
    assert np.prod(Dense((3,), 2).weight_shape) == 6
