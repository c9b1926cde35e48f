import math

import numpy as np
import pytest
from eventsim_.neurons.scalar_driver import MODELS, dynamics_of
from eventsim_.neurons.written_out import rates

from eventsim.neurons import adjoint
from eventsim.neurons.crossing import time_to_threshold
from eventsim.neurons.dynamics import (
    advance,
    advance_held,
    pin,
    receive,
    reset,
    slope,
)

NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)
PAIRS = [(1.0, 2.0), (1.0, 1.0), (2.0, 0.1), (0.0, 1.0), (0.0, 0.0), (1.0, 1 + 1e-6)]
STATE = (0.7, -1.3, 0.4, -2.1)
LOSS = np.array([0.9, -0.6, 0.9, 0.35])  # by v, i, p, q at the end
DRIVE = 0.8


def differences(function, x, step=1e-5):
    """Central differences of a scalar function by each number of x, 4th order."""
    x = np.asarray(x, float)
    found = np.empty(x.size)
    for k in range(x.size):
        h = np.zeros(x.size)
        h[k] = step * max(1.0, abs(x[k]))
        near = function(x + h) - function(x - h)
        far = function(x + 2 * h) - function(x - 2 * h)
        found[k] = (8 * near - far) / (12 * h[k])
    return found


def integral(function, end):
    s = 0.5 * end * (NODES + 1)
    return 0.5 * end * float(WEIGHTS @ function(s))


@pytest.mark.parametrize("x", [0.0, 1e-12, 1e-3, 0.0299, 0.0301, 0.5, 3.0, 30.0])
def test_first_moment__is_its_integral(x):
    expected = integral(lambda s: s * np.exp(-x * s), 1.0)
    assert adjoint.first_moment(x) == pytest.approx(expected, rel=2e-14)


@pytest.mark.parametrize(("alpha", "beta"), PAIRS)
@pytest.mark.parametrize("dt", [1e-6, 0.3, 5.0])
def test_phi_and_kappa_by_rates__are_their_integrals(alpha, beta, dt):
    expected = integral(lambda s: -s * np.exp(-alpha * s), dt)
    assert adjoint.phi_by_rate(alpha, dt) == pytest.approx(expected, rel=3e-14)

    def shape(s):
        return np.exp(-alpha * (dt - s) - beta * s)

    by_alpha, by_beta = adjoint.kappa_by_rates(alpha, beta, dt)
    expected = integral(lambda s: -(dt - s) * shape(s), dt)
    assert by_alpha == pytest.approx(expected, rel=1e-13)
    assert by_beta == pytest.approx(integral(lambda s: -s * shape(s), dt), rel=1e-13)


@pytest.mark.parametrize(("alpha", "beta"), PAIRS)
@pytest.mark.parametrize("rho", [0.0, 0.6])
@pytest.mark.parametrize("dt", [1e-3, 0.7, 6.0])
def test_silence__derivatives_by_state_drive_and_rates(alpha, beta, rho, dt):
    d = rates(alpha, beta, rho)
    loss = LOSS if rho > 0 else LOSS * [1, 1, 0, 0]

    def end(x):
        return float(loss @ advance(d, *x[:4], x[4], dt))

    expected = differences(end, [*STATE, DRIVE])
    found = [*adjoint.retreat(d, *loss, dt), adjoint.by_drive(d, loss[0], dt)]
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-9)

    def end_by_rates(x):
        changed = d._replace(alpha=x[0], beta=x[1], rho=x[2] if rho > 0 else 0.0)
        return float(loss @ advance(changed, *STATE, DRIVE, dt))

    found = adjoint.by_rates(d, *STATE, DRIVE, *loss, dt)
    # One-sided at rates that cannot be negative: move away from 0 for those.
    is_inside = np.array([alpha, beta, rho]) > 0
    expected = differences(end_by_rates, [alpha, beta, rho])
    assert np.array(found)[is_inside] == pytest.approx(
        expected[is_inside], rel=1e-7, abs=1e-8
    )
    if rho == 0:
        assert found[2] == 0


@pytest.mark.parametrize("dt", [0.2, 3.0])
def test_by_rates__at_rate_zero_is_the_limit(dt):
    for zero, small in [((0.0, 1.0), (1e-9, 1.0)), ((0.0, 0.0), (1e-9, 2e-9))]:
        at_zero = adjoint.by_rates(rates(*zero), *STATE, DRIVE, *LOSS, dt)
        near = adjoint.by_rates(rates(*small), *STATE, DRIVE, *LOSS, dt)
        assert at_zero == pytest.approx(near, rel=1e-7)


