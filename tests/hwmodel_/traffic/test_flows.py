from __future__ import annotations

import numpy as np
from hwmodel_ import oracle
from hwmodel_.builders import conv_model, dense_model
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.chip.chip import CoreLimits
from hwmodel.mapping.partition import partition
from hwmodel.traffic.flows import layer_traffic
from hwmodel.traffic.senders import HOST
from hwmodel.workload.workload import from_model


def as_dict(flows):
    """{(source core, target cores): packets}."""
    first = flows.cores.start
    sets = [tuple((first + np.flatnonzero(row)).tolist()) for row in flows.reaches]
    keys = list(zip(flows.source.tolist(), sets, strict=True))
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, flows.packets.tolist(), strict=True))


@given(
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=4),
    capacity=st.integers(1, 6),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_layer_traffic__adds_up_spikes_that_go_the_same_way(sizes, capacity, seed):
    model = dense_model(sizes, np.random.default_rng(seed), 0.6)
    workload = from_model(model)
    part = partition(workload.layers, CoreLimits(neurons=capacity))
    core_before = [HOST] * sizes[0]
    received = list(layer_traffic(workload, part))
    for i, layer in enumerate(model.network.layers):
        matrix = oracle.dense_matrix(layer.weight)
        core_of = part.layers[i].core_of_neuron.tolist()
        expected: dict = {}
        for pre, spikes in enumerate(model.activity.spike_counts[i].tolist()):
            cores = tuple(sorted({core_of[j] for j in np.flatnonzero(matrix[pre])}))
            if spikes and cores:
                key = (core_before[pre], cores)
                expected[key] = expected.get(key, 0) + spikes
        assert as_dict(received[i].flows) == expected
        assert received[i].inputs.synapses.fan_out.sum() == matrix.sum()
        core_before = core_of


def test_layer_traffic__a_pooled_value_leaves_from_the_core_of_its_first_neuron():
    model = conv_model(np.random.default_rng(3))
    workload = from_model(model)
    part = partition(workload.layers, CoreLimits(neurons=7))
    first, second, _ = layer_traffic(workload, part)
    conv = model.network.layers[0].topology
    owner = part.layers[0].core_of_neuron
    windows = oracle.first_of_window(conv.output_shape, 2, 2)
    assert set(first.flows.source.tolist()) == {HOST}
    assert set(second.flows.source.tolist()) <= set(owner[windows].tolist())
    assert second.inputs.n_split > 0
