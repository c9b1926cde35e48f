import itertools
import math

import numpy as np
import pytest

from eventsim.engine.sweep.row_bounds import (
    HEIGHT,
    N_CORNERS,
    SLOPE,
    Z_END,
    corner,
    n_corners_until,
    peak_of,
    polygon_of,
    silence_of,
)
from eventsim.engine.sweep.row_coefficients import (
    base_at,
    growth_since,
    since_base,
    tabulate_growth,
)
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.neurons.dynamics import kappa, phi

NEURONS = [
    Neuron("lif", "static", 2.0, 1.0),
    Neuron("lif", "static", 1.0, 1.0),
    Neuron("lif", "static", 1.0, 1.0 + 1e-9),
    Neuron("lif", "static", 0.5, 3.0),
    Neuron("lif", "static", 1000.0, 1.0),
    Neuron("lif", "static", 1.0, 1000.0),
    Neuron("non_leaky_if", "static", tau_s=0.7),
    Neuron("relpsp", "static"),
]
SILENCES = [1e-9, 1e-4, 0.03, 0.4, 3.0, 30.0, 3e4]


def dynamics_of(neuron):
    return model_of(neuron).dynamics(neuron)


def corners_of(d, polygon, dt, begin=0.0):
    """Share and rest of every corner, for a silence from `begin` on, base at 0."""
    growth = np.empty((3 if dt < 40 else 0, 4))
    times = np.array([0.0, begin, begin + dt])
    tabulate_growth(d, times[: len(growth)], growth)
    base = base_at(growth, 0, 0.0)
    since = since_base(d, growth, 1, begin, base)
    end = growth_since(d, growth, 2, begin + dt, base)
    z = silence_of(d, dt, since, end)
    n = n_corners_until(polygon, z)
    corners = [corner(d, polygon, k, n, z, since) for k in range(N_CORNERS)]
    return z, n, since, corners


@pytest.mark.parametrize("dt", SILENCES)
@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_corner__hides_no_height_that_is_reached(neuron, dt):
    d = dynamics_of(neuron)
    rng = np.random.default_rng(0)
    _, _, since, corners = corners_of(d, polygon_of(d), dt, begin=0.3)
    lift, up_a, _, up_b, _ = since
    times = np.unique(
        np.concatenate([np.linspace(0, dt, 2001), np.geomspace(1e-9, dt)])
    )
    rises = np.array([kappa(d.alpha, d.beta, t) for t in times])
    leaks = np.exp(-d.alpha * times)
    for _ in range(60):
        v, i = rng.uniform(-2, 0.99), rng.uniform(0.01, 4)
        y = i * up_b
        x = up_a * v - lift * y
        highest = np.max(leaks * v + rises * d.gain * i)
        if highest <= max(v, 0):
            continue
        asked = max(share * x + rest * y for share, rest in corners)
        assert asked >= highest * (1 - 1e-9)


@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_polygon_of__lies_above_the_answer_and_bends_down(neuron):
    d = dynamics_of(neuron)
    polygon = polygon_of(d)
    assert np.all(np.diff(polygon[:, Z_END]) >= 0)
    assert np.all(np.diff(polygon[:, SLOPE]) <= 0)
    assert polygon[0, SLOPE] == 1
    assert polygon[0, HEIGHT] == 0
    assert polygon[-1, Z_END] == math.inf
    for t in np.geomspace(1e-6, 100, 500):
        z, rise = phi(d.alpha, t), kappa(d.alpha, d.beta, t)
        edges = polygon[:, HEIGHT] + polygon[:, SLOPE] * z
        assert np.all(edges >= rise * (1 - 1e-12))


def test_polygon_of__is_close():
    # With beta = 2 alpha the answer is a parabola; its top is 1/4.
    d = dynamics_of(NEURONS[0])
    polygon = polygon_of(d)
    for z, height, slope in polygon[:-1]:
        t = -math.log1p(-d.alpha * z) / d.alpha
        peak = peak_of(d)[1]
        assert height + slope * z - kappa(d.alpha, d.beta, t) < 0.06 * peak


def test_corner__of_a_short_silence_is_one():
    d = dynamics_of(NEURONS[0])
    z, n, _, corners = corners_of(d, polygon_of(d), 0.01)
    assert n == 1
    leak, step = math.exp(-d.alpha * 0.01), phi(d.alpha, 0.01)
    assert z == pytest.approx(step, rel=1e-13)
    assert np.allclose(corners, [(leak, d.gain * step)] * N_CORNERS, rtol=1e-13)


@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_n_corners_until__grows_with_the_silence(neuron):
    d = dynamics_of(neuron)
    polygon = polygon_of(d)
    numbers = [corners_of(d, polygon, dt)[1] for dt in SILENCES]
    assert numbers[0] == 1
    assert all(a <= b for a, b in itertools.pairwise(numbers))


@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_peak_of__is_where_kappa_is_largest(neuron):
    d = dynamics_of(neuron)
    peak, height = peak_of(d)
    if min(d.alpha, d.beta) == 0:
        assert peak == height == math.inf
        return
    around = [kappa(d.alpha, d.beta, peak * scale) for scale in (0.999, 1.001)]
    assert max(around) < height == kappa(d.alpha, d.beta, peak)
