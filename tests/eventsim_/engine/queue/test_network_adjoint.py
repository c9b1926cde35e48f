"""Derivatives of networks driven by currents: queue and sweep by other means."""

import numpy as np
import pytest
from eventsim_.driven_networks import KINDS, driven_case
from eventsim_.gathered_layers import NEURONS
from eventsim_.spiking_networks import random_case

from eventsim.engine.queue import network as queue
from eventsim.engine.sweep import network as sweep
from eventsim.errors import ShapeError


def close(one, other):
    size = max(float(np.abs(other).max(initial=0)), 1e-9)
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-11 * size)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NEURONS)
def test_engines__agree_on_networks_driven_by_currents(kind, name):
    case = driven_case(kind, name, 3)
    network, currents = case.network, case.currents
    runs = [e.forward_spikes(network, None, currents=currents) for e in (sweep, queue)]
    for one, other in zip(*(run.trains for run in runs), strict=True):
        assert one.offsets.tolist() == other.offsets.tolist()
        assert one.neuron.tolist() == other.neuron.tolist()
        np.testing.assert_allclose(one.time, other.time, rtol=1e-12, atol=1e-12)
    assert runs[0].trains[0].time.size == 0
    rng = np.random.default_rng(5)
    pull = [
        rng.normal(size=train.time.size) if layer.neuron else None
        for train, layer in zip(runs[0].trains[1:], network.layers, strict=True)
    ]
    one, other = (
        engine.backward_spikes(network, run, pull)
        for engine, run in zip((sweep, queue), runs, strict=True)
    )
    close(one.input_current, other.input_current)
    assert one.input_current.shape == currents.shape
    for a, b in zip(one.layers, other.layers, strict=True):
        if a is None:
            continue
        for name in ("weight", "theta", "current", "delay", "refractory"):
            close(getattr(a, name), getattr(b, name))
        assert a.time_constants.keys() == b.time_constants.keys()
        for name, value in a.time_constants.items():
            close(value, b.time_constants[name])


def test_backward_spikes__refuses_derivatives_of_layers_without_neurons():
    case = random_case("flat", ["lif"], 0)
    seen = queue.forward_spikes(case.network, case.spikes)
    with pytest.raises(ShapeError, match="has no neurons; expected None"):
        queue.backward_spikes(
            case.network, seen, [None, np.zeros(seen.trains[2].time.size), None]
        )
