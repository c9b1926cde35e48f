import math

import pytest

from eventsim.engine.queue.reference_neuron import QueueNeuron
from eventsim.network import Neuron
from eventsim.neurons import model_of


def cell(neuron, *, theta=1.0, drive=0.0, keep_history=True):
    return QueueNeuron(model_of(neuron).dynamics(neuron), theta, drive, keep_history)


def lif(**constants):
    return Neuron("lif", "static", tau_m=2.0, tau_s=1.0, reset="zero", **constants)


def test_receive__moves_the_state_to_the_input_first():
    neuron = cell(lif())
    neuron.receive(0.0, 2.0)
    neuron.receive(1.0, 4.0)
    assert neuron.state.i == pytest.approx(math.exp(-1) + 2, rel=1e-15)
    assert neuron.state.v == pytest.approx(
        2 * (math.exp(-0.5) - math.exp(-1)), rel=1e-14
    )


def test_fire__pins_a_potential_that_crossed_and_keeps_what_jumped():
    ramp = cell(Neuron("relpsp", "static", max_spikes=3))
    ramp.receive(0.0, 1.0)
    ramp.fire(ramp.next_spike(9.0))
    assert (ramp.state.time, ramp.state.v, ramp.state.i) == (1.0, 0.0, 1.0)
    step = cell(Neuron("if_delta", "static"), drive=1.0)
    step.receive(0.0, 2.5)
    step.fire(0.0)
    assert step.state.v == 1.5
    step.receive(0.0, -1.25)
    step.fire(0.75)
    assert step.state.v == 0.0


def test_next_spike__is_not_known_inside_a_refractory_period():
    neuron = cell(lif(refractory=1.0))
    neuron.receive(0.0, 40.0)
    first = neuron.next_spike(9.0)
    neuron.fire(first)
    assert neuron.free == first + 1.0
    assert neuron.next_spike(9.0) == math.inf
    neuron.release(neuron.free)
    assert first + 1.0 < neuron.next_spike(9.0) < first + 2.0


def test_fire__the_last_spike_ends_everything():
    neuron = cell(lif(max_spikes=1))
    neuron.receive(0.0, 40.0)
    neuron.fire(neuron.next_spike(9.0))
    assert neuron.is_exhausted
    assert neuron.next_spike(9.0) == math.inf
    assert neuron.potential(8.0) == 0.0


def test_potential__of_a_held_neuron():
    neuron = cell(lif(refractory=1.0))
    neuron.receive(0.0, 40.0)
    first = neuron.next_spike(9.0)
    neuron.fire(first)
    assert neuron.potential(first + 1.0) == 0.0
    current = 40 * math.exp(-first - 1.0)
    assert neuron.potential(first + 1.5) == pytest.approx(
        current * (math.exp(-0.25) - math.exp(-0.5)), rel=1e-13
    )


def test_potential__needs_the_history_to_look_back():
    for keep_history in (True, False):
        neuron = cell(lif(), keep_history=keep_history)
        neuron.receive(1.0, 1.0)
        with pytest.raises(LookupError):
            neuron.potential(-1.0)
        if keep_history:
            assert neuron.potential(0.5) == 0.0
        else:
            with pytest.raises(LookupError):
                neuron.potential(0.5)


def test_potential__of_a_neuron_at_rest_with_a_drive_through_the_synapse():
    neuron = cell(Neuron("srm_lif", "static", tau_m=2.0, tau_s=1.0), drive=0.3)
    # Input weight 0.3 per time: 0.3 times the integral of the kernel.
    t = 1.5
    integral = 2 * (2 * -math.expm1(-t / 2) + math.expm1(-t))
    assert neuron.potential(t) == pytest.approx(0.3 * integral, rel=1e-14)
