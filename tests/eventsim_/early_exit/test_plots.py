from dataclasses import replace

import numpy as np
import pytest
from eventsim_.early_exit.test_stopping import MODELS, case_of

plt = pytest.importorskip("matplotlib.pyplot")

from matplotlib.colors import same_color  # noqa: E402

from eventsim.early_exit import plots  # noqa: E402
from eventsim.early_exit.accuracy_curve import AccuracyCurve  # noqa: E402
from eventsim.early_exit.analysis import analyse  # noqa: E402
from eventsim.early_exit.policies import Confidence, FirstSpike, FixedTime  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

POLICIES = [FirstSpike(), Confidence(0.6, 1.0), FixedTime(1.0), FixedTime(4.0)]
LINES = ["first_spike", "confidence W=1", "fixed_time"]


@pytest.fixture(scope="module")
def analysed():
    trace = case_of("conv", MODELS["continuous"], 1)
    return trace.network, analyse([trace], POLICIES)


def test_plot_analysis__draws_everything(analysed, tmp_path):
    paths = plots.plot_analysis(tmp_path, *analysed)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in paths
    )
    assert len(paths) == 6
    for path in paths:
        image = plt.imread(path)
        assert min(image.shape[:2]) > 200
        assert image[..., :3].std() > 0.01
    assert plt.get_fignums() == []


def test_accuracy_over_time__shows_the_curve_and_the_policies(analysed):
    network, found = analysed
    figure = plots.accuracy_over_time(network, found)
    (axis,) = figure.axes
    assert axis.lines[0].get_ydata()[-1] == pytest.approx(100 * found.full.accuracy)
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert labels[1:] == LINES
    assert axis.lines[-1].get_xdata() == pytest.approx([1.0, 4.0])
    plt.close(figure)


def test_accuracy_over_time__a_late_latency_is_written_to_its_left(analysed):
    network, found = analysed
    for time, side in ((0.1, "left"), (0.9, "right")):
        time = time * network.duration
        curve = AccuracyCurve(np.array([time]), np.array([1.0]))
        figure = plots.accuracy_over_time(network, replace(found, curve=curve))
        (text,) = figure.axes[0].texts
        assert text.get_ha() == side
        plt.close(figure)


def test_layer_spikes__heights_by_hand(analysed):
    network, found = analysed
    figure = plots.layer_spikes(network, found)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    chosen = plots.fast_settings(found)
    expected = [*found.full.layer_spikes]
    for k in chosen:
        expected += (found.outcomes[k].layer_spikes / found.n_samples).tolist()
    assert heights == pytest.approx(expected)
    assert len(heights) == 3 * (1 + len(chosen))
    plt.close(figure)


def test_thresholds__numbers_over_the_parameter(analysed):
    _, found = analysed
    figure = plots.thresholds(found)
    axes = np.reshape(figure.axes, (3, 2))
    assert [axis.get_title() for axis in axes[0]] == ["confidence", "fixed_time"]
    last = [p for p in found.points if p.policy == "fixed_time"]
    for axis, heights in zip(
        axes[:, 1],
        (
            [100 * p.accuracy for p in last],
            [p.mean_time for p in last],
            [100 * p.undecided for p in last],
        ),
        strict=True,
    ):
        assert axis.lines[0].get_xdata() == pytest.approx([1.0, 4.0])
        assert axis.lines[0].get_ydata() == pytest.approx(heights)
    plt.close(figure)
    assert plots.thresholds(replace(found, points=found.points[:1])) is None


def test_decision_times__undecided_samples_stand_behind_the_end(analysed):
    network, found = analysed
    first, *others = found.outcomes
    decisions = replace(first.decisions, is_decided=np.array([True, False, True, True]))
    found = replace(
        found,
        outcomes=(replace(first, decisions=decisions), *others),
        points=(replace(found.points[0], undecided=0.25), *found.points[1:]),
    )
    figure = plots.decision_times(network, found)
    chosen = [found.points[k] for k in plots.fast_settings(found)]
    assert chosen[0].undecided == 0.25
    for axis, point in zip(figure.axes, chosen, strict=True):
        steps, bar = axis.patches
        assert bar.get_x() > network.duration
        assert bar.get_height() == pytest.approx(100 * point.undecided)
        shown = steps.get_data().values.sum() + bar.get_height()
        assert shown == pytest.approx(100)
        assert axis.get_xlim()[1] > bar.get_x() + bar.get_width()
    plt.close(figure)


def test_pictures__give_every_policy_one_colour(analysed):
    network, found = analysed
    over_time = plots.accuracy_over_time(network, found).axes[0]
    colours = {line.get_label(): line.get_color() for line in over_time.lines}
    times = plots.decision_times(network, found).axes
    for axis, name in zip(times, LINES, strict=True):
        assert same_color(axis.patches[0].get_facecolor(), colours[name])
    columns = plots.thresholds(found).axes[:2]
    for axis, name in zip(columns, LINES[1:], strict=True):
        assert axis.lines[0].get_color() == colours[name]
    plt.close("all")


def test_fast_settings__the_fastest_that_is_nearly_as_right_as_full_runs(analysed):
    _, found = analysed
    full = replace(found.full, accuracy=0.8)
    base = found.points[0]
    made = {
        "margin": [(0.7, 1.0), (0.793, 2.0), (0.8, 3.0), (0.81, 9.0)],
        "confidence": [(0.5, 1.0), (0.6, 4.0), (0.6, 3.0)],
    }
    points = tuple(
        replace(base, policy=name, accuracy=accuracy, mean_time=time)
        for name, settings in made.items()
        for accuracy, time in settings
    )
    # 0.793 is within 1 % of 0.8; no confidence is, and the best one is taken.
    assert plots.fast_settings(replace(found, full=full, points=points)) == [1, 6]


def compared():
    return [
        {
            "name": name,
            "duration": duration,
            "curve": [{"time": 0.0, "accuracy": 0.1}, {"time": 2.0, "accuracy": 0.9}],
            "layers": [{"spikes": float(k)} for k in range(n)],
        }
        for name, duration, n in (("a", 4.0, 2), ("b", 8.0, 3))
    ]


def test_compared_accuracy__over_the_share_of_each_run():
    figure = plots.compared_accuracy(compared())
    lines = figure.axes[0].lines
    assert [line.get_xdata()[-1] for line in lines] == [0.5, 0.25]
    assert [line.get_ydata()[-1] for line in lines] == [90, 90]
    plt.close(figure)


def test_compared_layer_spikes__models_may_have_other_numbers_of_layers():
    figure = plots.compared_layer_spikes(compared())
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == [0, 1, 0, 1, 2]
    plt.close(figure)
