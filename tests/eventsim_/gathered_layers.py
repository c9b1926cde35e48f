"""Small random layers of every model, for the tests of the gathered sweep."""

from dataclasses import dataclass, replace

import numpy as np

from eventsim.engine.fan_in import sparse_fan_in
from eventsim.engine.sweep.gathered_sweep import GatheredLayer
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains


def static(model, **constants):
    return Neuron(model=model, threshold="static", **constants)


# Name -> neuron and the size of weights that makes it fire a few times.
NEURONS = {
    "lif": (static("lif", tau_m=2.0, tau_s=1.0, reset="zero"), 3.0),
    "lif general": (static("lif", tau_m=2.7, tau_s=0.8, reset="zero"), 3.5),
    "lif equal": (static("lif", tau_m=1.5, tau_s=1.5, reset="zero"), 3.0),
    "lif subtract": (static("lif", tau_m=2.0, tau_s=1.0, reset="subtract"), 3.0),
    "lif held": (
        static("lif", tau_m=2.0, tau_s=1.3, reset="zero", refractory=0.4),
        4.0,
    ),
    "srm_lif": (static("srm_lif", tau_m=2.0, tau_s=1.0), 2.0),
    "srm_lif general": (static("srm_lif", tau_m=1.7, tau_s=1.1), 2.0),
    "srm_lif held": (static("srm_lif", tau_m=2.0, tau_s=1.0, refractory=0.4), 2.5),
    "non_leaky_if": (static("non_leaky_if", tau_s=1.2, max_spikes=5), 1.2),
    "non_leaky_if held": (
        static("non_leaky_if", tau_s=1.2, max_spikes=5, refractory=0.3),
        1.2,
    ),
    "alpha_synapse": (static("alpha_synapse", tau_s=1.1, max_spikes=4), 2.0),
    "slayer_srm": (static("slayer_srm", tau_s=1.0, tau_r=1.4), 1.4),
    "if_delta": (static("if_delta"), 0.9),
    "if_delta held": (static("if_delta", refractory=0.5, threshold_factor=0.7), 1.5),
    "lif_delta": (static("lif_delta", tau_m=2.0), 1.3),
    "lif_delta held": (
        static("lif_delta", tau_m=2.0, refractory=0.5, threshold_factor=0.6),
        1.8,
    ),
}
CASES = [*NEURONS, *(f"{name} driven" for name in NEURONS)]


@dataclass(frozen=True)
class Case:
    """A layer, its input and the end of the run."""

    neuron: Neuron
    layer: GatheredLayer
    spikes: SpikeTrains
    t_end: float


def random_trains(rng, batch, n_in, per_sample, duration, with_values):
    """Return random spikes, several of each neuron, no two at one time."""
    time, neuron, offsets = [], [], [0]
    for _ in range(batch):
        time.append(np.sort(rng.uniform(0, duration, per_sample)))
        neuron.append(rng.integers(0, n_in, per_sample))
        offsets.append(offsets[-1] + per_sample)
    value = rng.uniform(0.5, 1.5, batch * per_sample) if with_values else None
    return SpikeTrains(
        np.concatenate(time),
        np.concatenate(neuron).astype(np.int32),
        np.array(offsets),
        n_in,
        value,
    )


def random_case(
    name, seed, *, batch=2, n_in=5, n_out=4, per_sample=14, plain=False, t_end=7.0
):
    """Return a sparse layer with double synapses, delays and values, unless `plain`."""
    rng = np.random.default_rng(seed)
    neuron, size = NEURONS[name.removesuffix(" driven")]
    model = model_of(neuron)
    n_synapses = 3 * n_out
    table = sparse_fan_in(
        rng.integers(0, n_in, n_synapses),
        np.repeat(np.arange(n_out), 3),
        n_in,
        n_out,
    )
    drive = np.zeros(n_out)
    if name.endswith(" driven"):
        # Instantaneous inputs decay at once: more drive, so that it can fire alone.
        low = 0.8 if neuron.model == "lif_delta" else 0.2
        drive = rng.uniform(low, low + 0.6, n_out) * model.drive_scale(neuron)
    layer = GatheredLayer(
        model.dynamics(neuron),
        table,
        rng.uniform(-0.3, 1.0, n_synapses) * size,
        None if plain else rng.uniform(0, 1.0, n_synapses),
        rng.uniform(0.8, 1.2, n_out),
        drive,
    )
    spikes = random_trains(rng, batch, n_in, per_sample, 0.7 * t_end, not plain)
    return Case(neuron, layer, spikes, t_end)


def arrivals_of(case, sample, o):
    """Return what arrives at a neuron as (time, weight), in order of time."""
    table, layer, spikes = case.layer.fan_in, case.layer, case.spikes
    found = []
    for k in range(spikes.offsets[sample], spikes.offsets[sample + 1]):
        for s in range(table.offsets[o], table.offsets[o + 1]):
            if table.source[s] == spikes.neuron[k]:
                slot = table.slot[s]
                delay = 0.0 if layer.delay is None else layer.delay[slot]
                value = 1.0 if spikes.value is None else spikes.value[k]
                found.append((spikes.time[k] + delay, layer.weight[slot] * value))
    return sorted(found, key=lambda arrival: arrival[0])


def with_layer(case, **changes):
    """Return the case with other arrays of its layer."""
    return replace(case, layer=replace(case.layer, **changes))
