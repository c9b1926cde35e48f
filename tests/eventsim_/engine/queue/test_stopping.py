"""Runs that stop at a decision against full runs cut off at the same time."""

import math

import numpy as np
import pytest
from eventsim_.circuits import lif, link, recurrent, single, trains
from eventsim_.engine.queue.stepping import step_until
from eventsim_.engine.queue.test_fast import (
    CONTINUOUS,
    INSTANT,
    T_END,
    random_circuit,
    random_inputs,
)

from eventsim.circuit import Circuit, Input, Population
from eventsim.engine.queue.fast import run_circuit
from eventsim.engine.queue.reference import QueueSimulator
from eventsim.engine.queue.stopping import (
    StopRule,
    ready_circuit,
    run_circuit_until,
)
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.network import Neuron
from eventsim.spikes import join_samples

pytestmark = pytest.mark.usefixtures("one_thread")

RULES = {
    "any spike": StopRule(lead=0),
    "leader": StopRule(),
    "lead of 3": StopRule(lead=3),
    "sure": StopRule(probability=0.6, smoothing=0.25),
    "sure in a window": StopRule(probability=0.75, smoothing=0.25, window=1.0),
    "lead in a window": StopRule(lead=2, window=2.5),
    "fixed": StopRule(lead=math.inf, time=5.0),
    "fixed at once": StopRule(lead=math.inf, time=0.0),
    "leader or fixed": StopRule(lead=2, time=6.0),
    "at the end": StopRule(lead=math.inf, time=T_END),
    "too late": StopRule(lead=math.inf, time=T_END + 0.5),
    "never": StopRule(lead=math.inf),
}


def first_met(rule, output, t_end):
    """When a rule is met first, by its definition at every time that could be one."""
    n = output.n_neurons
    moments = {*output.time.tolist(), *(output.time + rule.window).tolist()}
    for t in sorted(moments | {rule.time}):
        is_in = (output.time <= t) & ~(output.time + rule.window <= t)
        counts = np.bincount(output.neuron[is_in], minlength=n)
        second, top = np.sort([0, *counts])[-2:]
        share = (top + rule.smoothing) / max(counts.sum() + n * rule.smoothing, 1e-300)
        is_met = (
            counts.any() and top - second >= rule.lead and share >= rule.probability
        )
        if t <= t_end and (is_met or t == rule.time):
            return t
    return math.inf


def arrivals(case_circuit, inputs, recording, until):
    """Count arrivals up to a time, one connection after the other."""
    sent = [(t, int(c)) for t, c in zip(inputs.time, inputs.neuron, strict=True)]
    sent += [
        (t, case_circuit.n_inputs + int(k))
        for t, k in zip(recording.spikes.time, recording.spikes.neuron, strict=True)
    ]
    n = 0
    for projection in case_circuit.projections:
        first = case_circuit.nodes(projection.source).start
        delay = np.broadcast_to(projection.delay, projection.pre.shape)
        for t, node in sent:
            n += int(np.sum(t + delay[projection.pre + first == node] <= until))
    return n


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("whole_times", [True, False])
@pytest.mark.parametrize("shortest", [0.0, 0.5])
def test_run_circuit_until__does_what_a_full_run_does_up_to_there(
    rule, whole_times, shortest
):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        models = CONTINUOUS if seed % 2 else INSTANT
        neurons = [models[rng.integers(len(models))] for _ in range(2)]
        circuit = random_circuit(rng, neurons, 4, shortest, whole_times, shortest > 0)
        inputs = random_inputs(rng, 25, whole_times, values=True)
        full = run_circuit(circuit, inputs, t_end=T_END, scheduler="heap")
        expected = first_met(rule, full.population("p1"), T_END)
        (run,) = run_circuit_until(circuit, inputs, "p1", rule, t_end=T_END)
        assert run.time == expected
        # Bit for bit, and nothing behind the decision.
        until = min(expected, T_END)
        n = int(np.searchsorted(full.spikes.time, until, "right"))
        assert run.spikes.time.tolist() == full.spikes.time[:n].tolist()
        assert run.spikes.neuron.tolist() == full.spikes.neuron[:n].tolist()
        assert run.n_events == n + arrivals(circuit, inputs, full, until)
        simulator = QueueSimulator(circuit, inputs, T_END, keep_history=False)
        slow = step_until(simulator, "p1", lambda s: first_met(rule, s, T_END))
        assert slow == pytest.approx(expected, rel=1e-10)
        assert simulator.n_events == run.n_events


def test_run_circuit_until__knows_recurrent_graphs():
    case = recurrent(lif(tau_s=1.0), 3)
    full = run_circuit(case.circuit, case.spikes, t_end=case.t_end)
    rule = RULES["any spike"]
    (run,) = run_circuit_until(case.circuit, case.spikes, "b", rule, t_end=case.t_end)
    assert run.time == full.population("b").time[0] == run.spikes.time[-1]
    assert 0 < run.n_events < full.n_events


def test_run_circuit_until__samples_do_not_know_each_other():
    circuit = single(lif(tau_s=1.0), 30.0)
    both = trains([(0.5, 0), (1.0, 0)], 1)
    two = type(both)(
        np.array([0.5, 1.0, 0.0]), np.zeros(3, np.int32), np.array([0, 2, 3]), 1
    )
    rule = StopRule(lead=2)
    runs = list(run_circuit_until(circuit, two, "n", rule, t_end=9.0))
    alone = [
        next(run_circuit_until(circuit, s, "n", rule, t_end=9.0))
        for s in (both, trains([(0.0, 0)], 1))
    ]
    assert [r.time for r in runs] == [r.time for r in alone]
    assert [r.n_events for r in runs] == [r.n_events for r in alone]
    assert runs[0].time != runs[1].time


