"""The constants of a layer's neurons, from its description."""

from __future__ import annotations

import math

import numpy as np

from eventsim.errors import ShapeError
from eventsim.network import Layer
from eventsim.neurons import model_of
from eventsim.neurons.dynamics import Dynamics


def dynamics_of(layer: Layer) -> Dynamics:
    """Return the constants of a layer's neurons.

    Raises
    ------
    ShapeError
        If the model does not exist or refuses its constants; names the layer.
    """
    assert layer.neuron is not None
    try:
        return model_of(layer.neuron).dynamics(layer.neuron)
    except ShapeError as error:
        raise ShapeError(f"{layer.name}: {error}") from error


def plain(d: Dynamics) -> Dynamics:
    """Return the same constants, each in its own type.

    An integer where a float belongs would compile every kernel once more.
    """
    flags = bool(d.clamps), bool(d.filters_drive), int(d.max_spikes)
    return Dynamics._make([*map(float, d[: -len(flags)]), *flags])


def require_thresholds(where: str, theta: np.ndarray) -> None:
    """Refuse thresholds that no potential could cross from below at rest.

    Raises
    ------
    ShapeError
        If one is not a positive, finite number.
    """
    wrong = theta[~((theta > 0) & (theta < math.inf))]
    if wrong.size:
        raise ShapeError(
            f"{where}: a threshold is {wrong[0]}; expected positive, finite numbers"
        )


def drive_scale_of(layer: Layer) -> float:
    """Return the drive of a layer's neurons per unit of current."""
    assert layer.neuron is not None
    return model_of(layer.neuron).drive_scale(layer.neuron)
