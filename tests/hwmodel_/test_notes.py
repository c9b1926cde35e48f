from __future__ import annotations

from dataclasses import replace

import numpy as np
from hwmodel_.builders import (
    averaging_model,
    counted,
    dense_model,
    make_model,
    make_network,
)

from eventsim.topology import Conv2d
from hwmodel.chip.chip import CoreLimits, load_chip
from hwmodel.notes import mapping_notes, traffic_notes


def test_mapping_notes__are_silent_about_groups_of_features_on_the_mesh():
    _, mapping, counts = counted(dense_model([2, 3, 6], np.random.default_rng(0)), 2)
    assert mapping_notes(load_chip("canmore"), mapping, counts) == []


def test_mapping_notes__tell_copies_with_what_they_add():
    model = dense_model([2, 3, 6], np.random.default_rng(0), 0.0, n_samples=1)
    limits = CoreLimits(neurons=6, synapses=6, target_cores=1)
    workload, mapping, counts = counted(model, limits)
    (line,) = mapping_notes(load_chip("canmore"), mapping, counts)
    sops, spikes = 6 * workload.spikes_in[0].sum(), 2 * workload.spikes_out[0].sum()
    assert line == (
        "layer_1 (dense): 6 copies of its 3 neurons, since a neuron sends to 1 core at "
        f"most; per inference they add {sops} SOPs and {spikes} spikes"
    )


def test_mapping_notes__one_run_is_singular():
    # 4 x 4 positions of 2 channels, 8 neurons a core: 2 x 4 positions of one channel
    topology = Conv2d((4, 4, 1), 2, (1, 1))
    weight = np.ones(topology.weight_shape)
    counts = [np.ones(16), np.ones(32)]
    model = make_model(make_network((4, 4, 1), (topology, weight)), counts)
    _, mapping, counted_ = counted(model, 8)
    (line,) = mapping_notes(load_chip("canmore"), mapping, counted_)
    assert line.endswith("maps of 4x4 are cut into 2 runs of rows and 1 of columns")
    _, mapping, counted_ = counted(model, 2)
    (line,) = mapping_notes(load_chip("canmore"), mapping, counted_)
    assert line.endswith("cut into 4 runs of rows and 2 of columns")


def test_traffic_notes__average_pools_are_one_line():
    workload, _, counts = counted(averaging_model(np.random.default_rng(0)), 10)
    (line,) = traffic_notes(workload, counts)
    end = "folded into the synapses; every spike travels and acts by itself"
    assert line == f"layer_3 (sparse): the average pool before it is {end}"
    twice = replace(workload, **doubled(workload))
    (line,) = traffic_notes(twice, counts)
    names = "layer_3 (sparse), layer_3 (sparse)"
    assert line == f"{names}: the average pools before them are {end}"
    unpooled, _, counts = counted(dense_model([2, 3], np.random.default_rng(0)), 3)
    assert traffic_notes(unpooled, counts) == []


def doubled(workload):
    """Every layer and its spikes twice."""
    names = ("layers", "spikes_in", "spikes_out")
    return {name: 2 * tuple(getattr(workload, name)) for name in names}
