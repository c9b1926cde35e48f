from __future__ import annotations

from importlib import resources

import pytest

from hwmodel.chip.chip import load_chip
from hwmodel.chip.files import ChipText
from hwmodel.chip.parse import parse_chip
from hwmodel.errors import ChipError

CANMORE = (resources.files("hwmodel") / "chips" / "canmore.yaml").read_text("utf-8")
TRUENORTH = (resources.files("hwmodel") / "chips" / "truenorth.yaml").read_text("utf-8")


def mine(text: str) -> ChipText:
    return ChipText(text, "mine")


def changed(old: str, new: str, text: str = CANMORE) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "    unit: pJ\n",
            "    unit: pW\n",
            r"energy\.sop\.unit has the wrong dim.*'pW'",
        ),
        ("    unit: pJ\n", "    unit: eV\n", r"energy\.sop\.unit: unknown unit 'eV'"),
        ("value: 20", "value: -20", r"energy\.sop\.value: .*negative, got -20"),
        ("value: 20", "value: .nan", r"energy\.sop\.value: expected a finite number"),
        ("value: 20", "value: .inf", r"energy\.sop\.value: expected a finite number"),
        ("value: 20", "value: 1e308", r"energy\.sop\.value: .*at most 1e\+100"),
        ("  width: 32", "  width: 0", r"mesh\.width: expected at least 1, got 0"),
        ("  width: 32", "  width: 1.5", r"mesh\.width: expected a whole number"),
        ("name: canmore", "name: 3", "name: expected text, got 3"),
        (
            "value: 20",
            "value: '20'",
            r"energy\.sop\.value: .*the word unknown, got '20'",
        ),
        ("value: 20", "value: true", r"energy\.sop\.value: .*got True"),
        ("    value: 20\n", "", r"energy\.sop\.value is missing.*value: unknown"),
        ("kind: marginal", "kind: mean", r"energy\.sop\.kind: .*'average'.*got 'mean'"),
        ("  hop:\n    value: 100", "  hopp:\n    value: 100", "did you mean 'hop'"),
        ("  neurons: 1024", "  neurons: 0", r"core\.neurons: .*got 0"),
        ("  neurons: 1024", "  neurons: 10.5", r"core\.neurons: .*got 10\.5"),
        ("  width: 32", "  width: wide", r"mesh\.width: .*got 'wide'"),
        ("  source: chosen here", "  source: ''", r"mesh\.source: .*got ''"),
        ("technology: 22", "technologie: 22", "did you mean 'technology'"),
        (
            "name: canmore",
            "name: canmore\nzzz: 1",
            "zzz is not a known key; expected name",
        ),
    ],
)
def test_parse_chip__names_the_wrong_field(old, new, message):
    with pytest.raises(ChipError, match=f"^mine: .*{message}"):
        parse_chip(mine(changed(old, new)))


def test_parse_chip__missing_constant_is_named():
    start, stop = CANMORE.index("  hop:\n"), CANMORE.index("  static:\n")
    with pytest.raises(ChipError, match=r"energy\.hop is missing.*value: unknown"):
        parse_chip(mine(CANMORE[:start] + CANMORE[stop:]))


def test_parse_chip__the_time_of_a_hop_may_be_left_out():
    start, stop = CANMORE.index("timing:"), CANMORE.rindex("  hop:\n")
    hop = parse_chip(mine(CANMORE[:stop])).timing.hop
    assert (hop.value, hop.unit, hop.kind) == (None, "s", None)
    with pytest.raises(ChipError, match=r"mine: timing is missing"):
        parse_chip(mine(CANMORE[:start]))
    chip = parse_chip(mine(CANMORE[:stop]), ["timing.hop=3ns"])
    assert (chip.timing.hop.value, chip.timing.hop.kind) == (3e-9, "marginal")


@pytest.mark.parametrize(
    ("constant", "kind", "allowed"),
    [
        ("energy.sop", "static", "'marginal' or 'average'"),
        ("energy.hop", "static", "'marginal' or 'average'"),
        ("energy.static", "marginal", "'static'"),
        ("energy.static", "average", "'static'"),
    ],
)
def test_parse_chip__kind_must_fit_the_constant(constant, kind, allowed):
    with pytest.raises(
        ChipError, match=rf"mine: {constant}\.kind: expected {allowed}, got '{kind}'"
    ):
        parse_chip(mine(CANMORE), [f"{constant}.kind={kind}"])


