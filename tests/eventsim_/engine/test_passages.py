import numpy as np
import pytest
from eventsim_.gathered_layers import random_trains

from eventsim.engine.passages import (
    Wave,
    arrive,
    average,
    drop,
    earliest,
    pool_windows,
)
from eventsim.errors import ShapeError
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Dropout, EarliestPool

MAP = (5, 4, 2)


@pytest.fixture
def spikes():
    rng = np.random.default_rng(0)
    found = random_trains(rng, 3, 40, 50, 4.0, False)
    # Several at one time.
    time = np.floor(found.time * 4) / 4
    return SpikeTrains(time, found.neuron, found.offsets, 40)


def windows_of(topology, neuron):
    """Return the windows that a neuron lies in, by going through all of them."""
    height, width, channels = topology.output_shape
    y, rest = divmod(neuron, MAP[1] * MAP[2])
    x, c = divmod(rest, MAP[2])
    return [
        (top * width + left) * channels + c
        for top in range(height)
        for left in range(width)
        if 0 <= y - top * topology.stride < topology.size
        and 0 <= x - left * topology.stride < topology.size
    ]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kind", [AveragePool, EarliestPool])
def test_pool_windows__lists_every_window_of_a_neuron(kind, stride):
    topology = kind(MAP, 2, stride)
    table = pool_windows(topology)
    for neuron in range(40):
        part = slice(table.offsets[neuron], table.offsets[neuron + 1])
        assert table.window[part].tolist() == windows_of(topology, neuron)


def test_arrive__delays_by_feature_and_sorts(spikes):
    delay = np.array([0.5, 0.0])
    passed = arrive(Wave(spikes, delay), np.inf)
    assert sorted(passed.origin.tolist()) == list(range(150))
    late = spikes.time + delay[spikes.neuron % 2]
    assert np.array_equal(passed.spikes.time, late[passed.origin])
    assert np.array_equal(passed.spikes.neuron, spikes.neuron[passed.origin])
    rows = np.stack([passed.spikes.sample, passed.spikes.time], axis=1).tolist()
    rows = [[*row, n] for row, n in zip(rows, passed.spikes.neuron, strict=True)]
    assert rows == sorted(rows)


def test_arrive__drops_what_comes_after_the_end(spikes):
    delay = np.array([1.0, 0.25])
    passed = arrive(Wave(spikes, delay), 2.0)
    late = spikes.time + delay[spikes.neuron % 2]
    assert np.array_equal(np.sort(passed.origin), np.flatnonzero(late <= 2.0))
    assert passed.spikes.time.max() == 2.0


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_average__passes_every_spike_through_every_window(spikes, stride):
    topology = AveragePool(MAP, 2, stride)
    delay = np.array([1.0, 2.0])
    wave, origin = average(Wave(spikes, delay), topology)
    assert wave.delay is delay
    found = sorted(zip(origin.tolist(), wave.spikes.neuron.tolist(), strict=True))
    assert found == [
        (k, window)
        for k, neuron in enumerate(spikes.neuron.tolist())
        for window in windows_of(topology, neuron)
    ]
    assert np.array_equal(wave.spikes.time, spikes.time[origin])
    assert set(wave.spikes.value) == {0.25}
    again, _ = average(wave, AveragePool(topology.output_shape, 1, 1))
    assert set(again.spikes.value) == {0.25}


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_earliest__passes_the_first_of_every_window(spikes, stride):
    topology = EarliestPool(MAP, 2, stride)
    arrived = arrive(Wave(spikes), np.inf).spikes
    passed = earliest(arrived, topology)
    expected = {}
    for k, (b, t, n) in enumerate(
        zip(arrived.sample, arrived.time, arrived.neuron, strict=True)
    ):
        for window in windows_of(topology, n):
            first = expected.get((b, window))
            if first is None or (t, n) < first[:2]:
                expected[b, window] = (t, n, k)
    keys = zip(passed.spikes.sample, passed.spikes.neuron, strict=True)
    found = {
        key: (t, arrived.neuron[k], k)
        for key, t, k in zip(keys, passed.spikes.time, passed.origin, strict=True)
    }
    assert found == expected
    assert passed.spikes.value is None


def test_earliest__takes_values_of_one_only(spikes):
    graded = SpikeTrains(spikes.time, spikes.neuron, spikes.offsets, 40, np.ones(150))
    topology = EarliestPool(MAP, 2, 2)
    assert earliest(graded, topology).spikes.value is None
    graded.value[3] = 0.25
    with pytest.raises(ShapeError, match=r"spikes of value 0\.25; expected.*value 1"):
        earliest(graded, topology)


def test_drop__keeps_features_of_each_sample_and_scales_them():
    # Two samples of a map of 1 x 2 places and 2 channels.
    spikes = SpikeTrains(
        np.array([0.0, 1.0, 2.0, 0.5, 0.5]),
        np.array([0, 1, 2, 0, 3], np.int32),
        np.array([0, 3, 5]),
        4,
        np.array([1.0, 1.0, 2.0, 1.0, 4.0]),
    )
    topology = Dropout((1, 2, 2), 0.75)
    kept = np.array([[True, False], [False, True]])
    wave, origin = drop(Wave(spikes, np.ones(2)), topology, kept)
    # Channel 0 of sample 0: neurons 0 and 2; channel 1 of sample 1: neuron 3.
    assert origin.tolist() == [0, 2, 4]
    assert wave.spikes.time.tolist() == [0.0, 2.0, 0.5]
    assert wave.spikes.neuron.tolist() == [0, 2, 3]
    assert wave.spikes.offsets.tolist() == [0, 2, 3]
    assert wave.spikes.value.tolist() == [4.0, 8.0, 16.0]
    assert wave.delay.tolist() == [1, 1]
    same, origin = drop(Wave(spikes), topology, None)
    assert same.spikes is spikes
    assert origin.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(
        ShapeError, match=r"mask has shape \(2, 4\) .* expected \(2, 2\)"
    ):
        drop(Wave(spikes), topology, np.ones((2, 4), bool))
