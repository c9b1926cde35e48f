import math

import numpy as np
import pytest
from eventsim_.neurons.written_out import curve, rates
from oracles import neuron_oracle

from eventsim.neurons.crossing import time_to_threshold
from eventsim.neurons.refractory_crossing import slopes, with_refractory_kernel

CASES = [
    (1.0, 1.0, 1.0),
    (1.0, 1.0, 0.2),
    (1.0, 1.0, 4.0),
    (1.0, 2.0, 0.5),
    (0.3, 2.0, 1.1),
    (2.0, 0.4, 5.0),
    (0.0, 1.0, 0.7),
    (1.0, 0.0, 0.7),
    (1.0, 1.0, 1 + 1e-12),
    (1.0, 1.0, 1 - 1e-6),
    (1.0, 1 + 1e-9, 1 - 1e-9),
]


def random_states(rng, n):
    """Yield states below the threshold 1, and states just after a spike."""
    for _ in range(n):
        j = rng.normal(0, 0.7) * (rng.random() < 0.4) + (rng.random() < 0.15)
        p = rng.normal(0, rng.choice([0.1, 1, 5]))
        q = rng.normal(0, rng.choice([0.3, 2, 8]))
        i = rng.normal(0, rng.choice([0.3, 2, 8]))
        if rng.random() < 0.5:
            v = 1.0 - p
        else:
            v = 1 - p - rng.exponential(1) * rng.choice([1e-3, 1, 3])
        yield v, i, p, q, j


def scanned(d, v, i, p, q, j, horizon):
    parts = curve(d, v, i, p, q, j)
    scales = [1 / rate for rate in (d.alpha, d.beta, d.rho) if rate > 0]
    t = neuron_oracle.grid(horizon, min(scales), max(scales))
    return neuron_oracle.first_rise(
        lambda t: [x.astype(float) for x in parts(t)[:2]],
        t,
        1.0,
        stands_at_height=abs(v + p - 1) < 1e-12,
    )


@pytest.mark.parametrize(("alpha", "beta", "rho"), CASES)
def test_with_refractory_kernel__finds_what_a_dense_scan_finds(alpha, beta, rho):
    rng = np.random.default_rng(11)
    d = rates(alpha, beta, rho)
    horizon = 15.0
    n_fired = n_at_once = n_late = 0
    for state in random_states(rng, 250):
        v, i, p, q, j = map(float, state)
        found = with_refractory_kernel(d, v, i, p, q, j, 1.0, horizon)
        expected = scanned(d, v, i, p, q, j, horizon)
        if math.inf in (found, expected):
            assert found == expected, state
            continue
        n_fired += 1
        n_at_once += found == 0
        n_late += found > 1
        u, slope, size = curve(d, v, i, p, q, j)(found)
        assert abs(u - 1) <= 1e-13 * (size + 1)
        assert abs(found - expected) <= 1e-12 * found + 1e-14 * (size + 1) / slope
    assert n_fired > 80
    assert n_at_once > 30
    assert n_late > 1


def three_turns(d):
    """Return a state after a spike whose potential falls, rises and falls again."""
    return 1.0, 6.0, 0.0, -7.0, 0.0


@pytest.mark.parametrize("rho", [2.0, 3.0, 8.0])
def test_with_refractory_kernel__decides_at_the_top_by_greater_or_equal(rho):
    d = rates(1.0, 1.0, rho)
    v, i, p, q, j = three_turns(d)
    parts = curve(d, v, i, p, q, j)
    t = np.linspace(0, 20, 400_001)
    u, slope, _ = parts(t)
    assert slope[0] < 0
    k = int(np.argmax(np.where(t > 0.05, u, -9)))
    assert 0 < k < t.size - 1
    low, high = t[k - 1], t[k + 1]
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if parts(middle)[1] > 0 else (low, middle)
    top = float(parts(low)[0])
    for horizon in (math.inf, 20.0):
        args = (d, v, i, p, q, j)
        at = with_refractory_kernel(*args, top * (1 - 4e-16), horizon)
        assert at == pytest.approx(low, abs=1e-7)
        assert with_refractory_kernel(*args, top * (1 + 2e-15), horizon) == math.inf


def test_with_refractory_kernel__a_rising_potential_fires_again_at_once():
    d = rates(1.0, 1.0, 1.0)
    # At the threshold, up to the rounding of the state that a spike leaves.
    parts = -np.random.default_rng(1).exponential(50, 100)
    assert ((1 - parts) + parts < 1).any()
    for p in (0.0, *parts):
        args = (d, 1.0 - p, 5.0 - p, p, 0.0, 0.0, 1.0)
        assert with_refractory_kernel(*args, math.inf) == 0.0
        assert with_refractory_kernel(*args, 0.0) == math.inf


