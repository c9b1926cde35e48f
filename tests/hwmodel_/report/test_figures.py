from __future__ import annotations

import pytest
from hwmodel_.builders import close
from matplotlib.figure import Figure

from eventsim.errors import RunError
from hwmodel.report.figures import joule_prefix, write_figures


def test_write_figures__makes_the_folder_and_writes_png(tmp_path):
    folder = tmp_path / "a" / "b"
    paths = write_figures({"x.png": Figure(), "y.png": Figure()}, folder)
    assert paths == [folder / "x.png", folder / "y.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG\r\n") for path in paths)


def test_write_figures__a_folder_in_the_way_is_an_error(tmp_path):
    (tmp_path / "x.png").mkdir()
    with pytest.raises(RunError, match=r"x\.png"):
        write_figures({"x.png": Figure()}, tmp_path)


@pytest.mark.parametrize(
    ("joules", "prefix", "unit"),
    [(0.0, "", 1.0), (2e-9, "n", 1e-9), (9.99e-7, "n", 1e-9), (1e-6, "u", 1e-6),
     (3e-18, "f", 1e-15), (4e12, "G", 1e9)],
)  # fmt: skip
def test_joule_prefix__leaves_one_to_a_thousand_where_there_is_one(
    joules, prefix, unit
):
    assert joule_prefix(joules) == (prefix, close(unit))
