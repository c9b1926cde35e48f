"""Ties that every engine decides alike: one neuron in all of them."""

import math

import numpy as np
import pytest
from eventsim_.circuits import Case as CircuitCase
from eventsim_.circuits import link, reference
from eventsim_.gathered_layers import NEURONS, static
from eventsim_.neurons.model_checks import cell_of
from oracles import neuron_oracle

from eventsim.circuit import Circuit, Input, Population, all_to_all
from eventsim.engine.fan_in import sparse_fan_in
from eventsim.engine.queue.circuit_adjoint import circuit_gradients
from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.engine.queue.fast import run_circuit
from eventsim.engine.sweep.gathered_sweep import (
    GatheredLayer,
    gathered_backward,
    gathered_forward,
)
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains

SCALE = 0.25
BUMP = static("slayer_srm", tau_s=1.0, tau_r=1.0, refractory_scale=SCALE)
# The weight of the input at 0, and times of a crossing that all engines find to
# the last bit.
STEEP = 9.0
TIMES = (0.25, 0.375)


def as_spikes(arrivals):
    """Return one input channel for each (time, weight)."""
    time = np.array([t for t, _ in arrivals], float)
    order = np.argsort(time, kind="stable")
    offsets = np.array([0, time.size])
    return SpikeTrains(time[order], order.astype(np.int32), offsets, time.size)


def circuit_of(neuron, arrivals, theta, current=0.0):
    weight = np.array([[w] for _, w in arrivals], float)
    return Circuit(
        (Input("in", len(arrivals)),),
        (Population("n", 1, neuron, theta, current),),
        (all_to_all("in", "n", weight, 0.0),),
    )


def layer_of(neuron, arrivals, theta, current=0.0):
    n, model = len(arrivals), model_of(neuron)
    return GatheredLayer(
        model.dynamics(neuron),
        sparse_fan_in(np.arange(n), np.zeros(n, int), n, 1),
        np.array([w for _, w in arrivals], float),
        None,
        np.array([theta]),
        np.array([current * model.drive_scale(neuron)]),
    )


def by_readable_queue(neuron, arrivals, t_end, theta, current=0.0):
    circuit = circuit_of(neuron, arrivals, theta, current)
    return reference(CircuitCase(circuit, as_spikes(arrivals), t_end)).time.tolist()


def by_schedule(scheduler):
    def spike_times(neuron, arrivals, t_end, theta, current=0.0):
        circuit = circuit_of(neuron, arrivals, theta, current)
        spikes = as_spikes(arrivals)
        found = run_circuit(circuit, spikes, t_end=t_end, scheduler=scheduler)
        return found.spikes.time.tolist()

    return spike_times


def by_sweep(neuron, arrivals, t_end, theta, current=0.0):
    layer = layer_of(neuron, arrivals, theta, current)
    return gathered_forward(layer, as_spikes(arrivals), t_end).spikes.time.tolist()


ENGINES = {
    "readable queue": by_readable_queue,
    "heap": by_schedule("heap"),
    "delay window": by_schedule("delay_window"),
    "sweep": by_sweep,
}
each_engine = pytest.mark.parametrize("engine", ENGINES)


# ---- several spikes at one time, and inputs that arrive there


def steep(T):
    """Return the threshold that the first input reaches at T."""
    return STEEP * T * math.exp(1 - T)


def counts_at(T, weights):
    """Return by hand how many spikes come at T: before its inputs, and in all."""
    slope = STEEP * (1 - T) * math.exp(1 - T)
    recoil = SCALE * math.e * steep(T)
    before = max(1, math.ceil(slope / recoil))
    left = slope - before * recoil + math.e * sum(weights)
    return before, before + max(0, math.ceil(left / recoil))


