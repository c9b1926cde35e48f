from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsim.errors import RunError
from hwmodel.report.csv_table import write_rows


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.integers()), max_size=5))
def test_write_rows__numbers_come_back_to_the_last_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("csv") / "new" / "a.csv"
    write_rows(path, ["x", "n"], [{"x": x, "n": n} for x, n in numbers])
    rows = csv.DictReader(path.read_text("utf-8").splitlines())
    assert [(float(row["x"]), int(row["n"])) for row in rows] == numbers


def test_write_rows__what_is_unknown_is_empty(tmp_path):
    write_rows(tmp_path / "a.csv", ["x", "name"], [{"x": None, "name": "a,b"}])
    assert (tmp_path / "a.csv").read_bytes() == b'x,name\n,"a,b"\n'


def test_write_rows__a_file_in_the_way_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        write_rows(tmp_path / "file" / "a.csv", ["x"], [])
