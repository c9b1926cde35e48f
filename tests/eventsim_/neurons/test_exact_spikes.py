"""All spikes of single neurons against the sums of kernels they are defined by."""

import math

import numpy as np
import pytest
from eventsim_.neurons.model_checks import cell_of
from eventsim_.neurons.scalar_driver import MODELS, neuron_of, spikes_of
from oracles import neuron_oracle

CONTINUOUS = [m for m in MODELS if m not in neuron_oracle.DELTA_MODELS]


def random_constants(rng, model):
    """Return constants of a model: equal, nearly equal, doubled and other taus."""
    tau, tau_s = (float(x) for x in np.exp(rng.uniform(-1, 1.5, 2)))
    almost = 1 + float(rng.choice([1e-12, -1e-12, 1e-6, -1e-6]))
    constants = {}
    if "tau_s" in MODELS[model]:
        constants["tau_s"] = tau_s
    if "tau_m" in MODELS[model]:
        choices = [2 * tau_s, tau_s, tau, tau, almost * tau_s]
        constants["tau_m"] = choices[rng.integers(5)]
    if model == "slayer_srm":
        constants["tau_r"] = [tau_s, tau, almost * tau_s][rng.integers(3)]
        if rng.random() < 0.4:
            constants["refractory_scale"] = float(rng.uniform(0.3, 3))
    if model in ("lif", "non_leaky_if", "alpha_synapse"):
        constants["reset"] = ["zero", "subtract"][rng.integers(2)]
    if model in neuron_oracle.DELTA_MODELS and rng.random() < 0.5:
        constants["threshold_factor"] = float(rng.uniform(0.5, 2))
    if model not in ("slayer_srm", "relpsp") and rng.random() < 0.5:
        constants["refractory"] = float(rng.choice([1.0, rng.uniform(0, 1.5)]))
    if rng.random() < 0.6:
        constants["max_spikes"] = int(rng.integers(1, 20))
    return constants


def random_case(rng, model, n_inputs=15):
    """Return neuron, theta, current, inputs and end of a run."""
    neuron = neuron_of(model, **random_constants(rng, model))
    theta = float(np.exp(rng.uniform(-1, 1)))
    end = float(rng.uniform(2, 15))
    times = rng.uniform(0, end, rng.integers(0, n_inputs))
    if rng.random() < 0.4:
        times = np.round(times)  # ties, also with the start
    weights = rng.normal(0.4, 1.2, times.size) * theta * rng.choice([0.5, 1, 3])
    current = float(rng.normal(0, 0.5) * theta) if rng.random() < 0.5 else 0.0
    inputs = list(zip(times.tolist(), weights.tolist(), strict=True))
    return neuron, theta, current, inputs, end + 2


def compare(neuron, theta, current, inputs, end):
    """Check all spikes of one run; return their number."""
    found = spikes_of(neuron, theta, current, inputs, end)
    cell = cell_of(neuron, theta, current)
    expected = neuron_oracle.spike_times(cell, inputs, end)
    case = (neuron, theta, current, inputs, end)
    assert len(found) == len(expected), case
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-10), case
    if neuron.model in CONTINUOUS:
        # Each spike against its own history, so that nothing adds up.
        for k, t in enumerate(found):
            arrived = [(s, w) for s, w in inputs if s <= t]
            u, size = neuron_oracle.potential(cell, arrived, list(found[:k]), t)
            assert abs(u - theta) <= 1e-12 * size, case
    return len(found)


@pytest.mark.parametrize("model", MODELS)
def test_spikes__are_those_of_the_written_equations(model):
    rng = np.random.default_rng(21)
    assert sum(compare(*random_case(rng, model)) for _ in range(120)) > 60


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", range(2))
def test_spikes__are_those_of_the_written_equations_in_thousands(model, seed):
    rng = np.random.default_rng(1000 + seed)
    assert sum(compare(*random_case(rng, model)) for _ in range(600)) > 300


@pytest.mark.parametrize("model", MODELS)
def test_spikes__bursts(model):
    rng = np.random.default_rng(5)
    constants = {"max_spikes": 40}
    neuron = neuron_of(model, **constants)
    for strength in (5.3, 29.7):
        inputs = [(float(t), strength) for t in rng.uniform(0, 1, 8)]
        assert compare(neuron, 1.0, 0.0, inputs, 6.0) > 3


@pytest.mark.parametrize("model", MODELS)
def test_spikes__none_without_excitation(model):
    neuron = neuron_of(model)
    assert compare(neuron, 1.0, 0.0, [], 50.0) == 0
    assert compare(neuron, 1.0, -0.5, [(0.0, -1.0), (3.0, -20.0)], 50.0) == 0
    assert compare(neuron, 1.0, 0.0, [(1.0, 50.0), (1.0, -50.5)], 50.0) == 0


