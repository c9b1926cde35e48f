"""Chip files that extend another one."""

from __future__ import annotations

import pytest

from hwmodel.chip.chip import load_chip
from hwmodel.errors import ChipError

FASTER = """
name: faster
base: canmore
description: CanMore with a step of 0.1 ms
timing:
  step:
    value: 100
    unit: us
    kind: static
    source: a talk
"""
WIDER = """
name: wider
base: sub/faster.yaml
mesh:
  width: 70
  source: drawn on a napkin
energy:
  hop:
    value: 3
    unit: pJ
    kind: marginal
    source: measured
  sop: {value: 2, unit: pJ, kind: marginal, source: measured}
"""


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "faster.yaml").write_text(FASTER)
    (tmp_path / "wider.yaml").write_text(WIDER)
    monkeypatch.chdir(tmp_path)


def test_base__what_is_not_said_is_the_base():
    below, chip = load_chip("canmore"), load_chip("sub/faster.yaml")
    assert chip.name == "faster"
    assert chip.timing.step.value == pytest.approx(1e-4)
    assert chip.timing.step.source == "a talk"
    assert chip.timing.hop == below.timing.hop
    for name in ("mesh", "core", "limits", "energy", "normalised", "technology"):
        assert getattr(chip, name) == getattr(below, name)


def test_base__a_base_may_have_a_base_found_beside_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    chip, below = load_chip(tmp_path / "wider.yaml"), load_chip("canmore")
    assert chip.name == "wider"
    assert chip.description == "CanMore with a step of 0.1 ms"
    assert chip.timing.step.value == pytest.approx(1e-4)
    assert (chip.mesh.width, chip.mesh.height) == (70, below.mesh.height)
    assert chip.mesh.source == "drawn on a napkin"
    assert chip.energy.hop.value == pytest.approx(3e-12)


def test_base__a_constant_is_replaced_as_a_whole(tmp_path):
    # Otherwise the new price would keep the unit, the kind and the source of the old.
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\nbase: canmore\nenergy: {sop: {value: 2}}\n")
    with pytest.raises(ChipError, match=r"energy\.sop\.unit is missing"):
        load_chip(path)
    notes = load_chip("canmore").energy.sop.note
    path.write_text(
        "name: good\nbase: canmore\nenergy:\n"
        "  sop: {value: 2, unit: pJ, kind: marginal, source: mine}\n"
    )
    assert notes
    assert load_chip(path).energy.sop.note == ""


def test_base__overrides_come_last():
    chip = load_chip("wider.yaml", ["timing.step=1s", "mesh.width=3"])
    assert chip.timing.step.value == 1
    assert chip.mesh.width == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: truenorth\n", r"bad\.yaml': it extends 'truenorth' and has no name"),
        (
            "name: x\nbase: truenort\n",
            r"bad\.yaml': base: unknown chip 'truenort'",
        ),
        ("name: x\nbase: 3\n", r"bad\.yaml': base is 3; expected the name of a preset"),
        ("name: x\nbase: bad.yaml\n", r"base 'bad\.yaml' extends this file in turn"),
        (
            "name: x\nbase: canmore\ncore: {neurons: 5}\n",
            r"bad\.yaml': core differs from its base and has no source; .*core\.source",
        ),
        ("name: x\nbase: canmore\nenergie: {}\n", "energie is not a known key"),
        ("name: x\nbase: broken.yaml\n", r"broken\.yaml' is not valid YAML"),
    ],
)
def test_base__mistakes_are_one_line(tmp_path, text, message):
    (tmp_path / "broken.yaml").write_text("a: [")
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ChipError, match=message) as caught:
        load_chip(path)
    assert "\n" not in str(caught.value)


def test_base__a_circle_of_files_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\nbase: b.yaml\n")
    (tmp_path / "b.yaml").write_text("name: b\nbase: sub/../a.yaml\n")
    with pytest.raises(ChipError, match=r"base '.*' extends this file in turn"):
        load_chip(tmp_path / "a.yaml")
