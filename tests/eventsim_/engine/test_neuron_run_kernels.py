"""Spikes of the gathered sweep against sums of kernels, and the event semantics."""

import numpy as np
import pytest
from eventsim_.gathered_layers import CASES, NEURONS, arrivals_of, random_case, static
from oracles import neuron_oracle

from eventsim.engine.fan_in import sparse_fan_in
from eventsim.engine.neuron_run_kernels import CROSSED, GRAZED, RELEASED, TRIGGERED
from eventsim.engine.sweep.gathered_sweep import GatheredLayer, gathered_forward
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains

ORACLE_FIELDS = (
    "tau_m",
    "tau_s",
    "tau_r",
    "reset",
    "max_spikes",
    "refractory",
    "threshold_factor",
    "refractory_scale",
)


def cell_of(neuron, theta, drive):
    """Return the oracle's view of a neuron."""
    fields = {name: getattr(neuron, name) for name in ORACLE_FIELDS}
    current = drive / model_of(neuron).drive_scale(neuron)
    return neuron_oracle.Cell(neuron.model, theta, current=current, **fields)


def check_spikes(cell, arrivals, found, t_end):
    """Compare with the oracle, and the potential at each spike with the threshold."""
    expected = neuron_oracle.spike_times(cell, arrivals, t_end)
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    if cell.model in neuron_oracle.DELTA_MODELS:
        return
    for k, t in enumerate(found):
        earlier = [(s, w) for s, w in arrivals if s < t]
        terms = neuron_oracle.potential_terms(cell, earlier, list(found[:k]), t)[0]
        assert abs(terms.sum() - cell.theta) <= 1e-12 * np.abs(terms).sum()


@pytest.mark.parametrize("name", CASES)
def test_spikes__are_those_of_the_kernel_sums(name):
    n_spikes = 0
    for seed in (1, 2):
        case = random_case(name, seed, t_end=6.0)
        spikes = gathered_forward(case.layer, case.spikes, case.t_end).spikes
        for b in range(spikes.batch):
            mine = slice(spikes.offsets[b], spikes.offsets[b + 1])
            for o in range(spikes.n_neurons):
                found = spikes.time[mine][spikes.neuron[mine] == o]
                theta, drive = case.layer.theta[o], case.layer.drive[o]
                cell = cell_of(case.neuron, theta, drive)
                check_spikes(cell, arrivals_of(case, b, o), found, case.t_end)
                n_spikes += found.size
    assert n_spikes > 10


def one_neuron(neuron, arrivals, t_end, theta=1.0, current=0.0, delays=None):
    """Run one neuron whose k-th input neuron spikes once; return its recording."""
    model = model_of(neuron)
    times = np.array([t for t, _ in arrivals])
    layer = GatheredLayer(
        model.dynamics(neuron),
        sparse_fan_in(np.arange(times.size), np.zeros(times.size, int), times.size, 1),
        np.array([w for _, w in arrivals], float),
        delays,
        np.array([theta]),
        np.array([current * model.drive_scale(neuron)]),
    )
    spikes = SpikeTrains.from_first_spikes(times[None])
    return gathered_forward(layer, spikes, t_end)


@pytest.mark.parametrize("name", NEURONS)
def test_silence__leaves_no_spike(name):
    neuron, _ = NEURONS[name]
    assert one_neuron(neuron, [(1.0, -2.0), (2.0, 0.0)], 9.0).kind.size == 0


@pytest.mark.parametrize("name", NEURONS)
def test_quiet_gap__forgets_and_overflows_nothing(name):
    """After a million time constants a burst acts as it did at the beginning."""
    neuron, size = NEURONS[name]
    burst = [(0.5, 1.5 * size), (0.75, 2 * size)]
    first = one_neuron(neuron, burst, 3.0).spikes.time
    late = [(t + 2.0**20, w) for t, w in burst]
    both = one_neuron(neuron, [*burst, *late], 2.0**20 + 3.0).spikes.time
    assert first.size > 0
    np.testing.assert_allclose(both[: first.size], first, rtol=1e-14)
    keeps = neuron.model in ("non_leaky_if", "if_delta")
    if not keeps and neuron.max_spikes is None:
        again = both[both > 2.0**19] - 2.0**20
        np.testing.assert_allclose(again, first, rtol=1e-8)


