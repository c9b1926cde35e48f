import math

import numpy as np
import pytest

from eventsim.engine.sweep.row_coefficients import (
    coefficients,
    mean_decay,
    rise_and_step,
    tabulate_exponentials,
    tabulate_steps,
)
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.neurons.dynamics import kappa, phi

NEURONS = [
    Neuron("lif", "static", 2.0, 1.0),
    Neuron("lif", "static", 1.0, 1.0),
    Neuron("lif", "static", 1.0, 1.0 + 1e-9),
    Neuron("lif", "static", 0.5, 3.0),
    Neuron("non_leaky_if", "static", tau_s=0.7),
    Neuron("relpsp", "static"),
]
INTERVALS = [0.0, 1e-12, 1e-6, 0.004, 0.0099, 0.0101, 0.3, 5.0, 40.0]


def propagator(d, dt):
    leak, fade = math.exp(-d.alpha * dt), math.exp(-d.beta * dt)
    return leak, fade, kappa(d.alpha, d.beta, dt), phi(d.alpha, dt)


@pytest.mark.parametrize("x", [0.0, 1e-9, 1e-4, 0.0099])
def test_mean_decay__is_the_mean_of_the_exponential(x):
    expected = -math.expm1(-x) / x if x else 1.0
    assert mean_decay(x) == pytest.approx(expected, rel=4e-16)


@pytest.mark.parametrize("dt", INTERVALS)
@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_rise_and_step__are_kappa_and_phi(neuron, dt):
    d = model_of(neuron).dynamics(neuron)
    leak, fade, rise, step = propagator(d, dt)
    found = rise_and_step(d, dt, leak, fade)
    assert found == pytest.approx((rise, step), rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_tables__give_the_propagators_between_events(neuron):
    d = model_of(neuron).dynamics(neuron)
    times = np.array([0.0, 0.0, 0.7, 0.7005, 3.0, 0.2, 4.0])
    offsets = np.array([0, 5, 7])
    steps = np.empty((7, 4))
    tabulate_steps(d, times, offsets, steps)
    before = np.array([0.0, 0.0, 0.0, 0.7, 0.7005, 0.0, 0.2])
    expected = [propagator(d, dt) for dt in times - before]
    np.testing.assert_allclose(steps, expected, 1e-12, 1e-300)
    exponentials = np.empty((11, 2))
    tabulate_exponentials(d, times, offsets, 5.0, exponentials)
    for b, (first, stop) in enumerate([(0, 5), (5, 7)]):
        table = exponentials[first + 2 * b : stop + 2 * b + 2]
        events = np.array([0.0, *times[first:stop], 5.0])
        for last in range(len(events)):
            for now in range(last, len(events)):
                dt = events[now] - events[last]
                found = coefficients(d, dt, table, now, last)
                assert found == pytest.approx(propagator(d, dt), rel=1e-12, abs=1e-15)


def test_coefficients__without_a_table_are_computed():
    d = model_of(NEURONS[0]).dynamics(NEURONS[0])
    found = coefficients(d, 700.0, np.empty((0, 2)), 0, 0)
    assert found == pytest.approx(propagator(d, 700.0), rel=1e-14)
