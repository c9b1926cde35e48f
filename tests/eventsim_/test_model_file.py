import os
import shutil
import stat
from dataclasses import replace

import h5py
import numpy as np
import pytest
from eventsim_.builders import build, conv, dense, flatten, normal_weights, pool

from eventsim.errors import ModelFileError, RunError
from eventsim.model_file import Activity, ModelFile, read_model, write_model


def make_network(dtype=np.float32, threshold="dynamic", readout="spike_time"):
    rng = np.random.default_rng(0)
    parts = [conv(3, (2, 3), 2, 1), pool(2, 1), flatten(), dense(4)]
    return build(
        (6, 6, 2),
        parts,
        weights=normal_weights(rng),
        dtype=dtype,
        threshold=threshold,
        theta=lambda topology: rng.uniform(0.5, 2, topology.n_features),
        time_window=0.3,
        readout=readout,
    )


def make_activity(network):
    rng = np.random.default_rng(1)
    sizes = [72, *(layer.n_neurons for layer in network.layers)]
    return Activity("test", 10, tuple(rng.integers(0, 11, n) for n in sizes), 0.9)


@pytest.fixture
def model():
    network = make_network()
    provenance = {"version": "0.1.0", "seed": 3, "test_accuracy": 0.5, "offline": True}
    return ModelFile(network, "name: täst\n", provenance, make_activity(network))


@pytest.fixture
def path(tmp_path, model):
    write_model(tmp_path / "model.h5", model)
    return tmp_path / "model.h5"


def edit(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("threshold", "readout"),
    [("dynamic", "spike_time"), ("dynamic", "potential_end"), ("static", "spike_time")],
)
def test_write_model__read_model_gives_the_same_back(
    tmp_path, dtype, threshold, readout
):
    network = make_network(dtype, threshold, readout)
    model = ModelFile(network, "a: 1\n", {"seed": 1}, make_activity(network))
    write_model(tmp_path / "model.h5", model)
    found = read_model(tmp_path / "model.h5")
    assert found.network.input_shape == network.input_shape
    assert found.network.time_window == 0.3
    assert found.network.readout == readout
    for layer, expected in zip(found.network.layers, network.layers, strict=True):
        assert (layer.name, layer.topology) == (expected.name, expected.topology)
        assert layer.neuron == expected.neuron
        if expected.weight is not None:
            assert layer.weight.dtype == dtype
            np.testing.assert_array_equal(layer.weight, expected.weight)
            np.testing.assert_array_equal(layer.theta, expected.theta)
    for counts, expected in zip(
        found.activity.spike_counts, model.activity.spike_counts, strict=True
    ):
        np.testing.assert_array_equal(counts, expected)


def test_read_model__gives_texts_and_numbers_back(path, model):
    found = read_model(path)
    assert found.config == model.config
    assert found.provenance == model.provenance
    for key, value in model.provenance.items():
        assert type(found.provenance[key]) is type(value)
    assert (found.activity.split, found.activity.n_samples) == ("test", 10)
    assert found.activity.decision_time == 0.9
    total = model.activity.spike_counts[0].sum()
    assert found.activity.spikes_per_sample[0] == pytest.approx(total / 10)


def test_write_model__names_the_lowest_format_version_that_suffices(path, tmp_path):
    with h5py.File(path, "r") as file:
        assert file.attrs["format_version"] == 1
    static = make_network(threshold="static")
    for network, version in ((static, 1), (replace(static, t_end=4.0), 2)):
        write_model(tmp_path / "other.h5", ModelFile(network))
        with h5py.File(tmp_path / "other.h5", "r") as file:
            assert file.attrs["format_version"] == version


def test_read_model__takes_the_run_directory(path):
    assert read_model(path.parent).network.n_classes == 4
    assert read_model(str(path)).network.n_classes == 4


def test_read_model__activity_config_and_provenance_may_be_absent(tmp_path):
    write_model(tmp_path / "model.h5", ModelFile(make_network()))
    found = read_model(tmp_path / "model.h5")
    assert found.activity is None
    assert found.config == ""
    assert found.provenance == {}
    edit(tmp_path / "model.h5", lambda file: file.__delitem__("config"))
    edit(tmp_path / "model.h5", lambda file: file.__delitem__("provenance"))
    assert read_model(tmp_path / "model.h5").config == ""


def test_read_model__reads_a_file_written_by_hand(tmp_path):
    with h5py.File(tmp_path / "hand.h5", "w") as file:
        file.attrs["format"] = "eventsim-model"
        file.attrs["format_version"] = 1
        network = file.create_group("network")
        network.attrs.update(
            input_shape=[2], time_window=1.0, readout="spike_time", n_layers=1
        )
        layer = network.create_group("layer_1")
        layer.attrs.update(kind="dense", input_shape=[2], neuron="relpsp")
        layer.attrs["threshold"] = "dynamic"
        layer["weight"] = [[0.5], [1.0]]
        layer["theta"] = [1.0]
    found = read_model(tmp_path / "hand.h5").network
    assert found.layers[0].name == "layer_1 (dense)"
    np.testing.assert_array_equal(found.weights[0], [[0.5], [1.0]])


def test_read_model__missing_file(tmp_path):
    with pytest.raises(ModelFileError, match=r"absent\.h5' does not exist; expected a"):
        read_model(tmp_path / "absent.h5")
    with pytest.raises(ModelFileError, match=r"model\.h5' does not exist"):
        read_model(tmp_path)


