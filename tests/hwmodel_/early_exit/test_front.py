from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.early_exit.front import is_on_front


@given(
    points=st.lists(st.tuples(*3 * [st.integers(0, 4)]), min_size=1, max_size=25),
)
@settings(max_examples=60, deadline=None)
def test_is_on_front__is_the_definition_point_by_point(points):
    found = is_on_front(np.array(points, float)).tolist()
    for own, is_best in zip(points, found, strict=True):
        beaten = any(
            all(a <= b for a, b in zip(other, own, strict=True)) and other != own
            for other in points
        )
        assert is_best == (not beaten)
    assert any(found)


def test_is_on_front__equal_points_are_on_it_together():
    costs = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])
    assert is_on_front(costs).tolist() == [True, True, True, False]
