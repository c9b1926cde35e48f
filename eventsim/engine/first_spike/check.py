"""Which networks the first-spike sweep can run, and which it must hand on."""

from __future__ import annotations

import numpy as np

from eventsim.errors import ShapeError
from eventsim.network import READS_ALL_SPIKES, READS_POTENTIALS, Network
from eventsim.topology import AveragePool, Dropout, Sparse


def require_runnable(network: Network) -> None:
    """Refuse a network that this engine cannot run.

    Parameters
    ----------
    network : Network
        Any.

    Raises
    ------
    ShapeError
        If potentials are read from a layer with a static threshold, a layer with
        the dynamic threshold follows one with a static threshold, whose spikes keep
        no window, or a layer has what only `eventsim.engine.sweep.network` can do.
    """
    extra = beyond_first_spikes(network)
    if extra is not None:
        raise ShapeError(
            f"first-spike sweep: {extra}; expected relpsp neurons that fire once, "
            "without currents or delays, in 'dense', 'conv2d', 'pool' or 'flatten' "
            "layers; use the static threshold in all layers"
        )
    last = network.layers[-1]
    assert last.neuron is not None
    if network.readout in READS_POTENTIALS and last.neuron.threshold == "static":
        raise ShapeError(
            f"sweep engine: readout '{network.readout}' of {last.name}, which has a "
            "static threshold; expected 'spike_time' or a count"
        )
    static = None
    for _, layer in network.spiking_layers:
        if layer.neuron is not None and layer.neuron.threshold == "static":
            static = layer.name
        elif static is not None:
            raise ShapeError(
                f"sweep engine: {layer.name} has the dynamic threshold and follows "
                f"{static}, which may fire inside or after its window; expected "
                "'static' from there on"
            )


def beyond_first_spikes(network: Network) -> str | None:
    """Return what this engine would overlook in a network, or None.

    Parameters
    ----------
    network : Network
        Any.

    Returns
    -------
    str or None
        For example ``"layer_1 has a delay"``.
    """
    if network.readout in READS_ALL_SPIKES:
        return "all output spikes are read"
    if network.input != "spikes":
        return f"its input are {network.input}"
    for layer in network.layers:
        neuron = layer.neuron
        if isinstance(layer.topology, AveragePool | Dropout | Sparse):
            return f"{layer.name} is of the kind '{layer.topology.kind}'"
        if neuron is None:
            continue
        if neuron.model != "relpsp":
            return f"{layer.name} has the neuron model '{neuron.model}'"
        if neuron.max_spikes not in (None, 1):
            return f"{layer.name} has neurons of up to {neuron.max_spikes} spikes"
        for name in ("current", "delay", "synaptic_delay"):
            array = getattr(layer, name)
            if array is not None and np.any(array):
                return f"{layer.name} has a {name}"
    return None
