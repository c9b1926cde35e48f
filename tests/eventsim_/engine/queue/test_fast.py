"""The fast queue against the readable one, on any graph."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.circuit import Circuit, Input, Population, Projection
from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.engine.queue.fast import run_circuit
from eventsim.engine.queue.reference import QueueSimulator
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.network import Neuron
from eventsim.spikes import SpikeTrains

T_END = 12.0
SILENT = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(2, np.int64), 0)

CONTINUOUS = [
    Neuron("lif", threshold="static", tau_m=4.0, tau_s=2.0, reset="zero"),
    Neuron("lif", threshold="static", tau_m=3.0, tau_s=3.0, reset="subtract"),
    Neuron(
        "lif", threshold="static", tau_m=5.0, tau_s=1.3, reset="zero", refractory=0.75
    ),
    Neuron("srm_lif", threshold="static", tau_m=4.0, tau_s=2.0),
    Neuron("srm_lif", threshold="static", tau_m=2.5, tau_s=2.4, refractory=0.5),
    Neuron("non_leaky_if", threshold="static", tau_s=2.0, max_spikes=3, reset="zero"),
    Neuron("alpha_synapse", threshold="static", tau_s=1.5, max_spikes=9, reset="zero"),
    Neuron("slayer_srm", threshold="static", tau_s=1.5, tau_r=1.0),
    Neuron("relpsp", threshold="static"),
]
INSTANT = [
    Neuron("if_delta", threshold="static"),
    Neuron("if_delta", threshold="static", refractory=1.0),
    Neuron("lif_delta", threshold="static", tau_m=4.0),
    Neuron("lif_delta", threshold="static", tau_m=4.0, refractory=1.5),
    Neuron("if_delta", threshold="static", threshold_factor=0.5, max_spikes=4),
]


def random_circuit(rng, neurons, n_each, shortest, whole_times, recurrent=True):
    """Return a circuit of one input and a population per neuron model.

    Where all numbers are short binary fractions, ties are exact. Spike times of
    continuous potentials are no such fractions: two ways around the circuit that add
    up to the same delay, or a drive that meets one, would tie by rounding alone. So
    where such potentials take part, drives and the delays of spikes are odd numbers,
    and only inputs tie. Their weights are odd numbers too, because the peak after an
    input of weight theta may be the threshold itself.
    """
    is_odd = any(neuron in CONTINUOUS for neuron in neurons)
    populations = tuple(
        Population(
            f"p{k}",
            n_each,
            neuron,
            theta=1.0,
            current=rng.choice([0.0, 0.0, 0.25, 0.5], n_each)
            * (rng.uniform(0.5, 1.5, n_each) if is_odd else 1.0),
        )
        for k, neuron in enumerate(neurons)
    )
    projections = []
    for target in range(len(neurons)):
        for source in range(-1, len(neurons)):
            if source >= target and not recurrent:
                continue
            n = int(rng.integers(0, 3 * n_each))
            delay = shortest + rng.integers(0, 3, n) * 1.0
            if not whole_times or (is_odd and source >= 0):
                delay = delay + rng.random(n)
            if source < 0 and rng.random() < 0.5:
                delay = np.zeros(n)
            weight = rng.choice([-1.0, -0.5, 0.5, 0.5, 1.0, 1.5, 3.0], n)
            if not whole_times or neurons[target] in CONTINUOUS:
                weight = weight * rng.uniform(0.5, 1.5, n)
            projections.append(
                Projection(
                    "in" if source < 0 else f"p{source}",
                    f"p{target}",
                    rng.integers(0, 4 if source < 0 else n_each, n),
                    rng.integers(0, n_each, n),
                    weight,
                    delay,
                )
            )
    return Circuit((Input("in", 4),), populations, tuple(projections))


def random_inputs(rng, n_spikes, whole_times, values=False):
    time = np.sort(rng.uniform(0, T_END, n_spikes))
    if whole_times:
        time = np.floor(time)
    return SpikeTrains(
        time,
        rng.integers(0, 4, n_spikes).astype(np.int32),
        np.array([0, n_spikes]),
        4,
        rng.choice([0.5, 1.0, 2.0], n_spikes) if values else None,
    )


def check_against_reference(circuit, inputs):
    simulator = QueueSimulator(circuit, inputs, T_END, keep_history=False)
    kinds = []
    simulator.observe(lambda event: kinds.append(event.kind))
    try:
        simulator.run(max_events=20_000)
    except SimulationLimitError:
        return
    expected = simulator.spikes()
    schedulers = ["heap"]
    tables = circuit_tables(circuit)
    if np.all(tables.delay[tables.offsets[4] :] > 0):
        schedulers.append("delay_window")
    found = [run_circuit(circuit, inputs, t_end=T_END, scheduler=s) for s in schedulers]
    for recording in found:
        assert recording.spikes.neuron.tolist() == expected.neuron.tolist()
        np.testing.assert_allclose(
            recording.spikes.time, expected.time, rtol=1e-10, atol=1e-10
        )
        assert recording.n_events == kinds.count("delivery") + kinds.count("spike")
        # All schedules find the same bits.
        assert np.array_equal(recording.spikes.time, found[0].spikes.time)
        assert np.array_equal(recording.kind, found[0].kind)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_run_circuit__is_the_readable_queue_on_delayed_recurrent_graphs(seed, whole):
    rng = np.random.default_rng(seed)
    neurons = [CONTINUOUS[k] for k in rng.integers(0, len(CONTINUOUS), 2)]
    neurons += [INSTANT[k] for k in rng.integers(0, len(INSTANT), 1)]
    circuit = random_circuit(rng, neurons, 5, 1.0, whole)
    check_against_reference(circuit, random_inputs(rng, 20, whole, values=True))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_run_circuit__is_the_readable_queue_on_zero_delay_chains(seed, whole):
    rng = np.random.default_rng(seed)
    models = CONTINUOUS + INSTANT
    neurons = [models[k] for k in rng.integers(0, len(models), 3)]
    circuit = random_circuit(rng, neurons, 4, 0.0, whole, recurrent=False)
    check_against_reference(circuit, random_inputs(rng, 16, whole))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_run_circuit__is_the_readable_queue_with_ties_of_instant_neurons(seed):
    rng = np.random.default_rng(seed)
    neurons = [INSTANT[k] for k in rng.choice([0, 1, 4], 3)]
    circuit = random_circuit(rng, neurons, 4, 1.0, True)
    check_against_reference(circuit, random_inputs(rng, 30, True, values=True))


@pytest.mark.parametrize("neuron", CONTINUOUS + INSTANT, ids=str)
def test_run_circuit__is_the_readable_queue_for_every_model(neuron):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        circuit = random_circuit(rng, [neuron], 6, 0.5, seed % 2 == 0)
        check_against_reference(circuit, random_inputs(rng, 25, seed % 2 == 0))


def chain(n, neuron, delay, weight=1.0, **population):
    """Return one input in front of a ring of neurons."""
    pre = np.arange(n)
    return Circuit(
        (Input("in", 1),),
        (Population("ring", n, neuron, **population),),
        (
            Projection("in", "ring", np.array([0]), np.array([0]), np.array([weight])),
            Projection("ring", "ring", pre, (pre + 1) % n, np.full(n, weight), delay),
        ),
    )


def one_spike(time=0.0):
    return SpikeTrains(
        np.array([time]), np.zeros(1, np.int32), np.array([0, 1]), n_neurons=1
    )


@pytest.mark.parametrize("scheduler", ["heap", "delay_window"])
def test_run_circuit__follows_a_spike_around_a_ring(scheduler):
    circuit = chain(3, INSTANT[0], delay=0.5)
    recording = run_circuit(circuit, one_spike(0.25), t_end=2.25, scheduler=scheduler)
    assert recording.spikes.time.tolist() == [0.25, 0.75, 1.25, 1.75, 2.25]
    assert recording.spikes.neuron.tolist() == [0, 1, 2, 0, 1]
    assert recording.kind.tolist() == [2] * 5
    assert recording.n_events == 10
    assert recording.n_grazing == 0


@pytest.mark.parametrize("scheduler", ["heap", "delay_window"])
def test_run_circuit__stops_a_runaway_circuit_and_keeps_what_it_found(scheduler):
    # Each spike makes three.
    circuit = chain(4, INSTANT[0], delay=1.0, weight=3.0)
    with pytest.raises(SimulationLimitError, match="2000 events were done") as caught:
        run_circuit(
            circuit, one_spike(), t_end=1e6, max_events=2000, scheduler=scheduler
        )
    partial = caught.value.partial
    counts = np.bincount(partial.spikes.time.astype(int))
    assert counts[:5].tolist() == [3, 9, 27, 81, 243]
    assert 2000 < partial.n_events < 6000


@pytest.mark.parametrize("scheduler", ["heap", "delay_window"])
def test_run_circuit__cuts_the_same_samples_for_any_number_of_threads(scheduler):
    circuit = chain(4, INSTANT[0], delay=1.0, weight=3.0)
    # The second sample runs away, the others are silent.
    inputs = SpikeTrains(
        np.zeros(2), np.zeros(2, np.int32), np.array([0, 0, 1, 1, 2]), 1
    )
    with pytest.raises(SimulationLimitError) as caught:
        run_circuit(circuit, inputs, t_end=99.0, max_events=99, scheduler=scheduler)
    offsets = caught.value.partial.spikes.offsets
    assert offsets[1] == 0
    assert offsets[2] == offsets[3] == offsets[4] > 0


@pytest.mark.parametrize("scheduler", ["heap", "delay_window"])
def test_run_circuit__does_not_depend_on_threads_or_on_the_batch(scheduler):
    import numba

    rng = np.random.default_rng(3)
    circuit = random_circuit(rng, [CONTINUOUS[0], INSTANT[3]], 8, 1.0, False)
    samples = [random_inputs(rng, int(k), False) for k in rng.integers(0, 30, 11)]
    offsets = np.cumsum([0] + [s.time.size for s in samples])
    batch = SpikeTrains(
        np.concatenate([s.time for s in samples]),
        np.concatenate([s.neuron for s in samples]),
        offsets,
        4,
    )
    found = []
    for n_threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        numba.set_num_threads(n_threads)
        found.append(run_circuit(circuit, batch, t_end=9.0, scheduler=scheduler))
    alone = [run_circuit(circuit, s, t_end=9.0, scheduler=scheduler) for s in samples]
    time = np.concatenate([one.spikes.time for one in alone])
    neuron = np.concatenate([one.spikes.neuron for one in alone])
    for recording in found:
        assert np.array_equal(recording.spikes.time, time)
        assert np.array_equal(recording.spikes.neuron, neuron)
        assert recording.n_events == sum(one.n_events for one in alone)
    assert time.size > 20


@pytest.mark.parametrize("scheduler", ["heap", "delay_window"])
def test_run_circuit__is_silent_without_input(scheduler):
    circuit = chain(3, CONTINUOUS[0], delay=1.0)
    empty = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(4, np.int64), 1)
    recording = run_circuit(circuit, empty, t_end=5.0, scheduler=scheduler)
    assert recording.spikes.time.size == 0
    assert recording.spikes.batch == 3
    assert recording.n_events == 0


@pytest.mark.parametrize("scheduler", ["heap", "delay_window"])
@pytest.mark.parametrize("neuron", [CONTINUOUS[0], INSTANT[2]], ids=str)
def test_run_circuit__forgets_nothing_and_adds_nothing_in_a_long_silence(
    scheduler, neuron
):
    circuit = Circuit(
        (Input("in", 1),),
        (Population("line", 2, neuron, theta=0.15),),
        (
            Projection("in", "line", np.zeros(1, int), np.zeros(1, int), np.ones(1)),
            Projection(
                "line", "line", np.array([0]), np.array([1]), np.array([0.9]), 1.0
            ),
        ),
    )
    late = 2.0**24
    inputs = SpikeTrains(
        np.array([0.0, late]), np.zeros(2, np.int32), np.array([0, 2]), 1
    )
    recording = run_circuit(circuit, inputs, t_end=late + 8, scheduler=scheduler)
    time, neuron_of = recording.spikes.time, recording.spikes.neuron
    early = time < 100
    assert set(neuron_of) == {0, 1}
    soon = early & (time <= 8)
    assert neuron_of[soon].tolist() == neuron_of[~early].tolist()
    np.testing.assert_allclose(time[~early] - late, time[soon], atol=1e-8)


def test_run_circuit__keeps_room_for_more_arrivals_than_a_window_holds():
    # 400 x 400 connections deliver at one time: more than MAX_ARRIVALS.
    n = 400
    pre, post = np.indices((n, n))
    neuron = Neuron("if_delta", threshold="static", refractory=1.0)
    circuit = Circuit(
        (Input("in", 1),),
        (Population("all", n, neuron, theta=1.0),),
        (
            Projection("in", "all", np.zeros(n, int), np.arange(n), np.ones(n), 0.0),
            Projection(
                "all", "all", pre.ravel(), post.ravel(), np.full(n * n, 1 / n), 2.0
            ),
        ),
    )
    for scheduler in ("heap", "delay_window"):
        recording = run_circuit(circuit, one_spike(), t_end=4.0, scheduler=scheduler)
        # Rounding may leave a sum of 400 shares just below 1, but alike everywhere.
        assert np.unique(recording.spikes.time).size * n == recording.spikes.time.size
        assert recording.spikes.time.size >= n


def test_population__returns_its_own_spikes():
    rng = np.random.default_rng(0)
    circuit = random_circuit(rng, [CONTINUOUS[0], INSTANT[0]], 5, 1.0, False)
    recording = run_circuit(circuit, random_inputs(rng, 20, False), t_end=9.0)
    first, second = recording.population("p0"), recording.population("p1")
    assert first.n_neurons == second.n_neurons == 5
    everything = np.concatenate([first.counts(), second.counts()])
    assert everything.tolist() == recording.spikes.counts().tolist()
    with pytest.raises(ShapeError, match="is an input"):
        recording.population("in")


def test_run_circuit__counts_grazing_crossings():
    # Without a leak the potential tends to the threshold's neighbourhood slowly.
    neuron = Neuron("lif", threshold="static", tau_m=1.0, tau_s=1.0, reset="zero")
    peak = 1 / np.e
    circuit = chain(1, neuron, delay=50.0, weight=1.0, theta=peak * (1 - 1e-15))
    recording = run_circuit(circuit, one_spike(), t_end=5.0)
    assert recording.spikes.time.size == recording.n_grazing == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t_end": -1.0}, "t_end is -1.0"),
        ({"t_end": np.inf}, "t_end is inf"),
        ({"max_events": 0}, "max_events is 0"),
        ({"scheduler": "fifo"}, "no scheduler 'fifo'"),
        ({"scheduler": "delay_window"}, "shortest delay between neurons is 0.0"),
    ],
)
def test_run_circuit__refuses_what_it_cannot_do(changes, message):
    circuit = Circuit(
        (Input("in", 1),),
        (Population("a", 2, INSTANT[0]),),
        (Projection("a", "a", np.array([0]), np.array([1]), np.ones(1), 0.0),),
    )
    with pytest.raises(ShapeError, match=message):
        run_circuit(circuit, one_spike(), **{"t_end": 1.0} | changes)


def test_run_circuit__refuses_input_that_does_not_fit():
    circuit = chain(2, INSTANT[0], delay=1.0)
    with pytest.raises(ShapeError, match="0 channels; expected 1"):
        run_circuit(circuit, SILENT, t_end=1.0)
