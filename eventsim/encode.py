"""From values to input: latency coding into spikes, direct coding into currents.

A value ``x`` becomes one spike at ``t = (1 - x / x_max) T_w`` (Wei et al. 2023,
Eq. 1): the larger the value, the earlier the spike. In activations, which the
window engine uses, that is simply ``a = 1 - t / T_w = x / x_max``. Values at or
below zero are silent. The opposite polarity (dark first) encodes
``x_max - x``.

Direct coding leaves a value as it is: it becomes a constant input current, positive
or negative, that acts from the start of a run to its end.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from eventsim.errors import DataError

Coding = Literal["latency", "direct"]
Polarity = Literal["bright_first", "dark_first"]


def latency_activations(
    values: np.ndarray,
    *,
    value_max: float | Literal["sample"] = 1.0,
    polarity: Polarity = "bright_first",
    bias_spikes: int = 0,
    dtype: np.typing.DTypeLike = np.float32,
) -> np.ndarray:
    """Encode values as activations ``1 - t / T_w`` of one spike each.

    Parameters
    ----------
    values : ndarray, shape (batch, ...), dimensionless
        Values to encode; finite.
    value_max : float or "sample", default 1.0
        The value that fires at time 0; larger ones are clipped to it. ``"sample"``
        takes the largest value of each sample.
    polarity : {"bright_first", "dark_first"}, default "bright_first"
        Which end of the range fires first.
    bias_spikes : int, default 0
        Number of extra input neurons that always fire at time 0; only for flat
        inputs of shape (batch, n).
    dtype : dtype, default float32
        Type of the result.

    Returns
    -------
    ndarray, shape (batch, ...), dimensionless, in [0, 1]
        Activations; 0 = silent.

    Raises
    ------
    DataError
        If a value is NaN or infinite.
    """
    values = np.asarray(values, dtype=dtype)
    if not np.isfinite(values.sum()) and not np.all(np.isfinite(values)):
        raise DataError(
            "encode: an input value is NaN or infinite; expected finite numbers"
        )
    if value_max == "sample":
        axes = tuple(range(1, values.ndim))
        largest = values.max(axis=axes, keepdims=True)
        activation = values / np.where(largest > 0, largest, 1)
    elif value_max == 1.0:
        activation = values
    else:
        activation = values / values.dtype.type(value_max)
    if polarity == "dark_first":
        activation = 1 - activation
    activation = np.clip(activation, 0, 1)
    if bias_spikes:
        always = np.ones((values.shape[0], bias_spikes), dtype)
        activation = np.concatenate([activation, always], axis=1)
    return np.ascontiguousarray(activation, dtype=dtype)


def direct_currents(
    values: np.ndarray,
    *,
    gain: float = 1.0,
    dtype: np.typing.DTypeLike = np.float32,
) -> np.ndarray:
    """Return values as input currents: times a gain, not clipped.

    Parameters
    ----------
    values : ndarray, shape (batch, ...), dimensionless
        Values of either sign; finite.
    gain : float, default 1.0
        Current of the value 1.
    dtype : dtype, default float32
        Type of the result.

    Returns
    -------
    ndarray, shape (batch, ...)
        Input currents.

    Raises
    ------
    DataError
        If a value is NaN or infinite.
    """
    values = np.asarray(values, dtype=dtype)
    if not np.all(np.isfinite(values)):
        raise DataError(
            "encode: an input value is NaN or infinite; expected finite numbers"
        )
    return np.ascontiguousarray(values * values.dtype.type(gain))


def activations_to_times(activation: np.ndarray, time_window: float) -> np.ndarray:
    """Return spike times ``(1 - a) T_w``; activation 0 gives ``inf``.

    Parameters
    ----------
    activation : ndarray, any shape, dimensionless, in [0, 1]
        Activations.
    time_window : float, network time units
        ``T_w``.

    Returns
    -------
    ndarray, same shape, network time units
        Spike times.
    """
    return np.where(activation > 0, (1 - activation) * time_window, np.inf)


def times_to_activations(times: np.ndarray, time_window: float) -> np.ndarray:
    """Return activations ``1 - t / T_w``; ``inf`` gives 0.

    Parameters
    ----------
    times : ndarray, any shape, network time units
        Spike times in ``[0, T_w)``; ``inf`` = never.
    time_window : float, network time units
        ``T_w``.

    Returns
    -------
    ndarray, same shape, dimensionless, in [0, 1]
        Activations.
    """
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(times), 0.0, 1 - times / time_window)
