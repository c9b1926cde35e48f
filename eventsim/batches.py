"""From samples to batches of encoded input, spikes or currents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eventsim.augment import augment, normalise, to_unit
from eventsim.config.schema import Config
from eventsim.datasets.records import Split
from eventsim.encode import direct_currents, latency_activations

ORDER_STREAM = 1
AUGMENT_STREAM = 2
SAMPLES_AT_ONCE = 250
"""Samples whose spikes are all kept at once; it bounds the memory."""


def encode_inputs(
    inputs: np.ndarray, config: Config, dtype: np.typing.DTypeLike
) -> np.ndarray:
    """Encode raw samples as activations or, with direct coding, as input currents.

    Parameters
    ----------
    inputs : ndarray, shape (batch, height, width, channels), uint8, or (batch, n)
        Images, or features in [0, 1].
    config : Config
        Its ``data.normalise`` and ``encode`` sections.
    dtype : dtype
        Float type of the result.

    Returns
    -------
    ndarray, shape (batch, *input shape), dimensionless
        Activations ``1 - t / T_w`` in [0, 1], 0 = silent; or currents, any numbers.
    """
    values = inputs
    if inputs.dtype == np.uint8:
        norm = config.data.normalise
        if norm is None:
            values = to_unit(inputs, dtype)
        else:
            values = normalise(inputs, norm.mean, norm.std, dtype)
    encode = config.encode
    if encode.coding == "direct":
        return direct_currents(values, gain=encode.gain, dtype=dtype)
    return latency_activations(
        values,
        value_max=encode.value_max,
        polarity=encode.polarity,
        bias_spikes=encode.bias_spikes,
        dtype=dtype,
    )


def training_batches(
    split: Split, config: Config, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield shuffled, augmented, encoded batches of one epoch.

    Order and augmentation depend on the seed and the epoch alone, so a resumed run
    sees the same batches without any saved random state. A last partial batch is
    used too.

    Parameters
    ----------
    split : Split
        Training samples.
    config : Config
        Batch size, augmentation, encoding, seed.
    epoch : int
        Epoch, from 1.

    Yields
    ------
    activation : ndarray, shape (batch, *input shape)
        Encoded inputs in the configuration's precision.
    labels : ndarray, shape (batch,), int64
        Classes.

    Raises
    ------
    ConfigError
        If a step of augmentation does not fit the images.
    """
    order = np.random.default_rng([config.seed, ORDER_STREAM, epoch]).permutation(
        len(split)
    )
    rng = np.random.default_rng([config.seed, AUGMENT_STREAM, epoch])
    change = config.data.augment
    for start in range(0, order.size, config.training.batch_size):
        chosen = order[start : start + config.training.batch_size]
        inputs = split.inputs[chosen]
        if inputs.dtype == np.uint8:
            inputs = augment(
                inputs,
                rng,
                shift=change.shift,
                shift_fill=change.shift_fill,
                flip=change.flip,
                autoaugment=change.autoaugment,
                cutout=change.cutout,
            )
        yield encode_inputs(inputs, config, config.precision), split.labels[chosen]


def evaluation_batches(
    split: Split, config: Config, dtype: np.typing.DTypeLike, size: int = 500
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield encoded batches in the order of the samples, unchanged otherwise."""
    for start in range(0, len(split), size):
        part = slice(start, start + size)
        yield encode_inputs(split.inputs[part], config, dtype), split.labels[part]
