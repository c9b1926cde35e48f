from __future__ import annotations

import json

from hwmodel_.commands.running import run


def test_tables__prints_text_and_json():
    assert "10 of 12 cells agree" in run("tables").stdout
    assert len(json.loads(run("tables", "--json").stdout)["table_2"]) == 12
