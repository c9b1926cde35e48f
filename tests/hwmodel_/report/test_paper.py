from __future__ import annotations

import json
import re

from hwmodel.report.paper import tables_dict, tables_text


def test_tables_text__shows_what_the_paper_prints_beside_what_it_gives():
    text = tables_text()
    assert "10 of 12 cells agree" in text
    assert "5963.52 uJ   50.36 uJ" in text
    assert text.count("+0.0001") == 2
    assert "Caveat" in text
    (least,) = re.findall(r"^VGG11 +features +same +any +least .*$", text, re.M)
    assert least.split()[5:9] == ["459", "K", "653", "K"]
    assert least.endswith("50.8 uJ      1204 uJ")


def test_tables_dict__survives_json():
    data = tables_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert [len(rows) for rows in data.values()] == [12, 4, 7, 56]
