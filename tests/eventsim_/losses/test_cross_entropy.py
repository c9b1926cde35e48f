import math

import numpy as np
import pytest

from eventsim.losses import potential_cross_entropy, time_cross_entropy
from eventsim.losses.potential_cross_entropy import predict_largest
from eventsim.losses.time_cross_entropy import predict_earliest

INF = math.inf


def slow_cross_entropy(scores, labels):
    """-log of the label's share, sample by sample, with whole exponentials."""
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        shares = [math.exp(s) for s in row]
        total -= math.log(shares[label] / math.fsum(shares))
    return total / len(labels)


def numeric_gradient(loss, values):
    gradient = np.zeros_like(values)
    for i in np.ndindex(*values.shape):
        sides = []
        for step in (1e-5, -1e-5):
            moved = values.copy()
            moved[i] += step
            sides.append(loss(moved))
        gradient[i] = (sides[0] - sides[1]) / 2e-5
    return gradient


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    return rng.uniform(1, 3, (5, 4)), rng.integers(0, 4, 5)


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_time_cross_entropy__is_the_published_formula(case, beta):
    times, labels = case
    loss = time_cross_entropy(times, labels, t_silent=4.0, beta=beta)
    assert loss.value == pytest.approx(slow_cross_entropy(-beta * times, labels))
    numeric = numeric_gradient(lambda t: slow_cross_entropy(-beta * t, labels), times)
    np.testing.assert_allclose(loss.d_output, numeric, atol=1e-9)


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_potential_cross_entropy__is_the_cross_entropy(case, beta):
    potential, labels = case
    loss = potential_cross_entropy(potential, labels, beta=beta)
    assert loss.value == pytest.approx(slow_cross_entropy(beta * potential, labels))
    numeric = numeric_gradient(
        lambda u: slow_cross_entropy(beta * u, labels), potential
    )
    np.testing.assert_allclose(loss.d_output, numeric, atol=1e-9)


def test_time_cross_entropy__silent_neurons_count_as_latest_without_gradient(case):
    times, labels = case
    times[0, 1] = times[2] = INF
    loss = time_cross_entropy(times, labels, t_silent=4.0)
    filled = np.where(np.isinf(times), 4.0, times)
    assert loss.value == pytest.approx(slow_cross_entropy(-filled, labels))
    np.testing.assert_array_equal(loss.d_output[np.isinf(times)], 0)
    exact = time_cross_entropy(filled, labels, t_silent=4.0).d_output
    np.testing.assert_array_equal(
        loss.d_output[np.isfinite(times)], exact[np.isfinite(times)]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_time_cross_entropy__all_silent_is_finite(dtype):
    times = np.full((2, 3), INF, dtype)
    loss = time_cross_entropy(times, np.array([0, 2]), t_silent=3.0, beta=100.0)
    assert loss.value == pytest.approx(math.log(3))
    assert loss.d_output.dtype == dtype
    assert not loss.d_output.any()


def test_cross_entropy__large_scores_do_not_overflow():
    scores = np.array([[1e4, 0.0], [0.0, 1e4]])
    loss = potential_cross_entropy(scores, np.array([0, 0]))
    assert loss.value == pytest.approx(5e3)
    assert np.isfinite(loss.d_output).all()


def test_predict_earliest__ties_and_silence():
    times = np.array([[2.0, 1.5, 1.5], [INF, INF, 1.0], [INF, INF, INF]])
    np.testing.assert_array_equal(predict_earliest(times), [1, 2, -1])


def test_predict_largest__ties_go_to_the_lowest():
    np.testing.assert_array_equal(
        predict_largest(np.array([[0.0, 1.0, 1.0], [-1.0, -2.0, -3.0]])), [1, 0]
    )
