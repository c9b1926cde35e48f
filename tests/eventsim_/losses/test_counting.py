import math

import numpy as np
import pytest
from eventsim_.losses.output_spikes import (
    DURATION,
    by_masses,
    cases,
    entry,
    random_case,
    trains,
)
from hypothesis import given
from hypothesis import strategies as st

from eventsim.losses import CountTargets, counting, enhanced_counting
from eventsim.losses.output_trains import spike_counts

LAMBDA = 1 / (2 * DURATION)
FIVE_ONE = CountTargets(5, 1)


def slow_value(name, spikes, labels, targets):
    """Sum over all neurons of Eq. 9 or Eq. 13, neuron by neuron."""
    total = 0.0
    for row, label in zip(spike_counts(spikes).tolist(), labels, strict=True):
        for neuron, m in enumerate(row):
            target = targets.label if neuron == label else targets.other
            if targets.clip:
                m = min(m, target) if neuron == label else max(m, target)
            if name == "counting":
                total += LAMBDA * (m - target) ** 2
            elif m > 0:
                total += 2 * LAMBDA * (m - target * math.log(m))
    return total / len(labels)


LOSSES = {"counting": counting, "enhanced_counting": enhanced_counting}


@pytest.mark.parametrize("name", LOSSES)
@given(cases(with_masses=True), st.booleans())
def test_counting__is_the_published_formula(name, case, clip):
    spikes, labels = case
    targets = CountTargets(3, 0.75, clip)
    loss = LOSSES[name](spikes, labels, duration=DURATION, targets=targets)
    expected = slow_value(name, spikes, labels, targets)
    assert loss.value == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert loss.d_output.shape == spikes.time.shape
    assert np.isfinite(loss.d_output).all()


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_counting__gradient_is_minus_the_derivative_by_masses(name, clip):
    for seed in range(5):
        spikes, labels = random_case(seed)
        targets = CountTargets(3, 1, clip)

        def value(spikes, labels=labels, targets=targets):
            return LOSSES[name](
                spikes, labels, duration=DURATION, targets=targets
            ).value

        loss = LOSSES[name](spikes, labels, duration=DURATION, targets=targets)
        np.testing.assert_allclose(
            loss.d_output, -by_masses(value, spikes), rtol=1e-7, atol=1e-9
        )


@pytest.mark.parametrize("m", [1, 2, 4, 5])
def test_counting__totals_of_the_labels_neuron(m):
    spikes = trains([(0.25 * k, 1) for k in range(m)])
    arguments = {"duration": DURATION, "targets": FIVE_ONE}
    count = counting(spikes, np.array([1]), **arguments).d_output
    enhanced = enhanced_counting(spikes, np.array([1]), **arguments).d_output
    # Appendix, Eq. 6 and section 4.
    assert count.sum() == pytest.approx(2 * LAMBDA * m * (5 - m), rel=1e-14)
    assert enhanced.sum() == pytest.approx(2 * LAMBDA * (5 - m), rel=1e-14)
    assert np.ptp(count) == np.ptp(enhanced) == 0
    assert np.all(enhanced >= 0)


@pytest.mark.parametrize("m", [1, 2, 6])
def test_counting__totals_of_other_neurons(m):
    spikes = trains([(0.25 * k, 2) for k in range(m)])
    arguments = {"duration": DURATION, "targets": FIVE_ONE}
    count = counting(spikes, np.array([1]), **arguments).d_output
    enhanced = enhanced_counting(spikes, np.array([1]), **arguments).d_output
    assert count.sum() == pytest.approx(2 * LAMBDA * m * (1 - m), abs=1e-14)
    assert enhanced.sum() == pytest.approx(2 * LAMBDA * (1 - m), abs=1e-14)
    assert np.all(count <= 0)


def test_counting__clip_stops_at_the_target():
    # The label's neuron fires more often than wanted, another one less often.
    spikes = trains([(0.1 * k, 0) for k in range(4)] + [(1.0, 1)])
    for function in LOSSES.values():
        clipped, free = (
            function(
                spikes,
                np.array([0]),
                duration=DURATION,
                targets=CountTargets(2, 3, clip),
            ).d_output
            for clip in (True, False)
        )
        assert not clipped.any()
        is_own = entry(spikes, 0, 0)
        assert np.all(free[is_own] < 0)
        assert np.all(free[~is_own] > 0)


def test_counting__label_gradients_are_scaled_as_in_the_released_code():
    # Clipped counts of labels: 1 and 0. Of others: 24 and 1 in the first sample, 1 and
    # 1 in the second; a silent one counts as its target.
    spikes = trains([(0.05 * k, 0) for k in range(24)] + [(1.5, 1)], [(0.5, 2)])
    labels = np.array([1, 0])
    plain, scaled = (
        counting(
            spikes,
            labels,
            duration=DURATION,
            targets=CountTargets(5, 1, scale_labels=scale_labels),
        )
        for scale_labels in (False, True)
    )
    ratio = (24 + 1 + 1 + 1 + 1e-5) / (1 + 1e-5)
    factor = np.where(entry(spikes, 0, 1), ratio / 10, 1.0)
    assert ratio > 10
    np.testing.assert_allclose(scaled.d_output, factor * plain.d_output, rtol=1e-14)
    assert scaled.value == plain.value


def test_counting__label_gradients_are_never_scaled_down():
    spikes, labels = trains([(0.5, 1), (0.75, 1)]), np.array([1])
    for function in LOSSES.values():
        plain, scaled = (
            function(
                spikes,
                labels,
                duration=DURATION,
                targets=CountTargets(5, 1, scale_labels=scale_labels),
            ).d_output
            for scale_labels in (False, True)
        )
        assert scaled.tolist() == plain.tolist()


def test_enhanced_counting__silent_neurons_count_0():
    # Eq. 14: f = 0 without a spike. Without clip nothing is left; with it a silent
    # other neuron stands at its target, 1 - 1 ln 1 = 1.
    silent = trains([])
    for clip, value in ((False, 0.0), (True, 2 * LAMBDA * 2)):
        loss = enhanced_counting(
            silent, np.array([0]), duration=DURATION, targets=CountTargets(5, 1, clip)
        )
        assert loss.value == value
        assert loss.d_output.shape == (0,)


@pytest.mark.parametrize("name", LOSSES)
def test_counting__sum_is_the_mean_times_the_batch(name):
    spikes, labels = random_case(9)
    mean, total = (
        LOSSES[name](
            spikes, labels, duration=DURATION, targets=FIVE_ONE, reduction=reduction
        )
        for reduction in ("mean", "sum")
    )
    assert total.value == pytest.approx(4 * mean.value, rel=1e-14)
    assert total.per_sample == pytest.approx(mean.value, rel=1e-14)
    np.testing.assert_allclose(total.d_output, 4 * mean.d_output, rtol=1e-14)
