from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import dense_model, two_by_two_model

from eventsim.model_file import ModelFile
from hwmodel.chip.chip import load_chip
from hwmodel.cost.bill import bill_of
from hwmodel.cost.energy import pay
from hwmodel.cost.latency import latency
from hwmodel.errors import ChipError, PlacementError
from hwmodel.mapping.placement import Mapping
from hwmodel.on_chip import _prices, cut, map_model, place_layers
from hwmodel.placing.problem import Problem
from hwmodel.traffic.counts import count
from hwmodel.traffic.flows import layer_traffic
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
    options = {"method": "spectral", "objective": "energy"}
    workload = from_model(model)
    placed = place_layers(workload.layers, chip, (3, 2), workload, **options)
    total = count(workload, placed.mapping).transport("multicast")
    hops, hops_y = total.hops, total.hops_y
    assert 0 < hops_y < hops
    assert placed.value == pytest.approx((hops - hops_y) * 2e-12 + hops_y * 7e-12)


def test_place_layers__pays_the_router_that_a_hop_leads_to():
    model = dense_model([5, 6, 4], np.random.default_rng(1))
    workload = from_model(model)
    chip = load_chip("spinnaker", ["core.neurons=2", "mesh.cores_per_router=1"])
    options = {"method": "spectral", "objective": "energy"}
    placed = place_layers(workload.layers, chip, (3, 2), workload, **options)
    hops = count(workload, placed.mapping).multicast.total
    assert hops > 0
    assert placed.value == pytest.approx(hops * 0.8e-9)


CHIPS = {
    "one chip": ("canmore", []),
    "static by the inference": ("canmore", ["energy.static=1nJ/frame"]),
    "crossings, y apart": (
        "loihi",
        [
            "energy.chip_crossing=9pJ:marginal",
            "mesh.chip.width=2",
            "mesh.chip.height=1",
        ],
    ),
    "no static power": (
        "loihi",
        ["energy.chip_crossing=9pJ:marginal", "mesh.chip.width=2", "energy.static=0W"],
    ),
    "a torus of chips": ("spinnaker", ["mesh.cores_per_router=2"]),
    "a torus of larger chips": (
        "spinnaker",
        ["mesh.chip.width=2", "energy.chip_crossing=2nJ:marginal"],
    ),
}


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
@pytest.mark.parametrize(("preset", "overrides"), CHIPS.values(), ids=CHIPS)
def test_place_on__the_energy_is_what_is_billed_but_for_a_constant(
    preset, overrides, casting
):
    rng = np.random.default_rng(7)
    workload = from_model(dense_model([5, 9, 8, 4], rng))
    chip = load_chip(preset, ["core.neurons=2", *overrides])
    part, duration = cut(workload.layers, chip), latency(workload.windows, 4, chip)
    traffic = tuple(layer_traffic(workload, part))
    grid = chip.mesh.grid((5, 4))
    steps = duration.steps * workload.n_samples
    problem = Problem(
        grid,
        part.n_cores,
        tuple(t.flows for t in traffic),
        casting,
        "energy",
        (1, 2),
        _prices(chip, grid, part.n_cores, steps),
    )
    objective, billed, n_chips = [], [], set()
    for i in range(8):
        free = grid.n_cores if i % 2 else part.n_cores  # now and then close together
        slots = rng.permutation(free)[: part.n_cores]
        router = slots // grid.cores_per_router
        mapping = Mapping(part, grid, router % 5, router // 5)
        counts = count(workload, mapping, (1, 2), traffic)
        bill = bill_of(chip, counts, casting, duration, mapping.n_chips)
        n_chips.add(mapping.n_chips)
        billed.append(pay(chip, bill)[0].total * workload.n_samples)
        objective.append(problem.value(mapping.x, mapping.y)[0])
    change, billed_change = np.array(objective) - objective[0], np.array(billed)
    billed_change -= billed[0]
    assert np.ptp(billed_change) > 0
    assert (len(n_chips) > 1) == (preset != "canmore")
    assert change == pytest.approx(billed_change, rel=0, abs=1e-12 * max(billed))


def test_place_layers__static_power_lasts_for_the_steps_of_all_inferences():
    workload = from_model(dense_model([5, 9, 8, 4], np.random.default_rng(1)))
    chip = load_chip("spinnaker", ["core.neurons=2", "mesh.cores_per_router=2"])
    options = {"method": "spectral", "objective": "energy"}
    values = [
        place_layers(
            workload.layers, chip, (5, 4), workload, steps_per_window=n, **options
        )
        for n in (1, 3)
    ]
    of_windows = workload.windows * workload.n_samples * 1e-3 * 0.36
    assert workload.windows == int(workload.windows)
    n_chips = values[0].mapping.n_chips
    more = values[1].value - values[0].value
    assert more == pytest.approx(2 * n_chips * of_windows)


@pytest.mark.parametrize(
    ("chip", "mesh", "unknown"),
    [
        ("loihi", (9, 4), "energy.chip_crossing"),
        ("spinnaker", (3, 4), "timing.step"),
        ("spinnaker", (3, 4), "energy.static"),
        ("canmore", (3, 4), "energy.hop"),
    ],
)
def test_place_layers__names_the_price_that_is_unknown(chip, mesh, unknown):
    workload = from_model(dense_model([5, 9, 8, 4], np.random.default_rng(1)))
    overrides = [f"{unknown}=unknown", "core.neurons=3", "mesh.cores_per_router=2"]
    priced = load_chip(chip, overrides)
    options = {"method": "greedy", "objective": "energy"}
    with pytest.raises(ChipError, match=rf"chip {chip}: {unknown} is unknown"):
        place_layers(workload.layers, priced, mesh, workload, **options)


def test_place_layers__needs_no_price_of_what_cannot_change():
    # a core a chip: six chips draw power wherever the six cores lie
    workload = from_model(dense_model([5, 9, 9], np.random.default_rng(1)))
    options = {"method": "spectral", "objective": "energy"}
    chip = load_chip(
        "spinnaker",
        ["timing.step=unknown", "core.neurons=3", "mesh.cores_per_router=1"],
    )
    placed = place_layers(workload.layers, chip, (3, 2), workload, **options)
    assert placed.mapping.n_chips == 6
    # and on a single chip none to cross its border
    chip = load_chip("loihi", ["core.neurons=3"])
    place_layers(workload.layers, chip, (3, 2), workload, **options)


def test_place_layers__names_the_port_outside_and_the_price_that_is_missing():
    model = two_by_two_model()
    layers, workload = layers_of(model.network), from_model(model)
    chip = one_neuron_a_core("canmore")
    with pytest.raises(PlacementError, match=r"input port \(2, 0\) is outside"):
        place_layers(layers, chip, (2, 2), workload, input_port=(2, 0))
    options = {"method": "greedy", "objective": "energy"}
    # a price beside an average would be refused, so it is not what to set
    said = r"truenorth: energy.hop is 0 \(included in energy.sop\), .*--objective hops$"
    with pytest.raises(ChipError, match=said):
        place_layers(layers, one_neuron_a_core("truenorth"), None, workload, **options)
    free = load_chip("canmore", ["core.neurons=1", "energy.hop=0pJ"])
    said = r"canmore: energy.hop is 0, .*hops, or pass --set energy.hop=2.3pJ:marginal$"
    with pytest.raises(ChipError, match=said):
        place_layers(layers, free, None, workload, **options)
    with pytest.raises(PlacementError, match="placement greedy looks at the traffic"):
        place_layers(layers, chip, method="greedy")