def test_with_refractory_kernel__a_falling_one_waits_for_the_next_rise():
    d = rates(1.0, 1.0, 5.0)
    state = (1.0, 6.0, 0.0, -7.0, 0.0)  # slope -2 now
    found = with_refractory_kernel(d, *state, 1.0, math.inf)
    t = np.linspace(0, found, 1001)[1:-1]
    u, _, _ = curve(d, *state)(t)
    assert (u < 1).all()
    u, slope, _ = curve(d, *state)(found)
    assert u == pytest.approx(1, rel=1e-15)
    assert slope > 0


def test_with_refractory_kernel__a_limit_is_never_reached():
    d = rates(1.0, 1.0, 0.5)
    args = (d, 0.0, 0.0, -1.0, 0.0, 1.0)  # 1 - exp(-t) - exp(-t/2)
    assert with_refractory_kernel(*args, 1.0, math.inf) == math.inf
    assert with_refractory_kernel(*args, 1.0, 1e250) == math.inf
    found = with_refractory_kernel(*args, 1 - 1e-6, math.inf)
    assert math.exp(-found) + math.exp(-found / 2) == pytest.approx(1e-6, rel=1e-9)


@pytest.mark.parametrize("slowness", [1.0, 1e-3, 1e-6])
@pytest.mark.parametrize("horizon", [1e9, math.inf])
def test_with_refractory_kernel__long_silences_are_exact(slowness, horizon):
    # The refractory kernel lasts up to a million synaptic time constants.
    d = rates(1.0, 1.0, slowness)
    state = (1.0, 0.0, -1.0, -3.0 * slowness, 1.4)
    found = with_refractory_kernel(d, *state, 1.0, horizon)
    u, slope, size = curve(d, *state)(found)
    assert found > 2 / slowness
    assert abs(u - 1) <= 1e-13 * size + np.spacing(found) * slope
    before, rise, _ = curve(d, *state)(np.linspace(0, found * (1 - 1e-9), 20_001)[1:])
    assert not ((before >= 1) & (rise > 0)).any()


@pytest.mark.parametrize("scale", [1e-100, 1e-12, 1e12, 1e100])
def test_with_refractory_kernel__scales_with_weights_and_threshold(scale):
    d = rates(1.0, 1.0, 0.4)
    for state in random_states(np.random.default_rng(4), 60):
        found = with_refractory_kernel(d, *state, 1.0, 50.0)
        scaled = [scale * x for x in state]
        again = with_refractory_kernel(d, *scaled, scale, 50.0)
        assert again == found or again == pytest.approx(found, rel=1e-9, abs=1e-12)


def test_with_refractory_kernel__agrees_with_the_search_without_one():
    rng = np.random.default_rng(6)
    for alpha, beta in [(1.0, 1.0), (1.0, 2.0), (0.3, 0.9)]:
        bare, full = rates(alpha, beta), rates(alpha, beta, 0.8)
        n_fired = 0
        for v, i, j in rng.normal(0, 2, (200, 3)):
            if v >= 1:
                continue
            expected = time_to_threshold(bare, v, i, 0.0, 0.0, j, 1.0, math.inf)
            found = time_to_threshold(full, v, i, 0.0, 0.0, j, 1.0, math.inf)
            n_fired += found < math.inf
            assert found == expected or found == pytest.approx(expected, rel=1e-10)
        assert n_fired > 40


@pytest.mark.parametrize(("alpha", "beta", "rho"), CASES)
def test_slopes__are_derivatives_of_each_other(alpha, beta, rho):
    d = rates(alpha, beta, rho)
    v, i, p, q, j = 0.3, 1.7, -0.4, -2.2, 0.6
    a, slowest = j - alpha * v + i, min(alpha, beta, rho)
    parts = curve(d, v, i, p, q, j)
    for t in (0.0, 0.3, 2.0):
        first = slopes(d, a, i, p, q, t)
        assert first[0] * math.exp(-slowest * t) == pytest.approx(
            float(parts(t)[1]), abs=1e-14
        )
        h = 1e-5
        for order in (0, 1):
            ends = [
                math.exp((rho - slowest) * x) * slopes(d, a, i, p, q, x)[order]
                for x in (t, t + h, t + 2 * h)
            ]
            change = (-3 * ends[0] + 4 * ends[1] - ends[2]) / (2 * h)
            expected = math.exp((rho - slowest) * t) * first[order + 1]
            assert change == pytest.approx(expected, rel=1e-7, abs=1e-7)