@each_engine
@pytest.mark.parametrize("T", TIMES)
@pytest.mark.parametrize(
    "weights",
    [[], [0.0], [-3.0], [9.0], [9.0, -9.0], [-9.0, 9.0], [5.0, 5.0], [4.0, -4.5]],
    ids=str,
)
def test_refractory_kernel__fires_before_and_after_the_inputs_of_a_time(
    engine, T, weights
):
    arrivals = [(0.0, STEEP), *((T, w) for w in weights)]
    before, expected = counts_at(T, weights)
    assert before > 1
    assert (expected > before) == (sum(weights) > 0)
    assert ENGINES[engine](BUMP, arrivals, 3.0, steep(T)) == [T] * expected


@pytest.mark.parametrize("weight", [-3.0, 9.0])
@pytest.mark.parametrize("step", [-2, -1, 1, 2])
def test_refractory_kernel__an_input_next_to_a_crossing_ends_no_run(weight, step):
    """One rounding away from the crossing the potential may count as at it."""
    T = TIMES[0]
    for _ in range(abs(step)):
        T = math.nextafter(T, step * math.inf)
    found = [
        ENGINES[engine](BUMP, [(0.0, STEEP), (T, weight)], 3.0, steep(TIMES[0]))
        for engine in ("readable queue", "heap", "delay window")
    ]
    assert [len(times) for times in found] == [len(found[0])] * 3
    assert found[1] == found[2]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-15)


def exact_tie(rng):
    """Return neuron, theta, first input and T, where its crossing is in all engines.

    T is a short binary fraction; of the thresholds, which are not, one is taken at
    which all engines find T to the last bit.
    """
    while True:
        T, w = float(rng.integers(2, 14)) / 16, rng.uniform(5, 12)
        neuron = static(
            "slayer_srm",
            tau_s=1.0,
            tau_r=rng.choice([0.5, 1.0, 2.0]),
            refractory_scale=rng.choice([0.2, 0.5, 1.0]),
            max_spikes=int(rng.integers(1, 9)) if rng.random() < 0.4 else None,
        )
        theta = w * T * math.exp(1 - T)
        first = [(0.0, w)]
        found = [
            run(neuron, first, t_end, theta)[:1]
            for run in ENGINES.values()
            for t_end in (T, 3.0, T + 4)
        ]
        if all(times == [T] for times in found):
            return neuron, theta, first, T


@pytest.mark.parametrize("seed", range(6))
def test_refractory_kernel__ties_are_those_of_the_kernel_sums(seed):
    """Several inputs at T and later ones, in every engine and in the oracle."""
    rng = np.random.default_rng([seed, 31])
    n_tied = np.zeros(2, int)
    for _ in range(10):
        neuron, theta, arrivals, T = exact_tie(rng)
        at_T = rng.normal(0.3, 0.6, rng.integers(1, 4)) * theta
        arrivals = [*arrivals, *((T, float(w)) for w in at_T)]
        later, weights = np.sort(rng.uniform(T, T + 3, 4)), rng.normal(0, theta, 4)
        arrivals += zip(later, weights, strict=True)
        for t_end in (T, T + 4.0):
            found = {
                name: run(neuron, arrivals, t_end, theta)
                for name, run in ENGINES.items()
            }
            cell = cell_of(neuron, theta, 0.0)
            expected = neuron_oracle.spike_times(cell, arrivals, t_end)
            for times in found.values():
                assert times.count(T) == found["sweep"].count(T)
                assert times == pytest.approx(expected, rel=1e-9)
            assert found["heap"] == found["delay window"]
        alone = by_sweep(neuron, arrivals[:1], T, theta)
        n_tied += len(alone), found["sweep"].count(T)
    assert 10 < n_tied[0] < n_tied[1]


def pair(weight):
    """Return two equal neurons behind one input; the first acts on the other at once.

    What it sends for each of its spikes arrives at the time of the other's own.
    """
    return Circuit(
        (Input("in", 1),),
        (Population("n", 2, BUMP, steep(TIMES[0])),),
        (
            link("in", "n", 0, 0, STEEP),
            link("in", "n", 0, 1, STEEP),
            link("n", "n", 0, 1, weight),
        ),
    )


