from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.early_exit.event_oracle import synapses_of
from hwmodel_.early_exit.exit_setups import NETWORKS

from hwmodel.workload.synapse_list import synapse_list
from hwmodel.workload.workload import layers_of


@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_synapse_list__is_what_loops_over_the_geometry_find(build, seed):
    network = NETWORKS[build](np.random.default_rng(seed))
    for layer in layers_of(network):
        pre, post, slot = synapse_list(layer)
        expected = [
            (i, j, int(np.ravel_multi_index(place, layer.weight.shape)))
            for i, j, place in synapses_of(network, layer.number)
        ]
        found = zip(pre.tolist(), post.tolist(), slot.tolist(), strict=True)
        assert sorted(found) == sorted(expected)
        assert (np.diff(pre) >= 0).all()


def test_synapse_list__counts_are_those_of_the_layer():
    network = NETWORKS["average pool"](np.random.default_rng(2))
    for layer in layers_of(network):
        pre, _, _ = synapse_list(layer)
        spans = [(0, layer.topology.n_features)]
        rows = [(0, layer.topology.output_shape[0])]
        fan_out = layer.synapses(spans, rows).fan_out
        assert np.bincount(pre, minlength=fan_out.size).tolist() == fan_out.tolist()
