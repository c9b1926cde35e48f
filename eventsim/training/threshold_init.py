"""Thresholds before training: each layer fires at a wanted rate on a first batch.

Layer by layer, from the input on, one factor on all thresholds of the layer is found by
steps away from 1 and then bisection of its logarithm, so that the layer's neurons fire
the wanted number of spikes per neuron and run (code of Zhu et al. 2023). Of a network
driven by constant currents the last third of the run is measured, when the layers
before have begun to fire; else the whole run, since input spikes come and go, and so
do neurons that may fire a few times only.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from eventsim.encode import activations_to_times
from eventsim.engine.passages import Wave, arrive
from eventsim.engine.spike_recording import SpikeRecording
from eventsim.engine.sweep import network as sweep
from eventsim.engine.sweep.gathered_sweep import MAX_SPIKES
from eventsim.errors import RunError, SimulationLimitError
from eventsim.network import Network
from eventsim.spikes import SpikeTrains

SMALLEST, LARGEST = 1e-4, 1e4
STEP = 4.0
"""Factor between the thresholds tried while both sides of the rate are not known."""
TOLERANCE = 1.01
LATE = 2 / 3
FAR_ABOVE = 20
"""A run with so many times the wanted spikes is stopped."""


def set_thresholds(network: Network, inputs: np.ndarray, rate: float) -> None:
    """Set a network's thresholds in place, for a firing rate on some samples.

    Parameters
    ----------
    network : Network
        Static thresholds; those it has are changed by one factor a layer, between
        1/10,000 and 10,000, found to 1 %.
    inputs : ndarray, shape (batch, *input shape)
        Encoded samples.
    rate : float, spikes per neuron and run
        What every layer shall reach, output layer included.

    Raises
    ------
    RunError
        If the neurons of a layer do not reach the rate with a ten-thousandth of their
        thresholds, or exceed it with ten thousand times these.
    """
    ends = [k for k, _ in network.spiking_layers]
    given: np.ndarray | SpikeTrains = inputs
    if network.input == "spikes":
        times = activations_to_times(inputs, inputs.dtype.type(network.time_window))
        given = SpikeTrains.from_first_spikes(times.reshape(len(times), -1))
    for before, k in pairwise([0, *ends]):
        part = replace(
            network,
            input_shape=network.layers[before].topology.input_shape,
            layers=network.layers[before:k],
            readout="spike_count",
            t_end=network.duration,
            input="spikes" if isinstance(given, SpikeTrains) else "currents",
        )
        layer = part.layers[-1]
        assert layer.neuron is not None
        is_steady = network.input == "currents" and layer.neuron.max_spikes is None
        _set_last_layer(part, given, rate, since=LATE if is_steady else 0.0)
        sent = _run(part, given, math.inf).trains[-1]
        wave = Wave(sent, network.layers[k - 1].delay)
        given = arrive(wave, network.duration).spikes


def _set_last_layer(
    network: Network, inputs: np.ndarray | SpikeTrains, rate: float, since: float
) -> None:
    layer = network.layers[-1]
    assert layer.theta is not None
    thetas = layer.theta
    theta = thetas.copy()

    def fires_enough(factor: float) -> bool:
        thetas[...] = theta * factor
        return _rate(network, inputs, since, FAR_ABOVE * rate) > rate

    low, high = 1.0, 1.0  # fires enough with low times its thresholds, not with high
    if fires_enough(1.0):
        while fires_enough(high := high * STEP):
            low = high
            if high > LARGEST:
                thetas[...] = theta
                raise RunError(
                    f"train: {layer.name} fires more than {rate:g} spikes per neuron "
                    f"even with {LARGEST:g} times its thresholds; expected "
                    "training.target_rate within reach; lower training.weight_gain or "
                    "weight_mean, or raise network.neuron.theta"
                )
    else:
        while not fires_enough(low := low / STEP):
            high = low
            if low < SMALLEST:
                thetas[...] = theta
                raise RunError(
                    f"train: {layer.name} does not fire {rate:g} spikes per neuron "
                    f"with {SMALLEST:g} of its thresholds; expected "
                    "training.target_rate within reach; lower it, raise "
                    "training.weight_gain or weight_mean, or lengthen network.t_end"
                )
    while high / low > TOLERANCE:
        middle = math.sqrt(low * high)
        if fires_enough(middle):
            low = middle
        else:
            high = middle


def _rate(
    network: Network, inputs: np.ndarray | SpikeTrains, since: float, most: float
) -> float:
    """Return spikes per neuron and run, from those after a share of the run."""
    try:
        spikes = _run(network, inputs, most).trains[-1]
    except SimulationLimitError:
        return math.inf
    n_late = int(np.count_nonzero(spikes.time >= since * network.duration))
    return n_late / ((1 - since) * spikes.n_neurons * spikes.batch)


def _run(
    network: Network, inputs: np.ndarray | SpikeTrains, most: float
) -> SpikeRecording:
    """Run a network of one layer with neurons, up to `most` spikes per neuron."""
    spikes = currents = None
    if isinstance(inputs, SpikeTrains):
        spikes, batch = inputs, inputs.batch
    else:
        currents, batch = inputs, len(inputs)
    limit = int(min(1000 + most * network.n_neurons * batch, MAX_SPIKES))
    return sweep.forward_spikes(
        network, spikes, currents=currents, max_spikes=limit, with_constants=False
    )
