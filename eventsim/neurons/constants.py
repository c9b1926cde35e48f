"""Checks of the constants that neuron models share, and records of their gradients."""

from __future__ import annotations

import math
from dataclasses import fields
from numbers import Integral
from typing import NamedTuple

from eventsim.errors import ShapeError
from eventsim.network import RESETS, Neuron
from eventsim.neurons.dynamics import UNLIMITED


class RateGradient(NamedTuple):
    """Derivatives of a loss by the constants of the shared dynamics.

    Parameters
    ----------
    alpha, beta, rho : float
        By the rates.
    gain, kick, recoil : float
        By the jumps.
    drive_scale : float
        By the factor between a neuron's current and its drive.
    """

    alpha: float = 0.0
    beta: float = 0.0
    rho: float = 0.0
    gain: float = 0.0
    kick: float = 0.0
    recoil: float = 0.0
    drive_scale: float = 0.0


def positive(neuron: Neuron, name: str) -> float:
    """Return a constant that the model needs.

    Raises
    ------
    ShapeError
        If it is missing, not finite or not positive.
    """
    value = getattr(neuron, name)
    if value is None or not (0 < value < math.inf):
        raise ShapeError(
            f"neuron {neuron.model}: {name} is {value}; expected a positive number"
        )
    return float(value)


def refuse_others(neuron: Neuron, *allowed: str) -> None:
    """Refuse constants that a model does not have.

    Parameters
    ----------
    neuron : Neuron
        Constants as given.
    *allowed : str
        Names of the fields the model reads, besides model and threshold.

    Raises
    ------
    ShapeError
        If another field was changed from its default, the threshold is not static,
        or a common field is out of range.
    """
    if neuron.threshold != "static":
        raise ShapeError(
            f"neuron {neuron.model}: threshold is '{neuron.threshold}'; expected "
            "'static', only relpsp has the dynamic one"
        )
    for field in fields(neuron):
        if field.name in ("model", "threshold", *allowed):
            continue
        value = getattr(neuron, field.name)
        if value != field.default:
            raise ShapeError(
                f"neuron {neuron.model}: {field.name} is {value}, but the model has "
                f"no such constant; leave it out (it has: {', '.join(allowed)})"
            )
    if not (0 <= neuron.refractory < math.inf):
        raise ShapeError(
            f"neuron {neuron.model}: refractory is {neuron.refractory}; expected a "
            "time, not negative"
        )
    if not (0 < neuron.threshold_factor < math.inf):
        raise ShapeError(
            f"neuron {neuron.model}: threshold_factor is {neuron.threshold_factor}; "
            "expected a positive number"
        )
    if neuron.reset not in (None, *RESETS):
        raise ShapeError(
            f"neuron {neuron.model}: reset is '{neuron.reset}'; expected one of "
            f"{', '.join(RESETS)}"
        )
    limit = neuron.max_spikes
    if limit is not None and not (isinstance(limit, Integral) and limit >= 1):
        raise ShapeError(
            f"neuron {neuron.model}: max_spikes is {limit}; expected a whole number, "
            "at least 1"
        )


def max_spikes(neuron: Neuron, default: int = UNLIMITED) -> int:
    """Return the largest number of spikes of a neuron."""
    return default if neuron.max_spikes is None else int(neuron.max_spikes)
