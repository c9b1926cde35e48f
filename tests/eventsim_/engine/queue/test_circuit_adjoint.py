import math
from dataclasses import replace

import numpy as np
import pytest
from eventsim_.circuits import (
    Case,
    gradients,
    lif,
    link,
    recurrent,
    reference,
    single,
    trains,
)

from eventsim.circuit import Circuit, Input, Population
from eventsim.engine.queue.circuit_adjoint import circuit_gradients
from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.errors import ShapeError
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains

STEP = Neuron("if_delta", "static")
RAMP = Neuron("relpsp", "static")
WORST = 1e-6


# Every parameter of a case as one vector, read and written under one name.


def read(case, name):
    circuit = case.circuit
    if name in ("weight", "delay"):
        return np.concatenate([getattr(p, name) for p in circuit.projections])
    if name in ("theta", "current"):
        return np.concatenate([getattr(p, name) for p in circuit.populations])
    if name == "input_time":
        return case.spikes.time
    if name == "input_value":
        return case.spikes.value
    return np.array([getattr(p.neuron, name) for p in circuit.populations])


def write(case, name, values):
    circuit = case.circuit
    if name in ("input_time", "input_value"):
        field = name.removeprefix("input_")
        return replace(case, spikes=replace(case.spikes, **{field: values}))
    if name in ("weight", "delay"):
        owners = circuit.projections
        sizes = [p.n_connections for p in owners]
    elif name in ("theta", "current"):
        owners = circuit.populations
        sizes = [p.size for p in owners]
    else:
        populations = tuple(
            replace(p, neuron=replace(p.neuron, **{name: float(value)}))
            for p, value in zip(circuit.populations, values, strict=True)
        )
        return replace(case, circuit=replace(circuit, populations=populations))
    parts = np.split(values, np.cumsum(sizes)[:-1])
    owners = tuple(
        replace(owner, **{name: part})
        for owner, part in zip(owners, parts, strict=True)
    )
    field = "projections" if name in ("weight", "delay") else "populations"
    return replace(case, circuit=replace(circuit, **{field: owners}))


def found_gradient(case, result, name):
    if name in ("tau_m", "tau_s", "tau_r"):
        return np.array(
            [
                model_of(p.neuron).by_time_constants(p.neuron, rates)[name]
                for p, rates in zip(case.circuit.populations, result.rates, strict=True)
            ]
        )
    return getattr(result, name)


def per_neuron(spikes):
    """Order of spikes by neuron, then by time: neurons may overtake each other."""
    return np.lexsort((spikes.time, spikes.neuron))


def slope_along(case, name, direction, spikes, d_time):
    """Central difference of fourth order; None if an event or a kink is in the way."""
    order = per_neuron(spikes)
    values, weights = read(case, name), d_time[order]
    h = 1e-5
    losses = {0: weights @ spikes.time[order]}
    for step in (-2, -1, 1, 2):
        moved = reference(write(case, name, values + step * h * direction))
        if not np.array_equal(moved.counts(), spikes.counts()):
            return None
        losses[step] = weights @ moved.time[per_neuron(moved)]
    first, second = losses[1] - losses[-1], losses[2] - losses[-2]
    bend = abs(losses[1] + losses[-1] - 2 * losses[0])
    if max(bend, abs(second - 2 * first)) > 0.02 * abs(first) + 1e-9:
        return None
    return (8 * first - second) / (12 * h)


MODELS = {
    "lif zero": (lif(tau_s=1.0, reset="zero"), ("tau_m", "tau_s")),
    "lif subtract": (lif(tau_s=0.7, reset="subtract"), ("tau_m", "tau_s")),
    "lif refractory": (
        lif(tau_s=0.7, reset="zero", refractory=0.3),
        ("tau_m", "tau_s", "refractory"),
    ),
    "srm_lif": (
        Neuron("srm_lif", "static", tau_m=2.0, tau_s=0.7),
        ("tau_m", "tau_s"),
    ),
    "srm_lif refractory": (
        Neuron("srm_lif", "static", tau_m=2.0, tau_s=1.0, refractory=0.2),
        ("tau_m", "tau_s", "refractory"),
    ),
    "if_delta": (STEP, ()),
    "if_delta refractory": (
        Neuron("if_delta", "static", refractory=0.3, threshold_factor=1.2),
        ("refractory",),
    ),
    "lif_delta": (
        Neuron("lif_delta", "static", tau_m=1.3, refractory=0.1),
        ("tau_m", "refractory"),
    ),
    "slayer_srm": (
        Neuron("slayer_srm", "static", tau_s=1.0, tau_r=0.8),
        ("tau_s", "tau_r"),
    ),
}
EVERYWHERE = ("weight", "delay", "theta", "current", "input_time", "input_value")


