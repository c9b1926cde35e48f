import math

import numpy as np
import pytest
from eventsim_.neurons.written_out import curve, random_states, rates
from oracles import neuron_oracle

from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.neurons.crossing import (
    bracketed,
    crossing_until,
    final_potential,
    spike_until,
    time_to_threshold,
    turning_time,
)
from eventsim.neurons.dynamics import Dynamics

ALMOST = [1 - 1e-12, 1 + 1e-12, 1 - 1e-6, 1 + 1e-6]
CASES = [
    (1.0, 2.0),
    (1.0, 1.0),
    (0.37, 2.5),
    (2.0, 0.1),  # tau_s above tau_m
    (0.0, 1.0),
    (1e-3, 1.0),
    *((1.0, ratio) for ratio in ALMOST),
    *((ratio, 2.0) for ratio in ALMOST),
]


def scanned(d, v, i, j, theta, horizon):
    """Return the crossing that a dense scan shows, by extended arithmetic."""
    parts = curve(d, v, i, 0, 0, j)
    scales = [1 / rate for rate in (d.alpha, d.beta) if rate > 0]
    t = neuron_oracle.grid(horizon, min(scales), max(scales))
    return neuron_oracle.first_rise(
        lambda t: [x.astype(float) for x in parts(t)[:2]], t, theta
    )


@pytest.mark.parametrize(("alpha", "beta"), CASES)
def test_time_to_threshold__finds_what_a_dense_scan_finds(alpha, beta):
    rng = np.random.default_rng(5)
    d = rates(alpha, beta)
    horizon = 12.0
    n_fired = 0
    for state in zip(*random_states(rng, 250, alpha, beta), strict=True):
        v, i, j, theta = map(float, state)
        if abs(v) > 100 * theta or abs(i) > 1e4 * theta:
            continue
        found = time_to_threshold(d, v, i, 0.0, 0.0, j, theta, horizon)
        expected = scanned(d, v, i, j, theta, horizon)
        if math.inf in (found, expected):
            assert found == expected, (v, i, j, theta)
            continue
        n_fired += 1
        u, slope, size = curve(d, v, i, 0, 0, j)(found)
        assert abs(u - theta) <= 1e-14 * (size + theta)
        assert abs(found - expected) <= 1e-12 * found + 1e-14 * (size + theta) / slope
    assert n_fired > 30


@pytest.mark.parametrize(("alpha", "beta"), CASES)
def test_time_to_threshold__decides_at_the_top_by_greater_or_equal(alpha, beta):
    rng = np.random.default_rng(8)
    d = rates(alpha, beta)
    n_tops = 0
    for _ in range(60):
        v, i, j = rng.normal(), rng.exponential(3), -rng.exponential()
        turn = turning_time(d, v, i, j)
        if not turn < 30:
            continue
        n_tops += 1
        top, _, size = (float(x) for x in curve(d, v, i, 0, 0, j)(turn))
        blur = 1e-15 * size
        for horizon in (math.inf, 40.0):
            at = time_to_threshold(d, v, i, 0.0, 0.0, j, top - blur, horizon)
            assert at == pytest.approx(turn, abs=1e-5)
            args = (d, v, i, 0.0, 0.0, j, top + blur, horizon)
            assert time_to_threshold(*args) == math.inf
    assert n_tops > 20


def test_time_to_threshold__a_top_that_touches_fires():
    # 4 (x - x^2) has its top, 1, at x = 1/2, without any rounding.
    d = rates(1.0, 2.0)
    found = time_to_threshold(d, 0.0, 4.0, 0.0, 0.0, 0.0, 1.0, math.inf)
    assert found == pytest.approx(math.log(2), rel=2e-8)
    above = np.nextafter(1.0, 2.0)
    assert time_to_threshold(d, 0.0, 4.0, 0.0, 0.0, 0.0, above + 4e-16, 9.0) == math.inf


def test_time_to_threshold__counts_a_crossing_at_the_horizon():
    line = rates(0.0, 0.0)
    assert time_to_threshold(line, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.5) == 0.5
    before = np.nextafter(0.5, 0.0)
    assert time_to_threshold(line, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0, before) == math.inf
    d = rates(0.7, 1.9)
    exact = time_to_threshold(d, 0.0, 9.0, 0.0, 0.0, 0.0, 1.0, math.inf)
    assert time_to_threshold(d, 0.0, 9.0, 0.0, 0.0, 0.0, 1.0, exact * (1 + 1e-15)) <= (
        exact * (1 + 1e-15)
    )
    args = (d, 0.0, 9.0, 0.0, 0.0, 0.0, 1.0, exact * (1 - 1e-14))
    assert time_to_threshold(*args) == math.inf


@pytest.mark.parametrize(("alpha", "beta"), CASES)
def test_time_to_threshold__at_the_threshold_already_is_now(alpha, beta):
    d = rates(alpha, beta)
    assert time_to_threshold(d, 1.0, -5.0, 0.0, 0.0, 0.0, 1.0, math.inf) == 0.0


@pytest.mark.parametrize(("alpha", "beta"), CASES)
def test_time_to_threshold__a_limit_is_never_reached(alpha, beta):
    d = rates(alpha, beta)
    v, i, j = 0.0, -0.5, alpha
    if alpha == 0:
        v, i, j = 0.0, beta, 0.0
    assert time_to_threshold(d, v, i, 0.0, 0.0, j, 1.0, math.inf) == math.inf
    assert bracketed(d, v, i, j, 1.0, math.inf) == math.inf
    assert time_to_threshold(d, v, i, 0.0, 0.0, j, 1 - 1e-6, math.inf) < math.inf


