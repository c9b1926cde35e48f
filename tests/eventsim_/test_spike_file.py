import os
import stat
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.errors import DataError, RunError
from eventsim.spike_file import load_npz, save_npz
from eventsim.spikes import SpikeTrains

TIMES = [0.0, 0.125, 0.5, 7.0]

spike = st.tuples(
    st.integers(0, 3), st.sampled_from(TIMES), st.integers(0, 4), st.floats(-2, 2)
)


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "in.npz"


@settings(max_examples=60, deadline=None)
@given(spikes=st.lists(spike, max_size=20), graded=st.booleans())
def test_load_npz__sorts_whatever_the_order(tmp_path_factory, spikes, graded):
    path = tmp_path_factory.mktemp("spikes") / "in.npz"
    sample, time, neuron, value = (list(c) for c in zip(*spikes, strict=True)) if (
        spikes) else ([], [], [], [])  # fmt: skip
    values = {"value": value} if graded else {}
    write(path, time=time, neuron=neuron, sample=sample, **values)
    found = load_npz(path, 5)
    # Python's sort is stable, too.
    expected = sorted(spikes, key=lambda s: s[:3])
    assert found.batch == max([1, *(s[0] + 1 for s in spikes)])
    assert found.time.tolist() == [s[1] for s in expected]
    assert found.neuron.tolist() == [s[2] for s in expected]
    counts = [sum(s[0] == b for s in spikes) for b in range(found.batch)]
    assert np.diff(found.offsets).tolist() == counts
    if graded:
        assert found.value.tolist() == [s[3] for s in expected]
    else:
        assert found.value is None


def test_load_npz__types(path):
    write(
        path,
        time=np.array([3, 1], np.uint8),
        neuron=np.array([1, 0], np.uint64),
        sample=np.array([0, 0], np.int8),
        value=np.array([2, 1], np.int16),
    )
    found = load_npz(path, 2)
    assert found.time.dtype == found.value.dtype == np.float64
    assert (found.neuron.dtype, found.offsets.dtype) == (np.int32, np.int64)
    assert found.value.tolist() == [1.0, 2.0]


def test_load_npz__silent_samples_at_the_end(path):
    write(path, time=[0.5], neuron=[1], sample=[1])
    assert load_npz(path, 2).offsets.tolist() == [0, 0, 1]
    assert load_npz(path, 2, n_samples=4).offsets.tolist() == [0, 0, 1, 1, 1]
    write(path, time=[], neuron=[], sample=[])
    assert load_npz(path, 2).batch == 1
    assert load_npz(path, 2, n_samples=3).batch == 3


def test_load_npz__other_arrays_are_ignored(path):
    write(path, time=[0.5], neuron=[1], sample=[0], label=[7], place=np.ones((2, 2)))
    assert load_npz(path, 2).time.tolist() == [0.5]