@pytest.mark.parametrize("model", MODELS)
def test_circuit_gradients__equal_central_differences(model):
    """Along random directions through all parameters of a kind, and one by one."""
    neuron, constants = MODELS[model]
    rng = np.random.default_rng(11)
    # Circuits without an event or a kink in the way of the differences.
    seed = 3 if model in ("lif subtract", "if_delta", "slayer_srm") else 1
    case = recurrent(neuron, seed, current=0.35 if "delta" in model else 0.1)
    case = replace(case, t_end=4.0) if "delta" in model else case
    spikes = reference(case)
    assert spikes.counts().max() > 3
    d_time = rng.normal(size=spikes.time.size)
    result = gradients(case, d_time)
    assert result.n_grazing == 0
    errors = []
    for name in (*EVERYWHERE, *constants):
        gradient = found_gradient(case, result, name)
        directions = list(rng.choice([-1.0, 1.0], (2, gradient.size)))
        strongest = np.argsort(-abs(gradient))[:2]
        directions += [np.eye(gradient.size)[k] for k in strongest]
        for direction in directions:
            expected = slope_along(case, name, direction, spikes, d_time)
            assert expected is not None, name
            scale = abs(expected) + 1e-3 * abs(gradient).max() + 1e-12
            errors.append((abs(gradient @ direction - expected) / scale, name))
    assert max(errors)[0] <= WORST, max(errors)


def test_circuit_gradients__every_single_parameter_of_a_small_circuit():
    case = recurrent(lif(tau_s=1.0, reset="zero"), 6, n=5, n_input_spikes=8)
    spikes = reference(case)
    assert spikes.counts().min() >= 1
    d_time = np.random.default_rng(0).normal(size=spikes.time.size)
    result = gradients(case, d_time)
    for name in EVERYWHERE:
        gradient = found_gradient(case, result, name)
        expected = np.array(
            [
                slope_along(case, name, unit, spikes, d_time)
                for unit in np.eye(gradient.size)
            ],
            float,
        )
        assert np.isfinite(expected).mean() > 0.9
        wrong = abs(gradient - expected) / (
            abs(expected) + 1e-3 * np.nanmax(abs(expected))
        )
        assert np.nanmax(wrong) <= WORST, name


