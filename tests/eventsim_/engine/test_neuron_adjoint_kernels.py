"""Every derivative of the gathered sweep against central differences."""

from dataclasses import replace

import numpy as np
import pytest
from eventsim_.gathered_layers import CASES, NEURONS, random_case, static, with_layer
from oracles import layer_oracle

from eventsim.engine.fan_in import sparse_fan_in
from eventsim.engine.neuron_run_kernels import CROSSED, RELEASED, TRIGGERED
from eventsim.engine.sweep.gathered_sweep import (
    GatheredLayer,
    gathered_backward,
    gathered_forward,
)
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains

STEP = 5e-5
RATES = ("alpha", "beta", "rho", "gain", "kick", "recoil")


def run(case):
    return gathered_forward(case.layer, case.spikes, case.t_end)


def by_neuron(recording):
    """Return the order of the spikes by sample, neuron and time."""
    spikes = recording.spikes
    sample = np.repeat(np.arange(spikes.batch), np.diff(spikes.offsets))
    return np.lexsort((spikes.time, spikes.neuron, sample))


def nudged(case, name, k, step):
    """Return the case with one number changed."""
    layer, spikes = case.layer, case.spikes
    if name in ("weight", "delay", "theta", "drive"):
        array = getattr(layer, name).copy()
        array[k] += step
        return with_layer(case, **{name: array})
    if name in ("input_time", "value"):
        field = "time" if name == "input_time" else "value"
        array = getattr(spikes, field).copy()
        array[k] += step
        return replace(case, spikes=replace(spikes, **{field: array}))
    value = getattr(layer.dynamics, name) + step
    return with_layer(case, dynamics=layer.dynamics._replace(**{name: value}))


class OrderChangedError(Exception):
    """The steps of a difference changed which events happen, or in which order."""


def difference(case, base, d_time, name, k):
    """Return dL/dx by central differences of fourth order."""
    losses = []
    order = by_neuron(base)
    for step in (-2 * STEP, -STEP, STEP, 2 * STEP):
        found = run(nudged(case, name, k, step))
        to = by_neuron(found)
        for now, before in (
            (found.kind, base.kind),
            (found.n_before, base.n_before),
            (found.spikes.neuron, base.spikes.neuron),
        ):
            if not np.array_equal(now[to], before[order]):
                raise OrderChangedError
        losses.append(found.spikes.time[to] @ d_time[order])
    far_low, low, high, far_high = losses
    return (8 * (high - low) - (far_high - far_low)) / (12 * STEP)


def kinds_to_expect(name):
    if "delta" not in name:
        return {CROSSED}
    kinds = {TRIGGERED}
    if "driven" in name:
        kinds.add(CROSSED)
    if "held" in name:
        kinds.add(RELEASED)
    return kinds


def is_steep(case, base):
    """Tell whether all spikes are well away from grazing."""
    d_time = np.ones(base.spikes.time.size)
    full = gathered_backward(case.layer, case.spikes, base, d_time)
    clipped = gathered_backward(case.layer, case.spikes, base, d_time, slope_clip=5.0)
    return np.allclose(full.weight, clipped.weight, rtol=1e-12, atol=1e-12)


def smooth_cases(name):
    """Yield cases of many spikes whose events stay apart, and their records."""
    for seed in range(300):
        case = random_case(name, seed)
        if np.min(np.abs(np.diff(case.spikes.time))) < 4 * STEP:
            continue
        base = run(case)
        is_varied = kinds_to_expect(name) <= set(base.kind)
        if is_varied and base.spikes.counts().max() > 2 and is_steep(case, base):
            yield case, base


def wanted_gradients(case, found):
    """Return the gradients of all numbers that the model has, by name."""
    d = case.layer.dynamics
    wanted = {
        "weight": found.weight,
        "delay": found.delay,
        "theta": found.theta,
        "drive": found.drive,
        "input_time": found.input_time,
        "value": found.value,
    }
    for field in RATES:
        if getattr(d, field) != 0:
            wanted[field] = np.array([getattr(found.rates, field)])
    if d.refractory > 0:
        wanted["refractory"] = np.array([found.refractory])
    return wanted


