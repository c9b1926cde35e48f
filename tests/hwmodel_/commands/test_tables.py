from __future__ import annotations

import json
from typing import get_args

import pytest
from hwmodel_.commands.running import run

from hwmodel.commands.tables import TABLES
from hwmodel.report.paper import Table


def test_tables__prints_text_and_json():
    text = run("tables").stdout
    assert "10 of 12 cells agree" in text
    assert text.count("VGG16") == 6
    assert run("tables", "--all").stdout.count("VGG16") == 28
    data = json.loads(run("tables", "--json").stdout)
    assert len(data["table_2"]) == 12
    assert len(data["fig_8"]) == 56


@pytest.mark.parametrize(
    ("which", "first"),
    [("table-2", "Table 2,"), ("eq-12", "Eq. 12,"), ("fig-8", "Fig.")],
)
def test_tables__prints_one(which, first):
    assert run("tables", which).stdout.startswith(first)
    assert len(json.loads(run("tables", which, "--json").stdout)) <= 2


def test_tables__another_one_is_a_usage_error():
    result = run("tables", "fig-9")
    assert result.exit_code == 2
    assert "'fig-9' is not one of 'table-2', 'eq-12', 'fig-8'" in result.stderr


def test_tables__choices_are_those_of_the_report():
    assert get_args(Table) == TABLES


@pytest.mark.parametrize("which", ["table-2", "eq-12"])
def test_tables__all_without_effect_is_a_usage_error(which):
    result = run("tables", which, "--all")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"--all has no effect on {which}; expected fig-8" in result.stderr
