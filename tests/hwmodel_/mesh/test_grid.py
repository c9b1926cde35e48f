from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from hwmodel.mesh.grid import Grid, step_name


def test_grid__counts_routers_and_cores():
    grid = Grid(4, 3, cores_per_router=5)
    assert (grid.n_routers, grid.n_cores, str(grid)) == (12, 60, "4x3")


def test_chip_of__numbers_chips_row_by_row():
    x, y = np.meshgrid(np.arange(5), np.arange(4))
    chips = Grid(5, 4, chip=(2, 2)).chip_of(x, y)
    assert chips.tolist() == [[0, 0, 1, 1, 2]] * 2 + [[3, 3, 4, 4, 5]] * 2


def test_chip_of__without_chips_the_grid_is_one():
    assert Grid(5, 4).chip_of(np.arange(5), np.zeros(5, int)).tolist() == [0] * 5


def test_n_chips__counts_begun_chips():
    assert Grid(5, 4, chip=(2, 2)).n_chips == 6
    assert Grid(5, 4, chip=(5, 4)).n_chips == 1
    assert Grid(5, 4).n_chips == 1


@pytest.mark.parametrize("chip", [None, (2, 2), (1, 1), (5, 1), (3, 3), (9, 9)])
@pytest.mark.parametrize("cpr", [1, 3])
def test_fewest_chips__are_the_fewest_that_hold_so_many_cores(chip, cpr):
    grid = Grid(5, 3, cpr, chip)
    y, x = np.indices((3, 5))
    holds = [int((grid.chip_of(x, y) == c).sum()) * cpr for c in range(grid.n_chips)]
    for n_cores in range(grid.n_cores + 1):
        enough = (
            n
            for n in range(grid.n_chips + 1)
            if max(sum(some) for some in combinations(holds, n)) >= n_cores
        )
        if len(holds) <= 6:
            assert grid.fewest_chips(n_cores) == next(enough)
        else:
            assert grid.fewest_chips(n_cores) == -(-n_cores // cpr)


def test_step_name__says_what_changes():
    steps = Grid(2, 2, topology="triangular torus").directions
    assert [step_name(s) for s in steps] == ["+x", "-x", "+y", "-y", "+x+y", "-x-y"]


def test_row_major__fills_one_chip_after_the_other():
    assert Grid(3, 2).row_major.tolist() == [0, 1, 2, 3, 4, 5]
    # chips of 2 x 2 on a grid of 3 x 3: the last column and row hold parts of chips
    assert Grid(3, 3, chip=(2, 2)).row_major.tolist() == [0, 1, 3, 4, 2, 5, 6, 7, 8]
