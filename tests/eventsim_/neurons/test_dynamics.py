import math

import numpy as np
import pytest
from eventsim_.neurons.scalar_driver import MODELS, dynamics_of
from eventsim_.neurons.written_out import rates

from eventsim.neurons.dynamics import (
    advance,
    advance_held,
    kappa,
    phi,
    phi_inverse,
    pin,
    potential,
    potential_slope,
    receive,
    reset,
    slope,
    start,
)

NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)
PAIRS = [
    (1.0, 2.0),
    (1.0, 1.0),
    (2.0, 0.1),
    (0.0, 1.0),
    (0.0, 0.0),
    (1.0, 1 + 1e-12),
    (1 - 1e-12, 1.0),
    (1.0, 1 + 1e-6),
    (1 - 1e-6, 1.0),
    (1e-3, 5.0),
]
SPANS = [1e-12, 1e-3, 0.4, 3.0, 9.0]


def integral(function, end):
    """Gauss-Legendre quadrature from 0 to `end`."""
    s = 0.5 * end * (NODES + 1)
    return 0.5 * end * float(WEIGHTS @ function(s))


def exponential(matrix):
    """Taylor's sum (scipy's loses digits where two rates are close)."""
    matrix = matrix.astype(np.longdouble) / 16
    term = total = np.eye(len(matrix), dtype=np.longdouble)
    for n in range(1, 60):
        term = term @ matrix / n
        total = total + term
    for _ in range(4):
        total = total @ total
    return total.astype(float)


@pytest.mark.parametrize(("alpha", "beta"), PAIRS)
@pytest.mark.parametrize("dt", SPANS)
def test_phi_and_kappa__are_their_integrals(alpha, beta, dt):
    expected = integral(lambda s: np.exp(-alpha * s), dt)
    assert phi(alpha, dt) == pytest.approx(expected, rel=2e-14)
    expected = integral(lambda s: np.exp(-alpha * (dt - s) - beta * s), dt)
    assert kappa(alpha, beta, dt) == pytest.approx(expected, rel=2e-14)
    assert kappa(beta, alpha, dt) == kappa(alpha, beta, dt)


def test_phi_and_kappa__survive_long_silences():
    for dt in (1e6, 1e18, 1e200):
        assert kappa(1.0, 2.0, dt) == kappa(1.0, 1.0, dt) == 0
        assert phi(2.0, dt) == 0.5
        assert kappa(0.0, 2.0, dt) == 0.5
        assert phi(0.0, dt) == dt


@pytest.mark.parametrize("rate", [-3.0, -1e-9, 0.0, 1e-12, 1e-3, 1.0, 40.0])
@pytest.mark.parametrize("t", [1e-9, 0.01, 1.0, 12.0])
def test_phi_inverse__undoes_phi(rate, t):
    value = -math.expm1(-rate * t) / rate if rate != 0 else t
    assert phi_inverse(rate, value, math.exp(-rate * t)) == pytest.approx(t, rel=1e-13)


@pytest.mark.parametrize("rate", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize("value", [-1.0, 0.0, math.inf, math.nan])
def test_phi_inverse__of_what_phi_never_is(rate, value):
    assert phi_inverse(rate, value, 1 - rate * value) == math.inf
    assert phi_inverse(2.0, 0.75, -0.5) == math.inf


@pytest.mark.parametrize(("alpha", "beta"), PAIRS)
@pytest.mark.parametrize("rho", [0.0, 0.6, 1.0])
def test_advance__is_the_matrix_exponential(alpha, beta, rho):
    d = rates(alpha, beta, rho)
    state = np.array([0.7, -1.3, 0.4, -2.1])
    j = 0.9
    matrix = np.zeros((5, 5))
    matrix[0, [0, 1, 4]] = -alpha, 1, 1
    matrix[1, 1] = -beta
    if rho > 0:
        matrix[2, [2, 3]] = -rho, 1
        matrix[3, 3] = -rho
    for dt in (1e-6, 0.3, 4.0):
        expected = exponential(matrix * dt) @ [*state, j]
        found = advance(d, *state, j, dt)
        assert found == pytest.approx(expected[:4], rel=1e-13, abs=1e-14)
        u = potential(d, *state, j, dt)
        at_rest = 0 if rho > 0 else state[2]
        assert u == pytest.approx(found[0] + found[2] - at_rest, rel=1e-13)
        rise = matrix @ expected
        expected_slope = rise[0] + rise[2]
        found_slope = potential_slope(d, *state, j, dt)
        assert found_slope == pytest.approx(expected_slope, rel=1e-12, abs=1e-13)
    if rho > 0:
        now = matrix @ [*state, j]
        assert slope(d, *state, j) == pytest.approx(now[0] + now[2], rel=1e-15)


def test_advance__in_two_steps_is_advance_in_one():
    d = rates(0.5, 1.7, 0.9)
    state = (0.7, -1.3, 0.4, -2.1)
    halfway = advance(d, *state, 0.3, 0.8)
    assert advance(d, *halfway, 0.3, 1.1) == pytest.approx(
        advance(d, *state, 0.3, 1.9), rel=1e-14
    )


def test_advance_held__moves_the_current_alone():
    d = rates(0.5, 2.0)
    found = advance_held(d, 0.7, 3.0, 0.0, 0.0, 5.0, 0.25)
    assert found == pytest.approx((0.7, 3 * math.exp(-0.5), 0, 0), rel=1e-15)


def test_receive__jumps_by_kick_and_gain():
    d = rates(1.0, 2.0)._replace(gain=3.0, kick=0.5)
    assert receive(d, 1.0, 2.0, -0.2) == pytest.approx((0.9, 1.4), rel=1e-15)


@pytest.mark.parametrize("model", MODELS)
def test_pin_and_reset__leave_the_state_that_the_model_says(model):
    d = dynamics_of(model)
    theta, j, p, q = 1.5, 0.7, -0.2, 0.3
    v = pin(d, 9.0, p, theta)
    assert v + p == d.factor * theta
    after = reset(d, v, 2.0, p, q, j, theta)
    expected = {
        "relpsp": (0.0, 2.0),
        "srm_lif": (0.0, -j),
        "lif": (0.0, 2.0),
        "non_leaky_if": (0.0, 2.0),
        "alpha_synapse": (0.0, 2.0),
        "slayer_srm": (v, 2.0),
        "if_delta": (v - theta, 2.0),
        "lif_delta": (v - theta, 2.0),
    }[model]
    recoil = 2 * math.e * theta if model == "slayer_srm" else 0.0
    assert after == pytest.approx((*expected, p, q - recoil), rel=1e-15)


@pytest.mark.parametrize("model", MODELS)
def test_start__is_at_rest_without_current_that_was_filtered(model):
    filters = model in ("srm_lif", "slayer_srm")
    assert start(dynamics_of(model), 0.7) == (-0.7 if filters else 0.0)
