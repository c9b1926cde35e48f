from __future__ import annotations

import json
import re

import pytest

from hwmodel.chip.chip import load_chip
from hwmodel.chip.constants import Constant
from hwmodel.chip.files import preset_names
from hwmodel.report.chips import (
    bounds_text,
    chip_dict,
    chip_list,
    chip_text,
    constant_text,
    price_text,
    unknown_prices,
    what_is_priced,
)
from hwmodel.report.lines import WIDTH


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", preset_names())
def test_chip_text__shows_every_constant_with_its_source(name):
    chip, text = load_chip(name), chip_text(load_chip(name))
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    flat = one_line(text)
    for constant, record in chip.constants.items():
        assert constant in flat
        assert f"source: {one_line(record.source)}" in flat
        assert one_line(record.note) in flat
    for section in (chip.mesh, chip.core, chip.limits):
        assert one_line(section.note) in flat
    assert one_line(chip.energy.not_charged_source) in flat
    assert f"execution: {chip.execution}" in flat


def test_chip_text__shows_unit_kind_and_evidence():
    text = one_line(chip_text(load_chip("canmore")))
    assert "energy.sop 20 pJ (marginal), simulated source:" in text
    assert "energy.static 3.52 uJ/frame (static), simulated source:" in text
    assert "timing.step unknown (static) source: not published" in text
    assert "not charged neuron updates, spikes fired, packets taken in" in text
    assert "unknown timing.link, timing.sop, timing.neuron_update" in text


def test_chip_text__shows_every_limit():
    text = one_line(chip_text(load_chip("loihi")))
    assert (
        "limits 1024 neurons, 4096 axons, 1048576 bits of synapse memory, 9 weight "
        "bits, 4096 routes out of a core (out_axons)"
    ) in text
    assert "256 inputs of a neuron (fan_in)" in one_line(chip_text(load_chip("odin")))


def test_chip_text__shows_the_casting_or_that_it_is_unknown():
    assert re.search(r"^casting +unicast$", chip_text(load_chip("loihi")), re.M)
    unknown = r"^casting +unknown; multicast unless --casting says otherwise$"
    assert re.search(unknown, chip_text(load_chip("canmore")), re.M)


def test_constant_text__shows_bounds_evidence_and_voltage():
    shown = constant_text(load_chip("truenorth").energy.sop)
    assert shown == "26 pJ (average), 21.7 pJ to 28.1 pJ, measured at 0.775 V"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, None, ""),
        (1e-12, None, "at least 1 pJ"),
        (None, 3e-9, "at most 3 nJ"),
        (1e-12, 3e-9, "1 pJ to 3 nJ"),
    ],
)
def test_bounds_text__names_those_that_are_known(low, high, text):
    assert bounds_text(Constant(2e-12, "J", None, "s", low=low, high=high)) == text


def test_what_is_priced__tells_energy_from_structure():
    assert what_is_priced(load_chip("canmore")) == "energy"
    assert what_is_priced(load_chip("loihi2")) == "structure only"
    assert unknown_prices(load_chip("odin")) == ("energy.chip_crossing", "timing.step")
    odin = what_is_priced(load_chip("odin"))
    assert odin == "energy, but not chip_crossing, timing.step"


def test_unknown_prices__a_step_is_needed_for_a_power_only():
    assert load_chip("canmore").timing.step.value is None
    assert unknown_prices(load_chip("canmore")) == ()
    power = load_chip("canmore", ["energy.static=1mW"])
    assert unknown_prices(power) == ("timing.step",)


def test_chip_list__has_a_line_a_chip():
    text = chip_list([load_chip("truenorth"), load_chip("akida")])
    _, _, truenorth, akida = text.splitlines()
    assert [part.strip() for part in truenorth.split("  ") if part] == [
        "truenorth",
        "28 nm CMOS",
        "26 pJ average",
        "energy",
    ]
    assert akida.split()[-3:] == ["-", "structure", "only"]


def test_chip_dict__survives_json():
    data = chip_dict(load_chip("truenorth"))
    assert json.loads(json.dumps(data, allow_nan=False))["energy"]["sop"] == {
        "value": 26e-12,
        "unit": "J",
        "kind": "average",
        "source": load_chip("truenorth").energy.sop.source,
        "note": load_chip("truenorth").energy.sop.note,
        "included_in": None,
        "low": 21.7e-12,
        "high": 28.1e-12,
        "evidence": "measured",
        "voltage": 0.775,
    }


def test_chip_dict__says_what_is_priced():
    data = chip_dict(load_chip("spinnaker2"))
    assert data["priced"] == "energy, but not hop, chip_crossing, static"
    assert data["unknown"] == ["energy.hop", "energy.chip_crossing", "energy.static"]
    assert chip_dict(load_chip("loihi"))["not_charged"] == [
        "spike",
        "axon_out",
        "router",
    ]


def test_price_text__tells_unknown_included_and_zero_apart():
    assert price_text(None, "J", None) == "unknown"
    assert price_text(0.0, "J", "sop") == "included in sop"
    assert price_text(0.0, "J", None) == "0 J"
