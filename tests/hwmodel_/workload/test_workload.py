from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import (
    LIF,
    averaging_model,
    conv_model,
    dense_model,
    make_model,
    make_network,
)

from eventsim.model_file import ModelFile
from eventsim.topology import AveragePool, Conv2d, Dense, Dropout, EarliestPool, Flatten
from hwmodel.errors import WorkloadError
from hwmodel.workload.workload import from_model, layers_of

RNG = np.random.default_rng


def test_layers_of__keeps_pool_and_flatten_with_the_receiver():
    layers = layers_of(conv_model(RNG(0)).network)
    assert [layer.number for layer in layers] == [1, 3, 5]
    assert [[type(p) for p in layer.passes] for layer in layers] == [
        [],
        [EarliestPool],
        [Flatten],
    ]


def test_from_model__takes_spikes_as_the_layer_receives_them():
    model = conv_model(RNG(1))
    workload = from_model(model)
    counts = model.activity.spike_counts
    for layer, received, fired in zip(
        workload.layers, workload.spikes_in, workload.spikes_out, strict=True
    ):
        assert received.tolist() == counts[layer.number - 1].tolist()
        assert fired.tolist() == counts[layer.number].tolist()
    assert workload.n_input_spikes == counts[0].sum()


def test_layers_of__an_average_pool_is_folded_into_the_synapses():
    model = averaging_model(RNG(2))
    _, sparse, last = layers_of(model.network)
    assert [type(p) for p in sparse.folded] == [AveragePool]
    assert (sparse.source_number, last.source_number) == (1, 3)
    assert sparse.synapses([(0, 7)], []).per_input.shape == (5 * 4 * 3, 1)
    assert from_model(model).spikes_in[1].tolist() == (
        model.activity.spike_counts[1].tolist()
    )


def pools_before_dense(first, second):
    one = first((4, 4, 1), 2, 1)
    two = second(one.output_shape, 2, 1)
    dense = Dense(two.output_shape, 3)
    return make_network(
        (4, 4, 1), (one, None), (two, None), (dense, np.ones((4, 3))), neuron=LIF
    )


def test_layers_of__an_average_pool_may_follow_an_earliest_spike_pool():
    (layer,) = layers_of(pools_before_dense(EarliestPool, AveragePool))
    assert (layer.source_number, len(layer.folded)) == (1, 1)
    # each of the 3 x 3 pooled inputs lies in 1, 2 or 4 windows of 3 synapses
    expected = [3, 6, 3, 6, 12, 6, 3, 6, 3]
    assert layer.synapses([(0, 3)], []).per_input.ravel().tolist() == expected


def test_layers_of__refuses_an_earliest_spike_pool_of_averages():
    network = pools_before_dense(AveragePool, EarliestPool)
    with pytest.raises(WorkloadError, match=r"layer_3 \(dense\): an average pool is"):
        layers_of(network)


def test_from_model__windows_are_decision_time_over_window():
    model = dense_model([3, 2], RNG(0))
    assert from_model(model).windows == 2.0


def test_from_model__marks_zero_weights():
    model = dense_model([6, 5, 2], RNG(3), zero_fraction=0.5)
    for layer, weight in zip(
        from_model(model).layers, model.network.weights, strict=True
    ):
        assert layer.nonzero.sum() == np.count_nonzero(weight)


def test_from_model__without_activity_names_the_command_that_measures_it():
    model = ModelFile(dense_model([3, 2], RNG(0)).network)
    with pytest.raises(
        WorkloadError, match=r"no measured spikes.*'eventsim evaluate MODEL --write'"
    ):
        from_model(model)


@pytest.mark.parametrize("decision_time", [0.0, -1.0, float("nan"), float("inf")])
def test_from_model__refuses_an_impossible_decision_time(decision_time):
    network = dense_model([3, 2], RNG(0)).network
    model = make_model(network, [[1, 0, 1], [1, 0]], 1, decision_time)
    with pytest.raises(WorkloadError, match="decision_time"):
        from_model(model)


def test_from_model__dropout_changes_nothing():
    rng = np.random.default_rng(0)
    conv, dense = Conv2d((5, 4, 1), 3, (2, 2)), Dense((2, 1, 3), 4)
    pool = AveragePool(conv.output_shape, 2, 2)
    parts = [
        (conv, rng.normal(size=conv.weight_shape)),
        (pool, None),
        (dense, rng.normal(size=dense.weight_shape)),
    ]
    counts = [rng.integers(0, 5, n) for n in (20, 36, 6, 4)]
    plain = from_model(make_model(make_network((5, 4, 1), *parts, neuron=LIF), counts))
    dropped = [
        (Dropout((5, 4, 1), 0.1), None),
        parts[0],
        (Dropout(conv.output_shape, 0.1), None),
        parts[1],
        (Dropout(pool.output_shape, 0.1), None),
        parts[2],
    ]
    # Dropout layers have counts of their own: what they pass on outside training.
    counts = [
        counts[0],
        counts[0],
        counts[1],
        counts[1],
        counts[2],
        counts[2],
        counts[3],
    ]
    seen = from_model(make_model(make_network((5, 4, 1), *dropped, neuron=LIF), counts))
    for name in ("spikes_in", "spikes_out"):
        for one, other in zip(getattr(seen, name), getattr(plain, name), strict=True):
            assert one.tolist() == other.tolist()
    features, rows = [(0, 4)], [(0, 1)]
    assert np.array_equal(
        seen.layers[1].synapses(features, rows).per_input,
        plain.layers[1].synapses(features, rows).per_input,
    )
    assert not any(isinstance(layer.topology, Dropout) for layer in seen.layers)