def test_parse_chip__missing_source_is_named():
    text = CANMORE[: CANMORE.rindex("    source: not published")]
    with pytest.raises(ChipError, match=r"timing\.hop\.source is missing"):
        parse_chip(mine(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no keys"),
        ("- a\n- b\n", "holds no keys"),
        ("a: [1", "is not valid YAML"),
        ("name: a\nname: b\n", "is not valid YAML .*'name' appears twice"),
        ("name: !!python/object:os.system {}", "is not valid YAML"),
    ],
)
def test_parse_chip__refuses_what_is_not_a_mapping(text, message):
    with pytest.raises(ChipError, match=f"mine {message}"):
        parse_chip(mine(text))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("26e-12", 26e-12),
        ("1e-3", 1e-3),
        ("010", 10.0),
        ("1.5", 1.5),
        ("unknown", None),
        ("+2E3", 2e3),
    ],
)
def test_parse_chip__reads_plain_numbers(written, value):
    text = changed("value: 20\n    unit: pJ", f"value: {written}\n    unit: J")
    assert parse_chip(mine(text)).energy.sop.value == value


def test_parse_chip__limits_and_normalised_may_be_left_out():
    start, stop = TRUENORTH.index("limits:"), TRUENORTH.index("energy:")
    text = TRUENORTH[:start] + TRUENORTH[stop : TRUENORTH.index("normalised:")]
    chip = parse_chip(mine(text))
    assert chip.limits.axons is None
    assert chip.normalised is None


def test_parse_chip__only_an_average_can_include():
    text = changed("kind: average", "kind: marginal", TRUENORTH)
    with pytest.raises(ChipError, match="hop is included_in sop, but sop is marginal"):
        parse_chip(mine(text))


def test_parse_chip__an_included_constant_has_no_value():
    text = changed("included_in: sop", "included_in: sop\n    value: 3", TRUENORTH)
    with pytest.raises(ChipError, match=r"energy\.neuron_update\.value is not a known"):
        parse_chip(mine(text))


def test_parse_chip__the_sop_price_cannot_be_included():
    text = changed("value: 20\n", "included_in: sop\n", CANMORE)
    with pytest.raises(ChipError, match=r"energy\.sop\.included_in is not a known key"):
        parse_chip(mine(text))


def test_parse_chip__a_step_takes_time():
    text = CANMORE.replace("value: unknown", "value: 0", 1)
    with pytest.raises(ChipError, match=r"timing\.step: .*longer than 0 s"):
        parse_chip(mine(text))


def test_load_chip__override_replaces_a_constant():
    chip = load_chip("canmore", ["energy.hop=2.3pJ", "timing.step=10us"])
    assert chip.energy.hop.value == 2.3e-12
    assert chip.energy.hop.source == "set by the user: energy.hop=2.3pJ"
    assert chip.timing.step.value == 10e-6


@pytest.mark.parametrize(
    ("overrides", "value", "kind"),
    [
        (["energy.sop=2pJ"], 2e-12, "average"),
        (["energy.sop=2pJ:marginal"], 2e-12, "marginal"),
        (["energy.sop = 2 pJ : marginal"], 2e-12, "marginal"),
        (["energy.sop=unknown:marginal"], None, "marginal"),
        (["energy.sop.kind=marginal", "energy.sop=2pJ"], 2e-12, "marginal"),
        (["energy.sop=2pJ", "energy.sop.kind=marginal"], 2e-12, "marginal"),
        (["energy.sop=2pJ:marginal", "energy.sop=3pJ:average"], 3e-12, "average"),
    ],
)
def test_load_chip__override_can_carry_a_kind(overrides, value, kind):
    rest = ["energy.hop=1pJ", "energy.static=1mW"]
    sop = load_chip("truenorth", overrides + rest).energy.sop
    assert (sop.value, sop.kind) == (value, kind)


