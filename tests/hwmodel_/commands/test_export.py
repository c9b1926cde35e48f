from __future__ import annotations

import json

import pytest
from hwmodel_.commands.running import assert_one_error_line, run


def test_export__writes_three_files_with_unicast_packets(model, tmp_path):
    out = tmp_path / "sana"
    result = run(
        *("export", model, "--chip", "canmore", "--set", "core.neurons=1"),
        *("--mesh", "2x2", "--format", "sana-fe", "--out", out),
    )
    assert result.exit_code == 0, result.output
    names = ["architecture.yaml", "expected.json", "network.yaml"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert result.stderr.count("wrote ") == 3
    # two inferences: 4 spikes of input 0 to a core 0 hops away, and 2 spikes of the
    # hidden neuron to three cores, 1 + 1 + 2 hops away
    expected = json.loads((out / "expected.json").read_text())
    assert (expected["packets"], expected["hops"]) == (4 + 2 * 3, 2 * 4)


def test_export__adds_to_an_average_price_if_forced(model, tmp_path):
    chip = ("--chip", "canmore", "--set", "energy.sop=2pJ:average")
    command = ("export", model, *chip, "--out", tmp_path / "sana")
    assert_one_error_line(run(*command), "energy.sop is an average", "--force-mixed")
    assert run(*command, "--force-mixed").exit_code == 0
    expected = json.loads((tmp_path / "sana" / "expected.json").read_text())
    assert expected["energy_j"]["synapse"] == pytest.approx(
        expected["sops"] * 2e-12, rel=1e-9, abs=0
    )