@pytest.mark.parametrize("name", CASES)
def test_backward__is_the_central_difference(name):
    for case, base in smooth_cases(name):
        d_time = np.random.default_rng(1).normal(size=base.spikes.time.size)
        found = gathered_backward(case.layer, case.spikes, base, d_time)
        wanted = wanted_gradients(case, found)
        try:
            expected = {
                field: [
                    difference(case, base, d_time, field, k)
                    for k in range(derivative.size)
                ]
                for field, derivative in wanted.items()
            }
        except OrderChangedError:
            continue
        for field, derivative in wanted.items():
            scale = np.abs(expected[field]).max()
            error = np.abs(derivative - expected[field]).max()
            assert error <= 1e-6 * scale + 1e-11, (field, error, scale)
        return
    pytest.fail(f"no smooth case of {name}")


def first_spike_run(neuron, times, weights, theta, t_end=30.0):
    """Return a neuron's record and the derivatives of its first spike."""
    layer, spikes = single(neuron, times, weights, theta)
    base = gathered_forward(layer, spikes, t_end)
    d_time = np.zeros(base.spikes.time.size)
    d_time[:1] = 1.0
    return base.spikes.time, gathered_backward(layer, spikes, base, d_time)


def single(neuron, times, weights, theta=1.0):
    """Return the layer and input of one neuron, one input neuron for each spike."""
    n = times.size
    layer = GatheredLayer(
        model_of(neuron).dynamics(neuron),
        sparse_fan_in(np.arange(n), np.zeros(n, int), n, 1),
        weights,
        None,
        np.array([theta]),
        np.zeros(1),
    )
    return layer, SpikeTrains.from_first_spikes(times[None])


