from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from eventsim_.spiking_networks import random_case
from hwmodel_.builders import (
    LIF,
    averaging_model,
    conv_model,
    dense_model,
    made_up_trace,
    make_model,
    make_network,
)

from eventsim import save_npz, simulate
from eventsim.model_commands import evaluate_model, simulate_model
from eventsim.model_file import Activity, ModelFile, read_model, write_model
from eventsim.topology import AveragePool, Conv2d, Dense, Dropout, EarliestPool, Flatten
from hwmodel.errors import WorkloadError
from hwmodel.workload.trace import read_trace
from hwmodel.workload.workload import from_model, from_trace, layers_of

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


def test_from_model__without_activity_names_the_trace_too():
    model = ModelFile(dense_model([3, 2], RNG(0)).network)
    expected = r"record a trace with 'eventsim evaluate MODEL --trace FILE' and give it"
    with pytest.raises(WorkloadError, match=expected):
        from_model(model)


def assert_same_workload(one, other):
    for name in ("spikes_in", "spikes_out"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            assert (a.dtype, a.tolist()) == (np.int64, b.tolist())
    for name in ("n_input_spikes", "n_samples", "windows", "input", "provenance"):
        assert getattr(one, name) == getattr(other, name), name
    assert [layer.number for layer in one.layers] == [x.number for x in other.layers]


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("n_samples", [None, 17])
def test_from_trace__is_from_model_for_the_same_samples(
    finished_run, tmp_path, n_samples
):
    shutil.copy(finished_run / "model.h5", tmp_path)
    path, trace = tmp_path / "model.h5", tmp_path / "trace.npz"
    options = {"n_samples": n_samples, "write": True, "quiet": True}
    evaluate_model(str(path), None, "auto", trace=str(trace), **options)
    model = read_model(path)
    seen = from_trace(model, read_trace(trace, model.network))
    assert seen.n_samples == (n_samples or 60)
    assert_same_workload(seen, from_model(model))
    assert seen.spikes_from == f"trace '{trace}'"
    assert from_model(model).spikes_from == "activity of the model file"


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("kind", ["average", "earliest", "flat", "sparse"])
def test_from_trace__of_a_simulation_counts_what_each_layer_receives(tmp_path, kind):
    # Several spikes of a neuron, with values and delays.
    case = random_case(kind, ["lif"], 2, batch=3)
    model = ModelFile(case.network, provenance={"seed": 1})
    write_model(tmp_path / "m.h5", model)
    save_npz(tmp_path / "in.npz", [case.spikes])
    files = (str(tmp_path / name) for name in ("m.h5", "in.npz", "out.npz"))
    simulate_model(*files, max_spikes=10**6, quiet=True)
    seen = from_trace(model, read_trace(tmp_path / "out.npz", case.network))
    counts = tuple(train.counts() for train in simulate(case.network, case.spikes))
    activity = Activity("test", 3, counts, case.network.duration)
    assert seen.spikes_out[-1].sum() > 0
    assert_same_workload(seen, from_model(replace(model, activity=activity)))


def test_from_trace__of_an_average_pool_takes_the_spikes_before_it():
    network = averaging_model(RNG(3)).network
    trace = made_up_trace(network, RNG(4), 2, duration=3.0)
    seen = from_trace(ModelFile(network), trace)
    counts = [train.counts().tolist() for train in trace.trains]
    assert [spikes.tolist() for spikes in seen.spikes_in] == [
        counts[0],
        counts[1],  # not 2, the pool
        counts[3],
    ]
    assert [x.tolist() for x in seen.spikes_out] == [counts[1], counts[3], counts[4]]
    assert (seen.windows, seen.n_samples) == (3.0, 2)


def test_from_trace__refuses_layers_of_another_size():
    trace = made_up_trace(dense_model([3, 2], RNG(0)).network, RNG(0))
    model = dense_model([3, 4], RNG(0))
    with pytest.raises(WorkloadError, match=r"layers of \[3, 2\] neurons; expected"):
        from_trace(model, trace)


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
