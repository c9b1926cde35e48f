from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mesh.grid import Grid
from hwmodel.placing.orders import hilbert, row_major, snake

SIZES = st.integers(1, 30)


def steps(order, grid):
    """Columns and rows that each step moves by."""
    return abs(np.diff(order % grid.width)), abs(np.diff(order // grid.width))


@pytest.mark.parametrize("order_of", [row_major, snake, hilbert])
@given(width=SIZES, height=SIZES)
@settings(deadline=None)
def test_order__visits_every_router_once(order_of, width, height):
    order = order_of(Grid(width, height))
    assert sorted(order.tolist()) == list(range(width * height))
    assert order[0] == 0


def test_row_major__goes_from_the_left():
    assert row_major(Grid(3, 2)).tolist() == [0, 1, 2, 3, 4, 5]


def test_snake__turns_at_the_end_of_each_row():
    assert snake(Grid(3, 3)).tolist() == [0, 1, 2, 5, 4, 3, 6, 7, 8]


@given(width=SIZES, height=SIZES)
@settings(deadline=None)
def test_snake__goes_from_neighbour_to_neighbour(width, height):
    dx, dy = steps(snake(Grid(width, height)), Grid(width, height))
    assert (dx + dy == 1).all()


@given(width=SIZES, height=SIZES)
@settings(deadline=None)
def test_hilbert__has_one_diagonal_step_where_parity_demands_it(width, height):
    dx, dy = steps(hilbert(Grid(width, height)), Grid(width, height))
    longer, shorter = max(width, height), min(width, height)
    assert np.maximum(dx, dy).max(initial=1) == 1
    assert (dx + dy == 2).sum() == (longer % 2 == 1 and shorter % 2 == 0)


def test_hilbert__is_the_classic_curve_on_a_square_of_four():
    assert hilbert(Grid(2, 2)).tolist() == [0, 2, 3, 1]


@pytest.mark.parametrize("side", [8, 16, 32])
def test_hilbert__keeps_neighbours_in_the_order_closer_than_rows_do(side):
    def far(order, apart=side // 2):
        x, y = order % side, order // side
        dx, dy = x[apart:] - x[:-apart], y[apart:] - y[:-apart]
        return (abs(dx) + abs(dy)).mean()

    grid = Grid(side, side)
    assert far(hilbert(grid)) < 0.7 * far(row_major(grid))
