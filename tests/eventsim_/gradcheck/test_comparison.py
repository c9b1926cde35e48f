from dataclasses import dataclass

import numpy as np
import pytest

from eventsim.gradcheck.comparison import Start, choose_lines, compare
from eventsim.gradcheck.probe import differentiate
from eventsim.gradcheck.variables import Variable


@dataclass
class Cubic:
    """Loss ``sum a x^3`` in place of a network's; no choice ever changes."""

    factors: np.ndarray
    values: np.ndarray

    def loss_at(self, line, step, state):
        x = self.values.copy()
        x[line.moving] += step * line.direction
        return float(self.factors @ x**3)


def cubic(gradient_factor, free=(0, 1, 2, 3)):
    factors, values = np.array([1.0, -2, 0, 0.5]), np.array([0.5, 1, 2, 3])
    gradient = 3 * factors * values**2 * gradient_factor
    variable = Variable("x", values, gradient, np.array(free, int), 0.1)
    return Cubic(factors, values), variable


def compared(probe, variable, n_entries=4):
    rng = np.random.default_rng(0)
    return compare(probe, variable, Start([], 1.0), n_entries, rng)


def test_compare__agrees_with_a_polynomial():
    check = compared(*cubic(1))
    assert check.name == "x"
    assert check.worst_relative_error <= 1e-12
    assert check.n_checked == 5
    assert check.largest_derivative == 13.5


@pytest.mark.parametrize("entry", [0, 1, 3])
def test_compare__finds_one_wrong_derivative(entry):
    factor = np.ones(4)
    factor[entry] += 1e-4
    assert compared(*cubic(factor)).worst_relative_error == pytest.approx(1e-4, rel=0.1)


@dataclass
class Bent:
    """A loss of slope 1 up to 0.04 to both sides, steeper from there on."""

    values: np.ndarray

    def loss_at(self, line, step, state):
        return step + np.sign(step) * max(abs(step) - 0.04, 0) ** 2


@pytest.mark.parametrize("error", [0, 2e-6, 1e-3])
def test_compare__looks_at_smaller_steps_before_it_disagrees(error):
    x = np.zeros(1)
    probe, variable = Bent(x), Variable("x", x, 1 + error + x, np.array([0]), 0.1)
    numeric, _ = differentiate(
        probe, choose_lines(variable, 1, np.random.default_rng(0))[0][0], 0.1, []
    )
    assert abs(numeric - 1) > 1e-4
    check = compared(probe, variable)
    assert check.worst_relative_error == pytest.approx(error, rel=0.01, abs=1e-9)
    assert (check.n_checked, check.n_skipped) == (1, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_compare__a_derivative_that_is_not_finite_is_wrong(value):
    factor = np.ones(4)
    factor[3] = value
    assert compared(*cubic(factor)).worst_relative_error == np.inf
    assert compared(*cubic(factor, free=(0, 1, 2))).worst_relative_error <= 1e-12


def test_choose_lines__one_number_is_one_line():
    variable = Variable("x", np.array([2.0]), np.array([3.0]), np.array([0]), 0.1, -0.5)
    ((line, analytic),) = choose_lines(variable, 1, np.random.default_rng(0))
    assert (line.direction.tolist(), analytic) == ([-0.5], 3.0)


def test_choose_lines__looks_at_a_zero_where_there_is_nothing_else():
    variable = Variable("x", np.ones(5), np.zeros(5), np.arange(5), 0.1)
    lines = choose_lines(variable, 1, np.random.default_rng(0))
    assert [analytic for _, analytic in lines] == [0]
