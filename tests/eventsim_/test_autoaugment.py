"""Operations against loops and hand-made images; policies by what they choose."""

import math
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from eventsim import autoaugment
from eventsim.autoaugment import POLICIES, apply_policy, change
from eventsim.errors import ConfigError

GREY_SCALE = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def changed(pixels, operation, level=0, negative=False, fill=0):
    image = change(Image.fromarray(pixels), operation, level, negative, fill)
    assert image.mode == "RGB"
    return np.asarray(image)


def looked_up(pixels, source, fill):
    """Return the image whose pixel centre (x, y) comes from ``source(x, y)``."""
    height, width, _ = pixels.shape
    result = np.full_like(pixels, fill)
    for row in range(height):
        for column in range(width):
            x, y = source(column + 0.5, row + 0.5)
            if 0 <= x < width and 0 <= y < height:
                result[row, column] = pixels[math.floor(y), math.floor(x)]
    return result


def coloured(grey):
    """Return an RGB image with three different but known channels."""
    return np.stack([grey, 255 - grey, grey // 2], axis=-1)


@pytest.mark.parametrize(("level", "by"), [(0, 0), (3, 4), (8, 12), (9, 14)])
@pytest.mark.parametrize("fill", [0, 128])
def test_change__translates_by_whole_pixels(pixels, level, by, fill):
    # by = 150 / 331 of 32 pixels, times level / 9, without its fraction
    right = np.full_like(pixels, fill)
    right[:, by:] = pixels[:, : 32 - by]
    down = np.full_like(pixels, fill)
    down[by:] = pixels[: 32 - by]
    left = np.full_like(pixels, fill)
    left[:, : 32 - by] = pixels[:, by:]
    up = np.full_like(pixels, fill)
    up[: 32 - by] = pixels[by:]
    for operation, negative, expected in (
        ("translate_x", False, right),
        ("translate_x", True, left),
        ("translate_y", False, down),
        ("translate_y", True, up),
    ):
        out = changed(pixels, operation, level, negative, fill)
        np.testing.assert_array_equal(out, expected)


def test_change__translates_by_the_side_in_that_direction():
    pixels = np.full((10, 40, 3), 200, np.uint8)
    to_right = changed(pixels, "translate_x", 9)
    assert np.flatnonzero(to_right[0, :, 0] == 0).tolist() == list(range(18))
    down = changed(pixels, "translate_y", 9)
    assert np.flatnonzero(down[:, 0, 0] == 0).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("level", [5, 7, 8])
@pytest.mark.parametrize("negative", [False, True])
def test_change__shears_from_the_corner(pixels, level, negative):
    shear = (-1 if negative else 1) * 0.3 * level / 9
    for operation, source in (
        ("shear_x", lambda x, y: (x + shear * y, y)),
        ("shear_y", lambda x, y: (x, y + shear * x)),
    ):
        out = changed(pixels, operation, level, negative, fill=7)
        np.testing.assert_array_equal(out, looked_up(pixels, source, 7))


@pytest.mark.parametrize(("level", "degrees"), [(2, 20 / 3), (8, 80 / 3), (9, 30)])
@pytest.mark.parametrize("negative", [False, True])
def test_change__rotates_about_the_centre(pixels, level, degrees, negative):
    angle = math.radians(-degrees if negative else degrees)
    cos, sin = math.cos(angle), math.sin(angle)

    def source(x, y):
        # Counter-clockwise for positive angles; y points down.
        x, y = x - 16, y - 16
        return 16 + cos * x - sin * y, 16 + sin * x + cos * y

    out = changed(pixels, "rotate", level, negative, fill=128)
    np.testing.assert_array_equal(out, looked_up(pixels, source, 128))


@pytest.mark.parametrize("name", ["Brightness", "Color", "Contrast", "Sharpness"])
@pytest.mark.parametrize(
    ("level", "negative", "factor"),
    [(0, False, 1), (0, True, 1), (5, False, 1.5), (9, False, 1.9), (9, True, 0.1)],
)
def test_change__enhances_by_a_factor_around_one(pixels, name, level, negative, factor):
    expected = getattr(ImageEnhance, name)(Image.fromarray(pixels)).enhance(factor)
    out = changed(pixels, name.lower(), level, negative)
    np.testing.assert_array_equal(out, np.asarray(expected))
    if level == 0:
        np.testing.assert_array_equal(out, pixels)


def test_change__what_the_enhancements_mean(pixels):
    half = pixels // 2
    brighter = changed(half, "brightness", 5).astype(float)
    assert np.abs(brighter - np.minimum(half * 1.5, 255)).max() <= 1
    spread = np.ptp(changed(pixels, "color", 9, True).astype(int), axis=-1)
    assert np.all(spread <= 0.1 * np.ptp(pixels.astype(int), axis=-1) + 1)
    flat = np.full((8, 8, 3), 90, np.uint8)
    for operation in ("contrast", "sharpness", "color"):
        np.testing.assert_array_equal(changed(flat, operation, 9), flat)


@pytest.mark.parametrize(
    ("level", "bits"),
    [(0, 8), (1, 8), (2, 7), (3, 7), (4, 6), (5, 6), (6, 5), (7, 5), (8, 4), (9, 4)],
)
def test_change__posterizes_to_the_highest_bits(level, bits):
    pixels = coloured(GREY_SCALE)
    step = 2 ** (8 - bits)
    out = changed(pixels, "posterize", level)
    np.testing.assert_array_equal(out, pixels // step * step)


@pytest.mark.parametrize(
    ("level", "first_inverted"),
    # 256 (1 - level / 9) = 256, 199.1, 170.7, 142.2, 113.8, 56.9, 28.4, 0
    [(0, 256), (2, 200), (3, 171), (4, 143), (5, 114), (7, 57), (8, 29), (9, 0)],
)
def test_change__solarizes_from_a_value_on(level, first_inverted):
    pixels = coloured(GREY_SCALE)
    out = changed(pixels, "solarize", level)
    np.testing.assert_array_equal(
        out, np.where(pixels >= first_inverted, 255 - pixels, pixels)
    )


def test_change__inverts(pixels):
    np.testing.assert_array_equal(changed(pixels, "invert"), 255 - pixels)


def test_change__stretches_each_channel_to_the_full_range():
    red, green, blue = [50, 60, 101], [0, 17, 255], [7, 7, 7]
    pixels = np.array([[red, green, blue]], np.uint8).transpose(0, 2, 1)
    out = changed(pixels, "auto_contrast")
    assert out[0, :, 0].tolist() == [0, 50, 255]  # 5 (value - 50)
    assert out[0, :, 1].tolist() == green
    assert out[0, :, 2].tolist() == blue


def test_change__equalizes_each_channel():
    # 1,020 pixels with four values in equal shares spread evenly over 0..255.
    values = np.repeat(np.array([3, 4, 5, 200], np.uint8), 255).reshape(30, 34)
    pixels = np.stack([values, values[::-1], np.full_like(values, 9)], axis=-1)
    out = changed(pixels, "equalize")
    spread = {3: 0, 4: 85, 5: 170, 200: 255}
    for before, after in zip(pixels.reshape(-1, 3), out.reshape(-1, 3), strict=True):
        assert after[0] == spread[before[0]]
        assert after[1] == spread[before[1]]
        assert after[2] == 9


@pytest.mark.parametrize(
    ("policy", "expected"),
    # operation: how often it is listed, sum of probabilities in tenths, sum of levels
    [
        (
            "cifar10",
            {
                "auto_contrast": (7, 50, 0),
                "brightness": (4, 23, 25),
                "color": (5, 29, 27),
                "contrast": (2, 8, 13),
                "equalize": (9, 47, 0),
                "invert": (3, 2, 0),
                "posterize": (1, 3, 7),
                "rotate": (1, 7, 2),
                "sharpness": (5, 28, 24),
                "shear_y": (2, 7, 15),
                "solarize": (4, 19, 18),
                "translate_x": (2, 8, 17),
                "translate_y": (5, 34, 39),
            },
        ),
        (
            "imagenet",
            {
                "auto_contrast": (2, 12, 0),
                "color": (6, 38, 18),
                "contrast": (2, 20, 16),
                "equalize": (17, 112, 0),
                "invert": (3, 18, 0),
                "posterize": (5, 28, 32),
                "rotate": (6, 36, 45),
                "sharpness": (1, 4, 7),
                "shear_x": (1, 6, 5),
                "solarize": (7, 36, 36),
            },
        ),
    ],
)
def test_policies__are_the_published_ones(policy, expected):
    assert [len(pair) for pair in POLICIES[policy]] == [2] * 25
    steps = [step for pair in POLICIES[policy] for step in pair]
    found = {}
    for name in {step.operation for step in steps}:
        same = [step for step in steps if step.operation == name]
        tenths = sum(round(10 * step.probability) for step in same)
        found[name] = (len(same), tenths, sum(step.level for step in same))
    assert found == expected


@pytest.mark.parametrize("policy", POLICIES)
def test_apply_policy__chooses_pairs_steps_and_signs_as_often_as_it_should(
    monkeypatch, policy
):
    # Steps get levels of their own, so that a call tells which step it was.
    numbered = [
        [
            autoaugment.Step(step.operation, step.probability, 2 * k + j)
            for j, step in enumerate(pair)
        ]
        for k, pair in enumerate(POLICIES[policy])
    ]
    calls = Counter()

    def record(image, operation, level, negative, fill):
        calls[level, negative] += 1
        return image

    monkeypatch.setitem(autoaugment.POLICIES, policy, numbered)
    monkeypatch.setattr(autoaugment, "change", record)
    n = 20_000
    apply_policy(np.zeros((n, 1, 1, 3), np.uint8), np.random.default_rng(3), policy)
    for pair in numbered:
        for step in pair:
            # each sign has half of the share of the step
            expected = n / 25 * step.probability / 2
            for negative in (False, True):
                count = calls[step.level, negative]
                assert abs(count - expected) <= 4.5 * math.sqrt(expected)


def test_apply_policy__certain_and_impossible_steps(monkeypatch):
    certain = autoaugment.Step("invert", 1.0)
    never = autoaugment.Step("translate_x", 0.0, 9)
    for pair in ((certain, never), (never, certain)):
        monkeypatch.setitem(autoaugment.POLICIES, "cifar10", [pair])
        images = np.random.default_rng(1).integers(0, 256, (300, 2, 5, 3), np.uint8)
        out = apply_policy(images, np.random.default_rng(2), "cifar10")
        np.testing.assert_array_equal(out, 255 - images)


@pytest.mark.parametrize("policy", POLICIES)
def test_apply_policy__numbers_are_drawn_in_the_documented_order(policy):
    n = 60
    images = np.random.default_rng(4).integers(0, 256, (n, 9, 12, 3), dtype=np.uint8)
    before = images.copy()
    out = apply_policy(images, np.random.default_rng(5), policy, fill=40)
    np.testing.assert_array_equal(images, before)
    assert (out.shape, out.dtype) == (images.shape, np.uint8)

    rng = np.random.default_rng(5)
    pairs = rng.integers(25, size=n)
    chances, signs = rng.random((n, 2)), rng.integers(2, size=(n, 2))
    for k, pixels in enumerate(images):
        expected = pixels
        for j, step in enumerate(POLICIES[policy][pairs[k]]):
            if chances[k, j] < step.probability:
                expected = changed(
                    expected, step.operation, step.level, signs[k, j] == 1, fill=40
                )
        np.testing.assert_array_equal(out[k], expected)


def test_apply_policy__the_generator_decides():
    images = np.random.default_rng(6).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    first, again, other = (
        apply_policy(images, np.random.default_rng(seed), "imagenet")
        for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_apply_policy__empty_batch():
    out = apply_policy(
        np.zeros((0, 4, 4, 3), np.uint8), np.random.default_rng(0), "cifar10"
    )
    assert out.shape == (0, 4, 4, 3)


@pytest.mark.parametrize(("n", "what"), [(1, "1 channel"), (4, "4 channels")])
def test_apply_policy__refuses_images_without_colour(n, what):
    message = (
        rf"^autoaugment: the images are not in colour, got {what}; expected 3 \(red, "
        r"green, blue\); leave out data\.augment\.autoaugment for this data set$"
    )
    with pytest.raises(ConfigError, match=message):
        apply_policy(
            np.zeros((2, 4, 4, n), np.uint8), np.random.default_rng(0), "cifar10"
        )


def test_apply_policy__refuses_unknown_policies():
    message = "unknown policy, got 'svhn'; expected one of cifar10, imagenet"
    with pytest.raises(ConfigError, match=message):
        apply_policy(np.zeros((2, 4, 4, 3), np.uint8), np.random.default_rng(0), "svhn")