GOOD = {"time": [0.5, 1.0, 0.0], "neuron": [0, 1, 2], "sample": [0, 1, 1]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [0.5, np.nan, 0.0]}, "array 'time': entry 1 is nan; expected a time"),
        ({"time": [0.5, 1.0, np.inf]}, "array 'time': entry 2 is inf; expected a time"),
        ({"time": [0.5, -0.1, 0.0]}, "array 'time': entry 1 is -0.1; expected a time"),
        ({"time": [0.5, 1.0]}, "array 'neuron' has 3 entries and 'time' 2; expected"),
        ({"time": ["a", "b", "c"]}, "array 'time' has shape .3,. and type <U1; exp"),
        ({"time": [1j, 0, 0]}, "array 'time' .* type complex128; expected a list of n"),
        ({"time": 0.5}, r"array 'time' has shape \(\) and type float64"),
        ({"neuron": [0, 3, 2]}, "array 'neuron': entry 1 is 3; expected 0 to 2"),
        ({"neuron": [0, 1, -1]}, "array 'neuron': entry 2 is -1; expected 0 to 2"),
        ({"neuron": [0.0, 1.0, 2.0]}, r"'neuron' .* expected a list of whole numbers"),
        ({"neuron": [True, False, True]}, "'neuron' .* type bool"),
        ({"neuron": [[0, 1, 2]]}, r"array 'neuron' has shape \(1, 3\)"),
        ({"sample": [0, -1, 1]}, "array 'sample': entry 1 is -1; expected 0 to"),
        ({"sample": [0, 1, 10**12]}, "entry 2 is 1000000000000; expected 0 to 9999999"),
        ({"sample": [0, 1]}, "array 'sample' has 2 entries and 'time' 3"),
        ({"value": [1.0, 2.0]}, "array 'value' has 2 entries and 'time' 3"),
        ({"value": [1.0, np.nan, 2.0]}, "array 'value': entry 1 is nan; expected a f"),
        ({"value": [1.0, np.inf, 2.0]}, "array 'value': entry 1 is inf"),
        ({"value": [1.0, 1.0, -np.inf]}, "array 'value': entry 2 is -inf"),
        ({"values": [1.0, 1.0, 1.0]}, "has an array 'values'; did you mean 'value'"),
        ({"time": None}, "has no array 'time'; expected time, neuron and sample"),
        ({"neuron": None}, "has no array 'neuron'"),
        ({"sample": None}, "has no array 'sample'"),
        ({"layer": [0, 1, 2]}, "holds the layers 0 to 2; expected the spikes of one"),
        ({"time": np.array([{}, 1, 2])}, "cannot be read .*allow_pickle=False"),
    ],
)
def test_load_npz__refuses_impossible_content(path, change, message):
    arrays = {k: v for k, v in (GOOD | change).items() if v is not None}
    write(path, **arrays)
    with pytest.raises(DataError, match=message) as caught:
        load_npz(path, 3)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_load_npz__refuses_more_samples_than_said(path):
    write(path, **GOOD)
    with pytest.raises(DataError, match="'sample': entry 1 is 1; expected 0 to 0"):
        load_npz(path, 3, n_samples=1)


def test_load_npz__takes_one_layer(path):
    layer = [1, 0, 1]
    write(path, **(GOOD | {"time": [0.5, -1.0, 0.0]}), layer=layer)
    found = load_npz(path, 3, layer=1)
    assert (found.time.tolist(), found.neuron.tolist()) == ([0.5, 0.0], [0, 2])
    with pytest.raises(DataError, match=r"'time': entry 1 is -1\.0"):
        load_npz(path, 3, layer=0)
    write(path, **GOOD, layer=[2, 2, 2])
    assert load_npz(path, 3).time.size == 3
    write(path, **GOOD)
    with pytest.raises(DataError, match="no array 'layer'; expected one to take layer"):
        load_npz(path, 3, layer=1)


def test_load_npz__missing_and_foreign_files(tmp_path):
    with pytest.raises(
        DataError, match=r"absent\.npz' does not exist; expected an npz"
    ):
        load_npz(tmp_path / "absent.npz", 3)
    with pytest.raises(DataError, match=r"' is a folder; expected an npz .* sample$"):
        load_npz(tmp_path, 3)
    (tmp_path / "b.npz").touch()
    with pytest.raises(DataError, match=r"; did you mean '.*b\.npz'\?$"):
        load_npz(tmp_path, 3)
    (tmp_path / "b.npz").unlink()
    text = tmp_path / "text.npz"
    text.write_text("time,neuron\n")
    np.save(tmp_path / "one.npy", np.ones(3))
    for path in (text, tmp_path / "one.npy"):
        with pytest.raises(DataError, match="is not an npz file; expected an npz file"):
            load_npz(path, 3)
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as file:
        file.writestr("time", "0.5")
    with pytest.raises(
        DataError, match=r"has no array 'neuron'|array 'time' has shape"
    ):
        load_npz(tmp_path / "other.npz", 3)


