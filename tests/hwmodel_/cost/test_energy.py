from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import close, counted, dense_model
from hypothesis import given
from hypothesis import strategies as st

from hwmodel.chip.chip import load_chip
from hwmodel.cost.bill import bill_of
from hwmodel.cost.energy import (
    Energy,
    check_mixing,
    linear_energy,
    normalised_energy,
    pay,
)
from hwmodel.cost.latency import latency
from hwmodel.errors import ChipError


def price(chip, counts, casting, duration, n_chips=1):
    return pay(chip, bill_of(chip, counts, casting, duration, n_chips))


COST = st.floats(0, 1e-3)


@given(st.floats(0, 1e9), st.floats(0, 1e9), COST, COST, COST)
def test_linear_energy__total_is_the_sum_of_its_terms(sops, hops, sop, hop, static):
    energy = linear_energy(sops, hops, sop, hop, static)
    assert energy.total == energy.sop + energy.hop + energy.static
    assert energy.total == close(sop * sops + hop * hops + static)


def test_energy__other_is_what_remains():
    energy = Energy(sop=1, neuron_update=2, spike=4, hop=8, chip_crossing=16, static=32)
    assert energy.other == 2 + 4 + 16
    assert energy.total == energy.sop + energy.hop + energy.static + energy.other


def test_normalised_energy__reference_is_one():
    for name in ("truenorth", "spinnaker"):
        coefficients = load_chip(name).normalised
        assert normalised_energy(coefficients, 512, 2.612e6) == close(1.0)


def test_price__layers_sum_to_the_total():
    chip = load_chip("canmore")
    _, _, counts = counted(dense_model([9, 8, 7, 3], np.random.default_rng(1)), 2)
    total, layers = price(chip, counts, "unicast", latency(3.0, 10, chip))
    assert sum(e.sop for e in layers) == close(total.sop)
    assert sum(e.hop for e in layers) == close(total.hop)
    assert total.hop > 0
    assert total.static == 3.52e-6


def test_price__static_power_needs_chips_and_seconds():
    chip = load_chip("spinnaker")
    _, _, counts = counted(dense_model([3, 2], np.random.default_rng(1)), 2)
    total, _ = price(chip, counts, "multicast", latency(2.0, 10, chip), n_chips=3)
    # 3 chips x 0.36 W x 20 steps x 1 ms
    assert total.static == close(3 * 0.36 * 0.020)


@pytest.mark.parametrize("constant", ["energy.sop", "energy.hop", "energy.static"])
def test_price__unknown_price_is_named_with_the_fix(constant):
    chip = load_chip("canmore", [f"{constant}=unknown"])
    _, _, counts = counted(dense_model([3, 4, 2], np.random.default_rng(1)), 2)
    with pytest.raises(ChipError, match=f"{constant} is unknown.*--set {constant}="):
        price(chip, counts, "multicast", latency(2.0, 10, chip))


def test_price__an_unknown_price_of_nothing_is_no_obstacle():
    chip = load_chip("canmore", ["energy.hop=unknown"])
    _, _, counts = counted(dense_model([3, 2], np.random.default_rng(1)), 2)
    total, _ = price(chip, counts, "multicast", latency(1.0, 10, chip))
    assert (counts.transport("multicast").hops, total.hop) == (0, 0.0)


def test_price__power_without_a_step_names_timing_step():
    chip = load_chip("canmore", ["energy.static=1mW"])
    _, _, counts = counted(dense_model([3, 2], np.random.default_rng(1)), 2)
    with pytest.raises(
        ChipError, match=r"timing\.step is unknown.*energy\.static in W"
    ):
        price(chip, counts, "multicast", latency(2.0, 10, chip))


@pytest.mark.parametrize(
    ("item", "name"), [("energy.hop=2.3pJ", "hop"), ("energy.static=42mW", "static")]
)
def test_check_mixing__refuses_to_pay_twice(item, name):
    chip = load_chip("truenorth", [item])
    with pytest.raises(
        ChipError, match=rf"energy\.{name} would be paid.*--force-mixed"
    ):
        check_mixing(chip)
    assert "paid twice" in check_mixing(chip, force=True)[0]


def test_check_mixing__unknown_hop_beside_an_average_is_refused_too():
    with pytest.raises(ChipError, match=r"energy\.hop would be paid twice"):
        check_mixing(load_chip("truenorth", ["energy.hop=unknown"]))


@pytest.mark.parametrize(
    "overrides", [[], ["energy.hop=0pJ", "energy.static=0W"]], ids=["included", "zero"]
)
def test_check_mixing__included_or_zero_is_fine(overrides):
    assert check_mixing(load_chip("truenorth", overrides)) == []


def test_check_mixing__marginal_prices_add_up():
    chip = load_chip(
        "truenorth",
        ["energy.sop.kind=marginal", "energy.hop=2.3pJ", "energy.static=64.4mW"],
    )
    assert check_mixing(chip) == []


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["energy.hop=100pJ:average"],
            r"energy\.hop is an average.*; energy\.sop and energy\.static would be "
            r"paid twice.*--set energy\.hop=2pJ:marginal.*energy\.hop\.kind=marginal",
        ),
        (
            ["energy.hop=100pJ:average", "energy.static=0W"],
            r"energy\.hop is an average.*; energy\.sop would be paid twice",
        ),
        (
            ["energy.sop=0pJ", "energy.hop=100pJ:average"],
            r"energy\.hop is an average.*; energy\.static would be paid twice",
        ),
        (
            ["energy.sop=2pJ:average", "energy.hop=1pJ:average", "energy.static=0W"],
            r"energy\.sop is an average.*; energy\.hop would be paid twice",
        ),
    ],
)
def test_check_mixing__any_average_stands_alone(overrides, message):
    chip = load_chip("canmore", overrides)
    with pytest.raises(ChipError, match=message):
        check_mixing(chip)
    assert len(check_mixing(chip, force=True)) == 1


@pytest.mark.parametrize(
    "overrides",
    [
        ["energy.sop=0pJ", "energy.hop=1pJ:average", "energy.static=0W"],
        ["energy.sop=0pJ:average"],
    ],
    ids=["the only price", "an average of 0"],
)
def test_check_mixing__an_average_beside_nothing_is_fine(overrides):
    assert check_mixing(load_chip("canmore", overrides)) == []


def test_check_mixing__the_way_out_that_it_names_works():
    mixed = ["energy.hop=2.3pJ", "energy.static=64.4mW"]
    with pytest.raises(ChipError, match=r"--set energy\.sop=2pJ:marginal"):
        check_mixing(load_chip("truenorth", ["energy.sop=2pJ", *mixed]))
    assert (
        check_mixing(load_chip("truenorth", ["energy.sop=2pJ:marginal", *mixed])) == []
    )
