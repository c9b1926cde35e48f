import math

import numpy as np
import pytest
from eventsim_.losses.output_spikes import (
    DURATION,
    N_CLASSES,
    by_times,
    cases,
    entry,
    random_case,
    trains,
)
from hypothesis import given

from eventsim.losses import spike_timing

TARGETS = np.array([0.3, 0.8, 1.3, 1.8])
PUSH = 1 / math.sqrt(N_CLASSES)
ARGUMENTS = {"duration": DURATION, "targets": TARGETS}


def slow_value(spikes, labels):
    total = 0.0
    for sample, label in enumerate(labels):
        for neuron in range(N_CLASSES):
            times = sorted(spikes.time[entry(spikes, sample, neuron)])
            if neuron == label:
                times += [DURATION] * len(TARGETS)
                for time, target in zip(times, TARGETS, strict=False):
                    total += max(time - target, 0) ** 2 / (2 * DURATION)
            else:
                total += PUSH * sum(DURATION - time for time in times)
    return total / len(labels)


@given(cases())
def test_spike_timing__is_its_definition(case):
    spikes, labels = case
    loss = spike_timing(spikes, labels, **ARGUMENTS)
    assert loss.value == pytest.approx(slow_value(spikes, labels), rel=1e-13)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_spike_timing__gradient_is_the_derivative_by_times(reduction):
    for seed in range(4):
        spikes, labels = random_case(seed)

        def loss(spikes, labels=labels):
            return spike_timing(spikes, labels, reduction=reduction, **ARGUMENTS)

        expected = by_times(lambda s, loss=loss: loss(s).value, spikes)
        np.testing.assert_allclose(loss(spikes).d_output, expected, atol=1e-8)


def test_spike_timing__gradient_is_that_of_the_released_code():
    # Five steps of 1; a spike of the label's neuron in steps 1, 3 and 4, from 1.
    # Its 1-based targets are steps 2, 3, 4, 5 less 1/2, errors (t - target) / T.
    spikes = trains([(1.0, 0), (3.0, 0), (4.0, 0), (2.0, 2), (5.0, 1)])
    loss = spike_timing(
        spikes, np.array([0]), duration=5.0, targets=np.array([1.5, 2.5, 3.5, 4.5])
    )
    found = dict(zip(spikes.time.tolist(), loss.d_output.tolist(), strict=True))
    assert found == {
        1.0: 0.0,
        2.0: pytest.approx(-PUSH),
        3.0: pytest.approx(0.5 / 5),
        4.0: pytest.approx(0.5 / 5),
        5.0: pytest.approx(-PUSH),
    }


def test_spike_timing__spikes_beyond_the_last_target_are_left_alone():
    spikes = trains([(0.1 * k, 1) for k in range(8)])
    loss = spike_timing(
        spikes, np.array([1]), duration=DURATION, targets=np.array([0.0, 0.05])
    )
    assert np.flatnonzero(loss.d_output).tolist() == [1]


def test_spike_timing__spikes_that_come_or_go_at_the_end_do_not_jump():
    few = trains([(0.9, 0)])
    for neuron in range(N_CLASSES):
        more = trains([(0.9, 0), (DURATION, neuron)])
        one, two = (spike_timing(s, np.array([0]), **ARGUMENTS) for s in (few, more))
        assert two.value == pytest.approx(one.value, rel=1e-14)


def test_spike_timing__push_can_be_chosen():
    spikes = trains([(0.5, 1)])
    loss = spike_timing(spikes, np.array([0]), push=0.25, **ARGUMENTS)
    assert loss.d_output.tolist() == [-0.25]
    loss = spike_timing(spikes, np.array([0]), push=0.0, **ARGUMENTS)
    assert not loss.d_output.any()


def test_spike_timing__without_targets_or_spikes():
    empty = np.array([])
    loss = spike_timing(trains([]), np.array([0]), duration=DURATION, targets=empty)
    assert loss.value == 0
    loss = spike_timing(
        trains([(0.5, 0)]), np.array([0]), duration=DURATION, targets=empty
    )
    assert (loss.value, loss.d_output.tolist()) == (0, [0])
    loss = spike_timing(trains([]), np.array([0]), **ARGUMENTS)
    assert loss.value == pytest.approx(sum((2 - TARGETS) ** 2) / 4)
