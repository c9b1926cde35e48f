import math

import numpy as np
import pytest
from eventsim_.circuits import (
    in_oracle,
    link,
    recurrent,
    reference,
    single,
    trains,
)

from eventsim.circuit import Circuit, Input, Population
from eventsim.engine.queue.reference import Event, QueueSimulator
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.network import Neuron

RAMP = Neuron("relpsp", "static")
STEP = Neuron("if_delta", "static")
LIF = Neuron("lif", "static", tau_m=2.0, tau_s=1.0, reset="zero")


def run(circuit, events, t_end=10.0):
    simulator = QueueSimulator(circuit, trains(events, circuit.n_inputs), t_end)
    simulator.run(max_events=1000)
    return simulator


def spike_times(neuron, events, *, t_end=10.0, weight=1.0, **constants):
    """Spikes of one neuron; events are (time, value)."""
    circuit = single(neuron, weight, **constants)
    events = [(time, 0, value) for time, value in events]
    return run(circuit, events, t_end).spikes().time.tolist()


@pytest.mark.parametrize(
    ("neuron", "events", "expected"),
    [
        (RAMP, [(0, 1.0)], [1.0]),
        (RAMP, [(0, 0.5), (1, 0.5)], [1.5]),
        (RAMP, [(0, 1.0), (0.5, 1.0)], [0.75]),  # earlier than it was planned
        (RAMP, [(0, 1.0), (0.5, -0.5)], [1.5]),  # later
        (RAMP, [(0, 1.0), (0.5, -1.0)], []),  # cancelled
        (RAMP, [(0, 1.0), (0.5, -1.0), (2, 1.0)], [2.5]),  # and planned anew
        (RAMP, [(0, 1.0), (2, 5.0)], [1.0]),  # only one spike
        (STEP, [(1, 0.5), (2, 0.5)], [2.0]),
        (STEP, [(1, 0.5), (2, 0.4)], []),
    ],
)
def test_run__plans_spikes_anew_with_every_input(neuron, events, expected):
    assert spike_times(neuron, events) == expected


def test_run__inputs_of_one_time_act_before_the_test():
    assert spike_times(STEP, [(1, 1.5), (1, -1.0)]) == []
    assert spike_times(STEP, [(1, -1.0), (1, 2.0)]) == [1.0]


@pytest.mark.parametrize("neuron", [STEP, RAMP], ids=lambda neuron: neuron.model)
def test_run__equality_with_the_threshold_fires(neuron):
    below = math.nextafter(1.0, 0.0)
    stop = [] if neuron is STEP else [(1.0, -2.0)]
    assert spike_times(neuron, [(0.0, 1.0), *stop]) != []
    assert spike_times(neuron, [(0.0, below), *stop]) == []


def test_run__inhibition_at_the_time_of_a_crossing():
    # A continuous potential is at the threshold whatever arrives ...
    assert spike_times(RAMP, [(0, 1.0), (1, -5.0)]) == [1.0]
    # ... one that jumps is tested after what arrives.
    assert spike_times(STEP, [(1, -0.5)], current=1.0, t_end=1.6) == [1.5]
    assert spike_times(STEP, [(1, 0.25)], current=1.0, t_end=1.8) == [1.0, 1.75]
    assert spike_times(STEP, [(2, -5.0)], current=1.0) == [1.0, 7.0, 8.0, 9.0, 10.0]


def test_run__input_at_the_time_of_a_spike_acts_after_the_reset():
    forgetful = Neuron("srm_lif", "static", tau_m=2.0, tau_s=1.0)
    circuit = single(forgetful, 10.0)
    (first,) = run(circuit, [(0.0, 0)], 5.0).spikes().time
    second = run(circuit, [(0.0, 0), (first, 0)], 5.0).spikes().time
    assert second == pytest.approx([first, 2 * first], rel=1e-14)


def test_run__ends_of_the_run():
    assert spike_times(RAMP, [(0, 1.0)], t_end=1.0) == [1.0]
    # A few roundings before the crossing is at it, more are not.
    before = math.nextafter(1.0, 0.0)
    assert spike_times(RAMP, [(0, 1.0)], t_end=before) == [before]
    assert spike_times(RAMP, [(0, 1.0)], t_end=1 - 1e-13) == []
    assert spike_times(STEP, [(1, 1.0), (2, 1.0)], t_end=1.0) == [1.0]
    assert spike_times(STEP, [(0, 1.0)], t_end=1.0, delay=1.0) == [1.0]


