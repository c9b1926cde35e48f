from __future__ import annotations

import json

from hwmodel_.commands.running import run


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
