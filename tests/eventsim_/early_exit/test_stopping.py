"""Runs that really stop against decisions and counts taken from full runs."""

from dataclasses import replace

import numpy as np
import pytest
from eventsim_.driven_networks import KINDS as DRIVEN_KINDS
from eventsim_.driven_networks import driven_case
from eventsim_.engine.queue.stepping import step_until
from eventsim_.spiking_networks import KINDS, random_case

from eventsim.early_exit import stopping
from eventsim.early_exit.policies import (
    Confidence,
    FirstSpike,
    FixedTime,
    Leader,
    Margin,
    decide,
)
from eventsim.early_exit.spending import operations_of, spikes_of
from eventsim.early_exit.stopping import (
    run_until_decided,
    stop_at_decisions,
    stoppable_network,
)
from eventsim.early_exit.sweep import outcome
from eventsim.early_exit.trace import Trace
from eventsim.engine.queue import stopping as queue_stopping
from eventsim.engine.queue.network import forward_spikes
from eventsim.engine.queue.network_circuit import circuit_of
from eventsim.engine.queue.reference import QueueSimulator
from eventsim.engine.sweep import network as sweep
from eventsim.errors import ConfigError, ShapeError

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


def case_of(kind, models, seed, *, ties=False, batch=4, readout="spike_count",
            run=forward_spikes, delays=None):  # fmt: skip
    """A network, its input and the trace of an engine.

    With ties spikes come at whole times, delays are 0 or 1/2, weights k / 32.
    """
    delays = not ties if delays is None else delays
    case = random_case(kind, models, seed, batch=batch, delays=delays,
                       synaptic_delays=delays, currents=not ties)  # fmt: skip
    network, spikes = replace(case.network, readout=readout), case.spikes
    if ties:
        spikes = replace(spikes, time=np.floor(spikes.time))
        network = replace(network, layers=tuple(map(_rounded, network.layers)))
    labels = np.arange(batch) % network.n_classes
    return Trace(network, run(network, spikes).trains, labels)


def _rounded(layer):
    def halves(delay):
        return None if delay is None else np.round(2 * delay) / 2

    if layer.weight is None:
        return layer
    return replace(
        layer,
        weight=np.round(layer.weight * 32) / 32,
        theta=np.ones_like(layer.theta),
        delay=halves(layer.delay),
        synaptic_delay=halves(layer.synaptic_delay),
    )


def n_ties(trace):
    """Return how many output spikes share their time with another one before."""
    ones = [trace.output.samples(b, b + 1).time for b in range(trace.labels.size)]
    return sum(time.size - np.unique(time).size for time in ones)


def assert_stopped_as_told(policy, trace):
    expected = outcome(policy, trace, spikes_of(trace), operations_of(trace))
    found = run_until_decided(
        policy, trace.network, trace.trains[0], currents=trace.currents
    )
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
    assert n_ties(trace) > 5


@pytest.mark.parametrize("run", [forward_spikes, sweep.forward_spikes],
                         ids=["queue", "sweep"])  # fmt: skip
@pytest.mark.parametrize("delays", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_run_until_decided__ties_on_pools_and_delays(kind, delays, run):
    found = 0
    for seed in range(3):
        trace = case_of(kind, ["if_delta"], seed, ties=True, delays=delays, run=run)
        for policy in POLICIES:
            assert_stopped_as_told(policy, trace)
        found += n_ties(trace)
    assert found > 3


def driven_trace(kind, name, seed=0):
    case = driven_case(kind, name, seed, batch=4)
    network = replace(case.network, readout="spike_count")
    trains = forward_spikes(network, None, currents=case.currents).trains
    return Trace(network, trains, np.arange(4) % network.n_classes, case.currents)


@pytest.mark.parametrize("kind", DRIVEN_KINDS)
@pytest.mark.parametrize("name", ["srm_lif", "lif", "lif_delta", "slayer_srm"])
def test_run_until_decided__equals_the_trace_of_driven_networks(kind, name):
    trace = driven_trace(kind, name)
    decided = [assert_stopped_as_told(policy, trace) for policy in POLICIES]
    assert np.mean(decided) > 0
    # Samples differ by their currents alone.
    times = [run_until_decided(FirstSpike(), trace.network, None,
                               currents=trace.currents).decisions.time]  # fmt: skip
    assert np.unique(times).size > 1


@pytest.mark.parametrize("is_driven", [False, True])
def test_stop_at_decisions__is_each_policy_by_itself(is_driven):
    trace = (
        driven_trace("conv", "lif")
        if is_driven
        else case_of("earliest", MODELS["continuous"], 1)
    )
    stoppable = stoppable_network(trace.network)
    full, stopped = stop_at_decisions(POLICIES, stoppable, trace)
    for policy, found in zip([None, *POLICIES], [full, *stopped], strict=True):
        alone = run_until_decided(
            policy, stoppable, trace.trains[0], currents=trace.currents
        )
        for name in ("time", "label", "is_decided"):
            one, other = (getattr(x.decisions, name) for x in (found, alone))
            assert one.tolist() == other.tolist()
        for name in ("n_spikes", "n_operations", "n_events"):
            assert getattr(found, name).tolist() == getattr(alone, name).tolist()
        assert found.seconds.shape == (4,)


def test_stop_at_decisions__begins_every_sample_with_another_way(monkeypatch):
    """Whoever always came first would pay for cold caches."""
    rules, original = [], stopping.run_circuit_until

    def noted(circuit, spikes, watched, rule, **options):
        rules.append(rule)
        return original(circuit, spikes, watched, rule, **options)

    monkeypatch.setattr(stopping, "run_circuit_until", noted)
    trace = case_of("dense", MODELS["continuous"], 1)
    stop_at_decisions(POLICIES[:1], stoppable_network(trace.network), trace)
    assert [rule is None for rule in rules] == [
        True, False, False, True, True, False, False, True
    ]  # fmt: skip


def test_stoppable_network__tables_are_built_once(monkeypatch):
    trace = case_of("dense", MODELS["continuous"], 1)
    stoppable = stoppable_network(trace.network)

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(queue_stopping, "circuit_tables", never)
    monkeypatch.setattr(stopping, "circuit_of", never)
    stop_at_decisions(POLICIES, stoppable, trace)


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


def test_run_until_decided__refuses_a_time_behind_the_end():
    trace = case_of("dense", MODELS["continuous"], 1)
    with pytest.raises(ConfigError, match="fixed_time is 99; expected at most 6"):
        run_until_decided(FixedTime(99.0), trace.network, trace.trains[0])


def test_run_until_decided__refuses_the_other_kind_of_input():
    trace = case_of("dense", MODELS["continuous"], 1)
    with pytest.raises(ShapeError, match="input of this network are spikes; expected"):
        run_until_decided(Leader(), trace.network, None, currents=np.zeros((1, 6)))
    driven = driven_trace("dense", "lif")
    with pytest.raises(ShapeError, match="are currents, not spikes, and none are"):
        run_until_decided(Leader(), driven.network, trace.trains[0])
    with pytest.raises(ShapeError, match="is NaN or infinite; expected finite"):
        run_until_decided(Leader(), driven.network, None,
                          currents=np.full((1, 6), np.nan))  # fmt: skip
