"""Augmentation against plain loops over images and pixels."""

import numpy as np
import pytest

from eventsim.augment import augment, normalise, to_unit
from eventsim.autoaugment import apply_policy
from eventsim.errors import ConfigError, ShapeError


@pytest.fixture
def images():
    shape = (50, 7, 6, 2)
    return np.random.default_rng(0).integers(1, 256, shape, dtype=np.uint8)


def moved(image, down, right, fill=0):
    """Return an image moved by whole pixels, one pixel at a time."""
    height, width, _ = image.shape
    result = np.full_like(image, fill)
    for row in range(height):
        for column in range(width):
            if 0 <= row + down < height and 0 <= column + right < width:
                result[row + down, column + right] = image[row, column]
    return result


def shifts_that_explain(before, after, reach, fill=0):
    steps = range(-reach, reach + 1)
    return [
        (down, right)
        for down in steps
        for right in steps
        if np.array_equal(moved(before, down, right, fill), after)
    ]


@pytest.mark.parametrize("step", ["shift", "crop_padding"])
@pytest.mark.parametrize("reach", [1, 2, 5])
def test_augment__every_image_is_moved_within_reach(images, step, reach):
    out = augment(images, np.random.default_rng(1), **{step: reach})
    assert out.shape == images.shape
    assert out.dtype == np.uint8
    for before, after in zip(images, out, strict=True):
        assert len(shifts_that_explain(before, after, reach)) == 1


@pytest.mark.parametrize("step", ["shift", "crop_padding"])
def test_augment__moved_images_are_filled_up(images, step):
    options = {step: 3, "shift_fill": 128}
    out = augment(images, np.random.default_rng(1), **options)
    for before, after in zip(images, out, strict=True):
        assert len(shifts_that_explain(before, after, 3, fill=128)) == 1


def test_augment__crop_padding_is_shift(images):
    shifted = augment(images, np.random.default_rng(1), shift=2)
    cropped = augment(images, np.random.default_rng(1), crop_padding=2)
    np.testing.assert_array_equal(shifted, cropped)


def test_augment__all_shifts_are_equally_likely():
    n, reach = 9000, 1
    image = np.zeros((n, 3, 3, 1), np.uint8)
    image[:, 1, 1] = 9  # a single point: where it goes is the shift
    out = augment(image, np.random.default_rng(2), shift=reach)
    assert np.all(out.sum(axis=(1, 2, 3)) == 9)
    counts = (out[..., 0] == 9).sum(axis=0)
    sigma = np.sqrt(n * (1 / 9) * (8 / 9))
    assert np.abs(counts - n / 9).max() < 4 * sigma


