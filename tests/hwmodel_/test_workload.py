from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import conv_model, dense_model, make_model

from eventsim.model_file import ModelFile
from eventsim.topology import EarliestPool, Flatten
from hwmodel.errors import WorkloadError
from hwmodel.workload import from_model, layers_of

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
