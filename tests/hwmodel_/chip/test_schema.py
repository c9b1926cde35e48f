from __future__ import annotations

from importlib import resources

import pytest

from hwmodel.chip.files import ChipText
from hwmodel.chip.parse import parse_chip
from hwmodel.errors import ChipError

FOLDER = resources.files("hwmodel") / "chips"
CANMORE = (FOLDER / "canmore.yaml").read_text("utf-8")
SPINNAKER = (FOLDER / "spinnaker.yaml").read_text("utf-8")


def parse(old: str, new: str, text: str = CANMORE):
    assert old in text
    return parse_chip(ChipText(text.replace(old, new, 1), "mine"))


def test_bounds__reach_the_constant_in_si():
    sop = parse("value: 20\n", "value: 20\n    low: 15\n    high: 30\n").energy.sop
    assert (sop.low, sop.value, sop.high) == (15e-12, 20e-12, 30e-12)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ("low: 21", "expected low <= value <= high, got 21.0, 20.0, None"),
        ("high: 19", "expected low <= value <= high, got None, 20.0, 19.0"),
        ("low: -1", r"energy\.sop\.low: .*must not be negative, got -1"),
        ("high: .inf", r"energy\.sop\.high: expected a finite number"),
        ("low: unknown", r"energy\.sop\.low: .*leave a bound out"),
        ("evidence: guess", r"energy\.sop\.evidence: .*'measured'.*got 'guess'"),
        ("voltage: 0", r"energy\.sop\.voltage: .*greater than 0.*got 0"),
    ],
)
def test_bounds__must_hold_the_value(bounds, message):
    with pytest.raises(ChipError, match=message):
        parse("    evidence: simulated\n", f"    {bounds}\n")


def test_bounds__of_an_unknown_value_are_refused():
    with pytest.raises(ChipError, match="low and high are given, but value is unknown"):
        parse("value: 20\n", "value: unknown\n    low: 1\n")


def test_energy__every_action_is_priced_or_listed():
    with pytest.raises(
        ChipError, match=r"no price of spike; .*unknown.*energy\.not_charged\.actions"
    ):
        parse("[neuron_update, spike, ", "[neuron_update, ")


def test_energy__a_price_counts_even_if_it_is_listed_as_not_charged():
    chip = parse(
        "timing:\n",
        "  spike: {value: 3, unit: pJ, kind: marginal, source: s}\ntiming:\n",
    )
    assert chip.energy.spike.value == 3e-12
    assert "spike" not in chip.not_charged


def test_energy__what_is_included_names_a_price():
    with pytest.raises(
        ChipError, match="axon_in is included_in spike, which has no pr"
    ):
        parse(
            "  axon_in:\n    included_in: sop",
            "  axon_in:\n    included_in: spike",
            SPINNAKER,
        )
    with pytest.raises(ChipError, match=r"energy\.axon_in\.included_in: .*got 'sops'"):
        parse(
            "  axon_in:\n    included_in: sop",
            "  axon_in:\n    included_in: sops",
            SPINNAKER,
        )


def test_energy__a_hop_may_be_included_in_a_marginal_price_of_routers():
    assert (
        parse("name: spinnaker", "name: s", SPINNAKER).energy.hop.included_in
        == "router"
    )
    with pytest.raises(ChipError, match="hop is included_in sop, but sop is marginal"):
        parse(
            "  hop:\n    included_in: router", "  hop:\n    included_in: sop", SPINNAKER
        )


def test_execution__is_one_of_two():
    with pytest.raises(ChipError, match=r"execution: .*'event-driven'.*got 'lazy'"):
        parse("name: canmore", "name: canmore\nexecution: lazy")
