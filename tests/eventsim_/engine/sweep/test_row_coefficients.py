import math

import numpy as np
import pytest
from eventsim_.engine.sweep.row_neurons import ROW_NEURONS

from eventsim.engine.sweep.row_coefficients import (
    base_at,
    growth_since,
    lift_since,
    mean_decay,
    rise_and_step,
    tabulate_growth,
)
from eventsim.neurons import model_of
from eventsim.neurons.dynamics import kappa, phi

INTERVALS = [0.0, 1e-12, 1e-6, 0.004, 0.0099, 0.0101, 0.3, 5.0, 40.0]


def propagator(d, dt):
    leak, fade = math.exp(-d.alpha * dt), math.exp(-d.beta * dt)
    return leak, fade, kappa(d.alpha, d.beta, dt), phi(d.alpha, dt)


@pytest.mark.parametrize("x", [0.0, 1e-9, 1e-4, 0.0099])
def test_mean_decay__is_the_mean_of_the_exponential(x):
    expected = -math.expm1(-x) / x if x else 1.0
    assert mean_decay(x) == pytest.approx(expected, rel=4e-16)


@pytest.mark.parametrize("dt", INTERVALS)
@pytest.mark.parametrize("neuron", ROW_NEURONS, ids=str)
def test_rise_and_step__are_kappa_and_phi(neuron, dt):
    d = model_of(neuron).dynamics(neuron)
    leak, fade, rise, step = propagator(d, dt)
    found = rise_and_step(d, dt, leak, fade)
    assert found == pytest.approx((rise, step), rel=1e-13, abs=1e-300)


def growth_of(d, times):
    growth = np.empty((len(times), 4))
    tabulate_growth(d, np.array(times), growth)
    return growth


@pytest.mark.parametrize("is_tabulated", [True, False])
@pytest.mark.parametrize("neuron", ROW_NEURONS, ids=str)
def test_growth_since__is_that_of_the_time_between(neuron, is_tabulated):
    d = model_of(neuron).dynamics(neuron)
    times = [0.0, 0.7, 0.7005, 3.0]
    growth = growth_of(d, times) if is_tabulated else np.empty((0, 4))
    for first, start in enumerate(times):
        base = base_at(growth, first, start)
        for k, t in enumerate(times):
            s = t - start
            found = growth_since(d, growth, k, t, base)
            expected = [math.exp(rate * s) for rate in (d.alpha, -d.alpha)]
            expected += [math.exp(rate * s) for rate in (d.beta, -d.beta)]
            assert found == pytest.approx(expected, rel=2e-15)


@pytest.mark.parametrize("s", [-0.7, -1e-3, 0.0, 1e-9, 0.004, 0.3, 1.2])
@pytest.mark.parametrize("neuron", ROW_NEURONS, ids=str)
def test_lift_since__carries_an_input_back_to_the_base(neuron, s):
    # An input at s, seen from the base, must act later as if it came at s.
    d = model_of(neuron).dynamics(neuron)
    base = base_at(np.empty((0, 4)), -1, 0.0)
    up_a, _, up_b, down_b = growth_since(d, np.empty((0, 4)), 0, s, base)
    x, y = -lift_since(d, s, up_a, down_b) * up_b, up_b
    for t in (max(s, 0.0) + 0.1, max(s, 0.0) + 1.0):
        ups = growth_since(d, np.empty((0, 4)), 0, t, base)
        v = (x + lift_since(d, t, ups[0], ups[3]) * y) * ups[1]
        assert v == pytest.approx(d.gain * kappa(d.alpha, d.beta, t - s), rel=1e-12)
