import math

import numpy as np
import pytest
from eventsim_.losses.output_spikes import (
    DURATION,
    STEP,
    by_masses,
    cases,
    entry,
    mean_over_grid,
    random_case,
    recent_counts,
    trains,
)
from hypothesis import given
from hypothesis import strategies as st

from eventsim.losses import spikemax, spikemax_g, spikemax_s
from eventsim.losses.output_trains import spike_counts


def vote_loss(counts, label, epsilon):
    shares = (counts + epsilon) / (counts + epsilon).sum()
    return -math.log(shares[label])


WINDOWS = st.sampled_from([STEP, 5 * STEP, DURATION, 7.0])


@given(cases(with_masses=True), WINDOWS, st.sampled_from([1e-2, 1.0]))
def test_spikemax__agrees_with_a_grid(case, window, epsilon):
    spikes, labels = case
    loss = spikemax(spikes, labels, duration=DURATION, window=window, epsilon=epsilon)
    expected = sum(
        mean_over_grid(
            lambda t, b=b: vote_loss(
                recent_counts(spikes, b, t, window), labels[b], epsilon
            )
        )
        for b in range(spikes.batch)
    )
    assert loss.value == pytest.approx(expected / labels.size, rel=1e-11)
    assert np.isfinite(loss.d_output).all()


@given(cases(with_masses=True))
def test_spikemax_g__is_the_published_formula_with_votes_for_all(case):
    spikes, labels = case
    loss = spikemax_g(spikes, labels, epsilon=0.05)
    rows = zip(spike_counts(spikes), labels, strict=True)
    expected = np.mean([vote_loss(row, label, 0.05) for row, label in rows])
    assert loss.value == pytest.approx(expected, rel=1e-12)


@given(cases())
def test_epsilon__is_one_vote_of_all_in_a_window_and_a_hundredth_in_the_run(case):
    spikes, labels = case
    for name, epsilon in (("spikemax", 1 / spikes.n_neurons), ("spikemax_g", 0.01)):
        found = LOSSES[name](spikes, labels)
        expected = LOSSES[name](spikes, labels, epsilon=epsilon)
        assert found.value == expected.value
        np.testing.assert_array_equal(found.d_output, expected.d_output)


@given(cases(with_masses=True), st.sampled_from([("count", 1), ("rate", DURATION)]))
def test_spikemax_s__is_the_published_formula(case, scores):
    spikes, labels = case
    name, unit = scores
    loss = spikemax_s(spikes, labels, duration=DURATION, scores=name)
    expected = 0.0
    for row, label in zip(spike_counts(spikes), labels, strict=True):
        shares = np.exp(row / unit)
        expected -= math.log(shares[label] / shares.sum())
    assert loss.value == pytest.approx(expected / labels.size, rel=1e-12)


LOSSES = {
    "spikemax": lambda *a, **k: spikemax(*a, duration=DURATION, window=0.6, **k),
    "spikemax_g": spikemax_g,
    "spikemax_s": lambda *a, **k: spikemax_s(*a, duration=DURATION, **k),
    "spikemax_s rate": lambda *a, **k: spikemax_s(
        *a, duration=DURATION, scores="rate", **k
    ),
}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
def test_spikemax__gradient_is_minus_the_derivative_by_masses(name, reduction):
    spikes, labels = random_case(2)

    def value(spikes):
        return LOSSES[name](spikes, labels, reduction=reduction).value

    found = LOSSES[name](spikes, labels, reduction=reduction).d_output
    np.testing.assert_allclose(found, -by_masses(value, spikes), rtol=1e-6, atol=1e-8)


@given(cases(with_masses=True), st.sampled_from([1e-2, 0.5]))
def test_spikemax_g__does_not_change_if_all_votes_are_scaled(case, epsilon):
    # sum (c + epsilon) dL/dc = 0, where dL/dc of a silent neuron, which no spike
    # shows, is 1 / (sum c + C epsilon) less 1 / epsilon for the label's.
    spikes, labels = case
    d_time = spikemax_g(spikes, labels, epsilon=epsilon, reduction="sum").d_output
    counts = spike_counts(spikes)
    for sample, label in enumerate(labels):
        total = 0.0
        votes = counts[sample].sum() + epsilon * spikes.n_neurons
        for neuron, count in enumerate(counts[sample]):
            own = d_time[entry(spikes, sample, neuron)]
            silent = 1 / votes - (neuron == label) / epsilon
            total += (count + epsilon) * (-own[0] if own.size else silent)
        assert total == pytest.approx(0, abs=1e-12)


def test_spikemax__without_smoothing_to_speak_of_scaled_counts_change_nothing():
    # sum c dL/dc = 0 where every class has spikes at all times.
    spikes = trains([(0.0, k, 1.0 + k) for k in range(3)])
    masses = spikes.value
    for loss in (
        spikemax_g(spikes, np.array([1]), epsilon=1e-12),
        spikemax(spikes, np.array([1]), duration=DURATION, window=9.0, epsilon=1e-12),
    ):
        assert masses @ loss.d_output == pytest.approx(0, abs=1e-11)
        assert loss.d_output[0] == pytest.approx(-1 / 6, rel=1e-11)
        # -(1 - p) / c of the label's neuron, c = 2 of 6: earlier.
        assert loss.d_output[1] == pytest.approx((1 - 2 / 6) / 2, rel=1e-11)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("samples", [([],), ([(0.5, 2)],), ([], [(0.0, 0), (2.0, 0)])])
def test_spikemax__is_finite_with_silent_outputs(name, samples):
    spikes = trains(*samples)
    loss = LOSSES[name](spikes, np.ones(spikes.batch, np.int64))
    assert np.isfinite(loss.value)
    assert np.isfinite(loss.d_output).all()
    # Votes for other classes come later.
    assert np.all(loss.d_output <= 0)
    assert loss.d_output.shape == spikes.time.shape


def test_spikemax__is_spikemax_g_if_all_votes_come_at_once():
    spikes, labels = trains([(0.0, 1), (0.0, 1), (0.0, 0)]), np.array([1])
    sliding = spikemax(spikes, labels, duration=DURATION, window=DURATION, epsilon=0.05)
    whole = spikemax_g(spikes, labels, epsilon=0.05)
    assert sliding.value == pytest.approx(whole.value, rel=1e-14)
    np.testing.assert_allclose(sliding.d_output, whole.d_output, rtol=1e-14)


def test_spikemax__a_spike_at_the_end_counts_for_no_time():
    loss = spikemax(
        trains([(DURATION, 1)]), np.array([1]), duration=DURATION, window=1.0
    )
    assert loss.value == pytest.approx(math.log(3), rel=1e-14)
    assert loss.d_output.tolist() == [0]
