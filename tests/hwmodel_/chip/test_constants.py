from __future__ import annotations

from hwmodel.chip.constants import ACTIONS, CONSTANTS, DURATIONS, Constant


def test_constants__have_a_unit_each():
    assert set(CONSTANTS) == {
        *(f"energy.{name}" for name in (*ACTIONS, "static")),
        *(f"timing.{name}" for name in DURATIONS),
    }


def test_interval__is_the_value_where_no_bound_is_known():
    def interval(value, low=None, high=None):
        return Constant(value, "J", "marginal", "s", low=low, high=high).interval

    assert interval(None) is None
    assert interval(2.0) == (2.0, 2.0)
    assert interval(2.0, low=1.0) == (1.0, 2.0)
    assert interval(2.0, high=5.0) == (2.0, 5.0)
