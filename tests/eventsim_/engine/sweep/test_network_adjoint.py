"""Derivatives of the multi-spike sweep; against the queue in queue/test_network.py."""

from dataclasses import replace

import numpy as np
import pytest
from eventsim_.gathered_layers import NEURONS
from eventsim_.spiking_networks import random_case, with_layer

from eventsim.engine.sweep.network import backward_spikes, forward_spikes
from eventsim.errors import ShapeError

# Spikes of instantaneous synapses come with their inputs; see the queue's tests.
MODELS = [name for name in NEURONS if "delta" not in name]


def loss_of(network, spikes, pulls):
    """Return a smooth loss of all spike times, its recording and its derivatives."""
    seen = forward_spikes(network, spikes)
    value, d_times = 0.0, []
    for k, pull in enumerate(pulls, start=1):
        train = seen.trains[k]
        # Weights of spikes by neuron and by their order in their neuron's train.
        key = train.sample * train.n_neurons + train.neuron
        weight = pull[key % pull.size]
        value += float(np.sum(weight * np.sin(train.time)))
        d_times.append(weight * np.cos(train.time))
    return value, d_times, seen


def central(network, spikes, pulls, change, seen, step=1e-6):
    """Return a difference quotient, NaN where spikes come, go or swap causes."""
    values = []
    for h in (step, -step, 2 * step, -2 * step):
        other, given = change(network, spikes, h)
        value, _, recording = loss_of(other, given, pulls)
        for k in range(1, len(network.layers) + 1):
            if not np.array_equal(
                recording.discrete_state(other, k), seen.discrete_state(network, k)
            ):
                return np.nan
        values.append(value)
    return (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * step)


def shifted(array, index, h):
    array = array.copy()
    array.ravel()[index] += h
    return array


def variations(network, spikes, gradients, rng):
    """Yield a name, the derivative and the change it belongs to."""
    for k, layer in network.spiking_layers:
        by = gradients.layers[k - 1]
        for name in ("weight", "theta", "current", "delay", "synaptic_delay"):
            array = getattr(layer, name)
            if array is None:
                continue
            # Delays cannot go below 0 on the way.
            free = np.flatnonzero(array.ravel() > 1e-3) if "delay" in name else None
            index = int(rng.choice(array.size if free is None else free))
            yield (
                f"{name} {k}",
                getattr(by, name).ravel()[index],
                lambda n, s, h, k=k, name=name, array=array, index=index: (
                    with_layer(n, k, **{name: shifted(array, index, h)}),
                    s,
                ),
            )
        constants = dict(by.time_constants)
        if layer.neuron.refractory:
            constants["refractory"] = by.refractory
        for name, derivative in constants.items():
            yield (
                f"{name} {k}",
                derivative,
                lambda n, s, h, k=k, name=name, neuron=layer.neuron: (
                    with_layer(
                        n,
                        k,
                        neuron=replace(neuron, **{name: getattr(neuron, name) + h}),
                    ),
                    s,
                ),
            )
    for name in ("time", "value"):
        index = int(rng.integers(spikes.time.size // 2))
        yield (
            f"input {name}",
            getattr(gradients, f"input_{name}")[index],
            lambda n, s, h, name=name, index=index: (
                n,
                replace(s, **{name: shifted(getattr(s, name), index, h)}),
            ),
        )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", ["dense", "sparse", "conv", "average", "earliest"])
def test_backward_spikes__agrees_with_differences(kind, model):
    n_checked, worst = 0, {}
    for seed in range(2):
        case = random_case(kind, [model], seed, batch=1)
        rng = np.random.default_rng(seed)
        pulls = [rng.normal(size=layer.n_neurons) for layer in case.network.layers]
        _, d_times, seen = loss_of(case.network, case.spikes, pulls)
        gradients = backward_spikes(case.network, seen, d_times)
        for name, derivative, change in variations(
            case.network, case.spikes, gradients, rng
        ):
            numeric = central(case.network, case.spikes, pulls, change, seen)
            if np.isnan(numeric):
                continue
            n_checked += 1
            worst[name] = abs(numeric - derivative) / max(1.0, abs(derivative))
    assert n_checked > 8
    assert max(worst.values()) < 3e-7, worst


def test_backward_spikes__later_input_is_later_output():
    case = random_case("average", ["lif", "srm_lif"], 3, currents=False)
    seen = forward_spikes(case.network, case.spikes)
    n_spikes = seen.trains[-1].time.size
    assert n_spikes > 3
    by = backward_spikes(case.network, seen, [None, None, np.ones(n_spikes)])
    assert by.input_time.sum() == pytest.approx(n_spikes, rel=1e-11)


def test_backward_spikes__a_delay_of_all_is_the_same_as_later_spikes():
    case = random_case("dense", ["lif"], 1, synaptic_delays=False)
    # Nothing but the first layer moves the second.
    network = with_layer(case.network, 2, current=None)
    seen = forward_spikes(network, case.spikes)
    ones = np.ones(seen.trains[-1].time.size)
    assert ones.size
    by = backward_spikes(network, seen, [None, ones])
    assert by.layers[0].delay.sum() == pytest.approx(ones.size, rel=1e-11)


# ---- what is refused


@pytest.mark.parametrize(
    ("d_times", "message"),
    [
        ([None], "d_times has 1 entries; expected 2, one for each layer"),
        ([None, np.zeros(1)], r"entry 1 of d_times has shape \(1,\); expected \("),
    ],
)
def test_backward_spikes__refuses_other_derivatives(d_times, message):
    case = random_case("dense", ["lif"], 0)
    seen = forward_spikes(case.network, case.spikes)
    with pytest.raises(ShapeError, match=message):
        backward_spikes(case.network, seen, d_times)
