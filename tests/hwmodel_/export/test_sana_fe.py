from __future__ import annotations

import json
import re
from collections import defaultdict

import numpy as np
import pytest
import yaml
from hwmodel_.builders import (
    averaging_model,
    close,
    conv_model,
    dense_model,
    two_by_two_model,
)

from eventsim.errors import RunError
from hwmodel.chip.chip import load_chip
from hwmodel.errors import PlacementError
from hwmodel.estimate import estimate_model
from hwmodel.export.sana_fe import export_sana_fe

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, faster
PRICES = [
    f"energy.{name}={joules}pJ:marginal"
    for name, joules in [
        *(("sop", 2), ("hop", 3), ("hop_y", 5), ("neuron_update", 7), ("spike", 11)),
        *(("axon_in", 13), ("axon_out", 17), ("router", 19)),
    ]
]
MODELS = {
    "two by two": two_by_two_model(),
    "dense": dense_model([6, 30, 5], np.random.default_rng(0)),
    "average": averaging_model(np.random.default_rng(0), 3, 1),
    "conv": conv_model(np.random.default_rng(0)),
}


def estimated(model, *sets, **options):
    chip = load_chip("canmore", ["core.neurons=14", *sets])
    options = {"mesh": (4, 8), "input_port": (2, 1), **options}
    return estimate_model(model, chip, casting="unicast", **options)


def read(folder):
    architecture, network = (
        yaml.load((folder / f"{name}.yaml").read_text("utf-8"), LOADER)
        for name in ("architecture", "network")
    )
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    return architecture["architecture"], network, expected


def units_of(core):
    """Attributes by kind of unit, those of the soma by name."""
    units = {
        kind: core[kind][0]["attributes"]
        for kind in ("axon_in", "synapse", "dendrite", "axon_out")
    }
    return units, {s["name"].split("[")[0]: s["attributes"] for s in core["soma"]}


def simulated(architecture, network, steps):
    """What the files say happens, by the published rules of the simulator."""
    height = architecture["attributes"]["height"]
    cores = {}
    for i, tile in enumerate(architecture["tile"]):
        for offset, core in enumerate(tile["core"]):
            hops = tile["attributes"]
            cores[f"{i}.{offset}"] = (divmod(i, height), units_of(core), hops)
    mapped = {}
    for entry in network["mappings"]:
        ((neuron, where),) = entry.items()
        where = {key: value for part in where for key, value in part.items()}
        mapped[str(neuron)] = (str(where["core"]), where["soma"].split("[")[0])
    spikes = {}
    for group in network["network"]["groups"]:
        for entry in group["neurons"]:
            ((number, attributes),) = entry.items()
            times = attributes[0]["spikes"] if attributes else []
            assert len(times) in (0, steps)
            spikes[f"{group['name']}.{number}"] = sum(times)
    assert set(spikes) == set(mapped)
    targets = defaultdict(list)
    for entry in network["network"]["edges"]:
        ((edge, _),) = entry.items()
        pre, post = edge.split(" -> ")
        targets[pre].append(mapped[post][0])
    found = defaultdict(float)
    for neuron, (core, soma) in mapped.items():
        (x, y), (units, somas), hops = cores[core]
        found["soma"] += somas[soma]["energy_access_neuron"] * steps
        found["soma"] += somas[soma]["energy_spike_out"] * spikes[neuron]
        for target in targets[neuron]:
            event = cores[target][1][0]["synapse"]["energy_process_spike"]
            found["synapse"] += event * spikes[neuron]
            found["sops"] += spikes[neuron]
        if not neuron.startswith("layer1_inputs."):
            reached = len(set(targets[neuron]))
            found["most_targets"] = max(found["most_targets"], reached)
        for target in set(targets[neuron]):
            (to_x, to_y), (target_units, _), _ = cores[target]
            across, along = abs(to_x - x), abs(to_y - y)
            energy = units["axon_out"]["energy_message_out"]
            energy += target_units["axon_in"]["energy_message_in"]
            energy += (
                across * hops["energy_east_hop"] + along * hops["energy_north_hop"]
            )
            found["network"] += energy * spikes[neuron]
            found["packets"] += spikes[neuron]
            found["hops"] += (across + along) * spikes[neuron]
    return found


