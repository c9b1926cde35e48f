"""From input spikes to the spikes of every layer."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from eventsim.encode import times_to_activations
from eventsim.engine.first_spike import network as first_spike
from eventsim.engine.first_spike.check import beyond_first_spikes
from eventsim.engine.input_check import check_size
from eventsim.engine.input_currents import check_input
from eventsim.engine.queue.circuit_checks import MAX_EVENTS
from eventsim.engine.spike_recording import SpikeRecording
from eventsim.engine.sweep import network as sweep
from eventsim.engine.sweep.gathered_sweep import MAX_SPIKES
from eventsim.engine.window import network as window
from eventsim.errors import ConfigError, ShapeError
from eventsim.network import Network
from eventsim.neurons import NEURON_MODELS
from eventsim.spikes import SpikeTrains

ENGINES = ("window", "sweep", "queue")
QUEUE = "eventsim.engine.queue.network"
_NAMES = {window.__name__: "window", QUEUE: "queue"}


def choose_engine(network: Network, engine: str = "auto") -> ModuleType:
    """Return the engine that will run a network on one input spike per neuron.

    Parameters
    ----------
    network : Network
        What to run.
    engine : {"auto", "window", "sweep", "queue"}, default "auto"
        ``"auto"``: window if all thresholds are dynamic, else sweep.

    Returns
    -------
    module
        Has ``forward(network, activation, buffers)`` and ``backward(network,
        recording, d_output, ...)``. There are two sweeps: one that knows the first
        spikes of relpsp neurons only, and one for everything else.

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
    module = _module(network, engine)
    module.require_runnable(network)
    return module


def _module(network: Network, engine: str) -> ModuleType:
    if engine == "window":
        return window
    if engine == "queue":
        # It needs SciPy's graphs, which take a while to load.
        return import_module(QUEUE)
    knows_all = network.has_dynamic_thresholds or beyond_first_spikes(network) is None
    return first_spike if knows_all else sweep


def engine_name(module: ModuleType) -> str:
    """Return the name by which users know what `choose_engine` returned."""
    return _NAMES.get(module.__name__, "sweep")


def simulate(
    network: Network,
    spikes: SpikeTrains | None,
    engine: str = "auto",
    *,
    currents: np.ndarray | None = None,
    max_spikes: int = MAX_SPIKES,
    max_events: int = MAX_EVENTS,
) -> tuple[SpikeTrains, ...]:
    """Find the spikes of every layer, in float64.

    Parameters
    ----------
    network : Network
        What to run.
    spikes : SpikeTrains or None
        Input spikes at any times from 0 on, several of a neuron, with values if
        wanted. With dynamic thresholds: in ``[0, T_w)``, at most one per neuron. None
        if currents are the input.
    engine : {"auto", "window", "sweep", "queue"}, default "auto"
        See `choose_engine`.
    currents : ndarray, shape (batch, *input shape), or None
        Constant current of each input neuron, for networks whose input they are.
    max_spikes : int, default 50 million
        The sweep engine's bound on the spikes of a layer, all samples together.
    max_events : int, default 100 million
        The queue engine's bound on arrivals plus spikes of one sample.

    Returns
    -------
    tuple of SpikeTrains
        One per layer; entry 0 is the input. Times are those of firing; pools and
        flattened layers show what passes, and when. The output layer's spikes are
        there whatever the readout.

    Raises
    ------
    ShapeError
        If the spikes do not fit the network, or the engine cannot run it.
    ConfigError
        If there is no such engine.
    SimulationLimitError
        If there are more spikes or events than allowed.

    Examples
    --------
    >>> from eventsim import load_npz, read_model, simulate  # doctest: +SKIP
    >>> network = read_model("model.h5").network  # doctest: +SKIP
    >>> layers = simulate(network, load_npz("in.npz", 784))  # doctest: +SKIP
    """
    return record(
        network,
        spikes,
        engine,
        currents=currents,
        max_spikes=max_spikes,
        max_events=max_events,
    ).trains


def record(
    network: Network,
    spikes: SpikeTrains | None,
    engine: str = "auto",
    *,
    currents: np.ndarray | None = None,
    max_spikes: int = MAX_SPIKES,
    max_events: int = MAX_EVENTS,
) -> SpikeRecording:
    """Do what `simulate` does and count silent neurons and grazing crossings too.

    Parameters
    ----------
    network, spikes, engine, currents, max_spikes, max_events
        See `simulate`.

    Returns
    -------
    SpikeRecording
        The spikes of every layer.
    """
    module = choose_engine(network, engine)
    network = network.astype(np.float64)
    if currents is not None:
        currents = np.asarray(currents, np.float64)
    if network.has_dynamic_thresholds:
        check_input("simulate", network, spikes, currents)
        assert spikes is not None
        return _record_windows(module, network, spikes)
    if module.__name__ == QUEUE:
        return module.forward_spikes(
            network, spikes, currents=currents, max_events=max_events
        )
    return sweep.forward_spikes(
        network, spikes, currents=currents, max_spikes=max_spikes, with_constants=False
    )


def _record_windows(
    module: ModuleType, network: Network, spikes: SpikeTrains
) -> SpikeRecording:
    times = _input_times(network, spikes)
    shape = (spikes.batch, *network.input_shape)
    if module is first_spike:
        recording = first_spike.forward_times(network, times.reshape(shape))
    else:
        activation = times_to_activations(times, network.time_window)
        # A spike just before the end of the window must not be rounded away.
        first = np.where(np.isfinite(times), np.finfo(np.float64).tiny, 0)
        recording = module.forward(
            network, np.maximum(activation, first).reshape(shape)
        )
    trains = (spikes, *trains_of(network, recording)[1:])
    return SpikeRecording(trains, (0,) * len(trains))


def trains_of(network: Network, recording: Any) -> tuple[SpikeTrains, ...]:
    """Return the spikes of every layer, whatever the engine recorded.

    Parameters
    ----------
    network : Network
        The network that made the recording.
    recording : object
        What `forward` of an engine returned.

    Returns
    -------
    tuple of SpikeTrains
        One per layer; entry 0 is the input.
    """
    if isinstance(recording, SpikeRecording):
        return recording.trains
    layers = range(len(network.layers) + 1)
    return tuple(
        SpikeTrains.from_first_spikes(recording.times(network, k)) for k in layers
    )


def _input_times(network: Network, spikes: SpikeTrains) -> np.ndarray:
    check_size(network, spikes)
    n_in = spikes.n_neurons
    if spikes.time.size and not (
        spikes.time.min() >= 0 and spikes.time.max() < network.time_window
    ):
        raise ShapeError(
            f"simulate: input spikes run from {spikes.time.min()} to "
            f"{spikes.time.max()}; expected 0 up to, but not including, the time "
            f"window {network.time_window}"
        )
    if spikes.value is not None and np.any(spikes.value != 1):
        raise ShapeError(
            f"simulate: an input spike has the value "
            f"{spikes.value[spikes.value != 1][0]:g}; expected 1, graded inputs need "
            "static thresholds"
        )
    sample = spikes.sample
    pairs = sample * np.int64(n_in) + spikes.neuron
    if np.unique(pairs).size != pairs.size:
        values, counts = np.unique(pairs, return_counts=True)
        repeated = values[counts > 1][0]
        raise ShapeError(
            f"simulate: input neuron {repeated % n_in} spikes {counts.max()} times in "
            f"sample {repeated // n_in}; expected at most one spike per neuron"
        )
    return spikes.first_spikes().astype(np.float64)