def test_run__delays_and_values():
    assert spike_times(STEP, [(1, 1.0)], delay=0.25) == [1.25]
    assert spike_times(RAMP, [(1, 0.5)], weight=4.0, delay=0.25) == [1.75]


def test_run__what_is_left_above_the_threshold_fires_again():
    assert spike_times(STEP, [(1, 3.5), (2, 0.5)]) == [1.0, 1.0, 1.0, 2.0]


def test_run__refractory_neuron_that_jumps_is_tested_when_released():
    neuron = Neuron("if_delta", "static", refractory=1.0)
    assert spike_times(neuron, [(1, 3.0)]) == [1.0, 2.0, 3.0]
    assert spike_times(neuron, [(1, 1.0), (1.5, 1.0)]) == [1.0, 2.0]
    # After all inputs of that time.
    assert spike_times(neuron, [(1, 1.0), (1.5, 1.0), (2, -0.5)]) == [1.0]
    assert spike_times(neuron, [(1, 1.0), (2, 1.0)]) == [1.0, 2.0]
    assert spike_times(neuron, [], current=2.0, t_end=3) == [0.5, 1.5, 2.5]


def test_run__held_potential_of_a_refractory_neuron():
    neuron = Neuron("lif", "static", tau_m=2.0, tau_s=1.0, reset="zero", refractory=0.5)
    simulator = run(single(neuron, 30.0), [(0.0, 0)], 3.0)
    first, second = simulator.spikes().time[:2]
    assert simulator.potential(0, first + 0.5) == 0.0
    # The current that is left at the release starts from zero potential.
    current = 30.0 * math.exp(-first - 0.5)
    later = 0.1
    expected = current * (math.exp(-later / 2) - math.exp(-later))
    assert simulator.potential(0, first + 0.5 + later) == pytest.approx(
        expected, rel=1e-13
    )
    assert second > first + 0.5


def test_run__no_spike_after_the_last_one():
    neuron = Neuron("if_delta", "static", max_spikes=2)
    assert spike_times(neuron, [(1, 5.0), (2, 5.0)]) == [1.0, 1.0]
    neuron = Neuron("lif", "static", tau_m=2, tau_s=1, reset="zero", max_spikes=1)
    assert len(spike_times(neuron, [(1, 9.0), (2, 9.0)])) == 1


def test_run__threshold_factor():
    neuron = Neuron("if_delta", "static", threshold_factor=0.5)
    # At 0.5 it fires and loses 1; -0.5 + 0.9 is below 0.5.
    assert spike_times(neuron, [(1, 0.5), (2, 0.9), (3, 0.1)]) == [1.0, 3.0]


def test_run__zero_delays_act_at_once_in_topological_order():
    circuit = Circuit(
        (Input("in", 1),),
        (Population("n", 3, STEP),),
        (
            link("in", "n", 0, 2, 1.0),
            link("n", "n", 2, 1, 1.0),
            link("n", "n", 1, 0, 1.0),
        ),
    )
    simulator = QueueSimulator(circuit, trains([(1.0, 0)], 1), 2.0)
    order = []
    simulator.observe(
        lambda event: order.append(event.neuron) if event.kind == "spike" else None
    )
    simulator.run()
    assert order == [2, 1, 0]
    assert simulator.spikes().neuron.tolist() == [0, 1, 2]
    assert simulator.spikes().time.tolist() == [1.0, 1.0, 1.0]


def test_run__fires_only_when_all_paths_of_one_time_have_arrived():
    """0 excites 2 and, through 1, takes the same away from it."""
    circuit = Circuit(
        (Input("in", 1),),
        (Population("n", 3, STEP),),
        (
            link("in", "n", 0, 0, 1.0),
            link("n", "n", 0, 2, 1.0),
            link("n", "n", 0, 1, 1.0),
            link("n", "n", 1, 2, -0.5),
        ),
    )
    assert run(circuit, [(1.0, 0)]).spikes().neuron.tolist() == [0, 1]


def test_run__several_connections_between_two_neurons_and_to_itself():
    circuit = Circuit(
        (Input("in", 1),),
        (Population("n", 1, STEP),),
        (
            link("in", "n", 0, 0, 0.5),
            link("in", "n", 0, 0, 0.5, 0.25),
            link("n", "n", 0, 0, 1.0, 2.0),
        ),
    )
    assert run(circuit, [(1.0, 0)], 6.0).spikes().time.tolist() == [1.25, 3.25, 5.25]


