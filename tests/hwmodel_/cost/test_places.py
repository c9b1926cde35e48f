from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hwmodel_.builders import close, conv_model, two_by_two_model

from hwmodel.chip.chip import load_chip
from hwmodel.cost.places import core_energy, link_energy, price
from hwmodel.estimate import estimate_model


def places(estimate):
    cores = core_energy(
        estimate.chip,
        estimate.counts,
        estimate.mapping.partition.neurons_per_core,
        estimate.latency.steps,
    )
    loads = estimate.counts.link_loads(estimate.casting)
    return cores, link_energy(estimate.chip, loads, estimate.counts.n_samples)


@pytest.mark.parametrize("chip", ["canmore", "spinnaker", "truenorth"])
@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_places__sum_to_their_terms_of_the_total(chip, casting):
    model = conv_model(np.random.default_rng(0))
    estimate = estimate_model(
        model, load_chip(chip, ["core.neurons=14"]), casting=casting
    )
    cores, links = places(estimate)
    terms = asdict(estimate.energy)
    in_cores = terms["sop"] + terms["neuron_update"] + terms["spike"]
    assert cores.sum() == close(in_cores)
    assert links.sum() == close(terms["hop"] + terms["chip_crossing"])


def test_link_energy__prices_columns_and_chip_borders_apart():
    sets = ["energy.hop=3pJ", "energy.hop_y=4pJ:marginal", "core.neurons=14"]
    sets += ["energy.chip_crossing=50pJ:marginal", "mesh.chip.width=2"]
    sets += ["mesh.chip.height=2"]
    chip = load_chip("canmore", sets)
    estimate = estimate_model(conv_model(np.random.default_rng(1)), chip, mesh=(6, 6))
    _, links = places(estimate)
    loads = estimate.counts.multicast
    by_hand = 0.0
    for (x0, y0), (x1, y1), packets in loads.links():
        crosses = (x0 // 2, y0 // 2) != (x1 // 2, y1 // 2)
        by_hand += packets * ((4 if y0 != y1 else 3) + 50 * crosses) * 1e-12
    assert links.sum() * estimate.counts.n_samples == close(by_hand)
    assert links.sum() == close(estimate.energy.hop + estimate.energy.chip_crossing)


def test_core_energy__of_the_worked_example():
    chip = load_chip("canmore", ["core.neurons=1"])
    cores, links = places(estimate_model(two_by_two_model(), chip, mesh=(2, 2)))
    assert cores.tolist() == close([40e-12, 20e-12, 20e-12, 20e-12])
    assert np.count_nonzero(links) == 3
    assert links.sum() == close(300e-12)


def test_price__is_zero_for_what_the_law_has_not():
    chip = load_chip("canmore")
    assert (price(chip, "sop"), price(chip, "spike")) == (20e-12, 0.0)
