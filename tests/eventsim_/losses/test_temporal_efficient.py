import math

import numpy as np
import pytest
from eventsim_.losses.output_spikes import (
    DURATION,
    STEP,
    by_masses,
    cases,
    mean_over_grid,
    random_case,
    recent_counts,
    trains,
)
from hypothesis import given
from hypothesis import strategies as st

from eventsim.losses import spikemax_s, temporal_efficient


def slow_value(spikes, labels, window):
    """Mean over a fine grid of the cross-entropy of a softmax, written out."""

    def loss(sample, t):
        shares = np.exp(recent_counts(spikes, sample, t, window))
        return -math.log(shares[labels[sample]] / shares.sum())

    return sum(
        mean_over_grid(lambda t, b=b: loss(b, t)) for b in range(spikes.batch)
    ) / len(labels)


@given(cases(with_masses=True), st.sampled_from([STEP, 5 * STEP, DURATION, 7.0]))
def test_temporal_efficient__agrees_with_a_grid(case, window):
    spikes, labels = case
    loss = temporal_efficient(spikes, labels, duration=DURATION, window=window)
    assert loss.value == pytest.approx(slow_value(spikes, labels, window), rel=1e-12)
    assert loss.d_output.shape == spikes.time.shape


@pytest.mark.parametrize("window", [0.3, 3.0])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_temporal_efficient__gradient_is_minus_the_derivative_by_masses(
    window, reduction
):
    spikes, labels = random_case(1)

    def loss(spikes):
        return temporal_efficient(
            spikes, labels, duration=DURATION, window=window, reduction=reduction
        )

    expected = -by_masses(lambda s: loss(s).value, spikes)
    np.testing.assert_allclose(loss(spikes).d_output, expected, rtol=1e-7, atol=1e-9)


def test_temporal_efficient__silence_is_a_fair_guess():
    loss = temporal_efficient(
        trains([], []), np.array([0, 2]), duration=DURATION, window=0.5
    )
    assert loss.value == pytest.approx(math.log(3), rel=1e-15)
    assert loss.d_output.shape == (0,)


def test_temporal_efficient__one_spike_by_hand():
    # The label's neuron is ahead by one for half a time unit of two.
    spikes, labels = trains([(0.25, 1)]), np.array([1])
    loss = temporal_efficient(spikes, labels, duration=DURATION, window=0.5)
    share = math.e / (math.e + 2)
    expected = (1.5 * math.log(3) - 0.5 * math.log(share)) / 2
    assert loss.value == pytest.approx(expected, rel=1e-14)
    assert loss.d_output.tolist() == pytest.approx([0.25 * (1 - share)], rel=1e-14)


def test_temporal_efficient__spikes_at_the_ends_of_the_run():
    at_start, at_end = (
        temporal_efficient(
            trains([(t, 1)]), np.array([1]), duration=DURATION, window=9.0
        )
        for t in (0.0, DURATION)
    )
    whole = spikemax_s(trains([(0.0, 1)]), np.array([1]), duration=DURATION)
    assert at_start.value == pytest.approx(whole.value, rel=1e-14)
    np.testing.assert_allclose(at_start.d_output, whole.d_output, rtol=1e-14)
    assert at_end.value == pytest.approx(math.log(3), rel=1e-15)
    assert at_end.d_output.tolist() == [0]
