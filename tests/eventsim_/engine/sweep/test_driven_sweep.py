"""Neurons with constant drives against a scan of their written-down potential."""

from dataclasses import fields

import numba
import numpy as np
import pytest
from eventsim_.gathered_layers import NEURONS, static
from oracles.neuron_oracle import Cell, spike_times

from eventsim.engine.sweep import spike_regions
from eventsim.engine.sweep.driven_sweep import (
    DrivenNeurons,
    driven_backward,
    driven_forward,
)
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains

MANY = 10**6


def neurons_of(name, theta, current):
    """Return driven neurons: theta (n,), current (batch, n)."""
    neuron = NEURONS[name][0]
    model = model_of(neuron)
    drive = np.asarray(current, float) * model.drive_scale(neuron)
    return DrivenNeurons(model.dynamics(neuron), np.asarray(theta, float), drive)


def cell_of(name, theta, current):
    neuron = NEURONS[name][0]
    known = {field.name for field in fields(Cell)}
    constants = {k: v for k, v in vars(neuron).items() if k in known}
    return Cell(**{**constants, "theta": theta, "current": current})


def trains_by_neuron(spikes: SpikeTrains, b):
    part = slice(spikes.offsets[b], spikes.offsets[b + 1])
    return [
        spikes.time[part][spikes.neuron[part] == n].tolist()
        for n in range(spikes.n_neurons)
    ]


