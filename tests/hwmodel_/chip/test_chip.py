from __future__ import annotations

import pytest

from hwmodel.chip.chip import load_chip
from hwmodel.chip.files import preset_names
from hwmodel.errors import ChipError


def test_preset_names__holds_the_three_chips_of_the_paper_in_order():
    names = preset_names()
    assert {"canmore", "spinnaker", "truenorth"} <= set(names)
    assert names == sorted(names)


@pytest.mark.parametrize("name", ["canmore", "spinnaker", "truenorth"])
def test_load_chip__the_chips_of_the_paper_follow_its_rule(name):
    assert load_chip(name).core.neurons == 1024


def test_load_chip__preset_constants_are_the_published_ones_in_si():
    canmore, spinnaker = load_chip("canmore"), load_chip("spinnaker")
    # Wei et al. 2023, section 4.4.2
    assert known(canmore) == {
        "energy.sop": 20e-12,
        "energy.hop": 100e-12,
        "energy.static": 3.52e-6,
    }
    assert canmore.energy.static.unit == "J/frame"
    # KerasSpiking 13.3 and 26 nJ; SpiNNFrontEndCommon 0.8 nJ and 0.36 W; step 1 ms
    assert known(spinnaker) == {
        "energy.sop": 13.3e-9,
        "energy.neuron_update": 26e-9,
        "energy.router": 0.8e-9,
        "energy.static": 0.36,
        "timing.step": 1e-3,
    }
    assert spinnaker.energy.static.unit == "W"


def known(chip):
    """Constants with a value of their own."""
    return {
        name: c.value
        for name, c in chip.constants.items()
        if c.value is not None and c.included_in is None
    }


def test_load_chip__truenorth_includes_hop_and_static_in_its_average():
    chip = load_chip("truenorth")
    assert (chip.energy.sop.value, chip.energy.sop.kind) == (26e-12, "average")
    assert chip.energy.hop.included_in == chip.energy.static.included_in == "sop"
    assert (chip.limits.neurons, chip.limits.axons, chip.limits.mesh) == (
        256,
        256,
        (64, 64),
    )


def test_load_chip__unknown_name_lists_presets_and_the_nearest():
    with pytest.raises(
        ChipError,
        match=r"presets akida, .*, truenorth, .*; did you mean 'truenorth'",
    ):
        load_chip("truenort")


def test_load_chip__missing_file_is_an_unknown_chip(tmp_path):
    with pytest.raises(ChipError, match=r"unknown chip '.*mine.yaml'"):
        load_chip(tmp_path / "mine.yaml")


def test_load_chip__binary_file_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ChipError, match="cannot be read"):
        load_chip(path)


def test_require__names_the_unknown_constant_and_the_fix():
    chip = load_chip("canmore")
    with pytest.raises(
        ChipError, match=r"timing\.step is unknown.*--set timing\.step=1ms"
    ):
        chip.require("timing.step", "a test needs it")
    assert chip.require("energy.hop", "a test needs it") == 100e-12