@pytest.mark.parametrize("shortest", [0.0, 0.5])
def test_run_circuit_until__takes_the_currents_of_each_sample(shortest):
    rng = np.random.default_rng(5)
    circuit = random_circuit(rng, CONTINUOUS[:2], 4, shortest, False, True)
    inputs = join_samples([random_inputs(rng, 10, False, values=True)] * 3)
    currents = rng.uniform(0, 1.5, (3, circuit.n_neurons))
    full = run_circuit(circuit, inputs, t_end=T_END, currents=currents)
    ready, rule = ready_circuit(circuit), StopRule(lead=0)
    runs = list(run_circuit_until(ready, inputs, "p1", rule, t_end=T_END,
                                  currents=currents))  # fmt: skip
    own = list(run_circuit_until(circuit, inputs, "p1", rule, t_end=T_END))
    output = full.population("p1")
    expected = [first_met(rule, output.samples(b, b + 1), T_END) for b in range(3)]
    assert [run.time for run in runs] == expected
    assert len(set(expected)) == 3
    assert [run.time for run in own] != expected
    for b, run in enumerate(runs):
        whole = full.spikes.samples(b, b + 1)
        n = int(np.searchsorted(whole.time, min(run.time, T_END), "right"))
        assert run.spikes.time.tolist() == whole.time[:n].tolist()
        assert run.seconds > 0


# Neuron 1 fires at 1 through neuron 0, without delay: one time, two spikes.
CHAIN = Circuit(
    (Input("in", 1),),
    (Population("n", 2, Neuron("if_delta", "static")),),
    (link("in", "n", 0, 0, 1.0), link("n", "n", 0, 1, 1.0)),
)


def test_run_circuit_until__looks_when_all_spikes_of_a_time_are_there():
    inputs = trains([(1.0, 0)], 1)
    (run,) = run_circuit_until(CHAIN, inputs, "n", StopRule(), t_end=2.0)
    assert run.time == math.inf
    assert run.spikes.neuron.tolist() == [0, 1]
    asked = []

    def rule(spikes):
        asked.append((spikes.time.tolist(), spikes.neuron.tolist()))
        return math.inf

    step_until(QueueSimulator(CHAIN, inputs, 2.0), "n", rule)
    assert asked == [([], []), ([1.0, 1.0], [0, 1])]


def test_run_circuit_until__a_spike_leaves_the_window_between_events():
    circuit = Circuit(
        (Input("in", 2),),
        (Population("n", 2, Neuron("if_delta", "static")),),
        (link("in", "n", 0, 0, 1.0), link("in", "n", 1, 1, 1.0)),
    )
    inputs = trains([(1.0, 0), (1.0, 1), (1.25, 1), (1.25, 0), (1.5, 1), (4.0, 0)], 2)
    rule = StopRule(lead=1, window=0.25)
    (run,) = run_circuit_until(circuit, inputs, "n", rule, t_end=9.0)
    # Neuron 1 fires at 1.5, the moment at which the spikes of 1.25 leave: 0:1.
    assert (run.time, run.spikes.time.size) == (1.5, 5)
    rule = StopRule(lead=1, window=0.75, probability=1.0)
    (run,) = run_circuit_until(circuit, inputs, "n", rule, t_end=9.0)
    # 2:3 at 1.5, 1:2 at 1.75, 0:1 at 2: alone, long before the next event.
    assert (run.time, run.spikes.time.size, run.n_events) == (2.0, 5, 10)


def test_run_circuit_until__a_decision_at_the_time_of_events_waits_for_them():
    circuit = single(Neuron("if_delta", "static"))
    inputs = trains([(1.0, 0), (3.0, 0)], 1)
    rule = StopRule(lead=math.inf, time=3.0)
    (run,) = run_circuit_until(circuit, inputs, "n", rule, t_end=5.0)
    assert (run.time, run.n_events) == (3.0, 4)


def test_run_circuit_until__grows_with_the_run():
    circuit = single(Neuron("if_delta", "static"), 5000.0)
    inputs = trains([(1.0, 0), (2.0, 0), (7.0, 0)], 1)
    (run,) = run_circuit_until(circuit, inputs, "n", RULES["fixed"], t_end=9.0)
    assert (run.time, run.n_events) == (5.0, 10_002)


def test_run_circuit_until__without_a_rule_runs_to_the_end():
    case = recurrent(lif(tau_s=1.0), 1)
    full = run_circuit(case.circuit, case.spikes, t_end=case.t_end)
    (run,) = run_circuit_until(case.circuit, case.spikes, "b", None, t_end=case.t_end)
    assert run.time == math.inf
    assert run.spikes.time.tolist() == full.spikes.time.tolist()
    assert run.n_events == full.n_events


def test_run_circuit_until__stops_a_runaway_circuit():
    circuit = single(Neuron("if_delta", "static"), 50.0)
    with pytest.raises(SimulationLimitError, match=r"20 events were done by t = 1"):
        list(run_circuit_until(circuit, trains([(1.0, 0)], 1), "n", None, t_end=2.0,
                               max_events=20))  # fmt: skip
    with pytest.raises(ShapeError, match="max_events is 0; expected a positive"):
        list(run_circuit_until(circuit, trains([(1.0, 0)], 1), "n", None, t_end=2.0,
                               max_events=0))  # fmt: skip
    with pytest.raises(ShapeError, match="there is no 'x'"):
        list(run_circuit_until(circuit, trains([(1.0, 0)], 1), "x", None, t_end=2.0))
