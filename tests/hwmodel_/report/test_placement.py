from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import dense_model

from hwmodel.chip.chip import load_chip
from hwmodel.estimate import estimate_model
from hwmodel.on_chip import place_layers
from hwmodel.placing.budget import Budget
from hwmodel.report.placement import placement_dict, placement_text
from hwmodel.workload.workload import from_model, layers_of

MODEL = dense_model([9, 8, 7, 3], np.random.default_rng(0))
CHIP = load_chip("canmore", ["core.neurons=2"])


def placed(method="greedy", **options):
    workload = from_model(MODEL) if method != "row-major" else None
    options = {"method": method, **options}
    return place_layers(layers_of(MODEL.network), CHIP, None, workload, **options)


def test_placement_dict__holds_means_and_agrees_with_the_estimate():
    data = placement_dict(placed(budget=Budget(2000)), MODEL.activity.n_samples)
    options = {"placement": "greedy", "budget": Budget(2000)}
    estimate = estimate_model(MODEL, CHIP, **options)
    hops = estimate.counts.transport("multicast").hops / estimate.counts.n_samples
    assert data["value"] == hops
    rows = estimate_model(MODEL, CHIP)
    assert data["row_major"] == rows.counts.transport("multicast").hops / 5
    assert data["lower_bound"] <= data["value"] <= data["row_major"]
    assert data["gain"] == pytest.approx(1 - data["value"] / data["row_major"])
    assert (data["method"], data["objective"], data["seed"]) == ("greedy", "hops", 0)


@pytest.mark.parametrize(
    ("objective", "unit"),
    [
        ("hops", "hops"),
        ("energy", "nJ for hops and chips"),
        ("worst-link", "packets on the busiest link"),
    ],
)
def test_placement_text__names_method_gain_and_bound(objective, unit):
    text = placement_text(placed("spectral", objective=objective), 5)
    assert text.startswith("spectral: ")
    assert f"{unit} (multicast), row-major" in text
    assert "lower bound" in text


def test_placement_text__without_traffic():
    text = placement_text(placed("row-major"), 1)
    assert text == "row-major, not judged: there is no traffic"
