from __future__ import annotations

import pytest

from hwmodel.units import (
    convert,
    format_quantity,
    parse_quantity,
    parse_unit,
    to_si,
)


@pytest.mark.parametrize(
    ("text", "unit", "exponent"),
    [
        ("pJ", "J", -12),
        ("J", "J", 0),
        ("mW", "W", -3),
        ("MW", "W", 6),
        ("us", "s", -6),
        ("µs", "s", -6),
        ("uJ/frame", "J/frame", -6),
    ],
)
def test_parse_unit__splits_prefix_from_unit(text, unit, exponent):
    assert parse_unit(text) == (unit, exponent)


@pytest.mark.parametrize("text", ["", "eV", "pj", "pJ/spike", "xJ", "PJ", "ppJ", "m"])
def test_parse_unit__refuses_what_is_not_in_the_table(text):
    with pytest.raises(ValueError, match="unknown unit"):
        parse_unit(text)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("2.3pJ", 2.3, "pJ"), (" 1e-3 J ", 1e-3, "J"), (".5 uJ/frame", 0.5, "uJ/frame")],
)
def test_parse_quantity__reads_number_and_unit(text, value, unit):
    assert parse_quantity(text) == (value, unit)


@pytest.mark.parametrize(
    "text", ["pJ", "2.3", "two pJ", "nanJ", "infW", "1e-3", "1,5pJ"]
)
def test_parse_quantity__refuses_text_without_number_or_unit(text):
    with pytest.raises(ValueError, match="is not a number with a unit"):
        parse_quantity(text)


def test_convert__keeps_the_quantity():
    assert convert(0.03, "nJ", "pJ") == 30.0
    assert convert(26, "pJ", "J") == to_si(26, "pJ")


def test_convert__refuses_another_quantity():
    with pytest.raises(ValueError, match="'mW' is not a unit of J; expected pJ"):
        convert(1, "mW", "pJ")


def test_to_si__is_correctly_rounded():
    assert to_si(3.52, "uJ/frame") == 3.52e-06
    assert to_si(26, "pJ") == 26e-12


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (50.34e-6, "J/frame", "50.34 uJ/frame"),
        (2.6e-11, "J", "26 pJ"),
        (0.0, "J", "0 J"),
        (1e-3, "s", "1 ms"),
        (999.99e-6, "J", "1 mJ"),
        (1.0, "W", "1 W"),
        (1e-18, "J", "0.001 fJ"),
        (5e12, "J", "5000 GJ"),
    ],
)
def test_format_quantity__chooses_the_prefix(value, unit, text):
    assert format_quantity(value, unit) == text
