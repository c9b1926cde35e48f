import math

import numpy as np
import pytest
from eventsim_.neurons.model_checks import check_kernel, check_rate_gradient
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.neurons.relpsp import fire_in_window, time_to_threshold

traces = st.floats(-5, 5, allow_nan=False)


@pytest.mark.parametrize(
    ("potential", "slope", "activation", "gain"),
    [
        (0.5, 1.0, 0.75, 0.5),  # inside: (A + S) / (1 + S)
        (0.25, 0.0, 0.25, 1.0),  # level potential, falling threshold
        (0.5, -0.25, 1 / 3, 4 / 3),  # falling more slowly than the threshold
        (1.0, 0.5, 1.0, 0.0),  # at the threshold when the window opens
        (3.0, -9.0, 1.0, 0.0),  # above it then, whatever follows
        (0.5, -0.5, 0.0, 0.0),  # touches it at the end only: silent
        (0.0, 0.0, 0.0, 0.0),  # no input
        (-0.5, 0.25, 0.0, 0.0),
        (0.5, -1.0, 0.0, 0.0),  # 1 + S = 0
        (0.5, -3.0, 0.0, 0.0),  # 1 + S < 0
        (-1.0, 3.0, 0.5, 0.25),  # from below zero
    ],
)
def test_fire_in_window__every_case_by_hand(potential, slope, activation, gain):
    found = fire_in_window(potential, slope)
    assert found == pytest.approx((activation, gain), rel=1e-15, abs=0)


@settings(max_examples=200, deadline=None)
@given(traces, traces)
def test_fire_in_window__agrees_with_a_walk_through_the_window(potential, slope):
    activation, gain = fire_in_window(potential, slope)
    assert 0 <= activation <= 1
    assert 0 <= gain < math.inf
    r = np.linspace(0, 1, 1001)[:-1]
    reached = potential + slope * r >= 1 - r
    if activation == 0:
        assert not reached.any()
    elif reached.any():
        first = r[reached.argmax()]
        assert first - 1e-3 - 1e-9 <= 1 - activation <= first + 1e-9
    else:
        assert 1 - activation >= 0.999 - 1e-9


@settings(max_examples=200, deadline=None)
@given(traces, traces)
def test_fire_in_window__float32_follows_float64(potential, slope):
    potential, slope = np.float32(potential), np.float32(slope)
    exact, gain = fire_in_window(float(potential), float(slope))
    rounded, _ = fire_in_window(potential, slope)
    assert abs(rounded - exact) <= 1e-6 * max(1, gain)


@pytest.mark.parametrize(
    ("u", "slope", "theta", "expected"),
    [
        (0.0, 2.0, 1.0, 0.5),
        (-1.0, 0.5, 1.0, 4.0),
        (0.5, 0.0, 1.0, math.inf),
        (0.5, -1.0, 1.0, math.inf),
    ],
)
def test_time_to_threshold__by_hand(u, slope, theta, expected):
    assert time_to_threshold(u, slope, theta) == expected


def test_dynamics__has_the_written_kernels():
    check_kernel("relpsp")


def test_by_time_constants__there_are_none():
    check_rate_gradient("relpsp")