@pytest.mark.parametrize("model", MODELS)
def test_spikes__after_a_million_time_constants(model):
    # What came before has decayed, and times are as exact as their size allows.
    neuron = neuron_of(model, max_spikes=3)
    first = spikes_of(neuron, 1.0, 0.0, [(0.0, 9.0)], 20.0)
    assert len(first) > 0
    quiet = (
        [(0.0, -1e-3)] if model not in ("relpsp", "non_leaky_if", "if_delta") else []
    )
    late = spikes_of(neuron, 1.0, 0.0, [*quiet, (2.0**20, 9.0)], 2.0**20 + 20)
    assert late - 2.0**20 == pytest.approx(first, abs=20 * np.spacing(2.0**20))


@pytest.mark.parametrize("model", CONTINUOUS)
def test_spikes__at_the_end_count_and_inputs_then_do_not_matter(model):
    neuron = neuron_of(model, max_spikes=1)
    (t,) = spikes_of(neuron, 1.0, 0.0, [(0.5, 6.0)], 20.0)
    later = [(float(t), -100.0), (t + 1e-9, 3.0)]
    at_end = spikes_of(neuron, 1.0, 0.0, [(0.5, 6.0), *later], float(t))
    assert at_end.tolist() == [t]
    before = float(np.nextafter(t, 0) - 1e-14)
    assert len(spikes_of(neuron, 1.0, 0.0, [(0.5, 6.0)], before)) == 0


@pytest.mark.parametrize("model", CONTINUOUS)
def test_spikes__an_input_at_the_crossing_comes_after_it(model):
    neuron = neuron_of(model, max_spikes=1)
    (t,) = spikes_of(neuron, 1.0, 0.0, [(0.5, 6.0)], 20.0)
    (again,) = spikes_of(neuron, 1.0, 0.0, [(0.5, 6.0), (float(t), -100.0)], 20.0)
    assert again == t


@pytest.mark.parametrize("model", neuron_oracle.DELTA_MODELS)
def test_spikes__inputs_of_one_time_are_added_before_the_test(model):
    neuron = neuron_of(model)
    assert len(spikes_of(neuron, 1.0, 0.0, [(1.0, 9.0), (1.0, -8.5)], 5.0)) == 0
    found = spikes_of(neuron, 1.0, 0.0, [(1.0, -8.0), (1.0, 11.25)], 5.0)
    assert found.tolist() == [1.0, 1.0, 1.0]
    assert spikes_of(neuron, 1.0, 0.0, [(1.0, 1.0)], 5.0).tolist() == [1.0]


def test_spikes__soft_reset_on_whole_times_is_the_discrete_neuron():
    # U[n] = U[n-1] + I[n] - theta s[n-1], s[n] = U[n] >= theta / 2.
    rng = np.random.default_rng(7)
    neuron = neuron_of("if_delta", refractory=1.0, threshold_factor=0.5)
    for _ in range(50):
        currents = rng.integers(-4, 9, 20) / 4
        u, fired = 0.0, []
        for n, current in enumerate(currents):
            u += current
            if u >= 0.5:
                fired.append(n)
                u -= 1.0
        inputs = [(float(n), float(x)) for n, x in enumerate(currents)]
        assert spikes_of(neuron, 1.0, 0.0, inputs, 19.0).tolist() == fired


def test_spikes__leaky_soft_reset_on_whole_times_is_the_discrete_neuron():
    # V[n] = a (V[n-1] - theta s[n-1]) + (1 - a) I[n], a = exp(-1 / tau_m).
    rng = np.random.default_rng(9)
    neuron = neuron_of("lif_delta", tau_m=3.0, refractory=1.0)
    leak = math.exp(-1 / 3)
    n_fired = 0
    for _ in range(50):
        currents = rng.normal(1, 2, 20)
        v, fired = 0.0, []
        for n, current in enumerate(currents):
            v = leak * v + (1 - leak) * current
            if v >= 0.7:
                fired.append(n)
                v -= 0.7
        inputs = [(float(n), float((1 - leak) * x)) for n, x in enumerate(currents)]
        assert spikes_of(neuron, 0.7, 0.0, inputs, 19.0).tolist() == fired
        n_fired += len(fired)
    assert n_fired > 50


def test_spikes__a_steep_rise_gives_several_at_once():
    # At T, (w - 2 e theta n / tau_r) decides: each spike takes recoil off the slope.
    neuron = neuron_of("slayer_srm")
    found = spikes_of(neuron, 1.0, 0.0, [(0.0, 40.0)], 30.0)
    n_at_once = int((found == found[0]).sum())
    cell = cell_of(neuron, 1.0, 0.0)
    slope = neuron_oracle.slope(cell, [(0.0, 40.0)], [], found[0])
    assert n_at_once == math.ceil(slope / (2 * math.e))
    assert compare(neuron, 1.0, 0.0, [(0.0, 40.0)], 30.0) == len(found)