def test_load_chip__override_replaces_an_included_constant():
    chip = load_chip("truenorth", ["energy.hop=2.3pJ"])
    assert (chip.energy.hop.value, chip.energy.hop.included_in) == (2.3e-12, None)


def test_load_chip__override_can_forget_a_constant():
    assert load_chip("canmore", ["energy.hop=unknown"]).energy.hop.value is None


def test_load_chip__override_sets_bounds_in_any_prefix():
    items = ["energy.sop.low=15000fJ", "energy.sop.high=0.03 nJ"]
    sop = load_chip("canmore", items).energy.sop
    assert (sop.low, sop.value, sop.high) == (15e-12, 20e-12, 30e-12)


def test_load_chip__a_new_value_forgets_the_old_bounds():
    chip = load_chip("spinnaker", ["energy.sop=50nJ"])
    assert (chip.energy.sop.low, chip.energy.sop.high) == (None, None)
    chip = load_chip("spinnaker", ["energy.sop=50nJ", "energy.sop.high=60nJ"])
    assert chip.energy.sop.interval == (50e-9, 60e-9)


def test_load_chip__override_of_one_constant_leaves_those_that_share_its_text():
    chip = load_chip("loihi2", ["energy.spike.kind=average"])
    assert (chip.energy.spike.kind, chip.energy.hop.kind) == ("average", "marginal")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("energy.sop.low=15", r"energy\.sop\.low=15: '15' is not a number with a unit"),
        ("energy.sop.low=15mW", r"'mW' is not a unit of J; expected pJ"),
        (
            "energy.sop.low=21pJ",
            r"expected low <= value <= high, got low 21\.0, value 20\.0",
        ),
        (
            "energy.sop.high=19pJ",
            r"expected low <= value <= high, got value 20\.0, high 19\.0",
        ),
        ("energy.sop.high=-1pJ", r"energy\.sop\.high: .*must not be negative"),
        (
            "energy.spike.low=1pJ",
            r"energy\.spike has no number of its own; .*spike=\.\.",
        ),
        ("energy.sop.width=1pJ", r"energy\.sop\.width is not a known key"),
    ],
)
def test_load_chip__wrong_bounds_are_named(item, message):
    with pytest.raises(ChipError, match=message):
        load_chip("canmore", [item])


def test_load_chip__bounds_of_an_included_constant_are_refused():
    with pytest.raises(ChipError, match=r"energy\.hop has no number of its own"):
        load_chip("truenorth", ["energy.hop.low=1pJ"])


def test_load_chip__override_sets_other_fields():
    chip = load_chip("canmore", ["core.neurons=256", "core.axons=64", "mesh.width=8"])
    assert (chip.core.neurons, chip.core.axons, chip.mesh.width) == (256, 64, 8)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("energy.hop", "expected path=value"),
        ("=3", "expected path=value"),
        ("energy.hop=3", "is not a number with a unit"),
        ("energy.hop=3V", "unknown unit 'V'"),
        ("energy.hop=3pJ:", r"energy\.hop\.kind: .*got ''"),
        ("energy.hop=3pJ:mean", r"energy\.hop\.kind: .*got 'mean'"),
        ("energy.static=3mW:marginal", r"energy\.static\.kind: .*'static', got"),
        ("energy.hop=:marginal", "is not a number with a unit"),
        ("energy.hop=3W", "energy.hop.unit has the wrong dimension"),
        ("energy.hop=-3pJ", "must not be negative"),
        ("energy.hops=3pJ", "did you mean 'hop'"),
        ("name.first=x", "'name' holds a value"),
        ("core.neurons=many", "core.neurons"),
    ],
)
def test_load_chip__wrong_override_is_named(item, message):
    with pytest.raises(ChipError, match=message):
        load_chip("canmore", [item])


def test_parse_chip__a_section_needs_keys():
    with pytest.raises(ChipError, match=r"core: expected keys with values, got 5"):
        parse_chip(mine(CANMORE), ["core=5"])


def test_parse_chip__a_base_cannot_be_set():
    with pytest.raises(ChipError, match="--set base=loihi: a base is not a field"):
        parse_chip(mine(CANMORE), ["base=loihi"])
