from __future__ import annotations

from dataclasses import replace

import matplotlib.image
import pytest
from hwmodel_.early_exit.exit_reports import REPORT, STEPPED, alone, priced
from matplotlib.backends.backend_agg import FigureCanvasAgg

from eventsim.errors import RunError
from hwmodel.report.early_exit import setting
from hwmodel.report.early_exit_plots import (
    SHOWN_BELOW,
    chips_figure,
    energy_accuracy_figure,
    over_time_figure,
    plot_exits,
)


def markers(axes):
    """(x, y) of everything that is drawn as one point."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in axes.lines
        if len(line.get_xdata()) == 1 and line.get_linestyle() == "None"
    ]


def test_plot_exits__writes_pictures(tmp_path):
    paths = plot_exits(REPORT, tmp_path / "new")
    names = ["energy_accuracy.png", "over_time.png", "chips.png"]
    assert [path.name for path in paths] == names
    for path in paths:
        height, width, _ = matplotlib.image.imread(path).shape
        assert min(height, width) > 400
    one = plot_exits(alone("stepped"), tmp_path)
    assert [path.name for path in one] == names[:2]


def test_plot_exits__refuses_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        plot_exits(REPORT, tmp_path / "file")


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_energy_accuracy_figure__a_panel_a_chip_with_every_point_in_reach(n):
    report = REPORT if n == 2 else alone("stepped")
    if n > 2:
        report = replace(REPORT, chips=n * alone("stepped").chips)
    figure = energy_accuracy_figure(report)
    panels = [axes for axes in figure.axes if axes.lines]
    assert len(panels) == n
    for axes, chip in zip(panels, report.chips, strict=True):
        floor = chip.points[0].accuracy - SHOWN_BELOW
        shown = [p for p in chip.points if p.accuracy >= floor]
        drawn = markers(axes)
        assert len(drawn) == len(shown)
        scale = max(x for x, _ in drawn) / max(p.mean_energy for p in shown)
        expected = [(p.mean_energy * scale, 100 * p.accuracy) for p in shown]
        for found, wanted in zip(sorted(drawn), sorted(expected), strict=True):
            assert found == pytest.approx(wanted, rel=1e-9)
        named = " ".join(text.get_text() for text in axes.texts)
        assert any(setting(p) in named for p in shown if p.is_best)
        assert f"{len(chip.points) - len(shown)} settings below" in axes.get_xlabel()


def test_energy_accuracy_figure__shows_what_no_exit_saves():
    texts = [text.get_text() for axes in energy_accuracy_figure(REPORT).axes
             for text in axes.texts]  # fmt: skip
    assert texts.count("static, per frame") == 1  # canmore


def test_chips_figure__rings_mark_the_front_of_all():
    axes = chips_figure(REPORT).axes[0]
    rings = [line for line in axes.lines if line.get_markersize() == 11]
    best = {
        (p.mean_energy, 100 * p.accuracy)
        for chip in REPORT.chips
        for p in chip.points
        if p.is_best_of_all
        and p.accuracy >= REPORT.chips[0].points[0].accuracy - SHOWN_BELOW
    }
    found = {(line.get_xdata()[0], line.get_ydata()[0]) for line in rings}
    assert found == best
    assert axes.get_xscale() == "log"


def test_over_time_figure__ends_at_the_full_run():
    figure = over_time_figure(REPORT)
    upper, lower = figure.axes
    curve = upper.lines[0]
    assert curve.get_ydata().tolist() == (100 * REPORT.accuracy).tolist()
    for line in lower.lines:
        assert line.get_ydata()[-1] == pytest.approx(100)
        assert len(line.get_xdata()) == len(REPORT.times)
    assert len(lower.lines) == 2


def test_plot_exits__few_policies_and_nothing_hidden(tmp_path):
    report = priced([STEPPED], ["leader"])
    figure = energy_accuracy_figure(report)
    FigureCanvasAgg(figure).draw()
    assert len(markers(figure.axes[0])) == 2
