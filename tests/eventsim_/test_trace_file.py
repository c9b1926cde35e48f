import os
from dataclasses import replace

import numpy as np
import pytest
from eventsim_.builders import build, conv, dense, normal_weights, pool
from eventsim_.gathered_layers import random_trains
from eventsim_.spiking_networks import random_network, with_layer

from eventsim.errors import RunError
from eventsim.model_file import ModelFile, read_model, write_model
from eventsim.network import Network
from eventsim.spike_file import load_npz
from eventsim.spikes import SpikeTrains, join_samples
from eventsim.topology import Sparse
from eventsim.trace_file import BYTES_PER_SPIKE, network_digest, writing_trace


def network() -> Network:
    return random_network("sparse", ["lif"], 0)


def batches(rng, sizes, layers=(6, 5, 3), with_values=False):
    return [
        [random_trains(rng, batch, n, 4 * n, 5.0, with_values) for n in layers]
        for batch in sizes
    ]


def test_network_digest__is_that_of_the_file_in_any_float_type(tmp_path):
    rng = np.random.default_rng(0)
    parts = [conv(2), pool(), dense(3)]
    single = build((6, 6, 1), parts, weights=normal_weights(rng), dtype=np.float32)
    for one in (single, network()):
        write_model(tmp_path / "m.h5", ModelFile(one))
        digest = network_digest(one)
        assert network_digest(read_model(tmp_path / "m.h5").network) == digest
    assert network_digest(single.astype(np.float64)) == network_digest(single)
    assert len(digest) == 32


def test_network_digest__does_not_know_what_leaves_spikes_alone():
    one = network()
    other = replace(with_layer(one, 1, name="first"), t_end=9.0, readout="spike_count")
    assert network_digest(other) == network_digest(one)


def test_network_digest__changes_with_all_that_makes_spikes():
    one = network()
    layer = one.layers[0]
    others = [
        replace(one, time_window=2.0),
        replace(one, input="currents"),
        with_layer(one, 1, neuron=replace(layer.neuron, refractory=0.1)),
        with_layer(one, 1, neuron=replace(layer.neuron, reset="subtract")),
        with_layer(
            one,
            1,
            topology=Sparse((6,), 5, layer.topology.pre[::-1], layer.topology.post),
        ),
        with_layer(one, 1, delay=None),
    ]
    for name in ("weight", "theta", "current", "delay", "synaptic_delay"):
        array = getattr(layer, name).copy()
        array[-1] = np.nextafter(array[-1], 9.0)
        others.append(with_layer(one, 1, **{name: array}))
    digests = {network_digest(other) for other in [one, *others]}
    assert len(digests) == len(others) + 1


@pytest.mark.parametrize("with_values", [False, True])
def test_writing_trace__joins_the_batches(tmp_path, with_values):
    rng = np.random.default_rng(1)
    path = tmp_path / "new" / "trace.npz"
    parts = batches(rng, [3, 1, 2], with_values=with_values)
    labels = [np.arange(len(part[0].offsets) - 1) + 7 for part in parts]
    with writing_trace(path, network(), 6.0) as writer:
        for trains, classes in zip(parts, labels, strict=True):
            writer.add(trains, classes)
    for k, same in enumerate(zip(*parts, strict=True)):
        expected = join_samples(same)
        found = load_npz(path, expected.n_neurons, 6, layer=k)
        assert found.offsets.tolist() == expected.offsets.tolist()
        assert found.time.tobytes() == expected.time.tobytes()
        if with_values:
            assert found.value.tobytes() == expected.value.tobytes()
    with np.load(path) as found:
        columns = ["time", "neuron", "sample", "layer"]
        kinds = [found[name].dtype for name in columns]
        assert kinds == [np.float64, np.int32, np.int32, np.int32]
        order = np.lexsort((found["time"], found["sample"], found["layer"]))
        assert order.tolist() == list(range(writer.n_spikes))
        assert sum(kind.itemsize for kind in kinds) == BYTES_PER_SPIKE
        assert ("value" in found) == with_values
        assert found["label"].tolist() == np.concatenate(labels).tolist()
        assert (found["n_samples"], found["duration"]) == (6, 6.0)
        assert found["layers"].tolist() == [0, 1, 2]
        assert found["model"] == network_digest(network())
    assert [p.name for p in path.parent.iterdir()] == ["trace.npz"]


def test_writing_trace__values_of_one_layer_alone(tmp_path):
    (trains,) = batches(np.random.default_rng(2), [2])
    graded = np.full(trains[0].time.size, 0.5)
    trains[0] = replace(trains[0], value=graded)
    with writing_trace(tmp_path / "t.npz", network(), 6.0) as writer:
        writer.add(trains)
    with np.load(tmp_path / "t.npz") as found:
        assert set(found["value"][found["layer"] == 0]) == {0.5}
        assert set(found["value"][found["layer"] > 0]) == {1.0}
        assert "label" not in found


def test_writing_trace__silence(tmp_path):
    silent = [
        SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(5, np.int64), n)
        for n in (6, 5, 3)
    ]
    with writing_trace(tmp_path / "t.npz", network(), 6.0) as writer:
        writer.add(silent)
    with np.load(tmp_path / "t.npz") as found:
        assert (found["time"].size, found["n_samples"]) == (0, 4)


def test_writing_trace__leaves_the_old_file_if_something_fails(tmp_path):
    path = tmp_path / "t.npz"
    path.write_text("old")
    (trains,) = batches(np.random.default_rng(3), [2])

    def fail():
        with writing_trace(path, network(), 6.0) as writer:
            writer.add(trains)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["t.npz"]


def test_writing_trace__says_where_it_cannot_write_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RunError, match=r"cannot write '.*t\.npz'.*expected a file in a"),
        writing_trace(tmp_path / "file" / "t.npz", network(), 6.0),
    ):
        pytest.fail("the block must not run")
