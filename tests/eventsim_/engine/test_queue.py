"""The fast queue against the readable one, on any graph."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.circuit import Circuit, Input, Population, Projection
from eventsim.engine.circuit_tables import circuit_tables
from eventsim.engine.queue import run_circuit
from eventsim.engine.queue_reference import QueueSimulator
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
    """Return a circuit of one input and a population per neuron model."""
    populations = tuple(
        Population(
            f"p{k}",
            n_each,
            neuron,
            theta=1.0,
            current=rng.choice([0.0, 0.0, 0.25, 0.5], n_each),
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
            if not whole_times:
                delay = delay + rng.random(n)
            if source < 0 and rng.random() < 0.5:
                delay = np.zeros(n)
            weight = rng.choice([-1.0, -0.5, 0.5, 0.5, 1.0, 1.5, 3.0], n)
            if not whole_times:
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
