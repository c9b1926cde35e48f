"""The geometry of the symbol, from its areas and symmetries."""

import numpy as np
import pytest

from eventsim.datasets.records import Request
from eventsim.datasets.yin_yang import DOT, YANG, YIN, classify, generate, load


@pytest.fixture(scope="module")
def grid():
    """A grid of points, symmetric about the centre, clear of every boundary."""
    ticks = (np.arange(1000) + 0.5) / 1000
    x, y = (axis.ravel() for axis in np.meshgrid(ticks, ticks))
    return x, y, classify(x, y)


@pytest.mark.parametrize(
    ("part", "area"),
    [
        # Dots: 2 pi 0.1^2. Yin and yang halve the rest of the disk, pi 0.5^2.
        (DOT, 0.02 * np.pi),
        (YIN, (0.25 - 0.02) * np.pi / 2),
        (YANG, (0.25 - 0.02) * np.pi / 2),
        (-1, 1 - np.pi / 4),
    ],
)
def test_classify__areas(grid, part, area):
    assert np.mean(grid[2] == part) == pytest.approx(area, abs=2e-4)


def test_classify__half_a_turn_swaps_yin_and_yang(grid):
    x, y, parts = grid
    turned = classify(1 - x, 1 - y)
    swapped = np.array([YANG, YIN, DOT, -1])
    np.testing.assert_array_equal(turned, swapped[parts])


@pytest.mark.parametrize(
    ("x", "y", "part"),
    [
        (0.25, 0.50, DOT),
        (0.75, 0.50, DOT),
        (0.25, 0.59, DOT),
        (0.25, 0.61, YIN),  # in the left lobe, above its dot
        (0.25, 0.39, YIN),  # in the left lobe, below its dot
        (0.75, 0.61, YANG),  # in the right lobe, above its dot
        (0.75, 0.39, YANG),
        (0.50, 0.90, YIN),  # top of the disk
        (0.50, 0.10, YANG),  # bottom of the disk
        (0.02, 0.02, -1),
    ],
)
def test_classify__landmarks(x, y, part):
    assert classify(np.array([x]), np.array([y])).tolist() == [part]


def test_generate__labels_fit_the_points():
    split = generate(999, seed=3)
    x, y = split.inputs[:, 0], split.inputs[:, 1]
    np.testing.assert_array_equal(classify(x, y), split.labels)
    np.testing.assert_allclose(split.inputs[:, 2:], 1 - split.inputs[:, :2])
    to_dot = np.minimum(np.hypot(x - 0.25, y - 0.5), np.hypot(x - 0.75, y - 0.5))
    np.testing.assert_array_equal(to_dot <= 0.1, split.labels == DOT)
    assert np.hypot(x - 0.5, y - 0.5).max() <= 0.5


def test_generate__every_beginning_is_balanced():
    labels = generate(500, seed=3).labels
    counts = np.cumsum(labels[:, None] == np.arange(3), axis=0)
    assert np.ptp(counts, axis=1).max() == 1
    assert len({tuple(labels[i : i + 3]) for i in range(0, 300, 3)}) == 6


def test_generate__points_are_uniform_on_each_part():
    split = generate(9000, seed=3)
    yin = split.inputs[split.labels == YIN]
    # Of yin (area 0.115 pi), the part above y = 1/2 is the half disk (pi/8)
    # less half a lobe (pi/32) less half a dot (pi/200).
    share = (1 / 8 - 1 / 32 - 1 / 200) / 0.115
    sigma = np.sqrt(share * (1 - share) / len(yin))
    assert np.mean(yin[:, 1] > 0.5) == pytest.approx(share, abs=4 * sigma)


def test_generate__a_smaller_set_begins_a_larger_one():
    small, large = generate(10, seed=3), generate(20000, seed=3)
    np.testing.assert_array_equal(large.inputs[:10], small.inputs)
    np.testing.assert_array_equal(large.labels[:10], small.labels)


def test_generate__never_changes():
    # Recorded when the generator was written, to keep results comparable.
    split = generate(3, seed=42)
    assert split.labels.tolist() == [DOT, YANG, YIN]
    points = [[0.814552, 0.572007], [0.467491, 0.046449], [0.310552, 0.748302]]
    np.testing.assert_allclose(split.inputs[:, :2], points, atol=1e-6)


def test_generate__can_be_empty():
    assert generate(0, seed=3).inputs.shape == (0, 4)


def test_load__has_the_published_sizes_and_different_parts():
    dataset = load(Request())
    parts = (dataset.train, dataset.validation, dataset.test)
    assert [len(part) for part in parts] == [5000, 1000, 1000]
    points = np.concatenate([part.inputs for part in parts])
    assert len(np.unique(points, axis=0)) == 7000
    assert dataset.input_shape == (4,)
    assert dataset.train.inputs.dtype == np.float64
    assert dataset.train.labels.dtype == np.int64


def test_load__sizes_can_be_chosen():
    dataset = load(Request(n_validation=0, limit_train=6000, limit_test=7))
    parts = (dataset.train, dataset.validation, dataset.test)
    assert [len(part) for part in parts] == [6000, 0, 7]
