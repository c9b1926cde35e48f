from __future__ import annotations

import pytest
import yaml

from hwmodel.chip.yaml_reader import Loader


def read(text):
    return yaml.load(text, Loader=Loader)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("26e-12", 26e-12), ("1.e2", 100.0), (".5", 0.5), ("-2E+3", -2e3)],
)
def test_loader__exponents_need_no_dot(text, value):
    assert read(text) == value
    assert isinstance(read(text), float)


@pytest.mark.parametrize(
    ("text", "value"), [("10", 10), ("-3", -3), ("010", 10.0), ("1_000", "1_000")]
)
def test_loader__whole_numbers_are_decimal(text, value):
    assert read(text) == value


@pytest.mark.parametrize("text", ["1e", "e5", "1:30", "0x1F", "1.2.3", "pJ"])
def test_loader__other_text_stays_text(text):
    assert read(text) == text


def test_loader__refuses_a_key_twice():
    with pytest.raises(yaml.YAMLError, match="'a' appears twice"):
        read("a: 1\na: 2")
