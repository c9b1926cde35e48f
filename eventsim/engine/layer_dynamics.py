"""The constants of a layer's neurons, from its description."""

from __future__ import annotations

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


def drive_scale_of(layer: Layer) -> float:
    """Return the drive of a layer's neurons per unit of current."""
    assert layer.neuron is not None
    return model_of(layer.neuron).drive_scale(layer.neuron)