@pytest.mark.parametrize(
    ("alpha", "beta"),
    [(1e-6, 2e-6), (1e-6, 1e-6), (1e-6, 1.0), (0.0, 1e-6), (1.0, 2.0)],
)
def test_time_to_threshold__long_silences_are_exact(alpha, beta):
    # The drive takes about a million fast time constants to the threshold.
    d = rates(alpha, beta)
    v, i, j = 0.0, -0.3 * beta, 1e-6 + 0.999 * alpha
    found = time_to_threshold(d, v, i, 0.0, 0.0, j, 0.9985, math.inf)
    assert found < math.inf
    u, slope, size = curve(d, v, i, 0, 0, j)(found)
    assert abs(u - 0.9985) <= 1e-14 * size + np.spacing(found) * slope
    before, _, _ = curve(d, v, i, 0, 0, j)(np.linspace(0, found * (1 - 1e-9), 10_001))
    assert (before < 0.9985).all()


@pytest.mark.parametrize("j", [1e-3, 1e-17, 1e-25, 1e-100])
def test_time_to_threshold__sees_the_top_above_a_tiny_leak(j):
    # Without leak the current lifts v by 2; then the drive takes it down for ever.
    d = rates(0.0, 1.0)
    found = time_to_threshold(d, 0.0, 2.0, 0.0, 0.0, -j, 1.0, math.inf)
    assert found == pytest.approx(math.log(2), rel=2 * j + 1e-14)
    assert turning_time(d, 0.0, 2.0, -j) == pytest.approx(math.log(2 / j), rel=1e-14)


@pytest.mark.parametrize("left", [1e-30, 1e-200, 1e-300, 5e-324])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (1.0, 2.0), (1.0, 0.4)])
def test_time_to_threshold__forgets_a_decayed_current(left, sign, alpha, beta):
    d = rates(alpha, beta)
    found = time_to_threshold(d, 0.0, sign * left, 0.0, 0.0, 2.0, 1.0, math.inf)
    assert found == pytest.approx(math.log(2), rel=1e-14)


@pytest.mark.parametrize(("alpha", "beta"), CASES)
def test_turning_time__is_where_the_slope_vanishes(alpha, beta):
    rng = np.random.default_rng(2)
    d = rates(alpha, beta)
    n_turns = 0
    for v, i, j in rng.normal(size=(400, 3)):
        turn = turning_time(d, v, i, j)
        parts = curve(d, v, i, 0, 0, j)
        if turn < math.inf:
            n_turns += 1
            _, slope, _ = parts(turn)
            size = abs(v) + abs(i) + abs(j)
            assert abs(slope) <= 1e-14 * size
            assert (parts(0.9 * turn)[1] > 0) == (i > 0)
            assert (parts(1.1 * turn)[1] < 0) == (i > 0)
        else:
            _, slope, _ = parts(np.geomspace(1e-9, 20, 200))
            assert (slope > 0).all() or (slope < 0).all()
    assert n_turns > 50


@pytest.mark.parametrize(
    ("alpha", "beta", "state", "expected"),
    [
        (0.5, 1.0, (3.0, 2.0, 1.5), 3.0),
        (0.5, 0.0, (3.0, 2.0, 1.5), 7.0),
        (0.0, 0.5, (3.0, 2.0, 0.0), 7.0),
        (0.0, 0.5, (3.0, 2.0, -1.0), -math.inf),
        (0.0, 0.0, (3.0, 2.0, -1.0), math.inf),
        (0.0, 0.0, (3.0, 2.0, -2.0), 3.0),
    ],
)
def test_final_potential__by_hand(alpha, beta, state, expected):
    assert final_potential(rates(alpha, beta), *state) == expected


def test_crossing_until__is_a_time_of_the_run_not_after_the_interval():
    d = model_of(Neuron("relpsp", "static")).dynamics(Neuron("relpsp", "static"))
    # u = t - now reaches 1 at now + 1.
    assert crossing_until(d, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 4.0) == 3.0
    assert crossing_until(d, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0) == 3.0
    before = np.nextafter(3.0, 0)
    assert crossing_until(d, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 2.0, before) == before
    assert crossing_until(d, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3 - 1e-13) == np.inf
    assert crossing_until(d, 2.0, 1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 2.0) == np.inf
    assert crossing_until(d, 2.0, 1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 2.5) == 2.0


@pytest.mark.parametrize("until", [2.0, 2.5])
def test_spike_until__fires_again_at_once_if_a_refractory_kernel_lets_it(until):
    d = Dynamics(rho=1.0, recoil=1.0, keep_v=1.0)

    def found(v, rise, q, now=2.0):
        return spike_until(d, v, rise, 0.0, q, 0.0, 1.0, now, until)

    assert found(1.0, 3.0, -1.0) == 2.0
    assert found(1.0, 3.0, -1.0, now=until) == until
    # The recoil outweighs the rise, which wins later.
    assert found(1.0, 3.0, -4.0) > 2.0
    assert found(1.0, 3.0, -4.0, now=until) == np.inf
    # Below the threshold.
    assert found(0.9, 3.0, 0.0, now=until) == np.inf
