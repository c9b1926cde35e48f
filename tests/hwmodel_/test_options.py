from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hwmodel.options import MAPPING, Pair, budget_of, require_measured, with_options


def given(*arguments):
    """Parse arguments as a command with the options of a mapping does."""
    found = {}

    @click.command()
    @with_options(MAPPING)
    def command(**options):
        found.update(options)

    result = CliRunner().invoke(command, ["m.h5", "--chip", "canmore", *arguments])
    return found, result.exit_code, result.output


def test_mapping__defaults_are_the_published_rule():
    found, code, _ = given()
    assert code == 0
    assert found["model"] == Path("m.h5")
    assert (found["mesh"], found["split"], found["limits"]) == (
        None,
        "features",
        "core",
    )
    assert (found["placement"], found["casting"]) == ("row-major", "multicast")
    assert found["input_port"] == (0, 0)


def test_mapping__reads_pairs():
    found, _, _ = given("--mesh", "8x4", "--input-port", "3,0")
    assert (found["mesh"], found["input_port"]) == ((8, 4), (3, 0))


@pytest.mark.parametrize("text", ["8", "8x", "0x4", "8x4x2", "-1x3", "axb"])
def test_pair__refuses_other_text(text):
    _, code, output = given("--mesh", text)
    assert code == 2
    assert f"'{text}' is not of the form WxH with whole numbers of at least 1" in output


def test_pair__may_begin_at_zero():
    assert Pair("X,Y", ",", 0).convert("0,7", None, None) == (0, 7)


def test_budget_of__keeps_both():
    budget = budget_of(5, 2.5)
    assert (budget.iterations, budget.seconds) == (5, 2.5)


@pytest.mark.parametrize("text", ["nan", "inf", "0", "-1", "1e9", "soon"])
def test_seconds__refuses_what_never_ends(text):
    _, code, output = given("--placement-seconds", text)
    assert code == 2
    assert "--placement-seconds" in output


def test_seconds__reads_a_time():
    found, _, _ = given("--placement-seconds", "2.5")
    assert found["placement_seconds"] == 2.5


def test_require_measured__refuses_declared_spikes(tmp_path):
    declared = tmp_path / "w.yaml"
    declared.write_text("name: w\n")
    with pytest.raises(click.UsageError, match=r"w\.yaml' declares its spikes; expect"):
        require_measured(declared)
    require_measured(tmp_path / "model.h5")
