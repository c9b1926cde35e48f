from __future__ import annotations

import math

import numpy as np
import pytest
from hwmodel_.builders import close
from hwmodel_.early_exit.event_oracle import counted, events_of
from hwmodel_.early_exit.exit_setups import (
    NETWORKS,
    PORT,
    PRICES,
    SILICON,
    STATIC,
    STEP,
    STEPS,
    TRAVEL,
    priced_chip,
    setup,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.early_exit.spending import spending_until, units_per_second


def spend(setting, times):
    network, trace, full = setting
    return spending_until(full, network, trace, times, STEPS)


def at_all(times, n=3):
    return np.asarray(times, float)[:, None] * np.ones(n)


@pytest.mark.parametrize("execution", ["time-stepped", "event-driven"])
@pytest.mark.parametrize("casting", ["multicast", "unicast"])
@pytest.mark.parametrize("build", ["dense", "earliest pool"])
def test_spending_until__is_what_every_event_by_itself_costs(build, casting, execution):
    chip = priced_chip(*TRAVEL, f"execution={execution}")
    network, trace, full = setup(build, chip, seed=7, casting=casting)
    hop = (0.125, 0.25)
    events = events_of(
        network, trace, full.mapping, casting=casting, port=PORT, hop=hop
    )
    times = np.array([0.0, 0.1, 0.25, 0.5, 0.8, 1.0, 1.5, trace.duration])
    spent = spend((network, trace, full), at_all(times))
    for row, t in enumerate(times.tolist()):
        steps = math.ceil(t * STEPS)
        energies = []
        for b, sample in enumerate(events):
            n = {name: counted(sample, t, name) for name in [*PRICES, "sent"]}
            n["neuron_update"] = network.n_neurons * steps
            if execution == "event-driven":
                n["neuron_update"] = n["sop"]
            energy = sum(price * n[name] for name, price in PRICES.items())
            energies.append(energy + STATIC * full.n_chips * steps * STEP)
            assert spent.in_flight[row, b] == n["sent"] - n["axon_in"]
        assert spent.energy[row].tolist() == close(energies)
        assert spent.steps[row].tolist() == [steps] * 3
        assert spent.terms[row].total == close(np.mean(energies))


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("more", [(), TRAVEL, ("execution=event-driven",)])
def test_spending_until__at_the_end_is_the_estimate(build, casting, more):
    setting = setup(build, priced_chip(*more), casting=casting)
    _, trace, full = setting
    assert full.n_chips > 1
    spent = spend(setting, np.full((1, 3), trace.duration))
    assert spent.energy.mean() == close(full.energy.total)
    assert spent.terms[0].terms == {
        name: close(joules) for name, joules in full.energy.terms.items()
    }
    assert spent.steps[0].tolist() == [full.latency.steps] * 3
    assert not spent.in_flight.any()
    assert all(joules > 0 for joules in full.energy.terms.values())


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
@pytest.mark.parametrize("build", ["dense", "conv", "earliest pool"])
def test_spending_until__at_the_end_is_the_estimate_of_copies_too(build, casting):
    chip = priced_chip(*TRAVEL, *SILICON)
    setting = setup(build, chip, casting=casting, limits="silicon")
    _, trace, full = setting
    assert sum(layer.copies for layer in full.counts.layers) > 0
    spent = spend(setting, np.full((1, 3), trace.duration))
    assert spent.energy.mean() == close(full.energy.total)
    assert not spent.in_flight.any()


def test_spending_until__on_a_triangular_torus_too():
    chip = priced_chip("mesh.topology=triangular torus", *TRAVEL)
    setting = setup("average pool", chip, casting="unicast")
    spent = spend(setting, np.full((1, 3), 2.0))
    assert spent.energy.mean() == close(setting[2].energy.total)


@given(
    seed=st.integers(0, 99),
    per_neuron=st.sampled_from([0.0, 0.2, 1.5]),
    casting=st.sampled_from(["multicast", "unicast"]),
    times=st.lists(st.floats(0, 2), min_size=1, max_size=4),
)
@settings(max_examples=15, deadline=None)
def test_spending_until__any_times_cost_what_the_events_until_then_do(
    seed, per_neuron, casting, times
):
    chip = priced_chip(*TRAVEL, "energy.neuron_update=0pJ:marginal")
    setting = setup("dense", chip, seed, casting, per_neuron)
    network, trace, full = setting
    events = events_of(
        network, trace, full.mapping, casting=casting, port=PORT, hop=(0.125, 0.25)
    )
    spent = spend(setting, at_all(times))
    for row, t in enumerate(times):
        static = STATIC * full.n_chips * spent.steps[row, 0] * STEP
        for b, sample in enumerate(events):
            dynamic = sum(
                price * counted(sample, t, name)
                for name, price in PRICES.items()
                if name != "neuron_update"
            )
            found = spent.energy[row, b]
            assert found == pytest.approx(static + dynamic, rel=1e-9, abs=1e-30)
            if not per_neuron:
                assert found == static


def test_spending_until__never_falls_with_time():
    setting = setup("average pool", priced_chip(*TRAVEL))
    spent = spend(setting, at_all(np.linspace(0, 2, 40)))
    assert (np.diff(spent.energy, axis=0) >= 0).all()
    assert (np.diff(spent.steps, axis=0) >= 0).all()
    assert spent.in_flight.any()


def test_spending_until__a_price_per_frame_is_paid_once_at_any_time():
    chip = priced_chip("energy.static=2uJ/frame")
    spent = spend(setup("dense", chip), at_all([0.0, 1.0, 2.0]))
    assert [terms.static for terms in spent.terms] == [2e-6] * 3
    assert spent.energy[0].min() >= 2e-6


def test_spending_until__each_sample_stops_at_its_own_time():
    setting = setup("conv", priced_chip(*TRAVEL), seed=2)
    own = np.array([[0.3, 2.0, 1.25]])
    together = spend(setting, own)
    for b, t in enumerate(own[0].tolist()):
        alone = spend(setting, np.full((1, 3), t))
        assert together.energy[0, b] == alone.energy[0, b]
        assert together.in_flight[0, b] == alone.in_flight[0, b]


def test_spending_until__tells_how_many_samples_are_done():
    network, trace, full = setup("dense", priced_chip())
    done = []
    spending_until(full, network, trace, np.ones((1, 3)), STEPS, done.append)
    assert sum(done) == 3


@pytest.mark.parametrize(
    ("more", "expected"),
    [((), None), (TRAVEL, 1 / (STEPS * STEP)), (TRAVEL[:1], 1 / (STEPS * STEP))],
)
def test_units_per_second__needs_the_time_of_a_hop(more, expected):
    network, _, full = setup("dense", priced_chip(*more))
    assert units_per_second(full, network, STEPS) == expected
