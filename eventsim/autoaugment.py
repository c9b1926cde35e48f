"""AutoAugment: two random changes of each colour image, by a learned policy.

A policy is a list of 25 pairs of steps. For each image one pair is chosen, all being
equally likely. Each of its two steps happens with a probability of its own, and its
strength is given by a level from 0 to 9 on a scale that belongs to the operation.
Strengths with a sign are turned round with probability 1/2.

Scales, signs and sampling are those of the implementations that later work used to
apply the published policies. They differ from the scales of the search itself, where
the enhancements had one range from 0.1 to 1.9 without a sign.

References
----------
Cubuk, Zoph, Mané, Vasudevan, Le, "AutoAugment: learning augmentation strategies from
data", CVPR 2019; its appendix lists the operations, their ranges and the policies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from eventsim.errors import ConfigError

Operation = Literal[
    "auto_contrast",
    "brightness",
    "color",
    "contrast",
    "equalize",
    "invert",
    "posterize",
    "rotate",
    "sharpness",
    "shear_x",
    "shear_y",
    "solarize",
    "translate_x",
    "translate_y",
]
N_STEPS = 2
N_CHANNELS = 3
HIGHEST_LEVEL = 9
SHEAR_AT_HIGHEST = 0.3
TRANSLATION_AT_HIGHEST = 150 / 331  # of the image side
DEGREES_AT_HIGHEST = 30.0
ENHANCEMENT_AT_HIGHEST = 0.9
BITS_TAKEN_AT_HIGHEST = 4


@dataclass(frozen=True)
class Step:
    """One change that may happen.

    Parameters
    ----------
    operation : str
        Name of the operation.
    probability : float, in [0, 1]
        How likely the change is.
    level : int, in [0, 9]
        Place on the scale of the operation; operations without a strength ignore it.
    """

    operation: Operation
    probability: float
    level: int = 0


Policy = tuple[tuple[Step, Step], ...]

POLICIES: dict[str, Policy] = {
    "cifar10": (
        (Step("invert", 0.1), Step("contrast", 0.2, 6)),
        (Step("rotate", 0.7, 2), Step("translate_x", 0.3, 9)),
        (Step("sharpness", 0.8, 1), Step("sharpness", 0.9, 3)),
        (Step("shear_y", 0.5, 8), Step("translate_y", 0.7, 9)),
        (Step("auto_contrast", 0.5), Step("equalize", 0.9)),
        (Step("shear_y", 0.2, 7), Step("posterize", 0.3, 7)),
        (Step("color", 0.4, 3), Step("brightness", 0.6, 7)),
        (Step("sharpness", 0.3, 9), Step("brightness", 0.7, 9)),
        (Step("equalize", 0.6), Step("equalize", 0.5)),
        (Step("contrast", 0.6, 7), Step("sharpness", 0.6, 5)),
        (Step("color", 0.7, 7), Step("translate_x", 0.5, 8)),
        (Step("equalize", 0.3), Step("auto_contrast", 0.4)),
        (Step("translate_y", 0.4, 3), Step("sharpness", 0.2, 6)),
        (Step("brightness", 0.9, 6), Step("color", 0.2, 8)),
        (Step("solarize", 0.5, 2), Step("invert", 0.0)),
        (Step("equalize", 0.2), Step("auto_contrast", 0.6)),
        (Step("equalize", 0.2), Step("equalize", 0.6)),
        (Step("color", 0.9, 9), Step("equalize", 0.6)),
        (Step("auto_contrast", 0.8), Step("solarize", 0.2, 8)),
        (Step("brightness", 0.1, 3), Step("color", 0.7, 0)),
        (Step("solarize", 0.4, 5), Step("auto_contrast", 0.9)),
        (Step("translate_y", 0.9, 9), Step("translate_y", 0.7, 9)),
        (Step("auto_contrast", 0.9), Step("solarize", 0.8, 3)),
        (Step("equalize", 0.8), Step("invert", 0.1)),
        (Step("translate_y", 0.7, 9), Step("auto_contrast", 0.9)),
    ),
    "imagenet": (
        (Step("posterize", 0.4, 8), Step("rotate", 0.6, 9)),
        (Step("solarize", 0.6, 5), Step("auto_contrast", 0.6)),
        (Step("equalize", 0.8), Step("equalize", 0.6)),
        (Step("posterize", 0.6, 7), Step("posterize", 0.6, 6)),
        (Step("equalize", 0.4), Step("solarize", 0.2, 4)),
        (Step("equalize", 0.4), Step("rotate", 0.8, 8)),
        (Step("solarize", 0.6, 3), Step("equalize", 0.6)),
        (Step("posterize", 0.8, 5), Step("equalize", 1.0)),
        (Step("rotate", 0.2, 3), Step("solarize", 0.6, 8)),
        (Step("equalize", 0.6), Step("posterize", 0.4, 6)),
        (Step("rotate", 0.8, 8), Step("color", 0.4, 0)),
        (Step("rotate", 0.4, 9), Step("equalize", 0.6)),
        (Step("equalize", 0.0), Step("equalize", 0.8)),
        (Step("invert", 0.6), Step("equalize", 1.0)),
        (Step("color", 0.6, 4), Step("contrast", 1.0, 8)),
        (Step("rotate", 0.8, 8), Step("color", 1.0, 2)),
        (Step("color", 0.8, 8), Step("solarize", 0.8, 7)),
        (Step("sharpness", 0.4, 7), Step("invert", 0.6)),
        (Step("shear_x", 0.6, 5), Step("equalize", 1.0)),
        (Step("color", 0.4, 0), Step("equalize", 0.6)),
        (Step("equalize", 0.4), Step("solarize", 0.2, 4)),
        (Step("solarize", 0.6, 5), Step("auto_contrast", 0.6)),
        (Step("invert", 0.6), Step("equalize", 1.0)),
        (Step("color", 0.6, 4), Step("contrast", 1.0, 8)),
        (Step("equalize", 0.8), Step("equalize", 0.6)),
    ),
}


def apply_policy(
    images: np.ndarray, rng: np.random.Generator, policy: str, fill: int = 0
) -> np.ndarray:
    """Change each image by one pair of steps of a policy.

    Parameters
    ----------
    images : ndarray, shape (n, height, width, 3), uint8
        A batch of images, red, green and blue; it is not changed.
    rng : numpy.random.Generator
        Source of all random numbers: first a pair of steps for every image, then two
        chances for every image, then two signs for every image.
    policy : str
        A key of `POLICIES`: cifar10 or imagenet, after the data it was learned on.
    fill : int, in [0, 255]
        Value of pixels that come in from outside the image.

    Returns
    -------
    ndarray, shape (n, height, width, 3), uint8
        The new batch.

    Raises
    ------
    ConfigError
        If there is no such policy, or the images are not in colour.
    """
    if policy not in POLICIES:
        raise ConfigError(
            f"autoaugment: unknown policy, got '{policy}'; expected one of "
            f"{', '.join(POLICIES)}"
        )
    n_channels = images.shape[3]
    if n_channels != N_CHANNELS:
        raise ConfigError(
            f"autoaugment: the images are not in colour, got {n_channels} channel"
            f"{'' if n_channels == 1 else 's'}; expected {N_CHANNELS} (red, green, "
            "blue); leave out data.augment.autoaugment for this data set"
        )
    pairs = POLICIES[policy]
    chosen = rng.integers(len(pairs), size=len(images))
    chances = rng.random((len(images), N_STEPS))
    is_negative = rng.integers(2, size=(len(images), N_STEPS)) == 1
    changed = np.empty_like(images)
    for k, pixels in enumerate(images):
        image = Image.fromarray(pixels)
        for j, step in enumerate(pairs[chosen[k]]):
            if chances[k, j] < step.probability:
                image = change(
                    image, step.operation, step.level, bool(is_negative[k, j]), fill
                )
        changed[k] = np.asarray(image)
    return changed


def change(
    image: Image.Image, operation: Operation, level: int, negative: bool, fill: int
) -> Image.Image:
    """Apply one operation to an image.

    Parameters
    ----------
    image : PIL.Image.Image, mode RGB
        Image before.
    operation : str
        Name of the operation.
    level : int, in [0, 9]
        Place on the scale of the operation.
    negative : bool
        Whether a strength that has a sign is negative: to the left, up, clockwise,
        less of something.
    fill : int, in [0, 255]
        Value of pixels that come in from outside the image.

    Returns
    -------
    PIL.Image.Image, mode RGB
        Image after, of the same size.
    """
    share = level / HIGHEST_LEVEL
    signed = -share if negative else share
    match operation:
        case "shear_x" | "shear_y" | "translate_x" | "translate_y":
            return _move(image, operation, signed, fill)
        case "rotate":
            colour = (fill, fill, fill)
            return image.rotate(signed * DEGREES_AT_HIGHEST, fillcolor=colour)
        case "brightness" | "color" | "contrast" | "sharpness":
            enhancer = getattr(ImageEnhance, operation.capitalize())
            return enhancer(image).enhance(1 + signed * ENHANCEMENT_AT_HIGHEST)
        case "posterize":
            return ImageOps.posterize(image, 8 - round(share * BITS_TAKEN_AT_HIGHEST))
        case "solarize":
            return ImageOps.solarize(image, math.ceil(256 * (1 - share)))
        case "auto_contrast":
            return ImageOps.autocontrast(image)
        case "equalize":
            return ImageOps.equalize(image)
        case "invert":
            return ImageOps.invert(image)


def _move(
    image: Image.Image, operation: Operation, signed_share: float, fill: int
) -> Image.Image:
    """Shear or translate; each pixel is the nearest one of where it comes from."""
    width, height = image.size
    shear = signed_share * SHEAR_AT_HIGHEST
    # The position (x, y) of the result is looked up at (a x + b y + c, d x + e y + f).
    lookups = {
        "shear_x": (1, shear, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, shear, 1, 0),
        "translate_x": (1, 0, -_pixels(signed_share, width), 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, -_pixels(signed_share, height)),
    }
    return image.transform(
        image.size,
        Image.Transform.AFFINE,
        lookups[operation],
        fillcolor=(fill, fill, fill),
    )


def _pixels(signed_share: float, side: int) -> int:
    return int(signed_share * TRANSLATION_AT_HIGHEST * side)
