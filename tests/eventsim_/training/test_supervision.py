from types import SimpleNamespace

import numpy as np
from eventsim_.spiking_networks import dense_network

from eventsim.engine.sweep import network as sweep
from eventsim.readout import read_output
from eventsim.spikes import SpikeTrains
from eventsim.training.supervision import supervise

LABELS = np.array([0, 1, 2, 0, 1])


def config_of(**rule):
    found = SimpleNamespace(**{"when": "always", "rise": 0.05, **rule})
    return SimpleNamespace(
        training=SimpleNamespace(supervisory_spike=found if rule else None)
    )


def ran(readout="spike_count", theta=0.5):
    network = dense_network(3, sizes=(6, 8, 3), theta=0.5, readout=readout)
    network.layers[-1].theta[:] = theta
    rng = np.random.default_rng(0)
    recording = sweep.forward(network, rng.uniform(0.1, 1, (5, 6)))
    return network, recording, read_output(network, recording)


def test_supervise__changes_nothing_unless_asked():
    network, recording, output = ran()
    seen = supervise(network, recording, output, LABELS, config_of())
    assert seen.output is output
    d_output = np.ones(output.time.size)
    assert seen.split(d_output) == (d_output, {})


def test_supervise__adds_one_spike_of_the_label_and_tells_its_derivative_apart():
    network, recording, output = ran()
    seen = supervise(network, recording, output, LABELS, config_of(when="always"))
    forced = np.isfinite(seen.forced.time)
    assert forced.any()
    assert isinstance(seen.output, SpikeTrains)
    assert seen.output.time.size == output.time.size + forced.sum()
    for b in np.flatnonzero(forced):
        part = seen.output.samples(b, b + 1)
        own = output.samples(b, b + 1)
        mine = part.time[part.neuron == LABELS[b]]
        assert seen.forced.time[b] == mine[-1]
        np.testing.assert_array_equal(mine[:-1], own.time[own.neuron == LABELS[b]])
    d_all = np.arange(1.0, seen.output.time.size + 1)
    d_own, options = seen.split(d_all)
    given, d_forced = options["forced"]
    assert given is seen.forced
    assert d_own.size == output.time.size
    assert d_own.sum() + d_forced.sum() == d_all.sum()
    np.testing.assert_array_equal(d_forced == 0, ~forced)
    # The network's own spikes keep their order.
    rest = np.delete(seen.output.time, seen.place[forced])
    np.testing.assert_array_equal(rest, output.time)


def test_supervise__if_silent_leaves_neurons_that_fire_alone():
    network, recording, output = ran()
    seen = supervise(network, recording, output, LABELS, config_of(when="if_silent"))
    fires = recording.fired(2)[np.arange(5), LABELS]
    assert fires.any()
    assert np.all(np.isinf(seen.forced.time[fires]))


def test_supervise__a_first_spike_time_replaces_silence():
    network, recording, output = ran("spike_time", theta=5.0)
    seen = supervise(network, recording, output, LABELS, config_of(when="always"))
    rows = np.arange(5)
    silent = np.isinf(output[rows, LABELS])
    forced = np.isfinite(seen.forced.time)
    assert forced.any()
    assert np.all(silent[forced])
    np.testing.assert_array_equal(
        seen.output[rows, LABELS][forced], seen.forced.time[forced]
    )
    d_own, options = seen.split(np.ones_like(output))
    np.testing.assert_array_equal(d_own[rows, LABELS], np.where(forced, 0, 1))
    np.testing.assert_array_equal(options["forced"][1], np.where(forced, 1, 0))
