import json

import h5py
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
