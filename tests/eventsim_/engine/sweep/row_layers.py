"""Random layers that run as rows, their input, and the same for the gathered sweep."""

import numpy as np

from eventsim.engine.fan_in import fan_in
from eventsim.engine.sweep.gathered_sweep import GatheredLayer
from eventsim.engine.sweep.row_layer import RowLayer
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains
from eventsim.topology import Conv2d, Dense

MODELS = {
    "lif": Neuron("lif", "static", 2.0, 1.0, reset="zero"),
    "lif subtract": Neuron("lif", "static", 2.0, 1.0, reset="subtract"),
    "lif general": Neuron("lif", "static", 1.3, 0.7, reset="subtract"),
    "lif slow synapse": Neuron("lif", "static", 0.7, 1.3, reset="zero"),
    "lif equal": Neuron("lif", "static", 1.0, 1.0, reset="zero"),
    "lif once": Neuron("lif", "static", 2.0, 1.0, max_spikes=1),
    "srm_lif": Neuron("srm_lif", "static", 2.0, 1.0),
    "srm_lif general": Neuron("srm_lif", "static", 1.0, 2.3),
    "non_leaky_if": Neuron("non_leaky_if", "static", tau_s=1.0),
    "alpha_synapse": Neuron("alpha_synapse", "static", tau_s=0.8, max_spikes=3),
    "relpsp": Neuron("relpsp", "static"),
}
TOPOLOGIES = {
    "dense": Dense((7,), 30),
    "chunks": Dense((5,), 2 * 163),
    "conv": Conv2d((5, 5, 2), 4, (3, 3), 1, 1),
    "conv stride": Conv2d((6, 5, 1), 3, (2, 3), 2, 0),
    # One position that some inputs do not reach.
    "conv one position": Conv2d((5, 5, 1), 4, (3, 3), 3, 0),
}


def random_layer(rng, model, topology, has_drive, dtype=np.float64):
    d = model_of(MODELS[model]).dynamics(MODELS[model])
    scale = 3 / np.sqrt(topology.fan_in)
    weight = scale * rng.normal(0.3, 0.8, topology.weight_shape)
    theta = rng.uniform(0.5, 1.5, topology.n_features)
    drive = rng.normal(0, 0.5, topology.n_features) * has_drive
    return RowLayer(d, topology, weight.astype(dtype), theta, drive)


def random_trains(rng, topology, batch=5, has_values=False, has_ties=False):
    n_in = int(np.prod(topology.input_shape))
    counts = rng.integers(2 * n_in, 5 * n_in, batch)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    times = [np.sort(rng.uniform(0, 4, n)) for n in counts]
    times = np.concatenate(times)
    if has_ties:
        times = np.round(times * 4) / 4
    neurons = rng.integers(0, n_in, times.size).astype(np.int32)
    value = rng.uniform(0.5, 2, times.size) if has_values else None
    return SpikeTrains(times, neurons, offsets, n_in, value)


def gathered(layer):
    n_positions = int(np.prod(layer.topology.output_shape)) // layer.n_channels
    return GatheredLayer(
        layer.dynamics,
        fan_in(layer.topology),
        layer.weight.ravel().astype(float),
        None,
        np.tile(layer.theta, n_positions),
        np.tile(layer.drive, n_positions),
    )


def assert_close(ours, theirs, tolerance=1e-8):
    assert np.abs(ours - theirs).max(initial=0) <= tolerance * np.abs(theirs).max(
        initial=1e-300
    )
