"""What the command ``info`` shows: a model file's content, without running it.

Nothing here loads Numba, so the command answers at once.
"""

from __future__ import annotations

from typing import Any

from tabulate import tabulate

from eventsim.model_file import read_model


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
            "neuron": f"{layer.neuron.model}, {layer.neuron.threshold} threshold"
            if layer.neuron
            else None,
            "weights": layer.weight.size if layer.weight is not None else 0,
            "dtype": str(layer.weight.dtype) if layer.weight is not None else None,
            "spikes_per_sample": per_sample[k] if per_sample else None,
        }
        for k, layer in enumerate(network.layers, start=1)
    ]
    return {
        "input_shape": list(network.input_shape),
        "input_spikes_per_sample": per_sample[0] if per_sample else None,
        "neurons": network.n_neurons,
        "weights": network.n_parameters,
        "time_window": network.time_window,
        "readout": network.readout,
        "layers": layers,
        "activity": f"{activity.n_samples} samples of the {activity.split} set"
        if activity
        else None,
        "provenance": model.provenance,
    }


def format_description(description: dict[str, Any]) -> str:
    """Return the text that ``eventsim info`` prints."""
    facts = [
        (key.replace("_", " "), value)
        for key, value in description.items()
        if key not in ("layers", "provenance")
    ]
    origin = [(k.replace("_", " "), v) for k, v in description["provenance"].items()]
    return "\n\n".join(
        (
            tabulate(facts, tablefmt="plain"),
            tabulate(description["layers"], headers="keys", tablefmt="simple"),
            tabulate(origin, tablefmt="plain"),
        )
    )
