from __future__ import annotations

import json
import re

import pytest

from hwmodel.fig_8 import fig_8
from hwmodel.report.paper import tables_dict, tables_text


def test_tables_text__shows_what_the_paper_prints_beside_what_it_gives():
    text = tables_text(every_row=True)
    assert "10 of 12 cells agree" in text
    assert "5963.52 uJ   50.36 uJ" in text
    assert text.count("+0.0001") == 2
    assert "Caveat" in text
    (least,) = re.findall(r"^VGG11 +features +same +any +least .*$", text, re.M)
    assert least.split()[5:9] == ["459", "K", "653", "K"]
    assert least.endswith("50.8 uJ      1204 uJ")


SQUARE = {"VGG11": "13x13", "VGG16": "17x17"}  # holds 157 and 279 cores


def test_tables_dict__survives_json():
    data = tables_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert [len(rows) for rows in data.values()] == [12, 4, 7, 56]


@pytest.mark.parametrize("which", ["table-2", "eq-12", "fig-8"])
def test_tables__one_of_them_is_its_part_of_all(which):
    assert tables_text(which) in tables_text()
    one, whole = tables_dict(which), tables_dict()
    names = {"eq-12": {"eq_12", "comparisons"}}.get(which, {which.replace("-", "_")})
    assert set(one) == names
    assert all(whole[name] == rows for name, rows in one.items())


def test_tables_text__fig_8_is_summed_up_by_partition_and_casting():
    text = tables_text("fig-8")
    rows = re.findall(r"^(VGG1[16]) +(\w+) +(\w+) +(\d+) +(.*)$", text, re.M)
    readings = fig_8()
    assert sum(int(n) for *_, n, _ in rows) == len(readings) == 56
    assert len(rows) == 12
    for network, axis, casting, n, cells in rows:
        group = [
            r
            for r in readings
            if (r.network, r.partition, r.casting)
            == (network, f"along {axis}", casting)
        ]
        assert len(group) == int(n)
        hops, energies = [r.hops for r in group], [r.per_spike for r in group]
        (typical,) = (
            r.hops
            for r in group
            if r.after_pool == "same" and r.mesh in ("any", SQUARE[network])
        )
        fewest, usual, most = (
            f"{x / 1e3:.0f}" for x in (min(hops), typical, max(hops))
        )
        low, high = (f"{x * 1e6:.1f}" for x in (min(energies), max(energies)))
        assert cells.split()[::2] == [fewest, usual, most, low, high]
    assert "all 56 readings" in text
    assert "all 56 readings" not in tables_text("fig-8", every_row=True)
    assert max(map(len, text.splitlines())) <= 110
