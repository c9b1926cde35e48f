from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import conv_model, dense_model

from hwmodel.chip.chip import load_chip
from hwmodel.mapping.groups import LayerPartition, equal_runs
from hwmodel.mesh.grid import Grid
from hwmodel.on_chip import map_model
from hwmodel.report.mapping import cores_text, grid_text, map_rows, map_text
from hwmodel.workload.workload import layers_of


def test_map_rows__list_every_neuron_once():
    model = conv_model(np.random.default_rng(0))
    mapping = map_model(model, load_chip("canmore", ["core.neurons=14"]))
    layers = layers_of(model.network)
    rows = map_rows(mapping, layers)
    assert [row["core"] for row in rows] == list(range(mapping.partition.n_cores))
    for layer in layers:
        mine = [row for row in rows if row["layer"] == layer.name]
        assert sum(row["neurons"] for row in mine) == layer.n_neurons


def test_map_text__shows_groups_and_places():
    model = dense_model([3, 5], np.random.default_rng(0))
    mapping = map_model(model, load_chip("canmore", ["core.neurons=3"]), (2, 1))
    text = map_text(mapping, layers_of(model.network))
    assert "2 cores on a 2x1 mesh" in text
    assert "0-2" in text
    assert "(1, 0)" in text
    assert "copies" not in text


def test_map_text__shows_copies_where_there_are_any():
    model = dense_model([6, 7, 20], np.random.default_rng(0), 0.0)
    chip = load_chip("canmore", ["core.neurons=9", "core.target_cores=1"])
    mapping = map_model(model, chip)
    head, _, titles, _, *rows = map_text(mapping, layers_of(model.network)).splitlines()
    copies = [int(row.split()[7]) for row in rows]
    assert titles.split()[6] == "copies"
    assert copies == mapping.partition.copies_per_core.tolist()
    assert head.endswith(f", {sum(copies)} copies of neurons besides")


@pytest.mark.parametrize(
    ("grid", "text"),
    [
        (Grid(4, 2), "a 4x2 mesh"),
        (Grid(4, 2, chip=(2, 2)), "a 4x2 mesh of 2 chips"),
        (
            Grid(2, 2, 16, (1, 1), "triangular torus"),
            "a 2x2 triangular torus of 4 chips",
        ),
    ],
)
def test_grid_text__names_size_topology_and_chips(grid, text):
    assert grid_text(grid) == text


@pytest.mark.parametrize(
    ("width", "article"),
    [(8, "an"), (11, "an"), (18, "an"), (80, "an"), (110, "a"), (180, "a"), (1, "a")],
)
def test_grid_text__has_the_article_that_is_spoken(width, article):
    assert grid_text(Grid(width, 4)) == f"{article} {width}x4 mesh"


@pytest.mark.parametrize(("shape", "text"), [((3, 1, 1), "3"), ((3, 2, 1), "3x2x1")])
def test_cores_text__is_a_product_if_maps_are_cut(shape, text):
    part = LayerPartition(0, *(equal_runs(4, n) for n in shape))
    assert cores_text(part) == text
