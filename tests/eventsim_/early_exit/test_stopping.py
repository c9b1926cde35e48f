"""Runs that really stop against decisions and counts taken from full runs."""

from dataclasses import replace

import numpy as np
import pytest
from eventsim_.spiking_networks import KINDS, random_case

from eventsim.early_exit.policies import (
    Confidence,
    FirstSpike,
    FixedTime,
    Leader,
    Margin,
    decide,
)
from eventsim.early_exit.spending import operations_of, spikes_of
from eventsim.early_exit.stopping import StoppedTotals, run_until_decided
from eventsim.early_exit.sweep import outcome
from eventsim.early_exit.trace import Trace
from eventsim.engine.queue.network import forward_spikes
from eventsim.engine.queue.network_circuit import circuit_of
from eventsim.engine.queue.reference import QueueSimulator
from eventsim.engine.queue.stopping import step_until
from eventsim.errors import ShapeError
from eventsim.spikes import SpikeTrains

pytestmark = pytest.mark.usefixtures("one_thread")

POLICIES = [
    FirstSpike(),
    Leader(),
    Margin(2),
    Margin(5),
    Confidence(0.6),
    Confidence(0.9, smoothing=0.5),
    Confidence(0.8, window=0.25),
    Confidence(0.7, window=1.0, smoothing=0.1),
    FixedTime(0.0),
    FixedTime(2.5),
    FixedTime(6.0),
]
MODELS = {"continuous": ["lif", "srm_lif"], "jumps": ["if_delta", "lif_delta"]}


def case_of(kind, models, seed, *, ties=False, batch=4, readout="spike_count"):
    """A network, its input and the trace of the queue; ties: whole times, no delays."""
    case = random_case(kind, models, seed, batch=batch, delays=not ties,
                       synaptic_delays=not ties, currents=not ties)  # fmt: skip
    network, spikes = replace(case.network, readout=readout), case.spikes
    if ties:
        spikes = replace(spikes, time=np.floor(spikes.time))
        layers = tuple(
            layer
            if layer.weight is None
            else replace(layer, weight=np.round(layer.weight * 4) / 4,
                         theta=np.ones_like(layer.theta))
            for layer in network.layers
        )  # fmt: skip
        network = replace(network, layers=layers)
    labels = np.arange(batch) % network.n_classes
    return Trace(network, forward_spikes(network, spikes).trains, labels)


def assert_stopped_as_told(policy, trace):
    expected = outcome(policy, trace, spikes_of(trace), operations_of(trace))
    found = run_until_decided(policy, trace.network, trace.trains[0])
    assert found.decisions.time.tolist() == expected.decisions.time.tolist()
    assert found.decisions.label.tolist() == expected.decisions.label.tolist()
    decided = found.decisions.is_decided
    assert decided.tolist() == expected.decisions.is_decided.tolist()
    assert found.n_spikes.tolist() == expected.n_spikes.tolist()
    assert found.n_operations.tolist() == expected.n_operations.tolist()
    return decided


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("models", MODELS.values(), ids=MODELS)
def test_run_until_decided__equals_the_evaluation_of_the_full_trace(kind, models):
    trace = case_of(kind, models, 1)
    decided = [assert_stopped_as_told(policy, trace) for policy in POLICIES]
    assert 0 < np.mean(decided) < 1


@pytest.mark.parametrize("readout", ["spike_time", "spike_count", "weighted_count"])
@pytest.mark.parametrize("seed", range(3))
def test_run_until_decided__equals_the_trace_where_spikes_tie(seed, readout):
    trace = case_of("dense", MODELS["jumps"], seed, ties=True, readout=readout)
    for policy in POLICIES:
        assert_stopped_as_told(policy, trace)
    ones = [trace.output.samples(b, b + 1).time for b in range(trace.labels.size)]
    assert sum(time.size - np.unique(time).size for time in ones) > 5


@pytest.mark.parametrize("policy", POLICIES[1::2], ids=str)
@pytest.mark.parametrize("kind", ["dense", "earliest"])
def test_run_until_decided__does_what_the_readable_queue_does(policy, kind):
    trace = case_of(kind, MODELS["continuous"], 3, batch=2)
    network = trace.network
    found = run_until_decided(policy, network, trace.trains[0])
    unrolled = circuit_of(network)
    pools = {
        neuron
        for layer, name in zip(network.layers, unrolled.names[1:], strict=True)
        if name is not None and layer.neuron is None
        for neuron in unrolled.circuit.neurons(name)
    }

    def decided(output):
        plan = decide(policy, network, output)
        is_stop = plan.is_decided[0] or isinstance(policy, FixedTime)
        return plan.time[0] if is_stop else np.inf

    for b in range(2):
        events = []
        one = trace.trains[0].samples(b, b + 1)
        simulator = QueueSimulator(unrolled.circuit, one, network.duration)
        simulator.observe(events.append)
        time = step_until(simulator, unrolled.names[-1], decided)
        assert min(time, network.duration) == pytest.approx(
            found.decisions.time[b], rel=1e-10
        )
        at_neurons = [e.kind for e in events if e.neuron not in pools]
        assert at_neurons.count("spike") == found.n_spikes[b]
        assert at_neurons.count("delivery") == found.n_operations[b]
        assert simulator.n_events == found.n_events[b]


def test_run_until_decided__without_a_policy_runs_to_the_end():
    trace = case_of("earliest", MODELS["continuous"], 1)
    found = run_until_decided(None, trace.network, trace.trains[0])
    assert found.n_spikes.tolist() == spikes_of(trace).all.tolist()
    assert found.n_operations.tolist() == operations_of(trace).all.tolist()
    assert not found.decisions.is_decided.any()
    assert np.all(found.decisions.time == trace.network.duration)


def test_stopped_totals__sum_up():
    trace = case_of("dense", MODELS["continuous"], 1)
    full = run_until_decided(None, trace.network, trace.trains[0])
    found = run_until_decided(FirstSpike(), trace.network, trace.trains[0])
    total = StoppedTotals()
    for _ in range(2):
        total.add(trace, FirstSpike(), found, full)
    numbers = total.numbers()
    assert numbers["same_decisions"] == 1
    assert numbers["events"] == found.n_events.mean()
    assert numbers["events_saved"] == pytest.approx(
        1 - found.n_events.sum() / full.n_events.sum()
    )
    assert 0 < numbers["events_saved"] < 1
    # The totals notice a decision that differs.
    wrong = replace(found.decisions, label=(found.decisions.label + 1) % 3)
    total.add(trace, FirstSpike(), replace(found, decisions=wrong), full)
    assert total.numbers()["same_decisions"] == pytest.approx(2 / 3)


def test_run_until_decided__refuses_inputs_that_are_no_spikes():
    trace = case_of("dense", MODELS["continuous"], 1)
    silent = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(2, np.int64), 6)
    with pytest.raises(ShapeError, match="input is 'currents'; expected 'spikes'"):
        run_until_decided(Leader(), replace(trace.network, input="currents"), silent)
