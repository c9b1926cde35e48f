import pytest
from eventsim_.early_exit.test_stopping import MODELS, case_of

plt = pytest.importorskip("matplotlib.pyplot")

from eventsim.early_exit import plots  # noqa: E402
from eventsim.early_exit.analysis import analyse  # noqa: E402
from eventsim.early_exit.policies import Confidence, FirstSpike, FixedTime  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

POLICIES = [FirstSpike(), Confidence(0.6, 1.0), FixedTime(1.0), FixedTime(4.0)]


@pytest.fixture(scope="module")
def analysed():
    trace = case_of("conv", MODELS["continuous"], 1)
    return trace.network, analyse([trace], POLICIES)


def test_plot_analysis__draws_everything(analysed, tmp_path):
    paths = plots.plot_analysis(tmp_path, *analysed)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in paths
    )
    assert len(paths) == 5
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
    assert labels[1:] == ["first_spike", "confidence W=1", "fixed_time"]
    assert axis.lines[-1].get_xdata() == pytest.approx([1.0, 4.0])
    plt.close(figure)


def test_layer_spikes__heights_by_hand(analysed):
    network, found = analysed
    figure = plots.layer_spikes(network, found)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx(found.full.layer_spikes)
    plt.close(figure)


def test_best_settings__the_most_accurate_then_the_fastest(analysed):
    _, found = analysed
    points = found.points
    for k in plots.best_settings(found):
        same = [p for p in points if p.policy == points[k].policy]
        best = max(p.accuracy for p in same)
        assert points[k].accuracy == best
        assert points[k].mean_time == min(
            p.mean_time for p in same if p.accuracy == best
        )
    assert len(plots.best_settings(found)) == 3
