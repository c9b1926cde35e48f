import numpy as np
import pytest

from eventsim.losses import silence_penalty


def test_silence_penalty__counts_silent_label_neurons_only():
    # Labels 0, 1, 0, 0: silent at u = -1.5, fired at 0.25, silent at -0.5, and one
    # that fired at the start of its window and ended it at -2.
    potential = np.array([[-1.5, 9.0], [-7.0, 0.25], [-0.5, -0.5], [-2.0, 1.0]])
    is_silent = np.array([[True, False], [True, False], [True, True], [False, False]])
    value, d_potential = silence_penalty(potential, is_silent, np.array([0, 1, 0, 0]))
    assert value == pytest.approx((1.5 + 0.5) / 4)
    np.testing.assert_allclose(d_potential, [[-1 / 4, 0], [0, 0], [-1 / 4, 0], [0, 0]])


def test_silence_penalty__follows_differences():
    rng = np.random.default_rng(0)
    potential, labels = rng.normal(size=(6, 3)), rng.integers(0, 3, 6)
    is_silent = potential <= 0
    _, d_potential = silence_penalty(potential, is_silent, labels)
    for i in np.ndindex(6, 3):
        moved = potential.copy()
        moved[i] += 1e-6
        above, _ = silence_penalty(moved, is_silent, labels)
        moved[i] -= 2e-6
        below, _ = silence_penalty(moved, is_silent, labels)
        assert (above - below) / 2e-6 == pytest.approx(d_potential[i], abs=1e-8)
