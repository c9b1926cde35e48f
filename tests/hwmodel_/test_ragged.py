from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hwmodel.ragged import rows_of


@given(
    rows=st.lists(st.lists(st.integers(0, 99), max_size=4), min_size=1, max_size=6),
    data=st.data(),
)
def test_rows_of__takes_rows_one_after_the_other(rows, data):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9))
    values = np.array([value for row in rows for value in row], dtype=int)
    offsets = np.cumsum([0, *map(len, rows)])
    place, ends = rows_of(offsets, np.array(chosen, dtype=int))
    taken = [rows[row] for row in chosen]
    assert values[place].tolist() == [value for row in taken for value in row]
    assert ends.tolist() == np.cumsum([0, *map(len, taken)]).tolist()
