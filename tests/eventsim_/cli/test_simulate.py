import json
from pathlib import Path

import numpy as np
import pytest
from eventsim_.cli.calls import error_of
from eventsim_.spiking_networks import random_case

from eventsim import save_npz
from eventsim.model_file import ModelFile, write_model


@pytest.fixture
def spike_input(tmp_path):
    """Write one input spike of each of two samples for the tiny network."""
    path = tmp_path / "in.npz"
    np.savez(path, time=[0.25, 0.5], neuron=[0, 4], sample=[0, 1])
    return path


def test_simulate__writes_the_spikes_of_all_layers(call, finished_run, spike_input):
    arguments = ["simulate", finished_run, "--spikes", spike_input, "--out", "o.npz"]
    code, out, err = call(*arguments)
    assert (code, out) == (0, "")
    assert "2 samples up to time 3, engine window" in err
    with np.load("o.npz") as found:
        columns = {"layer", "neuron", "sample", "time"}
        assert set(found) == columns | {"layers", "model", "n_samples", "duration"}
        assert found["time"][found["layer"] == 0].tolist() == [0.25, 0.5]
    code, out, err = call(*arguments, "--json", "--engine", "sweep")
    assert (code, err) == (0, "")
    printed = json.loads(out)
    assert (printed["engine"], printed["n_samples"]) == ("sweep", 2)
    assert [layer["neurons"] for layer in printed["layers"]] == [5, 12, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--spikes", "no.npz"], "spike file 'no.npz' does not exist; expected an npz"),
        (["--engine", "quick"], "engine: there is no 'quick'; expected one of auto"),
        (["--engine", "queue"], "has the dynamic threshold; expected 'static'"),
        (["--t-end", "4"], "t_end is 4.0 in a network with dynamic thresholds"),
        (["--layer", "2"], "has no array 'layer'; expected one to take layer 2"),
        (["--out", "IN"], "is the input; expected another file"),
        (["--out", "/proc/x/o.npz"], "cannot write '/proc/x/o.npz'"),
    ],
)
def test_simulate__errors_in_one_line(
    call, finished_run, spike_input, arguments, message
):
    before = spike_input.read_bytes()
    arguments = [spike_input if a == "IN" else a for a in arguments]
    given = ["--spikes", spike_input, "--out", "o.npz", *arguments]
    assert message in error_of(call("simulate", finished_run, *given))
    assert not Path("o.npz").exists()
    assert spike_input.read_bytes() == before


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"neuron": [0, 5]}, "array 'neuron': entry 1 is 5; expected 0 to 4"),
        ({"time": [0.5, -1.0]}, "array 'time': entry 1 is -1.0; expected a time"),
        ({"time": [0.5, np.nan]}, "array 'time': entry 1 is nan; expected a time"),
        ({"time": [0.5, 1.5]}, "input spikes run from 0.5 to 1.5; expected 0 up to"),
        ({"sample": [0, 0], "neuron": [3, 3]}, "neuron 3 spikes 2 times in sample 0"),
        ({"value": [1.0, 0.5]}, "an input spike has the value 0.5; expected 1"),
        ({"layer": [0, 1]}, "holds the layers 0 to 1; expected the spikes of one"),
        ({"sample": [0]}, "array 'sample' has 1 entries and 'time' 2"),
    ],
)
def test_simulate__refuses_bad_spikes(call, finished_run, arrays, message):
    given = {"time": [0.25, 0.5], "neuron": [0, 4], "sample": [0, 1], **arrays}
    np.savez("in.npz", **{name: np.array(given[name]) for name in given})
    told = error_of(call("simulate", finished_run, "--spikes", "in.npz", "--out", "o"))
    assert message in told
    assert not Path("o").exists()


def test_simulate__too_many_events_name_the_option(call, tmp_path):
    case = random_case("dense", ["lif"], 2)
    write_model(tmp_path / "m.h5", ModelFile(case.network))
    save_npz("in.npz", [case.spikes])
    given = ["--spikes", "in.npz", "--out", "o.npz", "--engine", "queue"]
    told = error_of(call("simulate", "m.h5", *given, "--max-events", 7))
    assert told.startswith("simulate: 7 events were done by t = ")
    assert "raise --max-events" in told
    assert not Path("o.npz").exists()
    assert call("simulate", "m.h5", *given)[0] == 0
    assert call("simulate", "m.h5", *given, "--max-events", 0)[0] == 2


def test_simulate__too_many_spikes_name_the_option(call, tmp_path):
    case = random_case("dense", ["lif"], 2, synaptic_delays=False)
    write_model(tmp_path / "m.h5", ModelFile(case.network))
    save_npz("in.npz", [case.spikes])
    given = ["--spikes", "in.npz", "--out", "o.npz", "--max-spikes", 1]
    told = error_of(call("simulate", "m.h5", *given))
    assert told.startswith("simulate: more than 1 spikes up to sample 1 in layer_1")
    assert "raise --max-spikes" in told
    assert not Path("o.npz").exists()
