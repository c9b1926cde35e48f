import json

import h5py
import numpy as np
from eventsim_.cli.calls import error_of


def test_evaluate__text_and_json(call, finished_run):
    code, out, _ = call("evaluate", finished_run)
    assert code == 0
    assert "accuracy" in out
    code, out, err = call("evaluate", finished_run / "model.h5", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["n_samples"] == 60


def test_evaluate__takes_a_bound_on_events(call, finished_run):
    code, out, err = call("evaluate", finished_run, "--max-events", 1)
    assert (code, err) == (0, "")  # it is the queue's
    assert "accuracy" in out
    assert call("evaluate", finished_run, "--max-events", "no")[0] == 2


def test_evaluate__writes_only_if_asked(call, copy):
    before = (copy / "model.h5").read_bytes()
    assert call("evaluate", copy)[0] == 0
    assert (copy / "model.h5").read_bytes() == before
    with h5py.File(copy / "model.h5", "a") as file:
        del file["activity"]
    assert call("evaluate", copy, "--write")[0] == 0
    with h5py.File(copy / "model.h5") as file:
        assert file["activity"].attrs["n_samples"] == 60


def test_evaluate__unknown_engine(call, finished_run):
    told = error_of(call("evaluate", finished_run, "--engine", "quick"))
    expected = "engine: there is no 'quick'; expected one of auto, window, sweep, queue"
    assert told == expected


def test_evaluate__writes_a_trace_of_some_samples(call, finished_run, tmp_path):
    trace = tmp_path / "trace.npz"
    code, out, err = call("evaluate", finished_run, "--samples", 5, "--trace", trace)
    assert (code, err) == (0, "")
    assert f"{trace}" in out
    with np.load(trace) as file:
        assert (file["n_samples"], file["label"].size) == (5, 5)
    arguments = ["--trace", trace, "--max-spikes", 1]
    told = error_of(call("evaluate", finished_run, *arguments))
    assert told.startswith("evaluate: the trace has more than 1 spikes")
    assert call("evaluate", finished_run, "--samples", 0)[0] == 2
