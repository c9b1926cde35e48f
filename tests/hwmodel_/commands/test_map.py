from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import (
    conv_model,
    dense_model,
    two_by_two_model,
)
from hwmodel_.commands.running import SMALL_CORES, assert_one_error_line, run

from eventsim.model_file import ModelFile, write_model


def test_map__takes_declared_layers(declared):
    result = run("map", declared, "--chip", "canmore", "--json")
    cores = json.loads(result.stdout)["cores"]
    assert [(core["layer"], core["neurons"]) for core in cores] == [
        ("hidden", 3),
        ("output", 2),
    ]


def test_map__prints_groups(model):
    result = run("map", model, "--chip", "canmore", "--set", "core.neurons=1")
    assert result.exit_code == 0
    assert "4 cores on a 32x32 mesh" in result.stdout


def test_map__json_needs_no_activity(tmp_path):
    path = tmp_path / "model.h5"
    write_model(path, ModelFile(two_by_two_model().network))
    result = run("map", path, "--chip", "canmore", "--mesh", "3x3", "--json")
    data = json.loads(result.stdout)
    assert data["mesh"] == [3, 3]
    assert data["cores"][1] == {
        "core": 1,
        "layer": "layer_2 (dense)",
        "features": [0, 3],
        "rows": [0, 1],
        "columns": [0, 1],
        "neurons": 3,
        "copies": 0,
        "x": 1,
        "y": 0,
    }


def test_map__split_and_limits_reach_the_mapping(tmp_path):
    path = tmp_path / "model.h5"
    write_model(path, conv_model(np.random.default_rng(0)))
    common = ("map", path, "--chip", "canmore", "--json", "--split", "space")
    (first, *_) = json.loads(run(*common).stdout)["cores"]
    assert (first["neurons"], first["columns"]) == (7 * 7 * 5, [0, 7])
    limits = ("--set", "limits.neurons=20", "--limits", "silicon")
    cores = json.loads(run(*common, *limits).stdout)["cores"]
    assert max(core["neurons"] for core in cores) <= 20
    assert any(core["columns"] != [0, 7] for core in cores)
    assert all(core["features"][0] == 0 for core in cores)


def test_map__copies_are_listed_and_said(tmp_path):
    # 6 outputs of 3 inputs on cores of 6 synapses: 3 cores, so 3 of each neuron before
    path = tmp_path / "model.h5"
    write_model(path, dense_model([2, 3, 6], np.random.default_rng(0), 0.0))
    common = ("map", path, "--chip", "canmore", "--limits", "silicon")
    limits = ("--set", "limits.synapses=6", "--set", "limits.target_cores=1")
    cores = json.loads(run(*common, *limits, "--json").stdout)["cores"]
    assert [core["copies"] for core in cores] == [2, 2, 2, 0, 0, 0]
    text = run(*common, *limits).stdout
    head = "6 cores on a 32x32 mesh, 2 neurons a core on average, 6 copies of neurons "
    assert text.startswith(head)


@pytest.mark.parametrize("option", [("--split", "rows"), ("--limits", "chip")])
def test_map__an_unknown_split_or_limit_is_a_usage_error(model, option):
    result = run("map", model, "--chip", "canmore", *option)
    assert result.exit_code == 2
    assert f"'{option[1]}' is not one of" in result.stderr


def test_map__places_by_traffic_if_there_is_any(wide):
    common = ("map", wide, *SMALL_CORES, "--placement", "greedy")
    *_, said = run(*common).stdout.split("\n\n")
    assert said.startswith("greedy: ")
    said = " ".join(said.split())
    assert said.endswith("; multicast, by default (chip canmore does not say)")
    data = json.loads(run(*common, "--json").stdout)
    assert 0 < data["placement"]["gain"] < 1
    assert data["casting_origin"] == "by default (chip canmore does not say)"


def test_map__without_activity_names_the_method_that_needs_it(tmp_path):
    model = dense_model([4, 3], np.random.default_rng(0))
    write_model(tmp_path / "silent.h5", replace(model, activity=None))
    common = ("map", tmp_path / "silent.h5", "--chip", "canmore", "--placement")
    assert run(*common, "hilbert").exit_code == 0
    assert_one_error_line(
        run(*common, "annealing"), "placement annealing", "no measured spikes"
    )


def test_map__a_port_outside_the_mesh_is_an_error(wide):
    result = run("map", wide, *SMALL_CORES, "--input-port", "4,0")
    assert_one_error_line(result, "input port (4, 0) is outside the 4x4 mesh")


def test_map__places_for_the_packets_of_the_chip(wide):
    common = ("map", wide, "--set", "core.neurons=2", "--placement", "hilbert")
    own = json.loads(run(*common, "--chip", "loihi", "--json").stdout)
    assert own["placement"]["casting"] == "unicast"
    asked = json.loads(
        run(*common, "--chip", "loihi", "--casting", "multicast", "--json").stdout
    )
    assert asked["placement"]["casting"] == "multicast"
    assert asked["placement"]["value"] < own["placement"]["value"]
    assert asked["casting_origin"] == "as asked for"