@pytest.mark.parametrize("weight", [-1.0, 1.0, 3.0])
def test_refractory_kernel__spikes_without_delay_arrive_after_own_repeats(weight):
    T = TIMES[0]
    circuit, spikes = pair(weight), as_spikes([(0.0, 1.0)])
    n, _ = counts_at(T, [])
    expected = [n, counts_at(T, [weight] * n)[1]]
    for t_end in (T, 3.0):
        readable = reference(CircuitCase(circuit, spikes, t_end))
        fast = run_circuit(circuit, spikes, t_end=t_end, scheduler="heap").spikes
        for found in (readable, fast):
            at_T = found.neuron[found.time == T]
            assert np.bincount(at_T, minlength=2).tolist() == expected


# ---- derivatives at such a tie

LATE = (1.5, 12.0)


def loss_of(arrivals, theta, n_spikes):
    """Return a weighted sum of the spike times, all a time unit later."""
    arrivals = [(t + 1, w) for t, w in arrivals]
    found = by_sweep(BUMP, arrivals, 4.0, theta)
    assert len(found) == n_spikes
    return np.array(found) @ np.cos(np.arange(n_spikes))


def differences(arrivals, theta, n_spikes, step=1e-5):
    """Return central differences by the weights and the times of the arrivals."""
    rows = np.array(arrivals)
    found = np.empty(rows.shape)
    for place in np.ndindex(rows.shape):
        losses = []
        for k in (-2, -1, 1, 2):
            moved = rows.copy()
            moved[place] += k * step
            losses.append(loss_of([tuple(row) for row in moved], theta, n_spikes))
        low_low, low, high, high_high = losses
        found[place] = (8 * (high - low) - (high_high - low_low)) / (12 * step)
    return found[:, 1], found[:, 0]


def by_sweep_adjoint(arrivals, theta, neuron=BUMP):
    layer, spikes = layer_of(neuron, arrivals, theta), as_spikes(arrivals)
    base = gathered_forward(layer, spikes, 3.0)
    d_time = np.cos(np.arange(base.spikes.time.size))
    found = gathered_backward(layer, spikes, base, d_time)
    return found.weight, found.input_time


def by_queue_adjoint(arrivals, theta, neuron=BUMP):
    circuit, inputs = circuit_of(neuron, arrivals, theta), as_spikes(arrivals)
    spikes = run_circuit(circuit, inputs, t_end=3.0).spikes
    d_time = np.cos(np.arange(spikes.time.size))
    found = circuit_gradients(circuit_tables(circuit), inputs, spikes, d_time)
    return found.weight, found.input_time


@pytest.mark.parametrize("adjoint", [by_sweep_adjoint, by_queue_adjoint])
@pytest.mark.parametrize("weight", [-3.0, 9.0])
def test_refractory_kernel__input_at_a_spike_has_the_derivatives_of_a_later_one(
    adjoint, weight
):
    T = TIMES[1]
    theta, n_at = steep(T), counts_at(T, [weight])[1]
    arrivals = [(0.0, STEEP), (T, weight), LATE]
    n_spikes = len(by_sweep(BUMP, arrivals, 3.0, theta))
    assert n_spikes > n_at
    near, far = (
        differences([arrivals[0], (T + gap, weight), LATE], theta, n_spikes)
        for gap in (2e-4, 4e-4)
    )
    for found, one, two in zip(adjoint(arrivals, theta), near, far, strict=True):
        expected = 2 * one - two
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
        # The input at the spikes has a share in what comes later.
        assert abs(found[1]) > 1e-3