FORMULAS = {
    # Their kernels are ours times these factors of the weights.
    "double": (
        static("lif", tau_m=2.6, tau_s=1.3, reset="zero"),
        lambda t, w: layer_oracle.first_spike_double(t, w, 1.0, 1.3),
    ),
    "equal": (
        static("lif", tau_m=1.3, tau_s=1.3, reset="zero"),
        lambda t, w: layer_oracle.first_spike_equal(t, w, 1.0, 1.3),
    ),
    "non-leaky": (
        static("non_leaky_if", tau_s=1.3),
        lambda t, w: layer_oracle.first_spike_non_leaky(t, w, 1.3),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_first_spike__has_the_derivatives_of_the_closed_form(name):
    neuron, formula = FORMULAS[name]
    rng = np.random.default_rng(4)
    n_fired = 0
    for _ in range(30):
        times = np.sort(rng.uniform(0, 4, 12))
        weights = rng.normal(0.8, 1.0, 12)
        spike, by_weight, by_time = formula(times, weights)
        found, gradients = first_spike_run(neuron, times, weights, 1.0)
        if spike == np.inf:
            assert found.size == 0
            continue
        n_fired += 1
        n = by_weight.size
        np.testing.assert_allclose(found[0], spike, rtol=1e-11)
        np.testing.assert_allclose(gradients.weight[:n], by_weight, rtol=1e-7)
        np.testing.assert_allclose(gradients.input_time[:n], by_time, rtol=1e-7)
        assert not gradients.weight[n:].any()
    assert n_fired > 10


@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_backward__of_lif_is_eventprop(reset):
    neuron = static("lif", tau_m=2.7, tau_s=0.9, reset=reset)
    rng = np.random.default_rng(6)
    for _ in range(5):
        times, weights = np.sort(rng.uniform(0, 8, 30)), rng.normal(1.5, 2.0, 30)
        layer, spikes = single(neuron, times, weights)
        base = gathered_forward(layer, spikes, 12.0)
        found = base.spikes.time
        assert found.size > 3
        d_time = rng.normal(size=found.size)
        gradients = gathered_backward(layer, spikes, base, d_time)
        by_weight, by_time = layer_oracle.eventprop(
            times, weights, 1.0, 2.7, 0.9, found, d_time
        )
        scale = np.abs(by_weight).max(), np.abs(by_time).max()
        assert np.abs(gradients.weight - by_weight).max() <= 1e-9 * scale[0]
        assert np.abs(gradients.input_time - by_time).max() <= 1e-9 * scale[1]


@pytest.mark.parametrize("name", NEURONS)
def test_time_gradients__of_a_spike_sum_to_one(name):
    case = random_case(name, 3)
    base = run(case)
    assert base.spikes.time.size > 3
    for k in range(base.spikes.time.size):
        d_time = np.zeros(base.spikes.time.size)
        d_time[k] = 1.0
        found = gathered_backward(case.layer, case.spikes, base, d_time)
        np.testing.assert_allclose(found.input_time.sum(), 1.0, rtol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_gradients__know_that_weights_and_thresholds_scale_together(name):
    """Spikes stay if weights, thresholds and drives are multiplied by one number."""
    case = random_case(name, 3)
    base = run(case)
    d_time = np.random.default_rng(0).normal(size=base.spikes.time.size)
    found = gathered_backward(case.layer, case.spikes, base, d_time)
    parts = (
        found.weight * case.layer.weight,
        found.theta * case.layer.theta,
        found.drive * case.layer.drive,
    )
    size = sum(np.abs(part).sum() for part in parts)
    assert abs(sum(part.sum() for part in parts)) <= 1e-9 * (size + 1e-3)


def test_exponential_slope__shares_by_age_and_keeps_the_sum():
    neuron = static("srm_lif", tau_m=2.0, tau_s=1.1)
    rng = np.random.default_rng(8)
    times, weights = np.sort(rng.uniform(0, 8, 40)), rng.normal(0.8, 0.4, 40)
    layer, spikes = single(neuron, times, weights)
    base = gathered_forward(layer, spikes, 12.0)
    found = base.spikes.time
    assert found.size > 3
    d_time = rng.normal(size=found.size)
    exact = gathered_backward(layer, spikes, base, d_time)
    shared = gathered_backward(layer, spikes, base, d_time, exponential_slope=0.8)
    expected = layer_oracle.shared_by_age(times, weights, found, d_time, 0.8)
    np.testing.assert_allclose(shared.input_time, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(shared.weight, exact.weight)
    np.testing.assert_allclose(exact.input_time.sum(), d_time.sum(), rtol=1e-9)
    np.testing.assert_allclose(shared.input_time.sum(), d_time.sum(), rtol=1e-9)


def test_slope_clip__bounds_the_inverse_slope():
    neuron = static("lif", tau_m=2.0, tau_s=1.0, reset="zero")
    layer, spikes = single(neuron, np.array([0.0]), np.array([4.2]))
    base = gathered_forward(layer, spikes, 9.0)
    d_time = np.ones(base.spikes.time.size)
    exact = gathered_backward(layer, spikes, base, d_time)
    inverse = exact.theta[0]
    clipped = gathered_backward(layer, spikes, base, d_time, slope_clip=0.25 * inverse)
    for name in ("weight", "theta", "input_time"):
        np.testing.assert_allclose(
            getattr(clipped, name), 0.25 * getattr(exact, name), rtol=1e-12
        )
    loose = gathered_backward(layer, spikes, base, d_time, slope_clip=2 * inverse)
    assert loose.theta[0] == inverse


def test_grazing__gives_no_derivative_and_is_counted():
    neuron = static("alpha_synapse", tau_s=1.0)
    layer, spikes = single(neuron, np.array([0.0]), np.array([np.e * (1 + 1e-13)]))
    base = gathered_forward(layer, spikes, 9.0)
    assert base.n_grazing == 1
    for d_time, n_grazing in ((1.0, 1), (0.0, 0)):
        found = gathered_backward(layer, spikes, base, np.array([d_time]))
        assert found.n_grazing == n_grazing
        assert np.isfinite(found.weight).all()


def test_rates__are_left_out_on_request_and_nothing_else():
    case = random_case("lif held driven", 5)
    base = run(case)
    d_time = np.ones(base.spikes.time.size)
    full = gathered_backward(case.layer, case.spikes, base, d_time)
    part = gathered_backward(case.layer, case.spikes, base, d_time, with_rates=False)
    assert part.rates.alpha == 0.0 != full.rates.alpha
    assert part.refractory == full.refractory != 0
    np.testing.assert_array_equal(part.weight, full.weight)
    np.testing.assert_array_equal(part.drive, full.drive)
