"""Departures of circuit gradients from the exact slope, and slopes near 0."""

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
from eventsim.errors import ShapeError
from eventsim.network import Neuron

STEP = Neuron("if_delta", "static")


def grazing():
    """A potential that touches the threshold at its top, up to rounding."""
    neuron = lif(tau_s=1.0, reset="zero")
    top = 0.25  # of exp(-t/2) - exp(-t), at t = 2 ln 2
    return Case(
        single(neuron, 1.0, theta=top * (1 - 1e-14)), trains([(0.0, 0)], 1), 3.0
    )


def test_circuit_gradients__grazing_crossings_are_counted_and_can_be_clipped():
    case = grazing()
    assert reference(case).time.size == 1
    result = gradients(case)
    assert result.n_grazing == 1
    assert abs(result.weight[0]) > 1e5
    clipped = gradients(case, slope_clip=4.0)
    assert clipped.weight[0] == pytest.approx(-0.25 * 4.0, rel=1e-6)
    assert clipped.n_grazing == 1


def srm(**constants):
    return Neuron("srm_lif", "static", tau_m=2.0, tau_s=1.1, **constants)


@pytest.mark.parametrize("refractory", [0.0, 0.4])
def test_circuit_gradients__exponential_slope_keeps_the_sum(refractory):
    # A recurrent circuit without currents: what a spike's time is made of adds up to
    # all of it, through every delay and every loop.
    case = recurrent(srm(refractory=refractory), 3)
    circuit = replace(
        case.circuit,
        populations=tuple(
            replace(p, current=np.zeros(p.size)) for p in case.circuit.populations
        ),
    )
    case = replace(case, circuit=circuit)
    n = reference(case).time.size
    assert n > 5
    d_time = np.random.default_rng(0).normal(size=n)
    shared = gradients(case, d_time, exponential_slope=0.8)
    assert shared.input_time.sum() == pytest.approx(d_time.sum(), rel=1e-9)
    exact = gradients(case, d_time)
    assert exact.input_time.sum() == pytest.approx(d_time.sum(), rel=1e-9)
    assert np.abs(shared.input_time - exact.input_time).max() > 1e-3


def test_circuit_gradients__exponential_slope_through_a_loop_by_hand():
    # Input 0 fires neuron 0, which by a delayed loop and input 1 fires it again.
    circuit = Circuit(
        (Input("in", 2),),
        (Population("n", 1, srm(max_spikes=2)),),
        (
            link("in", "n", 0, 0, 9.0),
            link("in", "n", 1, 0, 4.0),
            link("n", "n", 0, 0, 1.5, 1.0),
        ),
    )
    case = Case(circuit, trains([(0.0, 0), (1.5, 1)], 2), 3.0)
    first, second = reference(case).time
    assert first < 1 < first + 1 < 1.5 < second
    found = gradients(case, [0.0, 1.0], exponential_slope=0.8)
    loop = 1.5 * math.exp(-(second - first - 1) / 0.8)
    direct = 4 * math.exp(-(second - 1.5) / 0.8)
    shares = np.array([loop, direct]) / (loop + direct)
    np.testing.assert_allclose(found.input_time, shares, rtol=1e-12)
    np.testing.assert_allclose(found.delay, [*shares, shares[0]], rtol=1e-12)
    # By the weight that fires the first spike: the true slope, times the loop's share.
    exact = gradients(case, [shares[0], 0.0])
    assert found.weight[0] == pytest.approx(exact.weight[0], rel=1e-12)


def test_circuit_gradients__exponential_slope_leaves_triggered_spikes_alone():
    circuit = Circuit(
        (Input("in", 1),),
        (Population("n", 1, STEP), Population("m", 1, srm())),
        (link("in", "n", 0, 0, 1.0), link("n", "m", 0, 0, 9.0, 0.5)),
    )
    case = Case(circuit, trains([(1.0, 0)], 1), 4.0)
    assert gradients(case, exponential_slope=1.0).input_time == [2.0]


@pytest.mark.parametrize(
    ("neuron", "options", "message"),
    [
        (srm(), {"slope_clip": -1.0}, r"circuit: slope_clip is -1\.0; expected a pos"),
        (srm(), {"exponential_slope": math.inf}, "exponential_slope is inf; expected"),
        (
            lif(tau_s=1.0, reset="zero"),
            {"exponential_slope": 1.0},
            "circuit: exponential_slope was asked for .*; expected srm_lif",
        ),
    ],
)
def test_circuit_gradients__refuses_slopes_that_do_not_fit(neuron, options, message):
    case = Case(single(neuron, 9.0), trains([(0.0, 0)], 1), 3.0)
    with pytest.raises(ShapeError, match=message):
        gradients(case, **options)
