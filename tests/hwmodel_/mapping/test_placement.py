from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwmodel.errors import PlacementError
from hwmodel.mapping.groups import LayerPartition, Partition, equal_runs
from hwmodel.mapping.placement import place_row_major
from hwmodel.mesh.grid import Grid


def cores(n: int) -> Partition:
    return Partition((LayerPartition(0, equal_runs(n, n), ((0, 1),), ((0, 1),)),))


@given(n=st.integers(1, 60), width=st.integers(1, 10), spare=st.integers(0, 3))
def test_place_row_major__gives_each_core_its_own_router(n, width, spare):
    height = -(-n // width) + spare
    mapping = place_row_major(cores(n), Grid(width, height), "test")
    places = list(zip(mapping.x.tolist(), mapping.y.tolist(), strict=True))
    assert len(set(places)) == n
    assert all(0 <= x < width and 0 <= y < height for x, y in places)
    assert places == sorted(places, key=lambda place: (place[1], place[0]))


def test_place_row_major__fills_rows_first():
    mapping = place_row_major(cores(5), Grid(3, 2), "test")
    assert np.stack([mapping.x, mapping.y], axis=1).tolist() == [
        [0, 0],
        [1, 0],
        [2, 0],
        [0, 1],
        [1, 1],
    ]


def test_place_row_major__fills_the_cores_of_a_router_first():
    mapping = place_row_major(cores(5), Grid(2, 2, 2, chip=(1, 1)), "test")
    assert mapping.x.tolist() == [0, 0, 1, 1, 0]
    assert mapping.y.tolist() == [0, 0, 0, 0, 1]
    assert mapping.n_chips == 3


def test_place_row_major__too_small_a_mesh_names_cores_mesh_and_chip():
    with pytest.raises(
        PlacementError,
        match=r"needs 5 cores, the 2x2 mesh of chip tiny has 4.*--mesh 2x3",
    ):
        place_row_major(cores(5), Grid(2, 2), "tiny")


def test_place_row_major__uses_no_more_chips_than_needed():
    grid = Grid(6, 4, 2, chip=(3, 2))
    mapping = place_row_major(cores(13), grid, "test")
    assert mapping.n_chips == 2
    assert place_row_major(cores(12), grid, "test").n_chips == 1