def test_run__currents_alone():
    circuit = Circuit((), (Population("n", 2, STEP, 1.0, np.array([0.5, 1.0])),))
    spikes = run(circuit, [], 3.0).spikes()
    assert spikes.time.tolist() == [1.0, 2.0, 2.0, 3.0]
    assert spikes.neuron.tolist() == [1, 0, 1, 1]


def two_that_excite_each_other():
    return Circuit(
        (Input("in", 1),),
        (Population("left", 1, STEP), Population("right", 1, STEP)),
        (
            link("in", "left", 0, 0, 1.0),
            link("left", "right", 0, 0, 2.0, 0.5),
            link("right", "left", 0, 0, 2.0, 0.5),
        ),
    )


def test_run__runaway_is_stopped_with_what_was_found():
    circuit = two_that_excite_each_other()
    simulator = QueueSimulator(circuit, trains([(0.0, 0)], 1), 100.0)
    message = r"^simulate: 50 events .* t = \d.*right\[0\] \(\d+\).*raise max_events"
    with pytest.raises(SimulationLimitError, match=message) as failure:
        simulator.run(max_events=50)
    assert simulator.n_events == 50
    partial = failure.value.partial
    assert partial.time.size == simulator.spikes().time.size > 10
    assert "\n" not in str(failure.value)


def test_run__as_many_events_as_allowed_are_no_error():
    circuit = two_that_excite_each_other()
    simulator = QueueSimulator(circuit, trains([(0.0, 0)], 1), 1.2)
    simulator.run()
    again = QueueSimulator(circuit, trains([(0.0, 0)], 1), 1.2)
    again.run(max_events=simulator.n_events)
    assert again.spikes().time.size == simulator.spikes().time.size


def test_step__does_what_peek_says():
    simulator = QueueSimulator(
        two_that_excite_each_other(), trains([(0.25, 0)], 1), 1.0
    )
    assert simulator.peek() == Event(0.25, "input", 0)
    seen = []
    simulator.observe(seen.append)
    while (upcoming := simulator.peek()) is not None:
        assert simulator.step() == upcoming
        assert simulator.time == upcoming.time
    assert simulator.step() is None
    assert [event.kind for event in seen] == [
        "input",
        "delivery",
        "spike",
        "delivery",
        "spike",
        "spike",
    ]
    assert seen[3] == Event(0.75, "delivery", 1, source=1, weight=2.0)
    assert simulator.n_events == 5


def test_step__shows_the_end_of_a_refractory_period():
    neuron = Neuron("if_delta", "static", refractory=0.5)
    simulator = QueueSimulator(single(neuron), trains([(1.0, 0)], 1), 2.0)
    seen = []
    simulator.observe(seen.append)
    simulator.run()
    assert seen[-1] == Event(1.5, "release", 0)


def test_run__until_a_time_or_the_first_output_spike():
    circuit = two_that_excite_each_other()
    simulator = QueueSimulator(circuit, trains([(0.25, 0)], 1), 2.0)
    assert simulator.run(until=0.5) is None
    assert simulator.time == 0.5
    assert simulator.spikes().time.tolist() == [0.25]
    event = simulator.run(stop=simulator.spike_of("right"))
    assert (event.time, event.kind, event.neuron) == (0.75, "spike", 1)
    assert simulator.spikes("right").time.tolist() == [0.75]
    assert simulator.spikes("right").neuron.tolist() == [0]
    simulator.run()
    assert simulator.time == 2.0


def test_next_spike__is_what_happens_without_further_input():
    simulator = QueueSimulator(
        single(RAMP), trains([(0.0, 0, 1.0), (0.5, 0, -1.0)], 1), 3.0
    )
    assert simulator.next_spike(0) == math.inf
    simulator.run(until=0.25)
    assert simulator.next_spike(("n", 0)) == 1.0
    simulator.run()
    assert simulator.next_spike(0) == math.inf


