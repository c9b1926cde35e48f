"""What the command ``info`` shows: a model file's content, without running it.

Nothing here loads Numba, so the command answers at once.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from tabulate import tabulate

from eventsim.model_file import read_model
from eventsim.network import Neuron


def describe_model(path: str) -> dict[str, Any]:
    """Return what a model file holds, without running anything.

    Parameters
    ----------
    path : str
        Model file or run directory.

    Returns
    -------
    dict
        Network, layers, measured activity, provenance.
    """
    model = read_model(path)
    network, activity = model.network, model.activity
    per_sample = activity.spikes_per_sample if activity else None
    layers = [
        {
            "layer": k,
            "kind": layer.topology.kind,
            "shape": list(layer.topology.output_shape),
            "neuron": describe_neuron(layer.neuron) if layer.neuron else None,
            "weights": layer.weight.size if layer.weight is not None else 0,
            "dtype": str(layer.weight.dtype) if layer.weight is not None else None,
            "spikes_per_sample": per_sample[k] if per_sample else None,
        }
        for k, layer in enumerate(network.layers, start=1)
    ]
    for name in ("current", "delay", "synaptic_delay", "weight_step"):
        arrays = [getattr(layer, name) for layer in network.layers]
        if any(array is not None for array in arrays):
            for row, array in zip(layers, arrays, strict=True):
                row[name] = _range(array)
    return {
        "input": network.input,
        "input_shape": list(network.input_shape),
        "input_spikes_per_sample": per_sample[0] if per_sample else None,
        "neurons": network.n_neurons,
        "weights": network.n_parameters,
        "time_window": network.time_window,
        "t_end": network.t_end,
        "readout": network.readout,
        "layers": layers,
        "activity": f"{activity.n_samples} samples of the {activity.split} set"
        if activity
        else None,
        "provenance": model.provenance,
    }


def describe_neuron(neuron: Neuron) -> str:
    """Return a neuron's model, threshold and the constants that were given.

    Parameters
    ----------
    neuron : Neuron
        Any.

    Returns
    -------
    str
        For example ``"lif, static threshold, tau_m 2, tau_s 1, reset zero"``.
    """
    parts = [neuron.model, f"{neuron.threshold} threshold"]
    for field in fields(neuron):
        value = getattr(neuron, field.name)
        if field.name not in ("model", "threshold") and value != field.default:
            number = f"{value:g}" if isinstance(value, float) else str(value)
            parts.append(f"{field.name} {number}")
    return ", ".join(parts)


def _range(array: np.ndarray | None) -> str | None:
    """Return the smallest and the largest entry of an array as text."""
    if array is None or array.size == 0:
        return None
    low, high = f"{array.min():g}", f"{array.max():g}"
    return low if low == high else f"{low} to {high}"


def format_description(description: dict[str, Any]) -> str:
    """Return the text that ``eventsim info`` prints."""
    facts = [
        (key.replace("_", " "), value)
        for key, value in description.items()
        if key not in ("layers", "provenance") and (key, value) != ("t_end", None)
    ]
    origin = [(k.replace("_", " "), v) for k, v in description["provenance"].items()]
    return "\n\n".join(
        (
            tabulate(facts, tablefmt="plain"),
            tabulate(description["layers"], headers="keys", tablefmt="simple"),
            tabulate(origin, tablefmt="plain"),
        )
    )
