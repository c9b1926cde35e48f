import math

import numpy as np
import pytest
from eventsim_.engine.sweep.row_neurons import ROW_NEURONS

from eventsim.engine.sweep.row_bounds import (
    flat_polygon_of,
    four_corners,
    peak_of,
    polygon_of,
    share_and_rest,
    two_corners,
)
from eventsim.engine.sweep.row_coefficients import (
    base_at,
    growth_since,
    since_base,
    step_of,
    tabulate_growth,
)
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.neurons.dynamics import kappa, phi

NEURONS = [
    *ROW_NEURONS,
    Neuron("lif", "static", 1000.0, 1.0),
    Neuron("lif", "static", 1.0, 1000.0),
    Neuron("lif", "static", 1.0, 1e9),
    Neuron("lif", "static", 1e9, 1.0),
]
SILENCES = [1e-9, 1e-4, 0.03, 0.4, 3.0, 30.0, 3e4]


def dynamics_of(neuron):
    return model_of(neuron).dynamics(neuron)


def silence(d, dt, begin):
    """Where the polygon ends and what `since_base` returns, with the base at 0."""
    growth = np.empty((3 if dt < 40 else 0, 4))
    times = np.array([0.0, begin, begin + dt])
    tabulate_growth(d, times[: len(growth)], growth)
    base = base_at(growth, 0, 0.0)
    since = since_base(d, growth, 1, begin, base)
    end = growth_since(d, growth, 2, begin + dt, base)
    return step_of(d, dt, since[1] * end[1]), since


def bounds_of(d, dt, begin=0.0):
    """Pairs of share and rest of each bound that holds for a silence, and `since`."""
    z, since = silence(d, dt, begin)
    polygon, flat = polygon_of(d), flat_polygon_of(d)
    bounds = {
        "four": four_corners(d, polygon, z, since),
        "flat": two_corners(d, flat, z, since),
    }
    if z <= polygon.corner[1]:
        bounds["two"] = two_corners(d, polygon, z, since)
    if z <= polygon.corner[0]:
        bounds["one"] = share_and_rest(d, z, z, since)
    return {name: np.reshape(bound, (-1, 2)) for name, bound in bounds.items()}, since


@pytest.mark.parametrize("dt", SILENCES)
@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_corners__hide_no_height_that_is_reached(neuron, dt):
    d = dynamics_of(neuron)
    rng = np.random.default_rng(0)
    bounds, since = bounds_of(d, dt, begin=0.3)
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
        for name, pairs in bounds.items():
            assert np.max(pairs @ [x, y]) >= highest * (1 - 1e-9), name


@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_polygon_of__lies_above_the_answer_and_bends_down(neuron):
    d = dynamics_of(neuron)
    for polygon in (polygon_of(d), flat_polygon_of(d)):
        assert list(polygon.corner) == sorted(polygon.corner)
        assert sorted(polygon.slope, reverse=True) == list(polygon.slope)
        assert 0 <= polygon.slope[0] <= 1 or d.beta == 0
        for t in np.geomspace(1e-6, 100, 500):
            z, rise = phi(d.alpha, t), kappa(d.alpha, d.beta, t)
            for origin, slope in zip(polygon.origin, polygon.slope, strict=True):
                assert origin + slope * z >= rise * (1 - 1e-12)


def test_polygon_of__is_close():
    # With beta = 2 alpha the answer is a parabola; its top is 1/4.
    d = dynamics_of(NEURONS[0])
    polygon, peak = polygon_of(d), peak_of(d)[1]
    for k, (z, height) in enumerate(zip(polygon.corner, polygon.top, strict=True)):
        t = -math.log1p(-d.alpha * z) / d.alpha
        assert 0 <= height - kappa(d.alpha, d.beta, t) < 0.06 * peak
        assert height == pytest.approx(polygon.origin[k] + polygon.slope[k] * z)


def test_four_corners__of_a_short_silence_ask_for_no_more_than_one():
    d = dynamics_of(NEURONS[0])
    bounds, _ = bounds_of(d, 0.01)
    expected = math.exp(-d.alpha * 0.01), d.gain * phi(d.alpha, 0.01)
    for pairs in bounds.values():
        assert np.allclose(pairs, expected, rtol=1e-13)


@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_peak_of__is_where_kappa_is_largest(neuron):
    d = dynamics_of(neuron)
    peak, height = peak_of(d)
    if min(d.alpha, d.beta) == 0:
        assert peak == height == math.inf
        return
    around = [kappa(d.alpha, d.beta, peak * scale) for scale in (0.999, 1.001)]
    assert max(around) < height == kappa(d.alpha, d.beta, peak)
