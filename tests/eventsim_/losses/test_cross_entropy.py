import math

import numpy as np
import pytest
from eventsim_.losses.output_spikes import by_times, cases, random_case, trains
from hypothesis import given
from hypothesis import strategies as st

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
    loss = time_cross_entropy(times, labels, t_unfired=4.0, beta=beta)
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
    loss = time_cross_entropy(times, labels, t_unfired=4.0)
    filled = np.where(np.isinf(times), 4.0, times)
    assert loss.value == pytest.approx(slow_cross_entropy(-filled, labels))
    np.testing.assert_array_equal(loss.d_output[np.isinf(times)], 0)
    exact = time_cross_entropy(filled, labels, t_unfired=4.0).d_output
    np.testing.assert_array_equal(
        loss.d_output[np.isfinite(times)], exact[np.isfinite(times)]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_time_cross_entropy__all_silent_is_finite(dtype):
    times = np.full((2, 3), INF, dtype)
    loss = time_cross_entropy(times, np.array([0, 2]), t_unfired=3.0, beta=100.0)
    assert loss.value == pytest.approx(math.log(3))
    assert loss.d_output.dtype == dtype
    assert not loss.d_output.any()


@given(cases(), st.sampled_from([2.0, 8.0]))
def test_time_cross_entropy__of_trains_is_that_of_first_spikes(case, t_unfired):
    spikes, labels = case
    arguments = {"t_unfired": t_unfired, "beta": 3.0}
    loss = time_cross_entropy(spikes, labels, **arguments)
    first = spikes.first_spikes()
    dense = time_cross_entropy(first, labels, **arguments)
    assert loss.value == dense.value
    assert loss.d_output.shape == spikes.time.shape
    # Each neuron's derivative once, at a spike of its first time.
    sums = np.zeros_like(first)
    np.add.at(sums, (spikes.sample, spikes.neuron), loss.d_output)
    np.testing.assert_array_equal(sums, dense.d_output)
    later = spikes.time > first[spikes.sample, spikes.neuron]
    assert not loss.d_output[later].any()


def test_time_cross_entropy__gradient_of_trains_is_the_derivative_by_times():
    for seed in range(4):
        spikes, labels = random_case(seed)

        def loss(spikes, labels=labels):
            return time_cross_entropy(spikes, labels, t_unfired=5.0, beta=2.0)

        expected = by_times(lambda s, loss=loss: loss(s).value, spikes)
        np.testing.assert_allclose(loss(spikes).d_output, expected, atol=1e-8)


def test_time_cross_entropy__tied_spikes_of_a_neuron_share_nothing():
    spikes = trains([(0.5, 0), (0.5, 0), (0.5, 1)])
    loss = time_cross_entropy(spikes, np.array([1]), t_unfired=2.0)
    assert np.count_nonzero(loss.d_output) == 2
    assert loss.d_output[1] == 0


@given(cases(), st.sampled_from([2.0, 8.0]))
def test_time_cross_entropy__gradient_sums_to_what_the_silent_have(case, t_unfired):
    # Appendix of Zhu et al., Eq. 14 and 15, per sample.
    spikes, labels = case
    beta = 1.5
    first = spikes.first_spikes()
    silent = np.isinf(first)
    weights = np.exp(-beta * np.where(silent, t_unfired, first))
    shares = weights / weights.sum(axis=1, keepdims=True)
    label_fires = ~silent[np.arange(labels.size), labels]
    expected = beta * (np.where(silent, shares, 0).sum(axis=1) - ~label_fires)
    loss = time_cross_entropy(spikes, labels, t_unfired=t_unfired, beta=beta)
    sums = np.bincount(spikes.sample, loss.d_output, labels.size) * labels.size
    np.testing.assert_allclose(sums, expected, atol=1e-14)
    all_fire = ~silent.any(axis=1)
    np.testing.assert_allclose(sums[all_fire], 0, atol=1e-14)


def test_time_cross_entropy__a_late_t_unfired_balances_the_gradient():
    spikes, labels = trains([(1.0, 0), (1.5, 1)]), np.array([0])
    sums = [
        time_cross_entropy(spikes, labels, t_unfired=t, beta=1.0).d_output.sum()
        for t in (2.0, 8.0, 40.0)
    ]
    assert sums[0] > 0.1 > sums[1] > 1e-4
    assert sums[2] == pytest.approx(0, abs=1e-15)


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
