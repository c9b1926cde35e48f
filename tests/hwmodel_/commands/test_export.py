from __future__ import annotations

import json

import numpy as np
import pytest
from hwmodel_.builders import two_by_two_model, write_trace
from hwmodel_.commands.running import assert_one_error_line, run

from eventsim.model_file import ModelFile, write_model
from eventsim.spikes import SpikeTrains
from hwmodel.export import replay
from hwmodel.workload.trace import SpikeTrace


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


def test_export__takes_the_spikes_of_a_trace(tmp_path):
    # one inference: input 0 fires once, the hidden neuron twice, a model without counts
    network = two_by_two_model().network
    path, trace = tmp_path / "model.h5", tmp_path / "trace.npz"
    write_model(path, ModelFile(network))
    neurons = [np.zeros(n, dtype=np.int32) for n in (1, 2, 0)]
    trains = [
        SpikeTrains(np.full(n.size, 0.5), n, np.array([0, n.size]), size)
        for n, size in zip(neurons, (2, 1, 3), strict=True)
    ]
    write_trace(trace, network, SpikeTrace("", tuple(trains), 2.0, np.array([0])))
    common = ("export", path, "--chip", "canmore", "--set", "core.neurons=1")
    out = tmp_path / "sana"
    result = run(*common, "--mesh", "2x2", "--trace", trace, "--out", out)
    assert result.exit_code == 0, result.output
    expected = json.loads((out / "expected.json").read_text())
    # 1 packet from the host, 2 spikes to three cores, 1 + 1 + 2 hops away
    assert (expected["inferences"], expected["sops"]) == (1, 1 + 2 * 3)
    assert (expected["packets"], expected["hops"]) == (1 + 2 * 3, 2 * 4)


def test_export__too_many_spikes_ask_for_a_shorter_trace(model, tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "MOST_SPIKE_ENTRIES", 10)
    result = run("export", model, "--chip", "canmore", "--out", tmp_path / "sana")
    assert_one_error_line(result, "pass a --trace of fewer samples, or a smaller ")


def test_export__adds_to_an_average_price_if_forced(model, tmp_path):
    chip = ("--chip", "canmore", "--set", "energy.sop=2pJ:average")
    command = ("export", model, *chip, "--out", tmp_path / "sana")
    assert_one_error_line(run(*command), "energy.sop is an average", "--force-mixed")
    assert run(*command, "--force-mixed").exit_code == 0
    expected = json.loads((tmp_path / "sana" / "expected.json").read_text())
    assert expected["energy_j"]["synapse"] == pytest.approx(
        expected["sops"] * 2e-12, rel=1e-9, abs=0
    )