def test_held__derivatives_by_state_and_rate():
    d = rates(1.0, 2.0)

    def end(x):
        return float(LOSS @ advance_held(d._replace(beta=x[4]), *x[:4], DRIVE, 0.6))

    expected = differences(end, [*STATE, d.beta])
    found = [
        *adjoint.retreat_held(d, *LOSS, 0.6),
        adjoint.by_rates_held(d, STATE[1], LOSS[1], 0.6),
    ]
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_input__derivatives_by_weight_and_arrival(model):
    d = dynamics_of(model)
    loss = LOSS if d.recoil else LOSS * [1, 1, 0, 0]

    def end(x):
        v, i, p, q = advance(d, *STATE, DRIVE, x[1])
        v, i = receive(d, v, i, x[0])
        return float(loss @ advance(d, v, i, p, q, DRIVE, 1.4 - x[1]))

    weight, arrival = -0.7, 0.5
    lv, li, _, _ = adjoint.retreat(d, *loss, 1.4 - arrival)
    found = adjoint.by_weight(d, lv, li), adjoint.by_arrival(d, weight, lv, li)
    assert found == pytest.approx(
        differences(end, [weight, arrival]), rel=1e-8, abs=1e-9
    )


# A state that reaches the threshold soon, for each way of spiking.
RISING = {
    "relpsp": (0.2, 2.0, 0.0, 0.0),
    "srm_lif": (0.4, 3.0, 0.0, 0.0),
    "lif": (0.4, 3.0, 0.0, 0.0),
    "non_leaky_if": (0.2, 2.0, 0.0, 0.0),
    "alpha_synapse": (0.4, 3.0, 0.0, 0.0),
    "slayer_srm": (0.9, 3.0, -0.4, -0.3),
    "if_delta": (0.4, 0.0, 0.0, 0.0),
    "lif_delta": (0.8, 0.0, 0.0, 0.0),
}
SPIKES = [
    *((model, {}) for model in MODELS),
    ("lif", {"reset": "subtract"}),
    ("lif", {"refractory": 0.3}),
    ("lif", {"tau_m": 1.3, "tau_s": 1.3, "reset": "subtract", "refractory": 0.3}),
    ("srm_lif", {"refractory": 0.3, "tau_m": 1.7}),
    ("non_leaky_if", {"refractory": 0.3, "reset": "subtract"}),
    ("alpha_synapse", {"refractory": 0.3}),
    ("if_delta", {"refractory": 0.3, "threshold_factor": 0.8}),
    ("lif_delta", {"refractory": 0.3, "threshold_factor": 1.1}),
    ("slayer_srm", {"tau_r": 0.4, "refractory_scale": 0.7}),
]


def run_over_spike(d, x, t_end):
    """Return state at t_end and time of the one spike; x = v, i, p, q, j, theta."""
    *state, j, theta = map(float, x)
    height = d.factor * theta
    t_spike = time_to_threshold(d, *state, j, height, math.inf)
    v, i, p, q = advance(d, *state, j, t_spike)
    before = (pin(d, v, p, theta), i, p, q)
    after = reset(d, *before, j, theta)
    held = d.refractory if d.clamps else 0.0
    released = advance_held(d, *after, j, held) if held > 0 else after
    end = advance(d, *released, j, t_end - t_spike - held)
    return np.array(end), t_spike, before, released