@pytest.mark.parametrize("execution", ["time-stepped", "event-driven"])
@pytest.mark.parametrize("model", MODELS)
def test_export_sana_fe__files_say_what_is_expected(tmp_path, model, execution):
    estimate = estimated(MODELS[model], *PRICES, f"execution={execution}")
    export_sana_fe(estimate, tmp_path)
    assert_as_expected(estimate, *read(tmp_path))


def assert_as_expected(estimate, architecture, network, expected):
    found = simulated(architecture, network, expected["steps"])
    for name in ("packets", "hops", "sops"):
        assert found[name] == expected[name]
    for name in ("synapse", "soma", "network"):
        assert found[name] == close(expected["energy_j"][name])
    n = expected["inferences"]
    dynamic = estimate.energy.total - estimate.energy.static
    assert expected["energy_j"]["total"] == close(dynamic * n)
    assert expected["left_out_j"]["static"] == close(estimate.energy.static * n)
    return found


@pytest.mark.parametrize("execution", ["time-stepped", "event-driven"])
@pytest.mark.parametrize("model", ["dense", "average", "conv"])
def test_export_sana_fe__copies_are_neurons_of_their_own(tmp_path, model, execution):
    small = ["core.neurons=6", "core.target_cores=1"]
    if model == "dense":
        small = ["core.neurons=10", "core.synapses=60", "core.target_cores=1"]
    sets = [*PRICES, f"execution={execution}", *small]
    estimate = estimated(MODELS[model], *sets, mesh=(16, 20))
    assert estimate.mapping.partition.copies_per_core.sum() > 0
    export_sana_fe(estimate, tmp_path)
    architecture, network, expected = read(tmp_path)
    found = assert_as_expected(estimate, architecture, network, expected)
    assert found["most_targets"] == 1
    sizes = {g["name"]: len(g["neurons"]) for g in network["network"]["groups"]}
    for layer, counted in zip(
        estimate.workload.layers, estimate.counts.layers, strict=True
    ):
        on_cores = counted.neurons + counted.copies
        assert sizes[f"layer{layer.number}"] == on_cores
        assert sizes[f"layer{layer.number}_fired"] == on_cores


def test_export_sana_fe__of_the_worked_example(tmp_path):
    # as in test_estimate: 2 samples, unicast; 4 spikes of the input reach core 0,
    # 2 spikes of the hidden neuron three cores
    chip = load_chip("canmore", ["core.neurons=1"])
    estimate = estimate_model(two_by_two_model(), chip, mesh=(2, 2), casting="unicast")
    export_sana_fe(estimate, tmp_path)
    _, _, expected = read(tmp_path)
    assert (expected["steps"], expected["inferences"]) == (40, 2)
    assert (expected["packets"], expected["hops"], expected["sops"]) == (10, 8, 10)
    assert expected["energy_j"]["synapse"] == close(10 * 20e-12)
    assert expected["energy_j"]["network"] == close(8 * 100e-12)


def test_export_sana_fe__numbers_are_floats_in_any_yaml(tmp_path):
    export_sana_fe(
        estimated(two_by_two_model(), "energy.sop=2e-5pJ:marginal"), tmp_path
    )
    text = (tmp_path / "architecture.yaml").read_text("utf-8")
    numbers = re.findall(r"(?:energy|latency)_\w+: ([^,}]+)", text)
    assert "2.0e-17" in numbers
    for number in numbers:
        assert re.fullmatch(r"\d+\.\d+(e[-+]\d+)?", number), number


def test_export_sana_fe__refuses_what_the_simulator_has_not(tmp_path):
    chip = load_chip("canmore")
    with pytest.raises(PlacementError, match="unicast packets, got an estimate with"):
        export_sana_fe(estimate_model(two_by_two_model(), chip), tmp_path)
    torus = estimated(two_by_two_model(), "mesh.topology=triangular torus")
    with pytest.raises(PlacementError, match="has a mesh, chip canmore a triangular"):
        export_sana_fe(torus, tmp_path)


def test_export_sana_fe__a_file_in_the_way_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RunError, match="cannot write"):
        export_sana_fe(estimated(two_by_two_model()), tmp_path / "file")