def test_read_model__a_folder_of_runs_names_them(path, tmp_path):
    for run in "dacb":
        folder = tmp_path / "study" / run / "seed-0"
        folder.mkdir(parents=True)
        shutil.copy(path, folder / "model.h5")
    with pytest.raises(
        ModelFileError,
        match=r"train'; runs below it: .*study.a.seed-0, .*c.seed-0, ",
    ):
        read_model(tmp_path / "study")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_read_model__truncated_file(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match="is damaged or is not an HDF5 file"):
        read_model(path)


def test_read_model__text_file(path):
    path.write_text("epochs: 3\n")
    with pytest.raises(
        ModelFileError, match="is damaged or is not an HDF5 file"
    ) as info:
        read_model(path)
    assert "\n" not in str(info.value)


def test_read_model__foreign_hdf5_file(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["weights"] = np.ones(3)
    with pytest.raises(ModelFileError, match="is an HDF5 file but not a model"):
        read_model(tmp_path / "other.h5")


def _delete(name):
    return lambda file: file.__delitem__(name)


def _replace(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


def _attribute(group, name, value):
    return lambda file: file[group].attrs.__setitem__(name, value)


def _with_nan(file):
    file["network/layer_1/weight"][0, 0, 0, 0] = np.nan


def _negative(file):
    file["activity/layer_2"][1] = -3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_attribute("/", "format_version", 3), "format version 3.*install a newer"),
        (_attribute("/", "format", "other"), "is an HDF5 file but not a model"),
        (_delete("network"), "is damaged"),
        (_delete("network/layer_2"), "is damaged"),
        (_delete("network/layer_4/weight"), "is damaged"),
        (_delete("network/layer_1/theta"), "is damaged"),
        (_delete("activity/layer_3"), "is damaged"),
        (_with_nan, "layer_1.*weights that are not finite"),
        (
            _replace("network/layer_1/theta", np.ones(2)),
            r"thresholds of shape \(2,\); expected \(3,\)",
        ),
        (
            _replace("network/layer_4/weight", np.ones((5, 4))),
            r"weights of shape \(5, 4\); expected \(18, 4\)",
        ),
        (
            _replace("network/layer_1/weight", np.ones((2, 3, 1, 3))),
            r"weights of shape \(2, 3, 1, 3\); expected \(2, 3, 2, 3\)",
        ),
        (_replace("network/layer_4/weight", np.ones(4)), "is damaged"),
        (_replace("network/layer_4/weight", "text"), "is damaged"),
        (_replace("network/layer_4/weight", np.full((18, 4), b"x")), "is damaged"),
        (_replace("network/layer_1", np.ones(3)), "is damaged"),
        (_attribute("network", "n_layers", np.inf), "is damaged"),
        (
            _attribute("activity", "decision_time", np.nan),
            "decision_time nan; expected",
        ),
        (_replace("network/layer_1/weight", np.ones((9, 3, 2, 3))), "kernel height 9"),
        (_attribute("network/layer_1", "kind", "lstm"), "layer_1 has kind 'lstm'"),
        (
            _attribute("network/layer_2", "output_shape", [9, 9, 9]),
            r"layer_2 says output_shape \(9, 9, 9\), its geometry gives",
        ),
        (
            _attribute("network/layer_1", "threshold", "loose"),
            "layer_1 threshold is 'loose'; expected one of dynamic, static",
        ),
        (_attribute("network", "readout", "guess"), "readout is 'guess'; expected one"),
        (_attribute("network", "time_window", -1.0), "the time window is -1.0"),
        (_attribute("network", "time_window", 2.0), "theta from .*expected the time"),
        (_attribute("network", "n_layers", 9), "is damaged"),
        (_attribute("network", "input_shape", [6, 6, 3]), "the layer before gives"),
        (_negative, "layer_2 must hold whole spike counts that are not negative"),
        (
            _replace("activity/input", np.zeros(72)),
            "input must hold whole spike counts",
        ),
        (
            _replace("activity/layer_1", np.zeros(5, int)),
            r"activity of layer_1 has shape \(5,\)",
        ),
        (_attribute("activity", "n_samples", 0), "n_samples 0; expected at least 1"),
    ],
)
def test_read_model__damaged_content(path, change, message):
    edit(path, change)
    with pytest.raises(ModelFileError, match=message) as info:
        read_model(path)
    assert str(path) in str(info.value)
    assert "\n" not in str(info.value)


def test_write_model__refuses_activity_of_another_network(tmp_path, model):
    wrong = Activity("test", 10, model.activity.spike_counts[:-1], 0.9)
    with pytest.raises(ModelFileError, match="activity of 4 layers; expected 5"):
        write_model(tmp_path / "model.h5", ModelFile(model.network, activity=wrong))
    assert not list(tmp_path.iterdir())


def test_write_model__keeps_the_old_file_when_it_fails(path, model):
    content = path.read_bytes()
    bad = ModelFile(model.network, provenance={"thing": object()})
    with pytest.raises((RunError, TypeError)):
        write_model(path, bad)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["model.h5"]


def test_write_model__unwritable_folder(tmp_path, model):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "model.h5").mkdir()
    with pytest.raises(RunError, match=r"model\.h5"):
        write_model(folder / "model.h5", model)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_write_model__read_only_folder(tmp_path, model):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(RunError, match="cannot"):
        write_model(tmp_path / "model.h5", model)