@pytest.mark.parametrize("model", MODELS)
def test_circuit_gradients__shifting_all_inputs_shifts_all_spikes(model):
    case = recurrent(MODELS[model][0], 3, current=0.0)
    spikes = reference(case)
    d_time = np.random.default_rng(0).normal(size=spikes.time.size)
    assert spikes.time.size > 5
    assert gradients(case, d_time).input_time.sum() == pytest.approx(
        d_time.sum(), rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("model", ["lif zero", "srm_lif", "if_delta", "slayer_srm"])
def test_circuit_gradients__scaling_weights_and_thresholds_changes_no_spike(model):
    case = recurrent(MODELS[model][0], 3, current=0.1)
    spikes = reference(case)
    d_time = np.random.default_rng(0).normal(size=spikes.time.size)
    result = gradients(case, d_time)
    shares = [
        result.weight @ read(case, "weight"),
        result.theta @ read(case, "theta"),
        result.current @ read(case, "current"),
    ]
    assert sum(shares) == pytest.approx(0.0, abs=1e-10 * sum(map(abs, shares)))


def test_circuit_gradients__of_a_ramp_by_hand():
    """u = 2 (t - 1) + 1 (t - 1.25), theta 1: T = (1 + 2 + 1.25)/3."""
    case = Case(single(RAMP, 1.0), trains([(1.0, 0, 2.0), (1.25, 0, 1.0)], 1), 9.0)
    result = gradients(case)
    t = 4.25 / 3
    assert reference(case).time[0] == pytest.approx(t, rel=1e-15)
    assert result.input_time == pytest.approx([2 / 3, 1 / 3])
    assert result.input_value == pytest.approx([(1 - t) / 3, (1.25 - t) / 3])
    assert result.weight == pytest.approx([(2 * (1 - t) + (1.25 - t)) / 3])
    assert result.delay == pytest.approx([1.0])
    assert result.theta == pytest.approx([1 / 3])


def test_circuit_gradients__input_at_the_time_of_the_spike_has_none():
    case = Case(single(RAMP), trains([(0.0, 0), (1.0, 0), (2.0, 0)], 1), 9.0)
    result = gradients(case)
    assert result.input_time.tolist() == [1.0, 0.0, 0.0]
    assert result.input_value.tolist() == [-1.0, 0.0, 0.0]


def test_circuit_gradients__triggered_and_released_spikes_by_hand():
    neuron = Neuron("if_delta", "static", refractory=0.5)
    # 0.5 at 1, then 2.0 at 2: fires at 2 and, still above, when released at 2.5.
    events = [(1.0, 0, 0.5), (2.0, 0, 2.0)]
    case = Case(single(neuron), trains(events, 1), 9.0)
    assert reference(case).time.tolist() == [2.0, 2.5]
    result = gradients(case, [1.0, 10.0])
    assert result.input_time.tolist() == [0.0, 11.0]
    assert result.refractory.tolist() == [10.0]
    assert not result.weight.any()
    assert not result.theta.any()


def test_circuit_gradients__drive_carries_a_jumping_potential_to_the_threshold():
    case = Case(single(STEP, current=0.5), trains([(1.0, 0, 0.25)], 1), 3.0)
    # u = 0.5 t + 0.25 = 1 at t = 1.5.
    result = gradients(case)
    assert reference(case).time.tolist() == [1.5]
    assert result.input_value == pytest.approx([-2.0])
    assert result.input_time == pytest.approx([0.0])
    assert result.theta == pytest.approx([2.0])
    assert result.current == pytest.approx([-3.0])


def test_circuit_gradients__zero_delay_chains_are_walked_to_their_start():
    """Neuron 2 sets off 1, which sets off 0, all at the time of the input."""
    circuit = Circuit(
        (Input("in", 1),),
        (Population("n", 3, STEP),),
        (
            link("in", "n", 0, 2, 1.0),
            link("n", "n", 2, 1, 1.0),
            link("n", "n", 1, 0, 1.0),
        ),
    )
    case = Case(circuit, trains([(1.0, 0)], 1), 2.0)
    result = gradients(case, [1.0, 10.0, 100.0])
    assert result.input_time.tolist() == [111.0]
    assert result.delay.tolist() == [111.0, 11.0, 1.0]


def test_circuit_gradients__reset_factor_of_eventprop_by_hand():
    """dT2/dT1 of a kept current: one input, two spikes, tau_m = 2, tau_s = 1."""
    case = Case(single(lif(tau_s=1.0, reset="zero"), 12.0), trains([(0.0, 0)], 1), 2.0)
    first, second = reference(case).time[:2]
    w = 12.0
    slope = -0.5 + w / 2 * math.exp(-first)
    rise = w * (math.exp(-first / 2) - math.exp(-first))
    assert rise == pytest.approx(1.0)
    d_first = -rise / w / slope
    # u(t) = w e^-T1 (e^-(t - T1)/2 - e^-(t - T1)) after the reset at T1.
    s = second - first
    shape = math.exp(-s / 2) - math.exp(-s)
    fall = -math.exp(-s / 2) / 2 + math.exp(-s)
    after = w * math.exp(-first)
    slope = after * fall
    by_first = -after * shape - after * fall
    d_second = -(shape * after / w + by_first * d_first) / slope
    spikes = reference(case)
    d_time = np.zeros(spikes.time.size)
    d_time[1] = 1.0
    assert gradients(case, d_time).weight == pytest.approx([d_second], rel=1e-10)


def test_circuit_gradients__samples_add_up_and_keep_their_own_inputs():
    neuron = lif(tau_s=0.7, reset="zero")
    cases = [recurrent(neuron, 1), replace(recurrent(neuron, 1), t_end=4.0)]
    cases[1] = replace(cases[1], spikes=recurrent(neuron, 2).spikes)
    runs = [reference(case) for case in cases]
    d_time = [np.cos(spikes.time) for spikes in runs]
    singles = [gradients(case, d) for case, d in zip(cases, d_time, strict=True)]

    def joined(trains):
        sizes = [train.time.size for train in trains]
        return SpikeTrains(
            np.concatenate([train.time for train in trains]),
            np.concatenate([train.neuron for train in trains]),
            np.concatenate([[0], np.cumsum(sizes)]),
            trains[0].n_neurons,
            None
            if trains[0].value is None
            else np.concatenate([train.value for train in trains]),
        )

    both = circuit_gradients(
        circuit_tables(cases[0].circuit),
        joined([case.spikes for case in cases]),
        joined(runs),
        np.concatenate(d_time),
    )
    for name in ("weight", "delay", "theta", "current", "drive"):
        expected = sum(getattr(result, name) for result in singles)
        np.testing.assert_allclose(getattr(both, name), expected, rtol=1e-9, atol=1e-12)
    for name in ("input_time", "input_value"):
        expected = np.concatenate([getattr(result, name) for result in singles])
        np.testing.assert_array_equal(getattr(both, name), expected)
    assert both.rates[0].alpha == pytest.approx(
        sum(result.rates[0].alpha for result in singles)
    )


def test_circuit_gradients__follow_the_circuits_order_of_connections():
    """Projections given in another order: the same gradients, in that order."""
    case = recurrent(lif(tau_s=1.0, reset="zero"), 4)
    circuit = case.circuit
    turned = replace(
        case, circuit=replace(circuit, projections=circuit.projections[::-1])
    )
    sizes = [p.n_connections for p in circuit.projections]
    d_time = np.sin(reference(case).time)
    parts = np.split(gradients(case, d_time).weight, np.cumsum(sizes)[:-1])
    np.testing.assert_allclose(
        gradients(turned, d_time).weight, np.concatenate(parts[::-1]), rtol=1e-8
    )


def test_circuit_gradients__silent_circuits_have_none():
    case = Case(single(RAMP, -1.0), trains([(1.0, 0)], 1), 3.0)
    result = gradients(case)
    assert not result.weight.any()
    assert result.input_time.tolist() == [0.0]


def test_circuit_gradients__unseen_spikes_have_none():
    case = recurrent(lif(tau_s=1.0, reset="zero"), 1)
    n = reference(case).time.size
    assert not gradients(case, np.zeros(n)).weight.any()


def test_circuit_gradients__refuses_more_arrivals_than_allowed():
    case = recurrent(lif(tau_s=1.0, reset="zero"), 1)
    with pytest.raises(
        ShapeError, match=r"\d+ arrivals .*; expected at most 10 .* raise max_arrivals"
    ):
        gradients(case, max_arrivals=10)


def test_circuit_gradients__refuses_delays_that_are_lost_in_rounding():
    circuit = Circuit(
        (Input("in", 1),),
        (Population("n", 2, STEP),),
        (link("in", "n", 0, 0, 1.0), link("n", "n", 0, 1, 1.0, 1e-30)),
    )
    case = Case(circuit, trains([(1.0, 0)], 1), 2.0)
    with pytest.raises(ShapeError, match=r"connection 1 has a delay of 1e-30, which"):
        gradients(case)


def test_circuit_gradients__refuses_arrays_that_do_not_fit():
    case = recurrent(lif(tau_s=1.0, reset="zero"), 1)
    tables, spikes = circuit_tables(case.circuit), reference(case)
    d_time = np.zeros(spikes.time.size)
    with pytest.raises(ShapeError, match=r"d_time has shape \(3,\); expected \(\d+,\)"):
        circuit_gradients(tables, case.spikes, spikes, np.zeros(3))
    with pytest.raises(ShapeError, match=r"input spikes have 2 channels; expected 3"):
        circuit_gradients(tables, trains([], 2), spikes, d_time)
    with pytest.raises(ShapeError, match=r"the spikes have 3 channels; expected 8"):
        circuit_gradients(tables, case.spikes, case.spikes, d_time)
    two = replace(spikes, offsets=np.array([0, 0, spikes.time.size]))
    with pytest.raises(ShapeError, match="1 samples of input spikes and 2 of spikes"):
        circuit_gradients(tables, case.spikes, two, d_time)


def test_circuit_gradients__of_a_bigger_circuit_between_many_neurons():
    """20 neurons, along random directions through all weights and delays."""
    case = recurrent(lif(tau_s=0.7, reset="zero"), 4, n=20, n_input_spikes=20)
    spikes = reference(case)
    d_time = np.random.default_rng(1).normal(size=spikes.time.size)
    assert spikes.counts().max() > 10
    result = gradients(case, d_time)
    for name in ("weight", "delay", "input_time"):
        gradient = getattr(result, name)
        direction = np.random.default_rng(2).normal(size=gradient.size)
        expected = slope_along(case, name, direction, spikes, d_time)
        assert expected is not None
        assert gradient @ direction == pytest.approx(expected, rel=WORST)
