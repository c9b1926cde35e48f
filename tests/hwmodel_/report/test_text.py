from __future__ import annotations

import json

import numpy as np
import pytest
from hwmodel_.builders import (
    close,
    conv_model,
    dense_model,
    make_model,
    make_network,
    two_by_two_model,
)

from eventsim.topology import Dense
from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_model
from hwmodel.report.text import to_dict, to_text

CONTRACT = {"chip", "cores", "mesh", "sops", "spikes", "hops", "energy_j", "latency_s"}
CONTRACT |= {"steps", "packets", "hops_unicast", "hops_multicast", "input_hops"}
CONTRACT |= {"hops_by_direction", "worst_link"}
CONTRACT |= {"energy_interval_j", "sensitivity", "monte_carlo"}
CONTRACT |= {"normalised_energy", "layers", "warnings", "n_samples", "model", "version"}


def example(name="canmore", *overrides, **kwargs):
    model = two_by_two_model(dataset="made up", seed=3)
    chip = load_chip(name, ["core.neurons=1", *overrides])
    return estimate_model(model, chip, mesh=(2, 2), input_port=(1, 1), **kwargs)


def test_to_dict__holds_the_contract_and_survives_json():
    data = to_dict(example())
    assert set(data) >= CONTRACT
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_to_dict__numbers_are_means_per_inference():
    data = to_dict(example())
    assert (data["chip"], data["cores"], data["mesh"]) == ("canmore", 4, [2, 2])
    assert (data["sops"], data["spikes"], data["packets"]) == (5.0, 2.0, 3.0)
    assert (data["hops"], data["hops_unicast"], data["hops_multicast"]) == (
        7.0,
        8.0,
        7.0,
    )
    assert (data["input_hops"], data["steps"], data["latency_s"]) == (4.0, 20, None)
    assert data["spikes_by_origin"] == {"input": 5.0, "hidden": 1.0, "output": 1.0}
    assert data["energy_j"]["total"] == close(3.5208e-6)
    assert data["model"] == {"dataset": "made up", "seed": 3}


def test_to_dict__hops_follow_the_casting():
    assert to_dict(example(casting="unicast"))["hops"] == 8.0


@pytest.mark.parametrize(
    ("casting", "input_hops"), [("multicast", 3.0), ("unicast", 6.0)]
)
def test_to_dict__input_hops_are_those_of_the_first_layer(casting, input_hops):
    # one input reaches cores 0, 1, 2, 3 of a row: a tree of 3 links or 0 + 1 + 2 + 3;
    # the fifth core, one row below the first, gets 1 + 2 + 3 + 4 from its four inputs
    first, last = Dense((1,), 4), Dense((4,), 1)
    network = make_network((1,), (first, np.ones((1, 4))), (last, np.ones((4, 1))))
    model = make_model(network, [[1], [1, 1, 1, 1], [0]])
    chip = load_chip("canmore", ["core.neurons=1"])
    result = estimate_model(model, chip, mesh=(4, 2), casting=casting)
    data = to_dict(result)
    assert data["input_hops"] == input_hops
    assert data["hops"] == input_hops + 10.0
    (row,) = [line for line in to_text(result).splitlines() if "(paid)" in line]
    assert row.split()[3:5] == [f"{input_hops + 10:.0f}", f"{input_hops:.0f}"]


@pytest.mark.parametrize("casting", ["unicast", "multicast"])
def test_to_dict__parts_sum_to_the_whole(casting):
    chip = load_chip("canmore", ["core.neurons=14"])
    model = conv_model(np.random.default_rng(0))
    data = to_dict(estimate_model(model, chip, casting=casting))
    for key in ("sops", "packets", "hops", "hops_unicast", "hops_multicast"):
        assert sum(layer[key] for layer in data["layers"]) == close(data[key])
    energy = data["energy_j"]
    for term in ("sop", "hop"):
        parts = [layer["energy_j"][term] for layer in data["layers"]]
        assert sum(parts) == close(energy[term])
    assert energy["sop"] + energy["hop"] + energy["static"] == energy["total"]
    assert sum(link["packets"] for link in data["links"]) == close(data["hops"])
    assert sum(data["hops_by_direction"].values()) == close(data["hops"])
    assert sum(core["sops"] for core in data["core_load"]) == close(data["sops"])
    assert sum(core["neurons"] for core in data["core_load"]) == sum(
        layer["neurons"] for layer in data["layers"]
    )


