"""One neuron run through a list of inputs with the core functions alone."""

import math

import numpy as np

from eventsim.jit import jit
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.neurons.crossing import crossing_until, spike_until
from eventsim.neurons.dynamics import (
    advance,
    advance_held,
    pin,
    receive,
    reset,
    start,
)

MODELS = {
    "relpsp": {},
    "srm_lif": {"tau_m": 2.0, "tau_s": 1.0},
    "lif": {"tau_m": 2.0, "tau_s": 1.0, "reset": "zero"},
    "non_leaky_if": {"tau_s": 1.0},
    "alpha_synapse": {"tau_s": 1.0},
    "slayer_srm": {"tau_s": 1.0, "tau_r": 1.0},
    "if_delta": {},
    "lif_delta": {"tau_m": 2.0},
}


def neuron_of(model, **constants):
    """Return a neuron with a static threshold, its model's sample constants."""
    return Neuron(model, "static", **{**MODELS[model], **constants})


def dynamics_of(model, **constants):
    """Return the constants of the shared dynamics of such a neuron."""
    neuron = neuron_of(model, **constants)
    return model_of(neuron).dynamics(neuron)


@jit()
def run_continuous(d, theta, j, times, weights, t_end, spikes):
    """Fill `spikes` with the spikes of a neuron whose inputs pass a synapse.

    Returns their number, or -1 if there are more than fit.
    """
    v, i, p, q = 0.0, start(d, j), 0.0, 0.0
    t = release = 0.0
    n_spikes = k = 0
    while True:
        is_end = k == times.size or times[k] > t_end
        following = t_end if is_end else times[k]
        while n_spikes < d.max_spikes:
            if t < release:
                until = min(release, following)
                v, i, p, q = advance_held(d, v, i, p, q, j, until - t)
                t = until
                if t < release:
                    break
            moment = spike_until(d, v, i, p, q, j, d.factor * theta, t, following)
            if moment == math.inf:
                break
            v, i, p, q = advance(d, v, i, p, q, j, moment - t)
            v = pin(d, v, p, theta)
            v, i, p, q = reset(d, v, i, p, q, j, theta)
            t = moment
            if n_spikes == spikes.size:
                return -1
            spikes[n_spikes] = t
            n_spikes += 1
            release = t + d.refractory
        if is_end:
            return n_spikes
        v, i, p, q = advance(d, v, i, p, q, j, following - t)
        t = following
        while k < times.size and times[k] == t:
            v, i = receive(d, v, i, weights[k])
            k += 1


@jit()
def run_delta(d, theta, j, times, weights, t_end, spikes):
    """Do what `run_continuous` does for instantaneous synapses."""
    v = i = p = q = 0.0
    t = release = 0.0
    n_spikes = k = 0
    height = d.factor * theta
    while True:
        while k < times.size and times[k] == t:
            v, i = receive(d, v, i, weights[k])
            k += 1
        while n_spikes < d.max_spikes and t >= release and v >= height:
            v, i, p, q = reset(d, v, i, p, q, j, theta)
            if n_spikes == spikes.size:
                return -1
            spikes[n_spikes] = t
            n_spikes += 1
            if d.refractory > 0:
                release = t + d.refractory
        if t == t_end:
            return n_spikes
        is_end = k == times.size or times[k] > t_end
        following = t_end if is_end else times[k]
        if t < release < following:
            following = release
        moment = math.inf
        if t >= release and n_spikes < d.max_spikes:
            moment = crossing_until(d, v, i, p, q, j, height, t, following)
        if moment < following or (is_end and moment == following == t_end):
            v = pin(d, v, p, theta)
            v, i, p, q = reset(d, v, i, p, q, j, theta)
            t = moment
            if n_spikes == spikes.size:
                return -1
            spikes[n_spikes] = t
            n_spikes += 1
            release = t + d.refractory
        else:
            v, i, p, q = advance(d, v, i, p, q, j, following - t)
            t = following


def spikes_of(neuron, theta, current, inputs, t_end, most=10_000):
    """Return the spike times of one neuron.

    inputs: (time, weight) pairs.
    """
    model = model_of(neuron)
    d = model.dynamics(neuron)
    inputs = sorted(inputs)
    times = np.array([t for t, _ in inputs], float)
    weights = np.array([w for _, w in inputs], float)
    spikes = np.empty(most)
    run = run_continuous if d.kick == 0 else run_delta
    n_spikes = run(
        d, theta, current * model.drive_scale(neuron), times, weights, t_end, spikes
    )
    assert n_spikes >= 0, "more spikes than expected"
    return spikes[:n_spikes]
