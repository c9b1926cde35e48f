from __future__ import annotations

import json

from hwmodel_.commands.running import assert_one_error_line, run

from hwmodel.chip.files import preset_names


def test_chips__lists_presets():
    _, _, *lines = run("chips").stdout.splitlines()
    assert [line.split()[0] for line in lines] == preset_names()
    assert any("structure only" in line for line in lines)
    data = json.loads(run("chips", "--json").stdout)
    assert [chip["name"] for chip in data] == preset_names()


def test_chips__shows_one():
    shown = run("chips", "truenorth").stdout
    assert "26 pJ (average), 21.7 pJ to 28.1 pJ, measured at 0.775 V" in shown
    assert json.loads(run("chips", "truenorth", "--json").stdout)["name"] == "truenorth"
    assert_one_error_line(run("chips", "loihi3"), "unknown chip 'loihi3'")
