import math

import numpy as np
import pytest

plt = pytest.importorskip("matplotlib.pyplot")

from eventsim.config.study_loading import load_study, study_cases  # noqa: E402
from eventsim.study.plot import grid_steps, plot_study, study_figure  # noqa: E402


@pytest.fixture
def make(tiny_yaml, tmp_path):
    """Return a function from the text of a study to its content and cases."""

    def make(text):
        path = tmp_path / "s.yaml"
        path.write_text(f"name: s\nbase: tiny.yaml\n{text}")
        study = load_study(path)
        return study, study_cases(path, study)

    return make


def lines_of(axis):
    """Return the points of each line by its label."""
    return {line.get_label(): line.get_xydata().tolist() for line in axis.lines}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("grid: {loss.beta: [3, 1, 2.5]}", [3, 1, 2.5]),
        ("grid: {loss.beta: [3]}\ncases: [{name: a}]", None),
        ("grid: {loss.beta: [3], training.epochs: [2]}", None),
        ("grid: {optimizer.nesterov: [false]}", None),
        ("grid: {data.limit_test: [3, null]}", None),
        ("seeds: [1]", None),
    ],
)
def test_grid_steps__of_one_number_only(make, text, steps):
    assert grid_steps(make(text)[0]) == steps


def test_study_figure__cases_are_rows(make):
    study, cases = make(
        "cases:\n  - {name: a, published: 0.5}\n  - {name: b, set: {loss.beta: 2}}\n"
        "  - {name: c, set: {loss.beta: 3}}\nmetric: [test_accuracy, test_loss]"
    )
    values = {
        "test_accuracy": [[0.25, 0.75], [1.0], []],
        "test_loss": [[1.0, math.inf], [2.0], [3.0]],
    }
    figure = study_figure(study, cases, values)
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["a", "b", "c"]
    drawn = lines_of(left)
    assert drawn["each seed"] == [[25, 0], [75, 0], [100, 1]]
    assert np.array_equal(
        drawn["mean"], [[50, 0], [100, 1], [math.nan, 2]], equal_nan=True
    )
    assert drawn["published"][0] == [50, 0]
    assert left.get_xlabel() == "test_accuracy, %"
    # What is not finite has no place in a picture.
    assert lines_of(right)["each seed"] == [[1, 0], [2, 1], [3, 2]]
    assert "published" not in lines_of(right)
    # The first case is on top.
    assert left.get_ylim()[0] > left.get_ylim()[1]
    plt.close(figure)


@pytest.mark.parametrize(
    ("grid", "scale"),
    [([3, 1, 2], "linear"), ([1, 29.9], "linear"), ([1, 30], "log"), ([0, 99], None)],
)
def test_study_figure__a_grid_of_one_number_is_a_curve(make, grid, scale):
    study, cases = make(f"grid: {{training.weight_mean: {grid}}}")
    values = {"test_accuracy": [[0.5, k / 10] for k in range(len(grid))]}
    figure = study_figure(study, cases, values)
    (axis,) = figure.axes
    drawn = lines_of(axis)
    expected = {x: 100 * (0.5 + k / 10) / 2 for k, x in enumerate(grid)}
    assert [x for x, _ in drawn["mean"]] == sorted(grid)
    assert dict(map(tuple, drawn["mean"])) == pytest.approx(expected)
    assert axis.get_xscale() == (scale or "linear")
    assert axis.get_xlabel() == "training.weight_mean"
    plt.close(figure)


def test_plot_study__writes_a_picture_even_of_nothing(make, tmp_path):
    study, cases = make("grid: {loss.beta: [1, 2]}\npublished: {beta=1: 0.5}")
    plot_study(tmp_path / "x.png", study, cases, {"test_accuracy": [[], []]})
    image = plt.imread(tmp_path / "x.png")
    assert min(image.shape[:2]) > 200
    assert plt.get_fignums() == []