def test_potential__at_any_time():
    simulator = QueueSimulator(single(LIF), trains([(1.0, 0, 2.0)], 1), 9.0)
    simulator.run(until=1.5)

    def expected(t):
        return 2 * (math.exp(-(t - 1) / 2) - math.exp(-(t - 1)))

    assert simulator.potential(0) == pytest.approx(expected(1.5), rel=1e-14)
    assert simulator.potential(("n", 0), 1.25) == pytest.approx(expected(1.25))
    assert simulator.potential(0, 4.0) == pytest.approx(expected(4.0), rel=1e-14)
    assert simulator.potential(0, 0.5) == 0.0


def test_potential__does_not_look_behind_the_next_spike():
    simulator = QueueSimulator(single(RAMP), trains([(0.0, 0)], 1), 3.0)
    simulator.run(until=0.5)
    assert simulator.potential(0, 0.75) == 0.75
    with pytest.raises(ShapeError, match=r"n\[0\] is about to spike at 1.0, got t = 2"):
        simulator.potential(0, 2.0)
    simulator.run()
    assert simulator.potential(0, 0.75) == 0.75
    assert simulator.potential(0, 1.0) == 0.0


def test_potential__looks_back_only_on_what_is_kept():
    spikes = trains([(0.0, 0), (2.0, 0)], 1)
    simulator = QueueSimulator(single(LIF), spikes, 3.0, keep_history=False)
    simulator.run()
    assert simulator.potential(0, 2.5) > 0
    with pytest.raises(ShapeError, match=r"at 1.0 is not known; .* keep_history=True"):
        simulator.potential(0, 1.0)
    with pytest.raises(ShapeError, match="expected a time from 0 on"):
        QueueSimulator(single(LIF), spikes, 3.0).potential(0, -1.0)


@pytest.mark.parametrize("neuron", [1, -1, ("n", 1), ("n", -1)])
def test_potential__refuses_unknown_neurons(neuron):
    simulator = QueueSimulator(single(LIF), trains([(0.0, 0)], 1), 3.0)
    with pytest.raises(ShapeError, match=r"there is no neuron .*; expected 0 to 0"):
        simulator.potential(neuron)
    with pytest.raises(ShapeError, match="there is no 'm'"):
        simulator.potential(("m", 0))


def test_simulator__refuses_several_samples():
    spikes = trains([(0.0, 0)], 1)
    two = type(spikes)(spikes.time, spikes.neuron, np.array([0, 1, 1]), 1)
    with pytest.raises(ShapeError, match=r"2 samples .*; expected 1"):
        QueueSimulator(single(LIF), two, 3.0)


def lif(**constants):
    return Neuron("lif", "static", tau_m=2.0, **constants)


@pytest.mark.parametrize(
    "neuron",
    [
        lif(tau_s=1.0, reset="zero"),
        lif(tau_s=0.7, reset="subtract"),
        lif(tau_s=0.7, reset="zero", refractory=0.3),
        Neuron("srm_lif", "static", tau_m=2.0, tau_s=0.7),
        Neuron("srm_lif", "static", tau_m=2.0, tau_s=1.0, refractory=0.2),
    ],
    ids=["zero", "subtract", "refractory", "srm_lif", "srm_lif refractory"],
)
def test_run__recurrent_circuits_equal_the_scanned_potential(neuron):
    for seed in range(4):
        case = recurrent(neuron, seed)
        found, expected = reference(case), in_oracle(case)
        assert found.time.size > 10
        assert found.neuron.tolist() == [k for _, k, _ in expected]
        np.testing.assert_allclose(
            found.time, [t for t, _, _ in expected], rtol=1e-12, atol=1e-12
        )
        assert max(residual for _, _, residual in expected) <= 1e-12


def test_run__exponential_memory_of_a_long_silence():
    """After a million time constants a neuron is at rest, exactly."""
    early = spike_times(LIF, [(0.0, 6.0)], t_end=2e6)
    late = spike_times(LIF, [(0.0, 6.0), (1e6, 6.0)], t_end=2e6)
    assert late[: len(early)] == early
    assert np.subtract(late[len(early) :], 1e6) == pytest.approx(early, abs=1e-9)


def test_spikes__do_not_depend_on_the_order_of_projections():
    case = recurrent(LIF, 5)
    circuit = case.circuit
    shuffled = type(circuit)(
        circuit.inputs, circuit.populations, circuit.projections[::-1]
    )
    other = reference(type(case)(shuffled, case.spikes, case.t_end))
    found = reference(case)
    assert found.neuron.tolist() == other.neuron.tolist()
    np.testing.assert_allclose(found.time, other.time, rtol=1e-12)
