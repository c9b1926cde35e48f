from __future__ import annotations

import pytest

from hwmodel.chip.casting import ChipCasting, choose
from hwmodel.chip.chip import load_chip
from hwmodel.chip.files import preset_names
from hwmodel.errors import ChipError

OWN = ChipCasting("unicast", "data sheet")


@pytest.mark.parametrize(
    ("asked", "of_chip", "value", "origin"),
    [
        (None, None, "multicast", "by default (chip x does not say)"),
        (None, OWN, "unicast", "as chip x sends spikes (data sheet)"),
        ("multicast", OWN, "multicast", "as asked for"),
        ("multicast", None, "multicast", "as asked for"),
        ("unicast", None, "unicast", "as asked for"),
    ],
)
def test_choose__asked_for_before_chip_before_default(asked, of_chip, value, origin):
    chosen = choose(asked, "x", of_chip)
    assert (chosen.value, chosen.origin) == (value, origin)


def test_presets__say_it_only_where_a_source_does():
    said = {
        name: chip.casting.value
        for name in preset_names()
        if (chip := load_chip(name)).casting is not None
    }
    assert said == {
        **dict.fromkeys(["loihi", "loihi_regressed"], "unicast"),
        "spinnaker": "multicast",
        **dict.fromkeys(["truenorth", "truenorth_affine"], "unicast"),
    }


@pytest.mark.parametrize("item", ["casting=multicast", "casting.value=multicast"])
def test_load_chip__a_casting_that_is_set_loses_its_source(item):
    chip = load_chip("loihi", [item])
    assert chip.casting == ChipCasting("multicast", f"set by the user: {item}")
    assert load_chip("loihi", ["casting=none"]).casting is None


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            "casting=broadcast",
            r"casting\.value: expected .multicast. or .unicast., g",
        ),
        ("casting.values=unicast", r"casting\.values is not a known key; did you mean"),
    ],
)
def test_load_chip__another_casting_is_refused(item, message):
    with pytest.raises(ChipError, match=message):
        load_chip("loihi", [item])


def test_load_chip__a_casting_names_its_source(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nbase: canmore\ncasting: {value: unicast}\n")
    with pytest.raises(ChipError, match=r"casting\.source is missing"):
        load_chip(path)
    path.write_text("name: mine\nbase: loihi\ncasting: {value: multicast}\n")
    with pytest.raises(ChipError, match="casting differs from its base and has no sou"):
        load_chip(path)
    path.write_text(
        "name: mine\nbase: loihi\ncasting: {value: multicast, source: assumed here}\n"
    )
    assert load_chip(path).cast().origin == "as chip mine sends spikes (assumed here)"
