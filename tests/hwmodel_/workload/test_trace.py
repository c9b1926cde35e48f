from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.builders import conv_model, dense_model, made_up_trace, write_trace

from eventsim.errors import DataError
from eventsim.trace_file import network_digest
from hwmodel.errors import WorkloadError
from hwmodel.workload.trace import read_trace

NETWORK = dense_model([4, 3, 2], np.random.default_rng(0)).network

# 2 samples; the hidden layer has 3 neurons and the output layer is silent
GOOD = {
    "time": np.array([0.0, 0.5, 0.25, 0.75, 0.75, 1.5]),
    "neuron": np.array([0, 3, 3, 0, 2, 1]),
    "sample": np.array([0, 0, 1, 0, 0, 1]),
    "layer": np.array([0, 0, 0, 1, 1, 1]),
    "n_samples": np.array(2),
    "duration": np.array(2.0),
    "layers": np.array([0, 1, 2]),
    "model": np.array(network_digest(NETWORK)),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.npz"


def write(path, without=(), **changes):
    arrays = GOOD | changes
    np.savez(path, **{k: v for k, v in arrays.items() if k not in without})
    return path


def changed(name, entry, value):
    array = GOOD[name].astype(type(value))
    array[entry] = value
    return {name: array}


def test_read_trace__returns_what_was_written(path):
    network = conv_model(np.random.default_rng(1)).network
    trace = made_up_trace(network, np.random.default_rng(2), n_samples=5)
    found = read_trace(write_trace(path, network, trace), network)
    assert (found.n_samples, found.duration, found.path) == (5, 2.0, str(path))
    assert found.labels.tolist() == trace.labels.tolist()
    assert len(found.trains) == len(network.layers) + 1
    for one, other in zip(found.trains, trace.trains, strict=True):
        assert one.time.tolist() == other.time.tolist()
        assert one.neuron.tolist() == other.neuron.tolist()
        assert one.offsets.tolist() == other.offsets.tolist()
        assert one.n_neurons == other.n_neurons
        assert (one.time.dtype, one.neuron.dtype) == (np.float64, np.int32)


def test_read_trace__layers_and_samples_may_be_in_any_order(path):
    order = [5, 0, 3, 4, 2, 1]  # in order of time within each layer and sample
    columns = {k: GOOD[k][order] for k in ("time", "neuron", "sample", "layer")}
    found = read_trace(write(path, **columns), NETWORK)
    expected = read_trace(write(path), NETWORK)
    for one, other in zip(found.trains, expected.trains, strict=True):
        assert one.time.tolist() == other.time.tolist()
        assert one.neuron.tolist() == other.neuron.tolist()
        assert one.offsets.tolist() == other.offsets.tolist()
    assert found.labels is None
    assert [train.time.size for train in found.trains] == [3, 3, 0]


def test_read_trace__takes_any_integer_type(path):
    small = {k: GOOD[k].astype(np.uint8) for k in ("neuron", "sample", "layer")}
    large = {k: GOOD[k].astype(np.uint64) for k in ("neuron", "sample", "layer")}
    expected = read_trace(write(path), NETWORK).trains[1]
    for columns in (small, large):
        single = GOOD["time"].astype(np.float32)
        found = read_trace(write(path, **columns, time=single), NETWORK).trains[1]
        assert found.time.tolist() == expected.time.tolist()
        assert found.offsets.tolist() == [0, 2, 3]


def test_read_trace__a_silent_trace_is_one(path):
    columns = ("time", "neuron", "sample", "layer")
    found = read_trace(write(path, **{k: GOOD[k][:0] for k in columns}), NETWORK)
    assert [train.time.size for train in found.trains] == [0, 0, 0]
    assert found.n_samples == 2


def test_read_trace__times_may_tie_and_end_with_the_run(path):
    last = read_trace(write(path, **changed("time", 5, 2.0)), NETWORK)
    assert last.trains[1].time.tolist() == [0.75, 0.75, 2.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (changed("time", 1, -0.5), r"'time': entry 1 is -0\.5; expected finite times"),
        (changed("time", 1, np.nan), "'time': entry 1 is nan; expected finite times"),
        (changed("time", 1, np.inf), "'time': entry 1 is inf; expected finite times"),
        (
            changed("time", 5, np.nextafter(2.0, 3)),
            r"entry 5 is 2\.0\d+; expected no time after the duration 2",
        ),
        (
            changed("time", 4, 0.5),
            r"entry 4 is 0\.5; expected at least 0\.75, the time before it in layer 1, "
            "sample 0; sort the spikes",
        ),
        (
            changed("neuron", 4, 3),
            r"'neuron': entry 4 is 3; expected 0 to 2, the neurons of layer_1 \(dense",
        ),
        (
            changed("neuron", 2, 4),
            "'neuron': entry 2 is 4; expected 0 to 3, the neurons of the input",
        ),
        (changed("neuron", 0, -1), "'neuron': entry 0 is -1; expected 0 to 3"),
        (changed("neuron", 0, 2**32), "'neuron': entry 0 is 4294967296; expected 0 to"),
        (changed("sample", 5, 2), "'sample': entry 5 is 2; expected 0 to 1, 2 samples"),
        (changed("sample", 0, -1), "'sample': entry 0 is -1; expected 0 to 1"),
        (changed("layer", 5, 3), "'layer': entry 5 is 3; expected 0 to 2, the model's"),
        (changed("layer", 0, -1), "'layer': entry 0 is -1; expected 0 to 2"),
        (
            {"layers": np.array([0, 1])},
            r"layer 2 \(layer_2 \(dense\)\) is missing .*expected the layers 0 to 2, 0 "
            "is the input; record one with 'eventsim evaluate MODEL --trace FILE'",
        ),
        ({"layers": np.array([1, 2])}, r"layer 0 \(the input\) is missing"),
        (
            {"layers": np.arange(4)},
            "names layer 3, which the model does not have; expected 0 to 2",
        ),
        ({"layers": np.array(["a"])}, "'layers' has shape .*; expected the numbers 0"),
        (
            {"model": np.array("0" * 32)},
            "is of another model, got digest 0+; expected [0-9a-f]{32}, a trace of "
            "this model",
        ),
        ({"duration": np.array(np.nan)}, "'duration' is nan; expected one positive"),
        ({"duration": np.array(np.inf)}, "'duration' is inf; expected one positive"),
        ({"duration": np.array(0)}, "'duration' is 0; expected one positive number"),
        ({"duration": np.array([1, 2])}, r"'duration' is \[1 2\]; expected one positi"),
        ({"duration": np.array("2")}, "'duration' is 2; expected one positive number"),
        ({"n_samples": np.array(0)}, "'n_samples' is 0; expected one positive whole"),
        ({"n_samples": np.array(1.5)}, r"'n_samples' is 1\.5; expected one positive w"),
        (
            {"label": np.array([1])},
            r"'label' has shape \(1,\) and type int64; expected 2 whole numbers",
        ),
        ({"label": np.array([0.5, 1.5])}, "'label' .* type float64; expected 2 whole"),
    ],
)
def test_read_trace__refuses_what_cannot_be(path, changes, message):
    with pytest.raises(WorkloadError, match=message) as told:
        read_trace(write(path, **changes), NETWORK)
    assert str(told.value).startswith(f"trace '{path}'")
    assert "\n" not in str(told.value)