def test_augment__flips_about_half_of_the_images():
    n = 4000
    images = np.random.default_rng(0).integers(0, 256, (n, 3, 4, 1), dtype=np.uint8)
    out = augment(images, np.random.default_rng(3), flip=True)
    n_flipped = 0
    for before, after in zip(images, out, strict=True):
        mirrored = np.stack([before[:, 3 - column] for column in range(4)], axis=1)
        is_flipped = np.array_equal(after, mirrored)
        assert is_flipped or np.array_equal(after, before)
        n_flipped += is_flipped
    assert abs(n_flipped - n / 2) < 4 * np.sqrt(n / 4)


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_augment__cuts_out_one_square(images, side):
    out = augment(images, np.random.default_rng(4), cutout=side)
    _, height, width, _ = images.shape
    explained = {}
    for row in range(height):
        for column in range(width):
            mask = np.ones((height, width, 1), np.uint8)
            for r in range(row - side // 2, row - side // 2 + side):
                for c in range(column - side // 2, column - side // 2 + side):
                    if 0 <= r < height and 0 <= c < width:
                        mask[r, c] = 0
            explained[row, column] = mask
    for before, after in zip(images, out, strict=True):
        assert any(np.array_equal(before * m, after) for m in explained.values())


def test_augment__cutout_is_centred_anywhere():
    n = 4200
    images = np.ones((n, 7, 6, 1), np.uint8)
    out = augment(images, np.random.default_rng(5), cutout=1)
    counts = (out[..., 0] == 0).sum(axis=0)
    assert counts.sum() == n
    assert np.abs(counts - 100).max() < 4.5 * np.sqrt(100)


def test_augment__steps_follow_one_another(images):
    rng = np.random.default_rng(6)
    one_by_one = images
    for step in ({"shift": 1}, {"crop_padding": 2}, {"flip": True}, {"cutout": 3}):
        one_by_one = augment(one_by_one, rng, **step)
    at_once = augment(
        images,
        np.random.default_rng(6),
        shift=1,
        crop_padding=2,
        flip=True,
        cutout=3,
    )
    np.testing.assert_array_equal(at_once, one_by_one)


def test_augment__policy_comes_after_the_flip_and_before_the_cutout():
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    rng = np.random.default_rng(6)
    moved_and_flipped = augment(images, rng, shift=2, shift_fill=99, flip=True)
    changed = apply_policy(moved_and_flipped, rng, "cifar10", fill=99)
    expected = augment(changed, rng, cutout=3)
    out = augment(
        images,
        np.random.default_rng(6),
        shift=2,
        shift_fill=99,
        flip=True,
        autoaugment="cifar10",
        cutout=3,
    )
    np.testing.assert_array_equal(out, expected)
    assert not np.array_equal(changed, moved_and_flipped)


def test_augment__policies_need_colour(images):
    with pytest.raises(ConfigError, match="not in colour, got 2 channels; expected 3"):
        augment(images, np.random.default_rng(0), autoaugment="imagenet")


@pytest.mark.parametrize("fill", [-1, 256])
def test_augment__rejects_fills_that_are_not_pixels(images, fill):
    message = f"shift_fill is not a pixel value, got {fill}; expected 0 to 255"
    with pytest.raises(ConfigError, match=message):
        augment(images, np.random.default_rng(0), shift=1, shift_fill=fill)


def test_augment__generator_decides_and_input_stays(images):
    before = images.copy()
    options = {"shift": 2, "flip": True, "cutout": 3}
    first = augment(images, np.random.default_rng(7), **options)
    again = augment(images, np.random.default_rng(7), **options)
    other = augment(images, np.random.default_rng(8), **options)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(images, before)


def test_augment__nothing_switched_on_draws_nothing(images):
    rng = np.random.default_rng(9)
    assert augment(images, rng) is images
    assert rng.random() == np.random.default_rng(9).random()


def test_augment__empty_batch(images):
    rng = np.random.default_rng(9)
    out = augment(images[:0], rng, shift=1, flip=True, cutout=2)
    assert out.shape == (0, 7, 6, 2)


@pytest.mark.parametrize("step", ["shift", "crop_padding", "cutout"])
def test_augment__rejects_negative_pixels(images, step):
    with pytest.raises(ConfigError, match=f"augment: {step} is negative, got -1"):
        augment(images, np.random.default_rng(0), **{step: -1})


@pytest.mark.parametrize("step", ["shift", "crop_padding"])
def test_augment__rejects_shifts_out_of_the_image(images, step):
    message = f"{step} moves the whole image out, got 6; expected less than 6"
    with pytest.raises(ConfigError, match=message):
        augment(images, np.random.default_rng(0), **{step: 6})


@pytest.mark.parametrize(
    "wrong", [np.zeros((3, 4)), np.zeros((2, 3, 3, 1)), np.zeros((3, 4, 4), np.uint8)]
)
def test_augment__rejects_what_is_not_images(wrong):
    with pytest.raises(ShapeError, match=r"these are not images, got .* of shape"):
        augment(wrong, np.random.default_rng(0), flip=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_unit__spans_zero_to_one(dtype):
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    unit = to_unit(images, dtype)
    assert unit.dtype == dtype
    expected = [k / 255 for k in range(256)]
    np.testing.assert_allclose(unit.ravel(), expected, rtol=np.finfo(dtype).eps)
    assert (unit.min(), unit.max()) == (0.0, 1.0)


def test_to_unit__rejects_what_is_not_images():
    with pytest.raises(ShapeError, match=r"to_unit: these are not images, got float64"):
        to_unit(np.zeros((3, 4)))


def test_normalise__own_statistics_give_mean_zero_and_deviation_one(images):
    unit = images.astype(float) / 255
    mean, std = unit.mean(axis=(0, 1, 2)), unit.std(axis=(0, 1, 2))
    out = normalise(images, mean, std)
    np.testing.assert_allclose(out.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(out.std(axis=(0, 1, 2)), 1, rtol=1e-12)


def test_normalise__one_number_holds_for_all_channels(images):
    out = normalise(images, 0.5, 0.25, np.float32)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, images / 255 * 4 - 2, atol=1e-6)


@pytest.mark.parametrize("std", [0.0, -1.0, float("nan"), float("inf")])
def test_normalise__rejects_bad_deviation(images, std):
    with pytest.raises(ConfigError, match=r"std cannot be divided by, got"):
        normalise(images, 0.5, std)


def test_normalise__rejects_bad_mean(images):
    with pytest.raises(ConfigError, match=r"mean is not a number, got nan"):
        normalise(images, float("nan"), 1.0)


def test_normalise__rejects_other_channel_counts(images):
    with pytest.raises(ShapeError, match=r"mean does not fit.*\(3,\).*the 2 channels"):
        normalise(images, [0.1, 0.2, 0.3], 1.0)


def test_augment__refuses_a_cutout_larger_than_the_image():
    images = np.zeros((1, 6, 8, 1), np.uint8)
    with pytest.raises(ConfigError, match="cutout is larger than the image, got 7"):
        augment(images, np.random.default_rng(0), cutout=7)