def test_refractory_kernel__both_adjoints_agree_at_ties():
    rng = np.random.default_rng(5)
    n_after = 0
    for _ in range(12):
        neuron, theta, arrivals, T = exact_tie(rng)
        at_T = rng.normal(0.2, 0.5, rng.integers(1, 4)) * theta
        arrivals = [*arrivals, *((T, float(w)) for w in at_T), (T + 1, theta)]
        by_sweep, by_queue = (
            adjoint(arrivals, theta, neuron)
            for adjoint in (by_sweep_adjoint, by_queue_adjoint)
        )
        for one, other in zip(by_sweep, by_queue, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
        n_after += np.any(by_sweep[1][1:-1] != 0)
    assert n_after > 3


# ---- the end of a run

START = 64.0
CONTINUOUS = {
    name: (neuron, size)
    for name, (neuron, size) in NEURONS.items()
    if "delta" not in neuron.model
} | {"relpsp": (static("relpsp", max_spikes=3), 1.0)}


def floats_below(t, n):
    """Return the n-th number before t."""
    for _ in range(n):
        t = math.nextafter(t, 0)
    return t


def spikes_everywhere(neuron, arrivals, t_end, current=0.0):
    """Return the spikes of all engines, which must agree, as those of the sweep."""
    found = {
        name: spike_times(neuron, arrivals, t_end, 1.0, current)
        for name, spike_times in ENGINES.items()
    }
    swept = found["sweep"]
    for times in found.values():
        assert len(times) == len(swept)
        np.testing.assert_allclose(times, swept, rtol=1e-15)
    # All schedules find the same bits.
    assert found["heap"] == found["delay window"]
    return swept


def burst(name):
    """Return a neuron that fires a few times, and what arrives at it."""
    neuron, size = CONTINUOUS[name]
    steps = ((0.0, 2.5), (0.25, 1.5), (1.5, 1.0), (2.0, 3.0))
    return neuron, [(START + gap, size * w) for gap, w in steps]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_end_of_the_run__counts_up_to_a_few_roundings(name):
    neuron, arrivals = burst(name)
    spikes = spikes_everywhere(neuron, arrivals, START + 4)
    assert len(spikes) > 1
    for spike in {spikes[0], spikes[-1]}:
        n_before, n_until = np.searchsorted(spikes, [spike, spike * (1 + 1e-15)])
        for n in (0, 1, 2, 3):
            t_end = floats_below(spike, n)
            cut = spikes_everywhere(neuron, arrivals, t_end)
            assert len(cut) == n_until
            assert set(cut[n_before:]) == {t_end}
        cut = spikes_everywhere(neuron, arrivals, spike * (1 - 1e-13))
        assert len(cut) == n_before


@pytest.mark.parametrize("name", CONTINUOUS)
def test_end_of_the_run__comes_before_its_inputs(name):
    neuron, arrivals = burst(name)
    spikes = spikes_everywhere(neuron, arrivals, START + 4)
    for n in (0, 2):
        t_end = floats_below(spikes[0], n)
        late = [*arrivals, (t_end, -20.0)]
        cut = spikes_everywhere(neuron, late, t_end)
        assert cut == [t_end] * spikes.count(spikes[0])


@each_engine
@pytest.mark.parametrize("T", TIMES)
def test_end_of_the_run__has_all_spikes_of_its_time(engine, T):
    for weights in ([], [9.0], [-3.0]):
        arrivals = [(0.0, STEEP), *((T, w) for w in weights)]
        expected = [T] * counts_at(T, weights)[1]
        assert ENGINES[engine](BUMP, arrivals, T, steep(T)) == expected


@pytest.mark.parametrize("name", sorted(NEURONS))
def test_end_of_the_run__counts_what_a_current_does_there(name):
    neuron, arrivals = NEURONS[name][0], [(START, 0.0)]
    spikes = spikes_everywhere(neuron, arrivals, 2 * START, 1.5)
    for n in (0, 1, 2):
        t_end = floats_below(spikes[-1], n)
        cut = spikes_everywhere(neuron, arrivals, t_end, 1.5)
        assert len(cut) == len(spikes)
        assert cut[-1] == t_end
