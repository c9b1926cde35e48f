"""Neuron models, one file each; the file is the registry entry.

Every file has ``dynamics(neuron)``, which checks a `Neuron`'s constants and
brings them into the form that the engines run, ``drive_scale(neuron)`` and
``by_time_constants(neuron, gradient)``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from eventsim.errors import ShapeError
from eventsim.network import Neuron

NEURON_MODELS = (
    "relpsp",
    "srm_lif",
    "lif",
    "non_leaky_if",
    "alpha_synapse",
    "slayer_srm",
    "if_delta",
    "lif_delta",
)


def model_of(neuron: Neuron) -> ModuleType:
    """Return the file of a neuron's model.

    Parameters
    ----------
    neuron : Neuron
        Names the model.

    Returns
    -------
    module
        Has ``dynamics``, ``drive_scale`` and ``by_time_constants``.

    Raises
    ------
    ShapeError
        If there is no such model.
    """
    if neuron.model not in NEURON_MODELS:
        raise ShapeError(
            f"neuron: there is no model '{neuron.model}'; expected one of "
            f"{', '.join(NEURON_MODELS)}"
        )
    return import_module(f"eventsim.neurons.{neuron.model}")
