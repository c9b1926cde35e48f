from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from hwmodel_.builders import close, conv_model, dense_model, two_by_two_model
from hwmodel_.early_exit.exit_reports import REPORT

from eventsim.errors import RunError
from eventsim.model_file import write_model
from hwmodel.chip.chip import load_chip
from hwmodel.cli import commands
from hwmodel.estimate import estimate_model
from hwmodel.on_chip import map_model
from hwmodel.report.csv_files import write_csv, write_map_csv
from hwmodel.report.early_exit import write_exits
from hwmodel.report.mapping import map_rows
from hwmodel.report.text import to_dict
from hwmodel.workload.workload import layers_of


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def total(rows, column):
    return sum(float(row[column]) for row in rows)


def run(*arguments):
    return CliRunner().invoke(commands, [str(a) for a in arguments])


@pytest.mark.parametrize("chip", ["canmore", "spinnaker", "truenorth"])
@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_write_csv__columns_sum_to_the_totals(tmp_path, chip, casting):
    model = conv_model(np.random.default_rng(0))
    estimate = estimate_model(
        model, load_chip(chip, ["core.neurons=14"]), casting=casting
    )
    data, energy = to_dict(estimate), estimate.energy
    layers, cores, links = map(read, write_csv(estimate, tmp_path / "new"))
    assert total(layers, "sops_per_inference") == close(data["sops"])
    assert total(cores, "sops_per_inference") == close(data["sops"])
    assert total(layers, "spikes_per_inference") == close(data["spikes"])
    assert total(cores, "spikes_per_inference") == close(data["spikes"])
    assert total(layers, "hops_per_inference") == close(data["hops"])
    assert total(links, "packets_per_inference") == close(data["hops"])
    assert total(layers, "packets_per_inference") == close(data["packets"])
    assert total(layers, "cores") == len(cores) == data["cores"]
    assert total(layers, "neurons") == total(cores, "neurons")
    for term in data["layers"][0]["energy_j"]:
        column = total(layers, f"energy_{term}_j")
        assert column == close(data["energy_j"][term])
    in_cores = energy.sop + energy.neuron_update + energy.spike
    assert total(cores, "energy_j") == close(in_cores)
    on_links = energy.hop + energy.chip_crossing
    assert total(links, "energy_j") == close(on_links)


def test_write_csv__of_the_worked_example(tmp_path):
    chip = load_chip("canmore", ["core.neurons=1"])
    estimate = estimate_model(two_by_two_model(), chip, mesh=(2, 2))
    paths = write_csv(estimate, tmp_path)
    assert [path.name for path in paths] == ["layers.csv", "cores.csv", "links.csv"]
    assert (tmp_path / "cores.csv").read_text("utf-8").splitlines()[:2] == [
        "core,x,y,layer,neurons,copies,spikes_per_inference,sops_per_inference,"
        "energy_j",
        "0,0,0,layer_1 (dense),1,0,1.0,2.0,4e-11",
    ]
    assert read(tmp_path / "links.csv")[0] == {
        **{"from_x": "0", "from_y": "0", "to_x": "1", "to_y": "0"},
        **{"packets_per_inference": "1.0", "energy_j": "1e-10"},
    }
    assert read(tmp_path / "layers.csv")[1]["hops_multicast_per_inference"] == "3.0"


def test_write_csv__without_traffic_there_is_a_head(tmp_path):
    model = dense_model([3, 2], np.random.default_rng(0), max_spikes=1)
    write_csv(estimate_model(model, load_chip("canmore")), tmp_path)
    (head,) = (tmp_path / "links.csv").read_text("utf-8").splitlines()
    assert head.startswith("from_x,from_y,to_x,to_y,packets_per_inference")


def test_write_csv__a_file_in_the_way_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    estimate = estimate_model(two_by_two_model(), load_chip("canmore"))
    with pytest.raises(RunError, match="cannot write"):
        write_csv(estimate, tmp_path / "file")


def test_write_map_csv__is_the_table_of_cores(tmp_path):
    model, chip = (
        conv_model(np.random.default_rng(0)),
        load_chip("canmore", ["core.neurons=14"]),
    )
    mapping, layers = map_model(model, chip), layers_of(model.network)
    write_map_csv(mapping, layers, tmp_path / "map.csv")
    for written, row in zip(
        read(tmp_path / "map.csv"), map_rows(mapping, layers), strict=True
    ):
        assert written["layer"] == row["layer"]
        assert [int(written[k]) for k in ("core", "neurons", "x", "y")] == [
            row[k] for k in ("core", "neurons", "x", "y")
        ]
        for key in ("features", "rows", "columns"):
            ends = [int(written[f"{key}_{end}"]) for end in ("start", "stop")]
            assert ends == row[key]


def test_commands__write_csv(tmp_path):
    write_model(tmp_path / "model.h5", two_by_two_model())
    options = (tmp_path / "model.h5", "--chip", "canmore", "--json", "--csv")
    result = run("estimate", *options, tmp_path / "tables")
    assert result.exit_code == 0, result.output
    layers = read(tmp_path / "tables" / "layers.csv")
    data = json.loads(result.stdout)
    assert total(layers, "sops_per_inference") == data["sops"]
    result = run("map", *options, tmp_path / "map.csv")
    assert result.exit_code == 0, result.output
    assert len(read(tmp_path / "map.csv")) == len(json.loads(result.stdout)["cores"])


def test_write_csv__copies_of_neurons_are_paid_on_their_cores(tmp_path):
    sets = ["core.neurons=9", "core.target_cores=1", "energy.spike=3pJ:marginal"]
    chip = load_chip("canmore", [*sets, "energy.neuron_update=5pJ:marginal"])
    model = dense_model([6, 7, 20], np.random.default_rng(0), 0.0)
    estimate = estimate_model(model, chip)
    n_copies = estimate.mapping.partition.copies_per_core.sum()
    assert n_copies > 0
    _, cores, _ = map(read, write_csv(estimate, tmp_path))
    assert total(cores, "copies") == n_copies
    energy = estimate.energy
    in_cores = energy.sop + energy.neuron_update + energy.spike
    assert total(cores, "energy_j") == close(in_cores)


def test_csv__heads_of_all_files_follow_one_rule(tmp_path):
    estimate = estimate_model(two_by_two_model(), load_chip("canmore"))
    paths = [*write_csv(estimate, tmp_path), *write_exits(tmp_path, REPORT)]
    write_map_csv(estimate.mapping, estimate.workload.layers, tmp_path / "map.csv")
    heads = set()
    for path in (*paths, tmp_path / "map.csv"):
        text = path.read_bytes()
        assert b"\r" not in text
        heads |= set(text.decode().splitlines()[0].split(","))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", head) for head in heads)
    of_energy = {head for head in heads if "energy" in head}
    assert {"energy_j", "energy_sop_j", "p95_energy_j"} <= of_energy
    assert all(head.endswith("_j") for head in of_energy)
    assert all(head.endswith("_s") for head in heads if "latency" in head)
