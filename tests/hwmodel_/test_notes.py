from __future__ import annotations

import numpy as np
from hwmodel_.builders import counted, dense_model

from hwmodel.chip.chip import CoreLimits, load_chip
from hwmodel.notes import mapping_notes


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
