"""Vary images before they are encoded as spikes.

All functions work on whole batches. What :func:`augment` does depends only on
its arguments and on the state of the random generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from eventsim.errors import ConfigError, ShapeError


def augment(
    images: np.ndarray,
    rng: np.random.Generator,
    *,
    shift: int = 0,
    crop_padding: int = 0,
    shift_fill: int = 0,
    flip: bool = False,
    autoaugment: str | None = None,
    cutout: int = 0,
) -> np.ndarray:
    """Shift, crop, flip, change by a policy and cut out at random, in this order.

    Parameters
    ----------
    images : ndarray, shape (n, height, width, channels), uint8
        A batch of images; it is not changed.
    rng : numpy.random.Generator
        Source of all random numbers. For each step that is switched on, the
        numbers of the whole batch are drawn at once, in the order of the steps.
    shift : int, pixels
        Move each image by a whole number of pixels, uniform in [-shift, shift]
        in each direction; pixels of `shift_fill` come in at the edges.
    crop_padding : int, pixels
        Pad with that many pixels on each side and crop a random window of the
        original size. This is the same operation as `shift`; with both given,
        one follows the other.
    shift_fill : int, in [0, 255]
        Value of all channels of the pixels that come in from outside the image, by
        `shift` or `crop_padding` or the shears, translations and rotations of
        `autoaugment`.
    flip : bool
        Mirror each image left to right with probability 1/2.
    autoaugment : {"cifar10", "imagenet"} or None
        Policy of :func:`eventsim.autoaugment.apply_policy`; colour images only.
    cutout : int, pixels
        Side of a square that is set to zero. Its centre is uniform over the
        image, so a part of it may lie outside.

    Returns
    -------
    ndarray, shape (n, height, width, channels), uint8
        The new batch; `images` itself if every step is switched off.

    Raises
    ------
    ShapeError
        If `images` is not a batch of uint8 images.
    ConfigError
        If a number of pixels is negative, a shift moves all of the image out, the
        fill is not a byte, or `autoaugment` is unknown or the images are not in
        colour.
    """
    _check_images("augment", images)
    _check_pixels(images, shift=shift, crop_padding=crop_padding, cutout=cutout)
    if not 0 <= shift_fill <= 255:
        raise ConfigError(
            f"augment: shift_fill is not a pixel value, got {shift_fill}; expected 0 "
            "to 255"
        )
    for reach in (shift, crop_padding):
        if reach:
            images = _move(images, rng, reach, shift_fill)
    if flip:
        mirrored = np.flatnonzero(rng.random(len(images)) < 0.5)
        images = images.copy()
        images[mirrored] = images[mirrored, :, ::-1]
    if autoaugment is not None:
        from eventsim.autoaugment import apply_policy  # loads Pillow

        images = apply_policy(images, rng, autoaugment, shift_fill)
    if cutout:
        images = _cut_out(images, rng, cutout)
    return images


def to_unit(images: np.ndarray, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Turn bytes into numbers between 0 and 1.

    Parameters
    ----------
    images : ndarray, shape (n, height, width, channels), uint8
        A batch of images.
    dtype : dtype, default float64
        Floating-point type of the result.

    Returns
    -------
    ndarray, shape (n, height, width, channels), dimensionless, in [0, 1]
        ``images / 255``.

    Raises
    ------
    ShapeError
        If `images` is not a batch of uint8 images.
    """
    _check_images("to_unit", images)
    return np.divide(images, 255, dtype=dtype)