@pytest.mark.parametrize("name", NEURONS)
def test_inputs_of_one_time__act_as_their_sum(name):
    neuron, size = NEURONS[name]
    split = [(0.5, 2.5 * size), (0.5, -0.5 * size), (1.0, size / 3), (1.0, size / 1.5)]
    joint = [(0.5, 2.0 * size), (1.0, size)]
    found = one_neuron(neuron, split, 5.0).spikes.time
    expected = one_neuron(neuron, joint, 5.0).spikes.time
    assert found.size > 0
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_crossing_at_an_input__stands_whatever_arrives():
    neuron = static("non_leaky_if", tau_s=1.0, max_spikes=3)
    alone = one_neuron(neuron, [(0.0, 2.0)], 5.0).spikes.time
    at_spike = one_neuron(neuron, [(0.0, 2.0), (alone[0], -50.0)], 5.0)
    assert at_spike.spikes.time.tolist() == [alone[0]]
    just_before = np.nextafter(alone[0], 0) - 1e-9
    assert not one_neuron(neuron, [(0.0, 2.0), (just_before, -50.0)], 5.0).kind.size


def test_threshold__is_reached_by_equality():
    neuron = static("if_delta")
    assert one_neuron(neuron, [(1.0, 0.25), (2.0, 0.75)], 9.0).spikes.time == [2.0]
    assert not one_neuron(neuron, [(1.0, 0.25), (2.0, 0.74)], 9.0).kind.size
    scaled = static("if_delta", threshold_factor=0.5)
    assert one_neuron(scaled, [(1.0, 0.5)], 9.0).spikes.time == [1.0]


def test_end__counts():
    neuron = static("if_delta")
    assert one_neuron(neuron, [(2.0, 1.0)], 2.0).spikes.time == [2.0]
    assert not one_neuron(neuron, [(2.0, 1.0)], np.nextafter(2.0, 0)).kind.size
    driven = one_neuron(neuron, [(9.0, 1.0)], 2.0, current=0.5)
    assert driven.spikes.time == [2.0]
    assert driven.kind == [CROSSED]
    held = one_neuron(static("if_delta", refractory=1.0), [(1.0, 2.0)], 2.0)
    assert held.spikes.time.tolist() == [1.0, 2.0]


def test_instantaneous_input__may_prevent_a_crossing_at_its_own_time():
    neuron = static("if_delta")
    found = one_neuron(neuron, [(2.0, -0.25)], 4.0, current=0.5)
    assert found.spikes.time == [2.5]
    helped = one_neuron(neuron, [(2.0, 0.25)], 3.0, current=0.5)
    assert helped.spikes.time == [2.0]
    assert helped.kind == [TRIGGERED]


def test_large_input__fires_several_times_at_once():
    found = one_neuron(static("if_delta"), [(1.0, 3.5), (2.0, 0.5)], 5.0)
    assert found.spikes.time.tolist() == [1.0, 1.0, 1.0, 2.0]
    assert found.kind.tolist() == [TRIGGERED, RELEASED, RELEASED, TRIGGERED]


def test_forbidden_time__integrates_and_releases():
    neuron = static("if_delta", refractory=1.0)
    found = one_neuron(neuron, [(1.0, 2.5), (1.5, 0.25), (2.75, 0.5)], 6.0)
    assert found.spikes.time.tolist() == [1.0, 2.0, 3.0]
    assert found.kind.tolist() == [TRIGGERED, RELEASED, RELEASED]
    prevented = one_neuron(neuron, [(1.0, 2.0), (2.0, -0.5)], 6.0)
    assert prevented.spikes.time.tolist() == [1.0]


def test_max_spikes__ends_everything():
    neuron = static("if_delta", max_spikes=2)
    found = one_neuron(neuron, [(1.0, 3.5), (2.0, 5.0)], 9.0)
    assert found.spikes.time.tolist() == [1.0, 1.0]


def test_delays__move_inputs_past_each_other():
    neuron = static("if_delta", refractory=0.0)
    delays = np.array([3.0, 0.5])
    found = one_neuron(neuron, [(1.0, 0.5), (2.0, 0.5)], 9.0, delays=delays)
    assert found.spikes.time.tolist() == [4.0]
    assert found.n_before.tolist() == [2]
    late = np.array([30.0, 0.5])
    assert not one_neuron(neuron, [(1.0, 0.5), (2.0, 0.5)], 9.0, delays=late).kind.size


def test_grazing__is_counted():
    """The peak of the alpha kernel touches the threshold with no slope."""
    neuron = static("alpha_synapse", tau_s=1.0)
    peak = np.exp(-1.0)
    assert one_neuron(neuron, [(0.0, (1 + 1e-13) / peak)], 9.0).kind == [GRAZED]
    assert one_neuron(neuron, [(0.0, (1 + 1e-6) / peak)], 9.0).kind == [CROSSED]
    assert not one_neuron(neuron, [(0.0, (1 - 1e-13) / peak)], 9.0).kind.size
