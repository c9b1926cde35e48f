"""Supervisory spikes of the output layer of a network."""

import math
from dataclasses import replace

import numpy as np
import pytest
from eventsim_.spiking_networks import dense_network

from eventsim.engine.neuron_adjoint_kernels import Rule
from eventsim.engine.sweep import network as sweep
from eventsim.engine.sweep.forced_output import force_output, require_supervisable
from eventsim.engine.sweep.forced_spikes import backward_forced
from eventsim.engine.sweep.layer_runner import gathered_layer_of
from eventsim.errors import ShapeError
from eventsim.network import Neuron

LABELS = np.array([0, 1, 2, 0, 1])


def ran():
    network = dense_network(3, sizes=(6, 8, 3), theta=0.5, readout="spike_count")
    rng = np.random.default_rng(0)
    recording = sweep.forward(network, rng.uniform(0.1, 1, (5, 6)))
    forced = force_output(
        network, recording, LABELS, least_rise=0.05, only_if_silent=False
    )
    assert np.isfinite(forced.time).any()
    return network, recording, forced


@pytest.mark.parametrize("clip", [math.inf, 0.2])
def test_with_forced__adds_what_each_layer_makes_of_it(clip):
    # The chain rule by hand: the output layer alone, then a network of the layer
    # before it, whose loss has the derivatives by the times that the first one found.
    network, recording, forced = ran()
    d_forced = np.random.default_rng(1).normal(size=5)
    none = [np.zeros(train.time.size) for train in recording.trains[1:]]
    found = sweep.backward_spikes(
        network, recording, none, slope_clip=clip, forced=(forced, d_forced)
    )
    last = recording.steps[-1]
    by_hand = backward_forced(
        gathered_layer_of(last.runner),
        last.arrived,
        last.recording.spikes,
        forced,
        d_forced,
        Rule(clip, 0.0, False),
    )
    hidden = replace(network, layers=network.layers[:1])
    again = sweep.forward_spikes(hidden, recording.trains[0], with_constants=False)
    np.testing.assert_array_equal(again.trains[1].time, recording.trains[1].time)
    before = sweep.backward_spikes(hidden, again, [by_hand.input_time], slope_clip=clip)

    output, first = found.layers[1], found.layers[0]
    assert np.abs(output.weight).max() > 1e-3
    assert np.abs(first.weight).max() > 1e-3
    np.testing.assert_allclose(output.weight.ravel(), by_hand.weight, rtol=1e-12)
    np.testing.assert_allclose(first.weight, before.layers[0].weight, rtol=1e-12)
    np.testing.assert_allclose(found.input_time, before.input_time, rtol=1e-12)


def test_with_forced__adds_to_what_own_spikes_give():
    network, recording, forced = ran()
    rng = np.random.default_rng(2)
    d_own, d_forced = rng.normal(size=recording.trains[-1].time.size), np.ones(5)
    own = sweep.backward(network, recording, d_own)
    both = sweep.backward(network, recording, d_own, forced=(forced, d_forced))
    only = sweep.backward(network, recording, 0 * d_own, forced=(forced, d_forced))
    for a, b, c in zip(own.weights, both.weights, only.weights, strict=True):
        assert np.abs(c).max() > 1e-3
        np.testing.assert_allclose(b, a + c, rtol=1e-9, atol=1e-12)
    # Nothing but the columns of labels that were given a spike.
    given = np.isin(np.arange(3), LABELS[np.isfinite(forced.time)])
    assert not only.weights[1][:, ~given].any()


def test_require_supervisable__names_the_model():
    network = dense_network(3, sizes=(6, 8, 3), theta=0.5, readout="spike_count")
    require_supervisable(network)
    neuron = Neuron(model="if_delta", threshold="static")
    last = replace(network.layers[-1], neuron=neuron)
    network = replace(network, layers=(*network.layers[:-1], last))
    with pytest.raises(ShapeError, match=r"output neurons have instantaneous synapses"):
        require_supervisable(network)
