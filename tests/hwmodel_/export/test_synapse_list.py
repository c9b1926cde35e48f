from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hwmodel_.builders import averaging_model, conv_model, dense_model
from hwmodel_.oracle import conv_matrix, dense_matrix

from eventsim.topology import Conv2d, Dense
from hwmodel.errors import WorkloadError
from hwmodel.export.synapse_list import synapse_list
from hwmodel.workload.workload import LayerGeometry, layers_of


def listed(layer):
    synapses = synapse_list(layer)
    assert (np.diff(synapses.pre) >= 0).all()
    pairs = zip(synapses.pre.tolist(), synapses.post.tolist(), strict=True)
    return Counter(pairs), synapses


@pytest.mark.parametrize("seed", range(3))
def test_synapse_list__is_the_connection_matrix(seed):
    rng = np.random.default_rng(seed)
    models = [conv_model(rng), dense_model([4, 6, 3], rng)]
    for layer in (x for model in models for x in layers_of(model.network)):
        pairs, synapses = listed(layer)
        topology = layer.topology
        if isinstance(topology, Conv2d):
            matrix = conv_matrix(
                layer.weight, topology.input_shape, topology.stride, topology.padding
            )
        else:
            matrix = dense_matrix(layer.weight)
        assert set(pairs) == set(map(tuple, np.argwhere(matrix).tolist()))
        assert set(pairs.values()) == {1}
        for pre, post, weight in zip(
            synapses.pre, synapses.post, synapses.weight, strict=True
        ):
            assert weight == weight_between(topology, layer.weight, pre, post)


def weight_between(topology, weight, pre, post):
    if isinstance(topology, Dense):
        return weight[pre, post]
    _, width, channels = topology.input_shape
    _, out_width, out_channels = topology.output_shape
    (y, x), c = divmod(pre // channels, width), pre % channels
    (oy, ox), out = divmod(post // out_channels, out_width), post % out_channels
    ky = y + topology.padding - oy * topology.stride
    kx = x + topology.padding - ox * topology.stride
    return weight[ky, kx, c, out]


def test_synapse_list__keeps_doubles_of_a_sparse_layer():
    model = averaging_model(np.random.default_rng(0))
    with pytest.raises(WorkloadError, match="average pool before it has no synapses"):
        synapse_list(layers_of(model.network)[1])
    sparse = layers_of(model.network)[1]
    alone = LayerGeometry("s", 1, sparse.topology, sparse.nonzero, sparse.weight)
    pairs, _ = listed(alone)
    there = sparse.nonzero
    topology = sparse.topology
    by_hand = Counter(
        zip(topology.pre[there].tolist(), topology.post[there].tolist(), strict=True)
    )
    assert pairs == by_hand
    assert max(pairs.values()) > 1


def test_synapse_list__unknown_weights_are_one():
    pairs, synapses = listed(LayerGeometry("d", 1, Dense((2,), 3)))
    assert len(pairs) == 6
    assert synapses.weight.tolist() == [1.0] * 6
