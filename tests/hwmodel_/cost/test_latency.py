from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import close

from hwmodel.chip.chip import load_chip
from hwmodel.cost.latency import latency, steps_begun


@pytest.mark.parametrize(
    ("windows", "steps_per_window", "steps"),
    [(16.0, 10, 160), (2.0, 1, 2), (2.55, 10, 26), (0.1 + 0.2, 10, 3), (1e-3, 10, 1)],
)
def test_latency__counts_a_begun_step_whole(windows, steps_per_window, steps):
    assert latency(windows, steps_per_window, load_chip("truenorth")).steps == steps


def test_latency__is_steps_times_step():
    # 16 windows of 10 steps of 1 ms
    assert latency(16.0, 10, load_chip("spinnaker")).seconds == close(0.160)


def test_latency__unknown_step_gives_a_reason():
    result = latency(16.0, 10, load_chip("canmore"))
    assert result.seconds is None
    assert "timing.step of chip canmore is unknown" in result.reason


def test_steps_begun__borders_belong_to_the_step_before():
    windows = np.array([[0.0, 1e-9, 0.01, 0.1], [0.1 + 1e-9, 0.11, 0.2, 1.0]])
    steps = steps_begun(windows, 10)
    assert steps.tolist() == [[0, 0, 1, 1], [1, 2, 2, 10]]
    assert steps.dtype == np.int64