def normalise(
    images: np.ndarray,
    mean: float | Sequence[float],
    std: float | Sequence[float],
    dtype: DTypeLike = np.float64,
) -> np.ndarray:
    """Subtract a mean and divide by a standard deviation, per channel.

    Parameters
    ----------
    images : ndarray, shape (n, height, width, channels), uint8
        A batch of images.
    mean : float or sequence of float, shape (channels,), dimensionless
        Mean of ``images / 255``; a single number holds for all channels.
    std : float or sequence of float, shape (channels,), dimensionless, positive
        Standard deviation of ``images / 255``.
    dtype : dtype, default float64
        Floating-point type of the result.

    Returns
    -------
    ndarray, shape (n, height, width, channels), dimensionless
        ``(images / 255 - mean) / std``.

    Raises
    ------
    ShapeError
        If `images` is not a batch of uint8 images, or `mean` or `std` does not
        have one number or one per channel.
    ConfigError
        If `mean` is not finite or `std` is not positive.
    """
    unit = to_unit(images, dtype)
    means = _per_channel("mean", mean, images.shape[3])
    stds = _per_channel("std", std, images.shape[3])
    if not np.all(np.isfinite(means)):
        raise ConfigError(
            f"normalise: mean is not a number, got {mean}; expected finite numbers"
        )
    if not np.all(np.isfinite(stds) & (stds > 0)):
        raise ConfigError(
            f"normalise: std cannot be divided by, got {std}; expected positive numbers"
        )
    unit -= means.astype(unit.dtype)
    unit /= stds.astype(unit.dtype)
    return unit


def _move(
    images: np.ndarray, rng: np.random.Generator, reach: int, fill: int
) -> np.ndarray:
    """Return one random window of each image padded with `reach` pixels of `fill`."""
    n, height, width, channels = images.shape
    offsets = rng.integers(0, 2 * reach + 1, size=(n, 2))
    padded = np.full(
        (n, height + 2 * reach, width + 2 * reach, channels), fill, dtype=np.uint8
    )
    padded[:, reach : reach + height, reach : reach + width] = images
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (1, 2))
    moved = windows[np.arange(n), offsets[:, 0], offsets[:, 1]]
    return np.ascontiguousarray(np.moveaxis(moved, 1, -1))


def _cut_out(images: np.ndarray, rng: np.random.Generator, side: int) -> np.ndarray:
    """Return the images with one random square of each set to zero."""
    n, height, width, _ = images.shape
    top = rng.integers(0, height, size=(n, 1)) - side // 2
    left = rng.integers(0, width, size=(n, 1)) - side // 2
    rows, columns = np.arange(height), np.arange(width)
    in_rows = (rows >= top) & (rows < top + side)
    in_columns = (columns >= left) & (columns < left + side)
    keep = ~(in_rows[:, :, np.newaxis] & in_columns[:, np.newaxis, :])
    return images * keep[..., np.newaxis]


def _check_images(where: str, images: np.ndarray) -> None:
    if images.ndim != 4 or images.dtype != np.uint8:
        raise ShapeError(
            f"{where}: these are not images, got {images.dtype} of shape "
            f"{images.shape}; expected uint8 of shape (n, height, width, channels); "
            "switch augmentation off for data that are not images"
        )


def _check_pixels(images: np.ndarray, **pixels: int) -> None:
    for name, value in pixels.items():
        if value < 0:
            raise ConfigError(
                f"augment: {name} is negative, got {value}; expected 0 or more pixels"
            )
    smallest = min(images.shape[1:3])
    for name in ("shift", "crop_padding"):
        if pixels[name] >= smallest:
            raise ConfigError(
                f"augment: {name} moves the whole image out, got {pixels[name]}; "
                f"expected less than {smallest} pixels, the smaller image side"
            )
    if pixels["cutout"] > smallest:
        raise ConfigError(
            f"augment: cutout is larger than the image, got {pixels['cutout']}; "
            f"expected at most {smallest} pixels, the smaller image side"
        )


def _per_channel(name: str, value: Any, n_channels: int) -> np.ndarray:
    numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if numbers.shape not in ((1,), (n_channels,)):
        raise ShapeError(
            f"normalise: {name} does not fit the images, got shape {numbers.shape}; "
            f"expected one number or one for each of the {n_channels} channels"
        )
    return numbers
