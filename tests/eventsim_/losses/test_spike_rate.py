import numpy as np
import pytest
from eventsim_.losses.output_spikes import (
    DURATION,
    by_masses,
    cases,
    random_case,
    trains,
)
from hypothesis import given

from eventsim.losses import spike_rate
from eventsim.losses.output_trains import spike_counts

RATES = {"duration": DURATION, "rate_label": 2.0, "rate_other": 0.25}


@given(cases(with_masses=True))
def test_spike_rate__is_the_published_formula(case):
    spikes, labels = case
    expected = 0.0
    for row, label in zip(spike_counts(spikes), labels, strict=True):
        for neuron, count in enumerate(row):
            wanted = 2.0 if neuron == label else 0.25
            expected += (count / DURATION - wanted) ** 2
    loss = spike_rate(spikes, labels, **RATES)
    assert loss.value == pytest.approx(expected / labels.size, rel=1e-13)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_spike_rate__gradient_is_minus_the_derivative_by_masses(reduction):
    spikes, labels = random_case(4)

    def loss(spikes):
        return spike_rate(spikes, labels, reduction=reduction, **RATES)

    expected = -by_masses(lambda s: loss(s).value, spikes)
    np.testing.assert_allclose(loss(spikes).d_output, expected, rtol=1e-7, atol=1e-9)


def test_spike_rate__too_slow_a_label_comes_earlier_and_too_fast_others_later():
    spikes = trains([(0.5, 0), (1.0, 1), (1.5, 1)])
    loss = spike_rate(spikes, np.array([0]), **RATES)
    # 2 (rate - target) / duration: label 1/2 of 2, other 1 of 1/4.
    assert loss.d_output.tolist() == [1.5, -0.75, -0.75]


def test_spike_rate__silence_has_a_value_and_nothing_to_move():
    loss = spike_rate(trains([]), np.array([0]), **RATES)
    assert loss.value == 2.0**2 + 2 * 0.25**2
    assert loss.d_output.shape == (0,)
