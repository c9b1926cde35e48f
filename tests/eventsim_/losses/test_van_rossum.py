import math

import numpy as np
import pytest
from eventsim_.losses.output_spikes import (
    DURATION,
    N_CLASSES,
    STEP,
    by_masses,
    by_times,
    cases,
    listed,
    random_case,
    trains,
)
from hypothesis import given
from hypothesis import strategies as st

from eventsim.losses import van_rossum

TAU = 0.7
TARGETS = np.array([0.375, 0.875, 1.375, 1.875])
ARGUMENTS = {"duration": DURATION, "targets": TARGETS, "tau": TAU}


def slow_value(spikes, labels, targets, tau):
    """Quadrature of the squared difference, cell by cell of the grid."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    starts = np.arange(0, DURATION, STEP)
    times = (starts[:, None] + (nodes + 1) * STEP / 2).ravel()
    weights = np.tile(weights * STEP / 2, starts.size)
    difference = np.zeros((labels.size, N_CLASSES, times.size))

    def kernel(t):
        return np.where(t >= 0, np.exp(-np.maximum(t, 0) / tau) / tau, 0)

    for sample, time, neuron, mass in listed(spikes):
        difference[sample, neuron] += mass * kernel(times - time)
    for sample, label in enumerate(labels):
        for target in targets:
            difference[sample, label] -= kernel(times - target)
    return float(np.sum(difference**2 @ weights)) / 2 / labels.size


@given(cases(with_masses=True), st.sampled_from([0.2, 0.7, 50.0]))
def test_van_rossum__agrees_with_quadrature(case, tau):
    spikes, labels = case
    loss = van_rossum(spikes, labels, duration=DURATION, targets=TARGETS, tau=tau)
    expected = slow_value(spikes, labels, TARGETS, tau)
    assert loss.value == pytest.approx(expected, rel=1e-11, abs=1e-14)
    assert loss.d_output.shape == spikes.time.shape


@pytest.mark.parametrize("until", ["end", "infinity"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_van_rossum__linearised_gradient_is_minus_the_derivative_by_masses(
    reduction, until
):
    for seed in range(4):
        spikes, labels = random_case(seed)

        def loss(spikes, labels=labels):
            return van_rossum(
                spikes, labels, reduction=reduction, until=until, **ARGUMENTS
            )

        expected = -by_masses(lambda s, loss=loss: loss(s).value, spikes)
        np.testing.assert_allclose(loss(spikes).d_output, expected, atol=1e-8)


@pytest.mark.parametrize("until", ["end", "infinity"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_van_rossum__exact_gradient_is_the_derivative_by_times(reduction, until):
    for seed in range(4):
        spikes, labels = random_case(seed)

        def loss(spikes, labels=labels):
            return van_rossum(
                spikes, labels, gradient="exact", reduction=reduction, until=until,
                **ARGUMENTS,
            )  # fmt: skip

        expected = by_times(lambda s, loss=loss: loss(s).value, spikes)
        np.testing.assert_allclose(loss(spikes).d_output, expected, atol=1e-8)


@given(cases(with_masses=True))
def test_van_rossum__exact_gradient_at_ties_is_the_mean_of_both_sides(case):
    # Central differences over a kink are the mean of its two slopes.
    spikes, labels = case
    inner = (spikes.time > 0) & (spikes.time < DURATION)

    def loss(spikes):
        return van_rossum(spikes, labels, gradient="exact", **ARGUMENTS)

    clipped = trains(
        *[
            [
                (time, neuron, mass)
                for (b, time, neuron, mass), keep in zip(
                    listed(spikes), inner, strict=True
                )
                if b == sample and keep
            ]
            for sample in range(spikes.batch)
        ]
    )
    expected = by_times(lambda s: loss(s).value, clipped, step=1e-7)
    np.testing.assert_allclose(loss(clipped).d_output, expected, atol=1e-5)


def test_van_rossum__is_0_where_output_and_target_are_the_same():
    spikes = trains([(t, 1) for t in TARGETS])
    for gradient in ("linearised", "exact"):
        loss = van_rossum(spikes, np.array([1]), gradient=gradient, **ARGUMENTS)
        assert loss.value == 0
        np.testing.assert_allclose(loss.d_output, 0, atol=1e-15)


def test_van_rossum__one_spike_by_hand():
    # Of a neuron without targets: half the integral of the squared kernel, to the end.
    spikes, left = trains([(0.5, 0)]), math.exp(-2 * 1.5 / TAU)
    labels, targets = np.array([1]), np.array([])
    arguments = {"duration": DURATION, "targets": targets, "tau": TAU}
    loss = van_rossum(spikes, labels, **arguments)
    assert loss.value == pytest.approx((1 - left) / (4 * TAU), rel=1e-13)
    assert loss.d_output.tolist() == pytest.approx([-(1 - left) / (2 * TAU)])
    exact = van_rossum(spikes, labels, gradient="exact", **arguments)
    assert exact.d_output.tolist() == pytest.approx([-left / (2 * TAU**2)])


@pytest.mark.parametrize("time", [0.0, 0.5, DURATION])
def test_van_rossum__without_end_a_lone_spike_counts_the_same_at_any_time(time):
    arguments = {"duration": DURATION, "targets": np.array([]), "tau": TAU}
    arguments |= {"until": "infinity"}
    spikes, labels = trains([(time, 0)]), np.array([1])
    loss = van_rossum(spikes, labels, **arguments)
    assert loss.value == pytest.approx(1 / (4 * TAU), rel=1e-13)
    assert loss.d_output.tolist() == pytest.approx([-1 / (2 * TAU)])
    exact = van_rossum(spikes, labels, gradient="exact", **arguments)
    assert exact.d_output.tolist() == [0]


def test_van_rossum__without_end_is_the_limit_of_long_runs():
    spikes, labels = random_case(2)
    endless = van_rossum(spikes, labels, until="infinity", **ARGUMENTS)
    long = van_rossum(spikes, labels, **{**ARGUMENTS, "duration": 60 * TAU})
    assert endless.value == pytest.approx(long.value, rel=1e-13)
    np.testing.assert_allclose(endless.d_output, long.d_output, rtol=1e-12)


def test_van_rossum__silence_and_spikes_at_the_ends():
    labels = np.array([1])
    silent = van_rossum(trains([]), labels, **ARGUMENTS)
    assert silent.value == pytest.approx(
        slow_value(trains([]), labels, TARGETS, TAU), rel=1e-12
    )
    assert silent.d_output.shape == (0,)
    at_end = van_rossum(trains([(DURATION, 0)]), labels, **ARGUMENTS)
    assert at_end.value == pytest.approx(silent.value, rel=1e-14)
    assert at_end.d_output.tolist() == [0]
    at_start = van_rossum(trains([(0.0, 0)]), labels, **ARGUMENTS)
    assert at_start.d_output[0] < 0
    nothing = van_rossum(
        trains([]), labels, duration=DURATION, targets=np.array([]), tau=TAU
    )
    assert nothing.value == 0


def test_van_rossum__no_target_pushes_later_and_a_dense_one_earlier():
    # Fig. 2c, d of Zhu et al.
    spikes = trains([(0.6, 0), (0.6, 1)])
    loss = van_rossum(spikes, np.array([0]), **ARGUMENTS)
    assert loss.d_output[0] > 0 > loss.d_output[1]
