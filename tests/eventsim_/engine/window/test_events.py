import numpy as np

from eventsim.engine.first_spike.sweep_kernels import order_events
from eventsim.engine.window.events import group_by_neuron, list_events


def test_list_events__visits_neurons_that_spike_in_order():
    activation = np.array([[0.0, 0.5, 0.25], [0.0, 0.0, 0.0], [1.0, 0.0, 0.125]])
    events = list_events(activation)
    np.testing.assert_array_equal(events.offsets, [0, 2, 2, 4])
    np.testing.assert_array_equal(events.index, [1, 2, 0, 2])
    np.testing.assert_array_equal(events.value, [0.5, 0.25, 1.0, 0.125])


def test_group_by_neuron__holds_the_same_events():
    rng = np.random.default_rng(0)
    activation = rng.random((6, 9)) * (rng.random((6, 9)) < 0.4)
    grouped = group_by_neuron(list_events(activation), 9)
    again = np.zeros_like(activation)
    for i in range(9):
        for k in range(grouped.offsets[i], grouped.offsets[i + 1]):
            again[grouped.index[k], i] = grouped.value[k]
    np.testing.assert_array_equal(again, activation)
    assert grouped.offsets[-1] == np.count_nonzero(activation)


def test_order_events__sorts_by_time_and_keeps_ties_in_order():
    rng = np.random.default_rng(1)
    times = rng.integers(0, 4, (5, 20)) / 4
    times[rng.random(times.shape) < 0.3] = np.inf
    times[2] = np.inf
    order, counts = np.empty((5, 20), np.int32), np.empty(5, np.int64)
    order_events(times, order, counts)
    np.testing.assert_array_equal(counts, np.isfinite(times).sum(axis=1))
    for b in range(5):
        expected = np.argsort(times[b], kind="stable")[: counts[b]]
        np.testing.assert_array_equal(order[b, : counts[b]], expected)