def test_read_trace__names_the_entry_of_the_file_whatever_its_order(path):
    order = [3, 4, 5, 0, 1, 2]
    columns = {k: GOOD[k][order] for k in ("time", "neuron", "sample", "layer")}
    columns["time"][4] = 2.5
    with pytest.raises(WorkloadError, match=r"entry 4 is 2\.5; expected no time after"):
        read_trace(write(path, **columns), NETWORK)
    columns["time"][4] = 0.5
    columns["neuron"][1] = 3
    with pytest.raises(WorkloadError, match=r"'neuron': entry 1 is 3; expected 0 to 2"):
        read_trace(write(path, **columns), NETWORK)


@pytest.mark.parametrize("name", GOOD)
def test_read_trace__names_a_missing_array(path, name):
    expected = f"trace '.*' has no array '{name}'; expected time, neuron, sample, layer"
    with pytest.raises(DataError, match=expected):
        read_trace(write(path, without=[name]), NETWORK)


def test_read_trace__names_a_missing_or_foreign_file(path):
    with pytest.raises(DataError, match=r"trace '.*t\.npz' does not exist; expected"):
        read_trace(path, NETWORK)
    path.write_text("time,neuron")
    with pytest.raises(DataError, match="is not an npz file; expected an npz file"):
        read_trace(path, NETWORK)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"time": np.zeros(5)}, "array 'neuron' has 6 entries and 'time' 5"),
        ({"neuron": np.zeros(6)}, "'neuron' has shape .* expected a list of whole"),
        ({"labels": np.zeros(2, int)}, "has an array 'labels'; did you mean 'label'"),
    ],
)
def test_read_trace__refuses_arrays_that_do_not_fit_together(path, changes, message):
    with pytest.raises(DataError, match=message):
        read_trace(write(path, **changes), NETWORK)


def test_read_trace__changed_weights_are_another_model(path):
    other = dense_model([4, 3, 2], np.random.default_rng(1)).network
    with pytest.raises(WorkloadError, match="is of another model"):
        read_trace(write(path), other)


def test_read_trace__a_folder_is_called_one(tmp_path):
    with pytest.raises(DataError, match=r"' is a folder; expected an npz file with"):
        read_trace(tmp_path, NETWORK)
    write(tmp_path / "t.npz")
    with pytest.raises(DataError, match=r"did you mean '.*t\.npz'\?"):
        read_trace(tmp_path, NETWORK)


def test_read_trace__values_may_be_negative_and_count_as_one_spike_each(path):
    plain = read_trace(write(path), NETWORK)
    values = np.linspace(-2.0, 3.0, GOOD["time"].size)
    graded = read_trace(write(path, value=values), NETWORK)
    for one, other in zip(plain.trains, graded.trains, strict=True):
        np.testing.assert_array_equal(one.time, other.time)
        np.testing.assert_array_equal(one.neuron, other.neuron)
        assert other.value is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_read_trace__a_value_that_is_no_number_is_refused(path, value):
    values = np.ones(GOOD["time"].size)
    values[2] = value
    expected = f"array 'value': entry 2 is {value}; expected a finite number, what the"
    with pytest.raises(WorkloadError, match=expected):
        read_trace(write(path, value=values), NETWORK)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones(2), "array 'value' has 2 entries and 'time' "),
        (np.array(["a"] * GOOD["time"].size), "'value' has shape .* list of numbers"),
    ],
)
def test_read_trace__values_are_one_number_a_spike(path, values, message):
    with pytest.raises(DataError, match=message):
        read_trace(write(path, value=values), NETWORK)
