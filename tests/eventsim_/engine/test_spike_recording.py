"""What of a run is discrete: the same on both sides of a difference, or not."""

from dataclasses import replace

import numpy as np
import pytest

from eventsim.engine.neuron_run_kernels import CROSSED, RELEASED, TRIGGERED
from eventsim.engine.queue import network as queue
from eventsim.engine.sweep import network as sweep
from eventsim.network import Layer, Network, Neuron
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Conv2d, Dense, Flatten

pytestmark = pytest.mark.usefixtures("one_thread")

MAP = (1, 1, 1)
both_engines = pytest.mark.parametrize("engine", [sweep, queue])


def trains(*events, n=2):
    """Return one sample from pairs of time and neuron."""
    time, neuron = zip(*sorted(events), strict=True)
    return SpikeTrains(
        np.array(time, float), np.array(neuron, np.int32), np.array([0, len(time)]), n
    )


def one_neuron(weights, current=0.0, refractory=0.0, **arrays):
    """Return a network of one neuron with instantaneous synapses, threshold 1."""
    layer = Layer(
        "layer_1 (dense)",
        Dense((len(weights),), 1),
        Neuron("if_delta", "static", refractory=refractory),
        np.array(weights, float)[:, None],
        np.ones(1),
        np.array([current]),
        **arrays,
    )
    return Network((len(weights),), (layer,), t_end=5.0)


def seen(engine, network, spikes, k=1):
    """Return the times and kinds of a layer's spikes and its discrete state."""
    recording = engine.forward_spikes(network, spikes)
    return (
        recording.trains[k].time.tolist(),
        recording.kinds(k).tolist(),
        recording.discrete_state(network, k),
    )


def is_same(one, other):
    return np.array_equal(one[-1], other[-1])


@both_engines
def test_discrete_state__changes_with_the_input_that_sets_off_the_spike(engine):
    network = one_neuron([0.6, 0.6])
    base = seen(engine, network, trains((1, 0), (2, 1)))
    assert base[:2] == ([2], [TRIGGERED])
    assert is_same(base, seen(engine, network, trains((1.5, 0), (2.5, 1))))
    # The same inputs have come by the time of the spike, but the other one is last.
    swapped = seen(engine, network, trains((2, 0), (1, 1)))
    assert swapped[:2] == base[:2]
    assert not is_same(base, swapped)
    # At a tie both are: no step away from it leaves it as it is.
    tied = seen(engine, network, trains((2, 0), (2, 1)))
    assert not is_same(tied, base)
    assert not is_same(tied, swapped)


@both_engines
def test_discrete_state__changes_with_the_kind_of_a_spike(engine):
    spikes = trains((1, 0))
    crossed = seen(engine, one_neuron([0.85, 0], current=0.1), spikes)
    assert crossed[1] == [CROSSED]
    assert is_same(crossed, seen(engine, one_neuron([0.8, 0], current=0.1), spikes))
    triggered = seen(engine, one_neuron([0.95, 0], current=0.1), spikes)
    assert triggered[:2] == ([1], [TRIGGERED])
    assert not is_same(crossed, triggered)


@both_engines
def test_discrete_state__changes_where_a_released_spike_is_triggered(engine):
    network = one_neuron([2.5, -0.2], refractory=1.0)
    base = seen(engine, network, trains((1, 0), (1.5, 1)))
    assert base[:2] == ([1, 2], [TRIGGERED, RELEASED])
    assert is_same(base, seen(engine, network, trains((1, 0), (1.75, 1))))
    later = seen(engine, network, trains((1, 0), (2.5, 1)))
    assert later[:2] == base[:2]
    assert not is_same(base, later)


@both_engines
@pytest.mark.parametrize(
    "between", [None, Flatten(MAP), AveragePool(MAP, 1, 1)], ids=str
)
def test_discrete_state__knows_arrivals_to_the_last_bit(engine, between):
    # (0.2 + 0.3) + 0.4 is not 0.2 + (0.3 + 0.4), which is when the engines fire.
    synapse = {"weight": np.ones((1, 1)), "synaptic_delay": np.array([[0.4]])}
    last = replace(one_neuron([1]).layers[0], **synapse)
    first = replace(
        last,
        topology=Conv2d(MAP, 1, (1, 1), 1, 0),
        weight=np.ones((1, 1, 1, 1)),
        delay=np.array([0.3]),
        synaptic_delay=None,
    )
    passing = [Layer("layer_2", between)] if between else []
    shape = between.output_shape if between else MAP
    layers = (first, *passing, replace(last, topology=Dense(shape, 1)))
    network = Network(MAP, layers, t_end=5.0)
    times, kinds, state = seen(engine, network, trains((0.2, 0), n=1), len(layers))
    assert times == [0.2 + (0.3 + 0.4)] != [(0.2 + 0.3) + 0.4]
    assert kinds == [TRIGGERED]
    _, _, before, until, _ = state[0]
    assert before == 0 != until


@both_engines
def test_discrete_state__knows_who_sent_what_an_average_pool_passes(engine):
    # Both inputs come to the neuron by the same synapse.
    pool = AveragePool((2, 2, 1), 2, 2)
    last = replace(
        one_neuron([1]).layers[0], topology=Dense(MAP, 1), weight=np.full((1, 1), 2.0)
    )
    network = Network((2, 2, 1), (Layer("layer_1", pool), last), t_end=5.0)
    base = seen(engine, network, trains((1, 0), (2, 1), n=4), 2)
    assert base[:2] == ([2], [TRIGGERED])
    assert is_same(base, seen(engine, network, trains((1.5, 0), (2.5, 1), n=4), 2))
    swapped = seen(engine, network, trains((2, 0), (1, 1), n=4), 2)
    assert swapped[:2] == base[:2]
    assert not is_same(base, swapped)


@both_engines
def test_discrete_state__ends_with_the_run(engine):
    # Nothing comes after the end, even inside a refractory period.
    network = one_neuron([1.0, -0.2], refractory=3.0, synaptic_delay=np.zeros((2, 1)))
    base = seen(engine, network, trains((3, 0), (4.5, 1)))
    gone = seen(engine, network, trains((3, 0), (5.5, 1)))
    assert not is_same(base, gone)
    assert is_same(gone, seen(engine, network, trains((3, 0), (7, 1))))