@pytest.mark.parametrize(("model", "constants"), SPIKES, ids=str)
def test_spike__derivatives_by_state_drive_and_threshold(model, constants):
    d = dynamics_of(model, **constants)
    loss = LOSS if d.recoil else LOSS * [1, 1, 0, 0]
    by_time, t_end = 0.45, 2.0
    x = [*RISING[model], DRIVE, 1.0]

    def total_loss(x):
        end, t_spike, _, _ = run_over_spike(d, x, t_end)
        return float(loss @ end) + by_time * t_spike

    _, t_spike, before, released = run_over_spike(d, x, t_end)
    assert 0.05 < t_spike < 1
    j, theta = DRIVE, 1.0
    held = d.refractory if d.clamps else 0.0
    d_time = by_time
    silence = t_end - t_spike - held
    by_drive = adjoint.by_drive(d, loss[0], silence)
    back = adjoint.retreat(d, *loss, silence)
    if held > 0:
        # The free motion starts later when the spike does.
        d_time -= back[0] * (-d.alpha * released[0] + released[1] + j)
        back = adjoint.retreat_held(d, *back, held)
    *back, total, d_theta, d_drive = adjoint.unfire(
        d, *before, j, theta, held > 0, *back, d_time
    )
    lv, li, lp, lq = back
    rise = slope(d, *before, j)
    lv, lp, by_crossing = adjoint.cross(d, lv, lp, total, rise, math.inf)
    by_drive += d_drive + adjoint.by_drive(d, lv, t_spike)
    by_state = adjoint.retreat(d, lv, li, lp, lq, t_spike)
    found = [*by_state, by_drive, d_theta + by_crossing]
    expected = differences(total_loss, x)
    if not d.recoil:
        expected[2:4] = found[2:4] = 0, 0
    if d.kick:
        # The current of an instantaneous synapse is nothing that a state can have.
        expected[1] = found[1] = 0
    assert found == pytest.approx(expected, rel=1e-7, abs=1e-8)
    assert np.abs(expected).max() > 0.1


@pytest.mark.parametrize("model", ["if_delta", "lif_delta"])
def test_triggered_spike__derivatives_by_its_input(model):
    d = dynamics_of(model, threshold_factor=1.2)
    t_end, arrival, weight, theta = 2.0, 0.6, 1.1, 1.0

    def total_loss(x):
        v, arrival, weight, theta, j = x
        v, i, p, q = advance(d, v, 0.0, 0.0, 0.0, j, arrival)
        assert d.factor * theta > v
        v, i = receive(d, v, i, weight)
        assert v >= d.factor * theta
        after = reset(d, v, i, p, q, j, theta)
        end = advance(d, *after, j, t_end - arrival)
        return float(LOSS[0] * end[0]) + 0.45 * arrival

    before = advance(d, 0.7, 0.0, 0.0, 0.0, DRIVE, arrival)
    v, i = receive(d, before[0], before[1], weight)
    after = reset(d, v, i, 0.0, 0.0, DRIVE, theta)
    silence = t_end - arrival
    back = adjoint.retreat(d, LOSS[0], 0.0, 0.0, 0.0, silence)
    by_drive = adjoint.by_drive(d, LOSS[0], silence)
    lv, li, _, _, total, d_theta, d_drive = adjoint.unfire_at(
        d, *before, DRIVE, theta, False, after[0], after[1], *back, 0.45
    )
    by_drive += d_drive + adjoint.by_drive(d, lv, arrival)
    by_start = adjoint.retreat(d, lv, li, 0.0, 0.0, arrival)[0]
    found = [by_start, total, adjoint.by_weight(d, lv, li), d_theta, by_drive]
    expected = differences(total_loss, [0.7, arrival, weight, theta, DRIVE])
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(
    ("rise", "clip", "gain"),
    [(0.5, math.inf, 2.0), (0.5, 4.0, 2.0), (0.1, 4.0, 4.0), (0.0, math.inf, 0.0)],
)
def test_cross__divides_by_the_slope_up_to_its_clip(rise, clip, gain):
    d = dynamics_of("if_delta", threshold_factor=3.0)
    found = adjoint.cross(d, 1.0, 2.0, 5.0, rise, clip)
    assert found == (1.0 - 5 * gain, 2.0 - 5 * gain, 15 * gain)


@pytest.mark.parametrize("rise", [-1.0, -1e-300])
def test_cross__a_falling_crossing_has_no_derivative(rise):
    assert adjoint.cross(rates(1.0, 1.0), 1.0, 2.0, 5.0, rise, math.inf) == (1, 2, 0)


@pytest.mark.parametrize(("alpha", "beta"), PAIRS)
def test_retreat__carries_products_through_a_silence(alpha, beta):
    # lambda . x of two solutions without drive does not change.
    d = rates(alpha, beta, 0.6)
    before = np.dot(adjoint.retreat(d, *LOSS, 1.3), STATE)
    after = np.dot(LOSS, advance(d, *STATE, 0.0, 1.3))
    assert before == pytest.approx(after, rel=1e-14)
