import math

import numpy as np
import pytest
from eventsim_.neurons.written_out import curve, random_states, rates
from scipy.special import lambertw

from eventsim.neurons.closed_forms import UNDECIDED, closed_form, lambert_w
from eventsim.neurons.crossing import bracketed, time_to_threshold, turning_time

EPS = np.finfo(float).eps
CASES = [(1.0, 2.0), (0.03, 0.06), (1.0, 1.0), (0.05, 0.05), (0.0, 1.0), (0.0, 0.0)]


@pytest.mark.parametrize(
    "z",
    [
        np.linspace(-0.367, 3.5, 500),
        np.geomspace(1e-300, 1e300, 500),
        -np.geomspace(1e-300, 0.36, 500),
    ],
    ids=["middle", "positive", "negative"],
)
def test_lambert_w__agrees_with_scipy(z):
    found = np.array([lambert_w(x) for x in z])
    expected = lambertw(z).real
    # What the rounding of z moves: dw = w / (1 + w) dz / z.
    tolerance = 4 * EPS * np.abs(expected) * np.maximum(1, 1 / (1 + expected))
    assert (np.abs(found - expected) <= tolerance).all()


def test_lambert_w__is_as_good_as_its_argument_at_the_branch_point():
    assert lambert_w(-math.exp(-1)) == pytest.approx(-1, abs=3e-8)
    for gap in np.geomspace(1e-15, 1e-2, 60):
        z = gap - math.exp(-1)
        w = lambert_w(z)
        # (1 + w)^2 is what z determines to its rounding.
        assert abs(w * math.exp(w) - z) <= 2 * EPS
        assert (1 + w) ** 2 == pytest.approx(2 * math.e * gap, rel=3 * math.sqrt(gap))


@pytest.mark.parametrize(
    ("alpha", "beta", "state", "expected"),
    [
        (1.0, 2.0, (0.0, 4.0, 0.0, 0.75), math.log(4 / 3)),  # 4 (x - x^2), x = 3/4
        (1.0, 2.0, (0.0, -1.0, 2.0, 0.75), math.log(2)),  # 2 - x - x^2 at x = 1/2
        (1.0, 2.0, (0.0, 4.0, 0.0, 1.5), math.inf),  # its top is 1
        (1.0, 2.0, (0.0, -1.0, 1.0, 1.0), math.inf),  # 1 - x^2 tends to 1
        (1.0, 1.0, (0.0, math.e**0.5, 0.0, 0.5), 0.5),
        (1.0, 1.0, (0.0, 1.0, 0.0, 0.5), math.inf),  # its top is 1/e
        (1.0, 1.0, (0.0, 0.0, 2.0, 1.0), math.log(2)),
        (1.0, 3.0, (0.0, 0.0, 1.0, 1.0), math.inf),
        (0.0, 1.0, (0.0, 2.0, 0.0, 1.0), math.log(2)),
        (0.0, 1.0, (0.0, 1.0, 0.0, 1.0), math.inf),
        (0.0, 1.0, (0.0, 0.0, 2.0, 1.0), 0.5),
        (0.0, 0.0, (0.5, 3.0, -1.0, 1.0), 0.25),
        (0.0, 0.0, (0.5, 3.0, -3.0, 1.0), math.inf),
    ],
)
def test_closed_form__by_hand(alpha, beta, state, expected):
    assert closed_form(rates(alpha, beta), *state) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("alpha", "beta", "state"),
    [
        (1.0, 2.0, (0.0, 4.0, 0.0, 1.0)),  # touches 1
        (1.0, 1.0, (0.0, math.e, 0.0, 1.0)),  # touches 1
        (1.0, 1.0, (0.0, -1.0, 2.0, 1.0)),  # Lambert's other branch
        (1.0, 1.0, (-1.0, 1e-9, 2.0, 1.0)),  # its argument overflows
        (0.0, 1.0, (0.0, 2.0, 0.1, 1.0)),
        (1.0, 3.0, (0.0, 2.0, 0.0, 1.0)),
        (1.0, 2.0, (0.0, 1e200, 0.0, 1.0)),  # its square overflows
    ],
)
def test_closed_form__leaves_what_it_cannot_decide(alpha, beta, state):
    assert closed_form(rates(alpha, beta), *state) == UNDECIDED


@pytest.mark.parametrize(("alpha", "beta"), CASES)
def test_closed_form__agrees_with_the_bracketed_search(alpha, beta):
    rng = np.random.default_rng(17)
    d = rates(alpha, beta)
    horizon = math.inf if beta > 0 else 1e25
    n_decided = n_fired = n_grazing = 0
    for state in zip(*random_states(rng, 3000, alpha, beta), strict=True):
        v, i, j, theta = map(float, state)
        if rng.random() < 0.3 and i > 0:
            # Close to the top of a rise, from both sides.
            top = float(curve(d, v, i, 0, 0, j)(min(turning_time(d, v, i, j), 1e6))[0])
            if top > max(v, 1e-6 * abs(v)):
                shares = [0, 1e-15, -1e-15, 1e-9, -1e-9, 1e-5, -1e-5]
                theta = top * (1 + float(rng.choice(shares)))
                n_grazing += 1
        if v >= theta:
            continue
        found = closed_form(d, v, i, j, theta)
        expected = bracketed(d, v, i, j, theta, horizon)
        if found == UNDECIDED:
            continue
        n_decided += 1
        if found > horizon:
            found = math.inf
        if found == expected:
            continue
        if math.inf in (found, expected):
            # Only where rounding decides: the best height is the threshold.
            last = min(found, expected)
            u, _, size = curve(d, v, i, 0, 0, j)(last)
            rest = j / alpha if alpha > 0 else v + i / (beta or 1)
            assert min(abs(u - theta), abs(rest - theta)) <= 1e-14 * (size + theta)
            continue
        n_fired += 1
        _, slope, size = curve(d, v, i, 0, 0, j)(expected)
        blur = 8 * EPS * (size + theta) / slope
        assert abs(found - expected) <= 1e-12 * expected + blur, (v, i, j, theta)
    assert n_decided > 1000
    assert n_fired > 50
    assert n_grazing > 300


@pytest.mark.parametrize(("alpha", "beta"), CASES)
def test_time_to_threshold__one_rounding_below_fires_at_once(alpha, beta):
    # The root of a closed form may fall on the wrong side of now.
    d = rates(alpha, beta)
    rng = np.random.default_rng(12)
    for _ in range(300):
        theta, i, j = rng.exponential(size=3) * [1, 5, alpha]
        v = theta * (1 - 2.0**-53)
        rise = i + j - alpha * v
        if rise < 0.1:
            continue
        t = time_to_threshold(d, v, i, 0.0, 0.0, j, theta, 5.0)
        assert 0 <= t <= 20 * EPS * (theta + i + j) / rise
