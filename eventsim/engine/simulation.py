"""From input spikes to the spikes of every layer."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from eventsim.encode import times_to_activations
from eventsim.engine import sweep, window
from eventsim.errors import ConfigError, ShapeError
from eventsim.network import Network
from eventsim.neurons import NEURON_MODELS
from eventsim.spikes import SpikeTrains

ENGINES: dict[str, ModuleType] = {"window": window, "sweep": sweep}


def choose_engine(network: Network, engine: str = "auto") -> ModuleType:
    """Return the engine that will run a network.

    Parameters
    ----------
    network : Network
        What to run.
    engine : {"auto", "window", "sweep"}, default "auto"
        ``"auto"``: window if all thresholds are dynamic, else sweep.

    Returns
    -------
    module
        Has ``forward(network, activation, buffers)`` and ``backward(network,
        recording, d_output, ...)``.

    Raises
    ------
    ConfigError
        If there is no such engine.
    ShapeError
        If the engine cannot run the network.
    """
    if engine != "auto" and engine not in ENGINES:
        raise ConfigError(
            f"engine: there is no '{engine}'; expected one of auto, "
            f"{', '.join(ENGINES)}"
        )
    thresholds = set()
    for _, layer in network.spiking_layers:
        if layer.neuron is None or layer.neuron.model not in NEURON_MODELS:
            raise ShapeError(
                f"engine: {layer.name} has the neuron model "
                f"'{layer.neuron.model if layer.neuron else None}'; expected one of "
                f"{', '.join(NEURON_MODELS)}"
            )
        thresholds.add(layer.neuron.threshold)
    if engine == "auto":
        engine = "window" if thresholds == {"dynamic"} else "sweep"
    module = ENGINES[engine]
    module.require_runnable(network)
    return module


def simulate(
    network: Network, spikes: SpikeTrains, engine: str = "auto"
) -> tuple[SpikeTrains, ...]:
    """Find the spikes of every layer, in float64.

    Parameters
    ----------
    network : Network
        What to run.
    spikes : SpikeTrains
        Input spikes at times in ``[0, T_w)``, at most one per input neuron.
    engine : {"auto", "window", "sweep"}, default "auto"
        See `choose_engine`.

    Returns
    -------
    tuple of SpikeTrains
        One per layer; entry 0 is the input. Pools and flattened layers pass spikes
        on. The output layer's spikes are there whatever the readout.

    Raises
    ------
    ShapeError
        If the spikes do not fit the network, are outside the input window or are
        more than one per neuron.
    ConfigError
        If there is no such engine.
    """
    run = choose_engine(network, engine)
    times = _input_times(network, spikes)
    network = network.astype(np.float64)
    shape = (spikes.batch, *network.input_shape)
    if run is sweep:
        recording = sweep.forward_times(network, times.reshape(shape))
    else:
        activation = times_to_activations(times, network.time_window)
        # A spike just before the end of the window must not be rounded away.
        earliest = np.where(np.isfinite(times), np.finfo(np.float64).tiny, 0)
        recording = run.forward(
            network, np.maximum(activation, earliest).reshape(shape)
        )
    layers = [spikes]
    for k in range(1, len(network.layers) + 1):
        layers.append(SpikeTrains.from_first_spikes(recording.times(network, k)))
    return tuple(layers)


def _input_times(network: Network, spikes: SpikeTrains) -> np.ndarray:
    n_in = int(np.prod(network.input_shape))
    if spikes.n_neurons != n_in or spikes.batch == 0:
        raise ShapeError(
            f"simulate: the spikes hold {spikes.batch} samples of {spikes.n_neurons} "
            f"neurons; expected at least one sample of {n_in} neurons"
        )
    if spikes.time.size and not (
        spikes.time.min() >= 0 and spikes.time.max() < network.time_window
    ):
        raise ShapeError(
            f"simulate: input spikes run from {spikes.time.min()} to "
            f"{spikes.time.max()}; expected 0 up to, but not including, the time "
            f"window {network.time_window}"
        )
    sample = np.repeat(np.arange(spikes.batch), np.diff(spikes.offsets))
    pairs = sample * np.int64(n_in) + spikes.neuron
    if np.unique(pairs).size != pairs.size:
        values, counts = np.unique(pairs, return_counts=True)
        repeated = values[counts > 1][0]
        raise ShapeError(
            f"simulate: input neuron {repeated % n_in} spikes {counts.max()} times in "
            f"sample {repeated // n_in}; expected at most one spike per neuron"
        )
    return spikes.first_spikes().astype(np.float64)
