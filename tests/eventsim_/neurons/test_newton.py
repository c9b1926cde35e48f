import math

import numpy as np
import pytest
from eventsim_.neurons.written_out import curve, random_states, rates

from eventsim.neurons.newton import FOREVER, narrow, refine


def excess_at(d, state, theta, t):
    u, slope, size = curve(d, *state)(t)
    return abs(u - theta), slope, size


@pytest.mark.parametrize(
    ("alpha", "beta"), [(1.0, 2.0), (1.0, 1.0), (0.3, 2.5), (0.0, 1.0), (2.0, 0.1)]
)
def test_refine__leaves_rounding_only(alpha, beta):
    rng = np.random.default_rng(3)
    d = rates(alpha, beta)
    n_tried = 0
    for v, i, j, theta in zip(*random_states(rng, 2000, alpha, beta), strict=True):
        state = (v, i, 0.0, 0.0, j)
        t = np.geomspace(1e-9, 30, 400)
        u, slope, _ = curve(d, *state)(t)
        if v >= theta or not (slope > 0).all() or u[-1] < theta:
            continue
        n_tried += 1
        found = refine(d, *state, theta, 0.0, 30.0)
        excess, slope, size = excess_at(d, state, theta, found)
        assert excess <= 4e-16 * (size + theta) + slope * np.spacing(found)
    assert n_tried > 50


def test_refine__does_not_crawl_along_an_exponential():
    # Newton alone would move by one time constant per step here, 340 of them.
    d = rates(1.0, 2.0)
    state = (-1e300, 0.0, 0.0, 0.0, 2.0)
    found = refine(d, *state, 1.0, 0.0, 1395.0)
    assert found == pytest.approx(300 * math.log(10), rel=1e-14)


def test_refine__stops_at_neighbouring_numbers_and_at_exact_hits():
    line = rates(0.0, 0.0)
    assert refine(line, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 2.0) == 0.5
    high = np.nextafter(1.0, 2.0)
    found = refine(line, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, high)
    assert 1.0 <= found <= high


def test_refine__stays_in_its_bracket_where_the_rise_ends():
    # The top of t exp(-t) is at 1; the slope there is rounding.
    d = rates(1.0, 1.0)
    top = math.exp(-1.0)
    for theta in (top, top * (1 - 1e-15), top * (1 - 1e-12)):
        found = refine(d, 0.0, 1.0, 0.0, 0.0, 0.0, theta, 0.0, 1.0)
        assert 0.99 < found <= 1.0


@pytest.mark.parametrize("distance", [1e-3, 1.0, 1e3, 1e7, 1e15])
def test_narrow__brackets_within_a_factor(distance):
    d = rates(0.0, 1.0)
    state = (0.0, -1.0, 0.0, 0.0, 1.0)
    theta = float(curve(d, *state)(distance)[0])
    low, high = narrow(d, *state, theta, 0.0, FOREVER)
    assert low <= distance * (1 + 1e-15)
    assert high >= distance * (1 - 1e-15)
    assert high <= 2 * low + 2
    assert refine(d, *state, theta, low, high) == pytest.approx(distance, rel=1e-12)


def test_narrow__keeps_a_short_bracket():
    assert narrow(rates(1.0, 2.0), 0.0, 9.0, 0.0, 0.0, 0.0, 1.0, 0.1, 0.9) == (0.1, 0.9)
