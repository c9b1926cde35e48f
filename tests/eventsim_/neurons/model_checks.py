"""What every neuron model is checked for, against its written-down equations."""

from dataclasses import replace

import numpy as np
import pytest
from oracles import neuron_oracle

from eventsim.neurons import model_of
from eventsim.neurons.constants import RateGradient
from eventsim.neurons.dynamics import advance, potential, receive, reset, start

from .scalar_driver import neuron_of

TIMES = (0.0, 1e-6, 0.3, 1.0, 4.0, 30.0)


def cell_of(neuron, theta, current):
    """Return the same neuron in the oracle's words."""
    fields = vars(neuron_oracle.Cell("lif"))
    shared = {k: v for k, v in vars(neuron).items() if k in fields}
    return neuron_oracle.Cell(**shared, theta=theta, current=current)


def check_kernel(model, **constants):
    """Compare two inputs, a current and a spike with the sum of kernels."""
    neuron = neuron_of(model, **constants)
    d = model_of(neuron).dynamics(neuron)
    theta, current, weights, gap = 1.3, 0.4, (1.7, -0.6), 0.8
    cell = cell_of(neuron, theta, current)
    j = current * model_of(neuron).drive_scale(neuron)
    v, i, p, q = 0.0, start(d, j), 0.0, 0.0
    v, i = receive(d, v, i, weights[0])
    inputs = [(0.0, weights[0])]
    for t in TIMES:
        u, size = neuron_oracle.potential(cell, inputs, [], t)
        assert abs(potential(d, v, i, p, q, j, t) - u) <= 2e-15 * (size + 1)
    v, i, p, q = advance(d, v, i, p, q, j, gap)
    v, i = receive(d, v, i, weights[1])
    inputs.append((gap, weights[1]))
    for t in TIMES:
        u, size = neuron_oracle.potential(cell, inputs, [], gap + t)
        assert abs(potential(d, v, i, p, q, j, t) - u) <= 4e-15 * (size + 1)
    # A spike at the time of the second input; its kernel asks for no threshold.
    v, i, p, q = reset(d, v, i, p, q, j, theta)
    if model == "srm_lif":
        v, i = receive(d, v, i, weights[1])  # arrives at the spike, so after it
    for t in TIMES:
        u, size = neuron_oracle.potential(cell, inputs, [gap], gap + t)
        assert abs(potential(d, v, i, p, q, j, t) - u) <= 4e-15 * (size + 1)


def check_rate_gradient(model, **constants):
    """Compare by_time_constants with differences of the constants themselves."""
    neuron = neuron_of(model, **constants)
    module = model_of(neuron)
    by = RateGradient(0.7, -1.2, 0.4, 2.1, -0.3, 0.8, 1.6)

    def loss(neuron):
        d = module.dynamics(neuron)
        of_rates = sum(getattr(by, name) * getattr(d, name) for name in by._fields[:6])
        return of_rates + by.drive_scale * module.drive_scale(neuron)

    names = [n for n in ("tau_m", "tau_s", "tau_r") if getattr(neuron, n) is not None]
    found = module.by_time_constants(neuron, by)
    assert sorted(found) == sorted(names)
    for name in names:
        tau, h = getattr(neuron, name), 1e-4 * getattr(neuron, name)
        ends = [loss(replace(neuron, **{name: tau + k * h})) for k in (-2, -1, 1, 2)]
        expected = np.dot(ends, [1, -8, 8, -1]) / (12 * h)
        assert found[name] == pytest.approx(expected, rel=1e-10, abs=1e-11)
