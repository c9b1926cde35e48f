from __future__ import annotations

import click
import h5py
import numpy as np
import pytest
from hwmodel_.builders import (
    made_up_trace,
    two_by_two_model,
    write_trace,
)
from hwmodel_.commands.running import assert_one_error_line, run

from eventsim.model_file import ModelFile, write_model
from hwmodel.commands.reading import read_traced, read_workload, require_measured


def test_read_workload__model_without_activity(tmp_path):
    path = tmp_path / "model.h5"
    write_model(path, ModelFile(two_by_two_model().network))
    assert_one_error_line(
        run("estimate", path, "--chip", "canmore"), "eventsim evaluate"
    )


def test_read_workload__missing_model(tmp_path):
    result = run("estimate", tmp_path / "no.h5", "--chip", "canmore")
    assert_one_error_line(result, "no.h5' does not exist")


def test_read_workload__truncated_model(model):
    content = model.read_bytes()
    model.write_bytes(content[: len(content) // 2])
    assert_one_error_line(run("estimate", model, "--chip", "canmore"), "is damaged")


def test_read_workload__foreign_hdf5_file(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    result = run("estimate", path, "--chip", "canmore")
    assert_one_error_line(result, "an HDF5 file but not a model")


def test_read_workload__newer_model(model):
    with h5py.File(model, "a") as file:
        file.attrs["format_version"] = 99
    assert_one_error_line(run("estimate", model, "--chip", "canmore"), "version 99")


def test_read_workload__a_trace_does_not_go_with_declared_spikes(tmp_path):
    declared = tmp_path / "net.yaml"
    declared.write_text("name: net")
    result = run("estimate", declared, "--chip", "canmore", "--trace", "t.npz")
    assert result.exit_code == 2
    assert "--trace goes with a model.h5" in result.stderr


def test_read_workload__takes_the_spikes_of_the_model_or_of_its_trace(tmp_path):
    model = two_by_two_model()
    spikes = made_up_trace(model.network, np.random.default_rng(3))
    write_model(tmp_path / "model.h5", model)
    path = write_trace(tmp_path / "t.npz", model.network, spikes)
    workload, traced = read_workload(tmp_path / "model.h5")
    assert traced is None
    assert workload.spikes_from == "activity of the model file"
    workload, traced = read_workload(tmp_path / "model.h5", path)
    assert workload.spikes_from == f"trace '{path}'"
    for _, read in (traced, read_traced(tmp_path / "model.h5", path)):
        for found, expected in zip(read.trains, spikes.trains, strict=True):
            np.testing.assert_array_equal(found.time, expected.time)
            np.testing.assert_array_equal(found.neuron, expected.neuron)


def test_read_workload__takes_declared_spikes(declared):
    workload, traced = read_workload(declared)
    assert traced is None
    assert workload.provenance["declared"]


def test_require_measured__refuses_declared_spikes(tmp_path):
    declared = tmp_path / "w.yaml"
    declared.write_text("name: w\n")
    with pytest.raises(click.UsageError, match=r"w\.yaml' declares its spikes; expect"):
        require_measured(declared)
    require_measured(tmp_path / "model.h5")
