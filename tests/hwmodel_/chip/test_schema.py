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
        ("low: 21", "expected low <= value <= high, got low 21.0, value 20.0$"),
        ("high: 19", "expected low <= value <= high, got value 20.0, high 19.0$"),
        ("low: -1", r"energy\.sop\.low: .*must not be negative, got -1"),
        ("high: .inf", r"energy\.sop\.high: expected a finite number"),
        ("low: unknown", r"energy\.sop\.low: .*leave a bound out"),
        ("evidence: guess", r"energy\.sop\.evidence: .*'measured'.*got 'guess'"),
        ("low: .nan", r"energy\.sop\.low: expected a finite number"),
        ("high: 30pJ", r"energy\.sop\.high: expected a number .*got '30pJ'"),
        ("voltage: 0", r"energy\.sop\.voltage: .*greater than 0.*got 0"),
        ("voltage: 0.75V", r"energy\.sop\.voltage: .*valid number, got '0\.75V'"),
        ("volts: 0.75", r"energy\.sop\.volts is not a known key; .*'voltage'"),
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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[neuron_update, ",
            "[neuron_updates, ",
            r"not_charged\.actions\.0: .*updates'",
        ),
        (
            "    source: Wei et al. 2023, Eq. 12",
            "    note: ",
            r"not_charged\.note is not",
        ),
        ("    actions: [", "    action: [", r"action is not a known key; .*'actions'"),
    ],
)
def test_energy__what_is_not_charged_is_checked(old, new, message):
    with pytest.raises(ChipError, match=message):
        parse(old, new)


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


def test_energy__only_neuron_updates_can_be_in_the_static_price():
    old = "included_in: neuron_update\n"
    with pytest.raises(ChipError, match="spike is included_in static, but happens on"):
        parse(old, "included_in: static\n", SPINNAKER)
    start, stop = SPINNAKER.index("  neuron_update:"), SPINNAKER.index("  spike:\n")
    update = "  neuron_update: {included_in: static, source: s}\n"
    text = SPINNAKER[:start] + update + SPINNAKER[stop:]
    text = text.replace("included_in: neuron_update", "included_in: sop")
    energy = parse("name: spinnaker", "name: mine", text).energy
    assert energy.neuron_update.included_in == "static"


def test_energy__the_static_price_cannot_contain_itself():
    with pytest.raises(ChipError, match="static is included_in static, which has no"):
        parse(
            "  static:\n    value: 3.52\n    unit: uJ/frame\n    kind: static\n",
            "  static:\n    included_in: static\n",
            CANMORE.replace(
                "    source: Wei et al. 2023, section 4.4.2\n    evidence: simulated\n"
                "    note: per frame",
                "    source: Wei et al. 2023, section 4.4.2\n    note: per frame",
            ),
        )


def test_execution__is_one_of_two():
    with pytest.raises(ChipError, match=r"execution: .*'event-driven'.*got 'lazy'"):
        parse("name: canmore", "name: canmore\nexecution: lazy")