def test_to_dict__names_hops_by_direction_and_the_worst_link():
    # the input's 4 packets go (1, 1), (0, 1), (0, 0); the tree is +x, +y, +y, 2 packets
    data = to_dict(example())
    assert data["hops_by_direction"] == {"+x": 1.0, "-x": 2.0, "+y": 2.0, "-y": 2.0}
    assert data["worst_link"] == {"from": [1, 1], "to": [0, 1], "packets": 2.0}
    assert data["busiest_link"] == 2.0
    assert data["worst_link"] in data["links"]


def test_to_dict__a_torus_has_diagonals():
    # every router of the four is one hop from every other
    data = to_dict(example("spinnaker", "mesh.cores_per_router=1"))
    assert data["hops_by_direction"] == {
        **{"+x": 1.0, "-x": 0.0, "+y": 1.0, "-y": 0.0},
        **{"+x+y": 3.0, "-x-y": 0.0},
    }
    assert data["worst_link"] == {"from": [1, 1], "to": [0, 0], "packets": 2.0}


def test_report__without_packets_has_no_worst_link():
    model = dense_model([3, 2], np.random.default_rng(0), max_spikes=1)
    result = estimate_model(model, load_chip("canmore"))
    assert to_dict(result)["worst_link"] is None
    (row,) = [line for line in to_text(result).splitlines() if "(paid)" in line]
    assert row.split()[-2:] == ["-", "-"]


def test_to_text__shows_hops_by_direction_and_where_the_busiest_link_is():
    lines = to_text(example("spinnaker", "mesh.cores_per_router=1")).splitlines()
    assert "4 cores on a 2x2 triangular torus" in lines[0]
    (row,) = [line for line in lines if "(paid)" in line]
    assert row.endswith("2  (1, 1)  (0, 0)")
    head = next(i for i, line in enumerate(lines) if "hops by direction" in line)
    assert lines[head].split()[3:] == ["+x", "-x", "+y", "-y", "+x+y", "-x-y"]
    assert lines[head + 2].split() == ["multicast", "1", "0", "1", "0", "3", "0"]
    assert lines[head + 3].split() == ["unicast", "1", "0", "1", "0", "3", "0"]


def test_to_text__shows_both_castings_prices_and_remarks():
    text = to_text(example("truenorth"))
    assert "truenorth: 4 cores on a 2x2 mesh, means of 2 inferences" in text
    assert "unicast (paid)" in text
    assert "multicast " in text
    assert "20 ms (20 steps, 2 windows)" in text
    assert "note: priced as 0, included in the average energy.sop: energy.n" in text
    assert "casting            unicast, as chip truenorth sends spikes (Merolla" in text
    assert max(map(len, text.partition("casting  ")[2].splitlines())) <= 88
    assert "warning: layer_2 (dense): 3 cores to reach with one spike" in text


def test_to_text__shows_the_energy_that_is_neither_sop_nor_hop():
    text = to_text(example("loihi"))
    head, _, hidden, output = text.splitlines()[2:6]
    assert head.split()[-2:] == ["E", "other"]
    # 20 updates of a neuron at 52 pJ and 2 packets taken in at 1.7 pJ; 60 and 3
    assert hidden.split()[-2:] == ["1.043", "nJ"]
    assert output.split()[-2:] == ["3.125", "nJ"]
    assert "E other" not in to_text(example("canmore"))


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({}, "weights of 4 bits per channel"),
        (
            {
                "quantise_accuracy_before": 0.9117,
                "test_accuracy": 0.9067,
                "quantise_epochs": 0,
            },
            "weights of 4 bits per channel; test accuracy 90.67%, 91.17% before",
        ),
        (
            {"quantise_epochs": 2, "test_accuracy": 0.5},
            "weights of 4 bits per channel, fine-tuned for 2 epochs; test accuracy "
            "50.00%",
        ),
    ],
)
def test_to_text__says_that_weights_are_quantised(facts, line):
    chip = load_chip("canmore")
    model = two_by_two_model(quantise_bits=4, quantise_per="channel", **facts)
    estimate = estimate_model(model, chip)
    assert to_text(estimate).splitlines()[1] == line
    assert to_dict(estimate)["model"]["quantise_bits"] == 4


def test_to_text__says_nothing_of_full_precision():
    assert "bits per" not in to_text(example())


def test_to_text__unknown_latency_is_said():
    assert "latency            unknown (20 steps" in to_text(example())


def test_to_text__several_chips_are_said():
    assert "4 cores on a 2x2 triangular torus of 4 chips, means" in to_text(
        example("spinnaker")
    )