def random_neurons(name, seed, batch=3, n=6):
    """Drives of both signs, and some that are too weak."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.5, 1.2, n), rng.normal(0.8, 1.0, (batch, n))


@pytest.mark.parametrize("name", NEURONS)
def test_driven_forward__agrees_with_the_oracle(name):
    theta, current = random_neurons(name, 0)
    found = driven_forward(neurons_of(name, theta, current), 7.0, MANY).spikes
    n_spikes = 0
    for b in range(3):
        for n, times in enumerate(trains_by_neuron(found, b)):
            expected = spike_times(cell_of(name, theta[n], current[b, n]), [], 7.0)
            assert len(times) == len(expected)
            np.testing.assert_allclose(times, expected, rtol=0, atol=1e-11)
            n_spikes += len(times)
    assert n_spikes > 8
    for b in range(3):
        part = slice(found.offsets[b], found.offsets[b + 1])
        assert np.all(np.diff(found.time[part]) >= 0)


def test_driven_forward__of_lif_by_hand():
    # u = c (1 - e^(-t/2)) meets 1 at 2 ln(c / (c - 1)), and so on from 0 each time.
    found = driven_forward(neurons_of("lif", [1.0], [[2.0], [1.0], [-5.0]]), 7.0, MANY)
    period = 2 * np.log(2)
    expected = period * np.arange(1, 6)
    np.testing.assert_allclose(found.spikes.time, expected, rtol=1e-15)
    # A potential that only tends to the threshold does not reach it.
    assert found.spikes.offsets.tolist() == [0, 5, 5, 5]


@pytest.mark.parametrize("name", ["lif", "srm_lif general", "slayer_srm", "if_delta"])
def test_driven_forward__the_end_counts(name):
    neurons = neurons_of(name, [1.0, 1.0], [[2.0, 1.9]])
    first = driven_forward(neurons, 50.0, MANY).spikes.first_spikes()[0]
    for t_end, fired in ((first[0], [0]), (first[0] * (1 - 1e-12), [])):
        seen = driven_forward(neurons, t_end, MANY).spikes
        assert seen.neuron.tolist() == fired
        np.testing.assert_allclose(seen.time, [t_end] * len(fired), rtol=1e-15)
        assert seen.time.max(initial=0) <= t_end
    assert driven_forward(neurons, 0.0, MANY).spikes.time.size == 0


@pytest.mark.parametrize("name", NEURONS)
def test_driven_forward__runs_every_neuron_that_can_fire(name):
    """Drives just above and below what takes the potential to the threshold."""
    t_end = 3.0
    weak, strong = 0.0, 50.0
    for _ in range(60):
        middle = (weak + strong) / 2
        fires = spike_times(cell_of(name, 1.0, middle), [], t_end)
        weak, strong = (weak, middle) if fires else (middle, strong)
    current = strong * np.array([[1 - 1e-8, 1 + 1e-8]])
    seen = driven_forward(neurons_of(name, [1.0, 1.0], current), t_end, MANY)
    assert seen.spikes.neuron.tolist() == [1]
    assert seen.spikes.time[0] == pytest.approx(t_end, rel=1e-4)


def test_driven_forward__more_spikes_than_room_at_first(monkeypatch):
    neurons = neurons_of("lif", np.full(40, 0.05), np.full((3, 40), 9.0))
    found = driven_forward(neurons, 20.0, MANY).spikes
    assert found.time.size > 3 * 40 * 100
    monkeypatch.setattr(spike_regions, "SPIKES_PER_NEURON", 0)
    again = driven_forward(neurons, 20.0, MANY).spikes
    assert again.time.tobytes() == found.time.tobytes()


def test_driven_forward__stops_at_too_many_spikes():
    neurons = neurons_of("lif", np.full(40, 0.05), np.full((3, 40), 9.0))
    n = driven_forward(neurons, 20.0, MANY).spikes.time.size
    assert driven_forward(neurons, 20.0, n).spikes.time.size == n
    with pytest.raises(SimulationLimitError, match=f"more than {n - 1} times"):
        driven_forward(neurons, 20.0, n - 1)


@pytest.mark.parametrize(
    ("theta", "current", "match"),
    [
        ([1.0], [1.0], "drive has shape .1,.; expected .batch, 1."),
        ([1.0, 1.0], [[1.0]], "expected .batch, 2."),
        ([0.0], [[1.0]], "a threshold is 0.0"),
        ([1.0, np.inf], [[1.0, 1.0]], "a threshold is inf; expected positive, finite"),
        ([np.inf], [[1.0]], "positive, finite"),
        ([1.0], [[np.nan]], "a drive is NaN or infinite"),
        ([1.0], [[np.inf]], "far too large"),
    ],
)
def test_driven_neurons__refuses(theta, current, match):
    with pytest.raises(ShapeError, match=match):
        neurons_of("lif", theta, current)


def test_driven_forward__refuses_an_end_before_the_start():
    with pytest.raises(ShapeError, match="the end is at -1"):
        driven_forward(neurons_of("lif", [1.0], [[1.0]]), -1.0, MANY)


# ---- derivatives


def differences(name, theta, current, pull, t_end):
    """Return central differences of ``sum pull * T`` by thresholds and currents."""

    def loss(theta, current):
        found = driven_forward(neurons_of(name, theta, current), t_end, MANY)
        key = found.spikes.sample * theta.size + found.spikes.neuron
        order = np.argsort(key, kind="stable")
        assert order.size == pull.size
        return pull @ found.spikes.time[order]

    h, found = 1e-6, []
    for array in (theta, current):
        by = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + h
            above = loss(theta, current)
            array[place] = kept - h
            by[place] = (above - loss(theta, current)) / (2 * h)
            array[place] = kept
        found.append(by)
    return found


@pytest.mark.parametrize("with_rates", [True, False])
@pytest.mark.parametrize("name", NEURONS)
def test_driven_backward__agrees_with_differences(name, with_rates):
    theta, current = random_neurons(name, 3)
    neurons = neurons_of(name, theta, current)
    seen = driven_forward(neurons, 7.0, MANY)
    key = seen.spikes.sample * 6 + seen.spikes.neuron
    order = np.argsort(key, kind="stable")
    pull = np.random.default_rng(1).normal(size=key.size)
    d_time = np.empty(key.size)
    d_time[order] = pull
    found = driven_backward(neurons, seen, d_time, with_rates=with_rates)
    by_theta, by_current = differences(name, theta, current, pull, 7.0)
    scale = model_of(NEURONS[name][0]).drive_scale(NEURONS[name][0])
    assert np.abs(by_current).max() > 0.1
    np.testing.assert_allclose(found.theta, by_theta, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.drive * scale, by_current, rtol=1e-5, atol=1e-5)


def test_driven_backward__of_lif_by_hand():
    # T_k = -k tau ln(1 - theta/c): dT/dtheta = k tau/(c - theta), and -theta/c of it.
    neurons = neurons_of("lif", [1.0], [[2.0]])
    seen = driven_forward(neurons, 4.0, MANY)
    assert seen.spikes.time.size == 2
    found = driven_backward(neurons, seen, np.array([1.0, 10.0]))
    assert found.theta[0] == pytest.approx(21 * 2 / (2 - 1))
    # The drive is the current over tau_m = 2.
    assert found.drive[0, 0] / 2 == pytest.approx(-21 * 2 * 1 / (2 * (2 - 1)))


@pytest.mark.parametrize("with_rates", [True, False])
def test_driven_backward__slope_clip_bounds_what_a_crossing_passes(with_rates):
    neurons = neurons_of("srm_lif general", [1.0], [[1.4]])
    seen = driven_forward(neurons, 12.0, MANY)
    n = seen.spikes.time.size
    assert n > 2
    exact, clipped = (
        driven_backward(
            neurons, seen, np.eye(n)[-1], slope_clip=clip, with_rates=with_rates
        )
        for clip in (np.inf, 0.5)
    )
    one = driven_backward(neurons, seen, np.eye(n)[0], with_rates=with_rates)
    slope = 1 / one.theta[0]
    assert slope < 2
    # The last spike moves with all before it; each of them passes on 0.5 slope.
    passed = 0.5 * slope
    expected = sum(0.5 * passed**k for k in range(n))
    assert exact.theta[0] == pytest.approx(n / slope)
    assert clipped.theta[0] == pytest.approx(expected)


def test_driven_backward__refuses_what_does_not_fit():
    neurons = neurons_of("lif", [1.0], [[2.0]])
    seen = driven_forward(neurons, 4.0, MANY)
    with pytest.raises(ShapeError, match=r"d_time has shape \(3,\); .* the 2 spikes"):
        driven_backward(neurons, seen, np.ones(3))
    with pytest.raises(ShapeError, match="slope_clip is 0"):
        driven_backward(neurons, seen, np.ones(2), slope_clip=0)
    with pytest.raises(ShapeError, match="exponential_slope"):
        driven_backward(
            neurons_of("lif subtract", [1.0], [[2.0]]),
            seen,
            np.ones(2),
            exponential_slope=1.0,
        )


def test_driven_sweep__does_not_depend_on_threads_or_the_samples_beside():
    rng = np.random.default_rng(0)
    theta, current = rng.uniform(0.5, 1.2, 30), rng.normal(0.8, 1.0, (11, 30))
    n_threads, seen = numba.get_num_threads(), []
    for n in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(n)
        neurons = neurons_of("srm_lif general", theta, current)
        run = driven_forward(neurons, 9.0, MANY)
        by = driven_backward(neurons, run, np.sin(run.spikes.time))
        seen.append((run.spikes.time, run.spikes.neuron, by.theta, by.drive))
    numba.set_num_threads(n_threads)
    assert [a.tobytes() for a in seen[0]] == [a.tobytes() for a in seen[1]]
    alone = neurons_of("srm_lif general", theta, current[4:5])
    run = driven_forward(alone, 9.0, MANY)
    by = driven_backward(alone, run, np.sin(run.spikes.time))
    assert by.drive[0].tobytes() == seen[0][3][4].tobytes()


def test_driven_sweep__a_neuron_of_relpsp_is_a_ramp():
    neuron = static("relpsp", max_spikes=1)
    neurons = DrivenNeurons(
        model_of(neuron).dynamics(neuron), np.ones(2), np.array([[0.5, 0.25]])
    )
    assert driven_forward(neurons, 4.0, MANY).spikes.time.tolist() == [2.0, 4.0]
