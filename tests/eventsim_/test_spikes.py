import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.errors import ShapeError
from eventsim.spikes import SpikeTrains, join_samples


def trains(time, neuron, offsets, n_neurons=4, value=None):
    return SpikeTrains(
        np.asarray(time, float),
        np.asarray(neuron, np.int32),
        np.asarray(offsets),
        n_neurons,
        None if value is None else np.asarray(value, float),
    )


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(
            st.lists(
                st.sampled_from([0.0, 0.25, 0.5, 1.75, np.inf]), min_size=n, max_size=n
            ),
            min_size=1,
            max_size=4,
        )
    )
)
def test_from_first_spikes__first_spikes_gives_the_times_back(times):
    times = np.array(times)
    spikes = SpikeTrains.from_first_spikes(times)
    np.testing.assert_array_equal(spikes.first_spikes(), times)
    np.testing.assert_array_equal(spikes.counts(), np.isfinite(times).sum(axis=0))
    assert spikes.batch == times.shape[0]
    for b in range(spikes.batch):
        part = slice(spikes.offsets[b], spikes.offsets[b + 1])
        expected = sorted((t, i) for i, t in enumerate(times[b]) if t < np.inf)
        pairs = list(zip(spikes.time[part], spikes.neuron[part], strict=True))
        assert pairs == expected


def test_first_spikes__takes_the_first_of_several():
    spikes = trains([0.5, 0.75, 1.0], [2, 2, 0], [0, 3])
    np.testing.assert_array_equal(spikes.first_spikes(), [[1.0, np.inf, 0.5, np.inf]])
    np.testing.assert_array_equal(spikes.counts(), [1, 0, 2, 0])


def test_spike_trains__a_new_sample_may_start_earlier():
    assert trains([1.0, 0.5], [0, 1], [0, 1, 2]).batch == 2
    assert trains([1.0, 0.5], [0, 1], [0, 0, 1, 1, 2]).batch == 4
    assert trains([], [], [0, 0, 0]).batch == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1, 0.2], [0], [0, 2]), r"time has shape \(2,\) and neuron \(1,\)"),
        (([[0.1]], [[0]], [0, 1]), "expected the same one-dimensional shape"),
        (([0.1], [0], [0, 2]), "offsets run from 0 to 2; expected 0 to 1"),
        (([0.1], [0], [1, 1]), "offsets run from 1 to 1; expected 0 to 1"),
        (([0.1, 0.2], [0, 1], [0, 2, 1, 2]), "offsets must not decrease"),
        (([np.nan], [0], [0, 1]), "a spike time is NaN or infinite"),
        (([np.inf], [0], [0, 1]), "a spike time is NaN or infinite"),
        (([0.1], [4], [0, 1]), "neuron indices run from 4 to 4; expected 0 to 3"),
        (([0.1], [-1], [0, 1]), "neuron indices run from -1 to -1"),
        (([0.2, 0.1], [0, 1], [0, 2]), "times of a sample must not decrease"),
        (
            ([0.5, 0.2, 0.1], [0, 1, 2], [0, 1, 3]),
            "times of a sample must not decrease",
        ),
        (
            ([0.1, 0.2], [0, 1], [0, 2], 4, [1.0]),
            r"value has shape \(1,\) and time \(2,\); expected one value",
        ),
        (([0.1], [0], [0, 1], 4, [np.nan]), "a spike's value is NaN or infinite"),
        (([0.1], [0], [0, 1], 4, [np.inf]), "a spike's value is NaN or infinite"),
    ],
)
def test_spike_trains__refuses_damaged_arrays(arguments, message):
    with pytest.raises(ShapeError, match=message):
        trains(*arguments)


def test_spike_trains__may_carry_values():
    assert trains([0.1], [0], [0, 1]).value is None
    graded = trains([0.1, 0.1], [2, 0], [0, 2], 4, [0.25, -3.0])
    assert graded.value.tolist() == [0.25, -3.0]
    assert graded.counts().tolist() == [1, 0, 1, 0]


def test_from_first_spikes__refuses_nan():
    with pytest.raises(ShapeError, match="a spike time is NaN; 'inf' means never"):
        SpikeTrains.from_first_spikes(np.array([[0.5, np.nan]]))


def test_sample__is_that_of_each_spike():
    times = np.array([[0.5, np.inf], [np.inf, np.inf], [0.2, 0.1]])
    assert SpikeTrains.from_first_spikes(times).sample.tolist() == [0, 2, 2]


@pytest.mark.parametrize("value", [None, [2, 3, 4, 5]])
@pytest.mark.parametrize("n", [1, 2, 4, 9])
def test_join_samples__undoes_samples(value, n):
    whole = trains([0, 1, 0.5, 2], [3, 0, 1, 1], [0, 2, 2, 3, 4], value=value)
    parts = [whole.samples(first, first + n) for first in range(0, 4, n)]
    assert [part.batch for part in parts] == [min(n, 4 - k) for k in range(0, 4, n)]
    joined = join_samples(parts)
    for name in ("time", "neuron", "offsets"):
        assert getattr(joined, name).tolist() == getattr(whole, name).tolist()
    assert joined.n_neurons == 4
    assert (joined.value is None) if value is None else joined.value.tolist() == value


def test_join_samples__spikes_without_values_have_the_value_one():
    parts = [trains([0], [1], [0, 1], value=[0.5]), trains([0], [2], [0, 1])]
    assert join_samples(parts).value.tolist() == [0.5, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (0, 4), (5, 0), (40, 300)])
@pytest.mark.parametrize("low", [0.0, -2.0])
def test_from_first_spikes__by_time_then_neuron(dtype, shape, low):
    rng = np.random.default_rng(0)
    times = rng.integers(low, 30, shape) / dtype(7) + dtype(-0.0)
    times = times.astype(dtype)
    times[rng.uniform(size=shape) < 0.5] = np.inf
    times[:1, :1] = -0.0
    spikes = SpikeTrains.from_first_spikes(times)
    for b, row in enumerate(times):
        here = slice(spikes.offsets[b], spikes.offsets[b + 1])
        order = np.argsort(row, kind="stable")[: np.isfinite(row).sum()]
        assert spikes.neuron[here].tolist() == order.tolist()
        assert spikes.time[here].tolist() == row[order].tolist()
    assert spikes.time.dtype == dtype
    assert spikes.batch == len(times)
