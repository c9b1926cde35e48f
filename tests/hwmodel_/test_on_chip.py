from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import dense_model, two_by_two_model

from eventsim.model_file import ModelFile
from hwmodel.chip.chip import load_chip
from hwmodel.errors import ChipError, PlacementError
from hwmodel.on_chip import cut, map_model, place_layers
from hwmodel.placing.problem import Problem
from hwmodel.traffic.counts import count
from hwmodel.workload.workload import from_model, layers_of


def one_neuron_a_core(name):
    return load_chip(name, ["core.neurons=1"])


def test_map_model__needs_no_activity():
    model = ModelFile(two_by_two_model().network)
    mapping = map_model(model, one_neuron_a_core("canmore"), (2, 2))
    assert mapping.partition.n_cores == 4


def test_cut__fills_the_cores_of_the_chip():
    layers = layers_of(dense_model([3, 7, 2], np.random.default_rng(0)).network)
    part = cut(layers, load_chip("canmore", ["core.neurons=3"]))
    assert part.neurons_per_core.tolist() == [3, 2, 2, 2]


def test_place_layers__pays_hops_in_x_and_y_as_the_chip_does(tmp_path):
    from importlib import resources

    model = dense_model([5, 6, 4], np.random.default_rng(1))
    text = (resources.files("hwmodel") / "chips" / "canmore.yaml").read_text("utf-8")
    both = text.replace(
        "  static:\n", "  hop_y:\n    value: 7\n    unit: pJ\n    kind: marginal\n"
        "    source: made up\n  static:\n", 1,
    )  # fmt: skip
    path = tmp_path / "xy.yaml"
    path.write_text(both.replace("name: canmore", "name: xy"))
    chip = load_chip(path, ["core.neurons=2", "energy.hop=2pJ"])
    options = {"method": "snake", "objective": "energy"}
    workload = from_model(model)
    placed = place_layers(workload.layers, chip, (3, 2), workload, **options)
    mapping = placed.mapping
    hops = place_layers(workload.layers, chip, (3, 2), workload, method="snake").value
    problem_of_y = Problem(
        mapping.grid, 5, _flows(workload, mapping), "multicast", "hops"
    )
    hops_y = problem_of_y._loads(mapping.x, mapping.y).hops_y
    assert 0 < hops_y < hops
    assert placed.value == pytest.approx((hops - hops_y) * 2e-12 + hops_y * 7e-12)


def test_place_layers__pays_the_router_that_a_hop_leads_to():
    model = dense_model([5, 6, 4], np.random.default_rng(1))
    workload = from_model(model)
    chip = load_chip("spinnaker", ["core.neurons=2", "mesh.cores_per_router=1"])
    options = {"method": "snake", "objective": "energy"}
    placed = place_layers(workload.layers, chip, (3, 2), workload, **options)
    hops = count(workload, placed.mapping).multicast.total
    assert hops > 0
    assert placed.value == pytest.approx(hops * 0.8e-9)


def _flows(workload, mapping):
    from hwmodel.traffic.flows import layer_traffic

    return tuple(t.flows for t in layer_traffic(workload, mapping.partition))


def test_place_layers__names_the_port_outside_and_the_price_that_is_missing():
    model = two_by_two_model()
    layers, workload = layers_of(model.network), from_model(model)
    chip = one_neuron_a_core("canmore")
    with pytest.raises(PlacementError, match=r"input port \(2, 0\) is outside"):
        place_layers(layers, chip, (2, 2), workload, input_port=(2, 0))
    options = {"method": "greedy", "objective": "energy"}
    with pytest.raises(ChipError, match=r"chip truenorth: energy.hop is 0.*hops"):
        place_layers(layers, one_neuron_a_core("truenorth"), None, workload, **options)
    with pytest.raises(PlacementError, match="placement greedy looks at the traffic"):
        place_layers(layers, chip, method="greedy")
