from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import close, counted, dense_model
from hwmodel_.oracle import walk
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.chip.chip import CoreLimits, load_chip
from hwmodel.chip.constants import ACTIONS
from hwmodel.cost.bill import bill_of
from hwmodel.cost.energy import pay
from hwmodel.cost.latency import latency
from hwmodel.errors import ChipError

PRICED = [f"energy.{a}={i + 1}pJ" for i, a in enumerate(ACTIONS)]


def everything_priced(*more):
    return load_chip("canmore", [*PRICED, "timing.step=1ms", *more])


def example(seed=1, sizes=(5, 4, 3), n_samples=1):
    model = dense_model(sizes, np.random.default_rng(seed), n_samples=n_samples)
    return (model, *counted(model, 2, mesh=(2, 3)))


@given(seed=st.integers(0, 1000), n_samples=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_bill_of__equals_the_actions_walked_one_by_one(seed, n_samples):
    model, workload, mapping, counts = example(seed, n_samples=n_samples)
    chip = everything_priced()
    bill = bill_of(chip, counts, "unicast", latency(2.0, 10, chip))
    found = dict(zip(bill.actions, bill.counts.sum(axis=0), strict=True))
    expected = dict.fromkeys(ACTIONS, 0)
    owner = [(0, 0)] * workload.input_shape[0]
    for i, layer in enumerate(workload.layers):
        part = mapping.partition.layers[i]
        place = [(int(mapping.x[c]), int(mapping.y[c])) for c in part.core_of_neuron]
        for pre, spikes in enumerate(workload.spikes_in[i].tolist()):
            posts = np.flatnonzero(layer.nonzero[pre])
            cores = {int(part.core_of_neuron[post]) for post in posts}
            expected["sop"] += spikes * posts.size
            for core in cores:
                links = walk(owner[pre], (int(mapping.x[core]), int(mapping.y[core])))
                in_y = sum(a[1] != b[1] for a, b in links)
                expected["axon_in"] += spikes
                expected["axon_out"] += spikes * (i > 0)
                expected["router"] += spikes * (1 + len(links))
                expected["hop"] += spikes * (len(links) - in_y)
                expected["hop_y"] += spikes * in_y
        expected["spike"] += int(workload.spikes_out[i].sum())
        expected["neuron_update"] += layer.n_neurons * 20 * n_samples
        owner = place
    assert found == {a: close(n / n_samples) for a, n in expected.items()}
    assert model.activity.n_samples == n_samples


def test_bill_of__an_event_driven_neuron_is_updated_by_its_synaptic_operations():
    *_, counts = example()
    chip = everything_priced("execution=event-driven")
    bill = bill_of(chip, counts, "multicast", latency(2.0, 10, chip))
    found = dict(zip(bill.actions, bill.counts.sum(axis=0), strict=True))
    assert found["neuron_update"] == found["sop"] == counts.sops


def test_bill_of__without_a_price_of_its_own_a_hop_in_y_is_a_hop():
    *_, counts = example()
    chip = load_chip("canmore")
    bill = bill_of(chip, counts, "multicast", latency(2.0, 10, chip))
    assert bill.actions == ("sop", "hop")
    assert bill.counts[:, 1].sum() == counts.transport("multicast").hops


def test_bill_of__copies_of_neurons_are_paid_too():
    # 6 outputs of 3 inputs on 3 cores of 6 synapses, hence 3 of each hidden neuron
    model = dense_model([2, 3, 6], np.random.default_rng(0), 0.0, n_samples=1)
    limits = CoreLimits(neurons=6, synapses=6, target_cores=1)
    workload, _, counts = counted(model, limits)
    chip = everything_priced()
    bill = bill_of(chip, counts, "multicast", latency(2.0, 10, chip))
    hidden = dict(zip(bill.actions, bill.counts[0], strict=True))
    spikes_in, spikes_out = (int(spikes.sum()) for spikes in workload.spikes_in)
    assert hidden["sop"] == 3 * 3 * spikes_in
    assert hidden["neuron_update"] == 3 * 3 * 20
    assert hidden["spike"] == 3 * spikes_out
    output = dict(zip(bill.actions, bill.counts[1], strict=True))
    # nothing can be multicast: each copy sends one packet
    assert output["axon_out"] == output["axon_in"] == 3 * spikes_out


def test_bill_of__counts_hops_between_chips():
    *_, counts = example()
    chip = everything_priced()
    duration = latency(2.0, 10, chip)
    assert bill_of(chip, counts, "unicast", duration).counts[:, -1].sum() == 0
    model = dense_model((5, 4, 3), np.random.default_rng(1), n_samples=1)
    *_, split = counted(model, 2, mesh=(2, 3), chip=(1, 3))
    crossings = bill_of(chip, split, "unicast", duration).counts[:, -1].sum()
    # a chip is a column: every hop along a row leaves it
    transport = split.transport("unicast")
    assert crossings == transport.hops - transport.hops_y > 0


@pytest.mark.parametrize("action", list(ACTIONS))
def test_bill_of__an_unknown_price_is_named_with_the_fix(action):
    model = dense_model((5, 4, 3), np.random.default_rng(1), n_samples=1)
    *_, counts = counted(model, 2, mesh=(2, 3), chip=(1, 3))
    chip = everything_priced(f"energy.{action}=unknown")
    with pytest.raises(
        ChipError, match=f"energy.{action} is unknown.*--set energy.{action}="
    ):
        bill_of(chip, counts, "multicast", latency(2.0, 10, chip))


def test_pay__terms_are_counts_times_prices():
    *_, counts = example()
    chip = everything_priced()
    bill = bill_of(chip, counts, "unicast", latency(2.0, 10, chip))
    total, layers = pay(chip, bill)
    often = dict(zip(bill.actions, bill.counts.sum(axis=0), strict=True))
    price = {a: (i + 1) * 1e-12 for i, a in enumerate(ACTIONS)}
    hop = often["hop"] * price["hop"] + often["hop_y"] * price["hop_y"]
    for action in ACTIONS:
        if action not in ("hop", "hop_y"):
            paid = getattr(total, action)
            assert paid == pytest.approx(often[action] * price[action], rel=1e-9)
    assert total.hop == close(hop)
    assert total.total == close(sum(layer.total for layer in layers) + total.static)


@given(factor=st.integers(2, 9))
@settings(max_examples=10, deadline=None)
def test_pay__twice_the_spikes_cost_twice_the_dynamic_energy(factor):
    rng = np.random.default_rng(2)
    model = dense_model((5, 4, 3), rng, n_samples=1)
    chip = everything_priced("energy.neuron_update=0J")
    energies = []
    for times in (1, factor):
        scaled = [c * times for c in model.activity.spike_counts]
        more = type(model)(
            model.network,
            "",
            {},
            type(model.activity)("test", 1, tuple(scaled), 2.0),
        )
        *_, counts = counted(more, 2, mesh=(2, 3))
        total, _ = pay(chip, bill_of(chip, counts, "multicast", latency(2.0, 10, chip)))
        energies.append(total.total - total.static)
    assert energies[1] == close(factor * energies[0])


def test_pay__no_spikes_cost_no_dynamic_energy():
    model = dense_model((5, 4, 3), np.random.default_rng(2), max_spikes=1)
    chip = everything_priced("energy.neuron_update=0J")
    *_, counts = counted(model, 2, mesh=(2, 3))
    total, _ = pay(chip, bill_of(chip, counts, "multicast", latency(2.0, 10, chip)))
    assert total.total == total.static