@pytest.mark.parametrize("compress", [False, True])
def test_load_npz__damaged_files(path, compress):
    rng = np.random.default_rng(0)
    save = np.savez_compressed if compress else np.savez
    n = 40
    save(path, time=rng.random(n), neuron=np.arange(n), sample=np.zeros(n, int))
    content = path.read_bytes()
    for share in (0.0, 0.2, 0.5, 0.9, 0.99):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(DataError, match=r"is not an npz file|cannot be read"):
            load_npz(path, n)


def test_load_npz__any_byte_may_be_wrong(path):
    n = 40
    time = np.random.default_rng(0).random(n)
    write(path, time=time, neuron=np.arange(n), sample=np.zeros(n, int))
    content, messages = path.read_bytes(), []
    for place in range(0, len(content), 7):
        broken = bytearray(content)
        broken[place] ^= 0xFF
        path.write_bytes(bytes(broken))
        try:
            load_npz(path, n)
        except DataError as error:
            messages.append(str(error))
    # The checksums of the archive cover the arrays, which are most of the file.
    assert len(messages) > 0.5 * len(content) / 7
    assert not any("\n" in message for message in messages)


def trains(offsets, time, neuron, n_neurons, value=None):
    return SpikeTrains(
        np.array(time, float),
        np.array(neuron, np.int32),
        np.array(offsets),
        n_neurons,
        None if value is None else np.array(value),
    )


def test_save_npz__load_npz_gives_every_layer_back(path):
    layers = (
        trains([0, 1, 1, 3], [0.5, 0.0, 0.25], [1, 0, 1], 2),
        trains([0, 0, 0, 0], [], [], 5),
        trains([0, 2, 2, 2], [1 / 3, 1 / 3], [0, 2], 3),
    )
    save_npz(path, layers)
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == {"time", "neuron", "sample", "layer"}
        assert file["layer"].tolist() == [0, 0, 0, 2, 2]
        assert file["sample"].tolist() == [0, 2, 2, 0, 0]
    for k, expected in enumerate(layers):
        found = load_npz(path, expected.n_neurons, n_samples=3, layer=k)
        for name in ("time", "neuron", "offsets"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_save_npz__numbers_the_layers_and_keeps_values(path):
    plain = trains([0, 1], [0.5], [1], 2)
    graded = trains([0, 2], [0.5, 1.5], [0, 0], 1, [0.25, 0.75])
    save_npz(path, (plain, graded), first_layer=1)
    with np.load(path) as file:
        assert file["layer"].tolist() == [1, 2, 2]
        assert file["value"].tolist() == [1.0, 0.25, 0.75]


def test_save_npz__nothing_to_write(path):
    save_npz(path, ())
    assert load_npz(path, 1).time.size == 0


def test_save_npz__is_the_same_file_every_time(tmp_path):
    layers = (trains([0, 1], [0.5], [1], 2),)
    for name in ("a.npz", "b.npz"):
        save_npz(tmp_path / name, layers)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_save_npz__keeps_the_name_and_leaves_no_other_file(tmp_path):
    save_npz(tmp_path / "spikes.out", (trains([0, 1], [0.5], [1], 2),))
    assert [p.name for p in tmp_path.iterdir()] == ["spikes.out"]


def test_save_npz__says_where_it_cannot_write(tmp_path):
    (tmp_path / "taken.npz").mkdir()
    with pytest.raises(RunError, match=r"cannot write .*taken\.npz"):
        save_npz(tmp_path / "taken.npz", ())
    assert [p.name for p in tmp_path.iterdir()] == ["taken.npz"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_load_npz__unreadable_file(path):
    write(path, **GOOD)
    path.chmod(stat.S_IWUSR)
    with pytest.raises(DataError, match="cannot be read"):
        load_npz(path, 3)
