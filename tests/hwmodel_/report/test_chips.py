from __future__ import annotations

import json

import pytest

from hwmodel.chip.chip import load_chip
from hwmodel.report.chips import chip_dict, chip_text, price_text


@pytest.mark.parametrize("name", ["canmore", "spinnaker", "truenorth"])
def test_chip_text__shows_every_constant_with_its_source(name):
    chip, text = load_chip(name), chip_text(load_chip(name))
    for constant, record in chip.constants.items():
        assert constant in text
        assert record.source in text
        assert record.note in text


def test_chip_text__shows_unit_and_kind():
    text = chip_text(load_chip("canmore"))
    assert "energy.sop     20 pJ (marginal)" in text
    assert "energy.static  3.52 uJ/frame (static)" in text
    assert "timing.step    unknown (static)" in text


def test_chip_dict__survives_json():
    data = chip_dict(load_chip("truenorth"))
    assert json.loads(json.dumps(data, allow_nan=False))["energy"]["sop"] == {
        "value": 26e-12,
        "unit": "J",
        "kind": "average",
        "source": load_chip("truenorth").energy.sop.source,
        "note": load_chip("truenorth").energy.sop.note,
        "included_in": None,
        "low": None,
        "high": None,
        "evidence": "measured",
        "voltage": 0.775,
    }


def test_price_text__tells_unknown_included_and_zero_apart():
    assert price_text(None, "J", None) == "unknown"
    assert price_text(0.0, "J", "sop") == "included in sop"
    assert price_text(0.0, "J", None) == "0 J"
