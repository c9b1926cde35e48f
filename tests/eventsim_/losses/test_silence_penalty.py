import numpy as np
import pytest

from eventsim.losses import silence_penalty


def test_silence_penalty__is_a_hinge_on_the_labels_potential():
    # Labels 0, 1, 0: u = -1.5 (penalty 1.5), 0.25 (fires, none), -0.5 (0.5).
    potential = np.array([[-1.5, 9.0], [-7.0, 0.25], [-0.5, -0.5]])
    value, d_potential = silence_penalty(potential, np.array([0, 1, 0]))
    assert value == pytest.approx((1.5 + 0.5) / 3)
    np.testing.assert_allclose(d_potential, [[-1 / 3, 0], [0, 0], [-1 / 3, 0]])


def test_silence_penalty__follows_differences():
    rng = np.random.default_rng(0)
    potential, labels = rng.normal(size=(6, 3)), rng.integers(0, 3, 6)
    _, d_potential = silence_penalty(potential, labels)
    for i in np.ndindex(6, 3):
        moved = potential.copy()
        moved[i] += 1e-6
        above, _ = silence_penalty(moved, labels)
        moved[i] -= 2e-6
        below, _ = silence_penalty(moved, labels)
        assert (above - below) / 2e-6 == pytest.approx(d_potential[i], abs=1e-8)
