import numpy as np
import pytest

plt = pytest.importorskip("matplotlib.pyplot")

from eventsim.errors import RunError  # noqa: E402
from eventsim.plots.style import STYLE, save  # noqa: E402


def test_save__writes_a_picture_and_closes_the_figure(tmp_path):
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots()
        axis.plot([0, 1])
        assert not axis.spines["top"].get_visible()
    save(tmp_path / "a.png", figure)
    assert np.ptp(plt.imread(tmp_path / "a.png")) > 0
    assert not plt.fignum_exists(figure.number)


def test_save__closes_the_figure_also_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    figure, _ = plt.subplots()
    with pytest.raises(RunError):
        save(tmp_path / "file" / "a.png", figure)
    assert not plt.fignum_exists(figure.number)
