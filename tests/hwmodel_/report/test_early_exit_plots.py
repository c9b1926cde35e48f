from __future__ import annotations

from dataclasses import replace

import matplotlib.image
import pytest
from hwmodel_.early_exit.exit_reports import REPORT, STEPPED, alone, priced
from matplotlib.backends.backend_agg import FigureCanvasAgg

from eventsim.errors import RunError
from hwmodel.report.early_exit import setting
from hwmodel.report.early_exit_plots import (
    BEATEN,
    EARLIER_RING,
    INK,
    RING_SIZE,
    SHOWN_BELOW,
    STYLES,
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


def ringed(report):
    """Points in dark and in grey rings, as drawn."""
    axes = chips_figure(report).axes[0]
    rings = [line for line in axes.lines if line.get_markersize() == RING_SIZE]
    return [
        {
            (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
            for line in rings
            if line.get_markeredgecolor() == colour
        }
        for colour in (INK, EARLIER_RING)
    ]


def beaten(point, others):
    return any(
        o.mean_energy <= point.mean_energy
        and o.accuracy >= point.accuracy
        and (o.mean_energy, -o.accuracy) != (point.mean_energy, -point.accuracy)
        for o in others
    )


def place(point):
    return (point.mean_energy, 100 * point.accuracy)


def a_late_and_an_early_one(report):
    """The same report; on one chip a setting is on the front only as the earliest."""
    full, second, *rest = report.chips[0].points
    early = replace(
        second,
        accuracy=full.accuracy - 0.01,
        mean_energy=1.01 * full.mean_energy,
        is_best_of_all=True,
    )
    first = replace(report.chips[0], points=(full, early, *rest))
    return replace(report, chips=(first, *report.chips[1:])), early


def test_chips_figure__dark_rings_are_the_front_of_the_picture():
    floor = REPORT.chips[0].points[0].accuracy - SHOWN_BELOW
    shown = [p for c in REPORT.chips for p in c.points if p.accuracy >= floor]
    expected = {place(p) for p in shown if not beaten(p, shown)}
    dark, _ = ringed(REPORT)
    assert dark == expected
    assert 0 < len(dark) < len({place(p) for p in shown})


def test_chips_figure__a_grey_ring_is_on_the_front_only_because_it_is_earlier():
    report, early = a_late_and_an_early_one(REPORT)
    dark, grey = ringed(report)
    assert place(early) in grey
    assert place(early) not in dark
    assert not dark & grey


def test_chips_figure__the_legend_explains_every_marker():
    figure = chips_figure(a_late_and_an_early_one(REPORT)[0])
    (legend,) = figure.legends
    keys = {text.get_text() for text in legend.get_texts()}
    drawn = {line.get_marker() for line in figure.axes[0].lines} - {"None"}
    floor = REPORT.chips[0].points[0].accuracy - SHOWN_BELOW
    labels = {label for marker, _, label in STYLES.values() if marker in drawn}
    assert labels == {
        STYLES[p.policy][2] for c in REPORT.chips for p in c.points
        if p.accuracy >= floor
    }  # fmt: skip
    rings = {"front of energy and accuracy", "front with latency only"}
    names = {chip.full.chip.name for chip in REPORT.chips}
    assert keys == names | labels | rings | {BEATEN}
    assert figure.axes[0].get_xscale() == "log"


def test_energy_accuracy_figure__names_stay_inside_their_panel():
    figure = energy_accuracy_figure(REPORT)
    FigureCanvasAgg(figure).draw()
    for axes in figure.axes:
        frame = axes.get_window_extent()
        for text in axes.texts:
            if text.get_text() != "static, per frame":
                assert text.get_window_extent().x0 >= frame.x0
    assert any(axes.texts for axes in figure.axes)


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
