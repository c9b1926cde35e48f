import matplotlib.pyplot as plt
import pytest

from eventsim.plots.history import output_gradients, thresholds_and_silence


def line(epoch, **changes):
    return {
        "epoch": epoch,
        "output_gradient": -1.0 * epoch,
        "output_gradient_abs": 2.0 * epoch,
        "positive_share": 0.25,
        "silent": {"a": 0.5, "b": 0.1 * epoch},
        "thresholds": {"a": 1.0, "b": 2.0 * epoch},
        **changes,
    }


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def curves(axis):
    return [list(drawn.get_ydata()) for drawn in axis.lines]


def test_output_gradients__draws_sum_absolute_sum_and_share():
    lines = [line(1), line(2), line(3, positive_share=None)]
    axes = output_gradients(lines).axes
    assert curves(axes[0])[0] == [-1, -2]
    assert curves(axes[1])[0] == [2, 4]
    assert curves(axes[2])[0] == [0.25, 0.25]


def test_output_gradients__nothing_to_draw_for_potentials():
    assert output_gradients([line(1, positive_share=None)]) is None
    assert output_gradients([{"epoch": 1}]) is None


def test_thresholds_and_silence__draws_every_layer():
    axes = thresholds_and_silence([line(1), line(2)]).axes
    assert curves(axes[0]) == [[50, 50], [10, 20]]
    assert curves(axes[1]) == [[1, 1], [2, 4]]


def test_thresholds_and_silence__dynamic_thresholds_have_no_axis():
    lines = [line(1, thresholds={}), line(2, thresholds={})]
    assert len(thresholds_and_silence(lines).axes) == 1
    assert thresholds_and_silence([{"epoch": 1}]) is None
