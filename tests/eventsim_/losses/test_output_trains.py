import numpy as np
import pytest
from eventsim_.losses.output_spikes import cases, entry, listed, trains
from hypothesis import given

from eventsim.losses.output_trains import (
    is_label,
    reduced,
    reduced_rate_loss,
    spike_counts,
    spike_masses,
)


@given(cases(with_masses=True))
def test_spike_counts__add_up_masses(case):
    spikes, _ = case
    counts = np.zeros((spikes.batch, spikes.n_neurons))
    for sample, _, neuron, mass in listed(spikes):
        counts[sample, neuron] += mass
    np.testing.assert_allclose(spike_counts(spikes), counts, rtol=1e-15)


def test_spike_masses__are_1_without_values():
    spikes = trains([(0.5, 1), (0.75, 0)])
    assert spike_masses(spikes).tolist() == [1, 1]
    assert spike_counts(spikes).tolist() == [[1, 1, 0]]


@given(cases())
def test_ranks__count_earlier_spikes_of_the_neuron(case):
    spikes, _ = case
    ranks = spikes.ranks()
    for sample in range(spikes.batch):
        for neuron in range(spikes.n_neurons):
            own = ranks[entry(spikes, sample, neuron)]
            assert own.tolist() == list(range(own.size))


def test_key__numbers_neurons_over_the_batch():
    spikes = trains([(0.5, 2)], [], [(0.1, 0), (0.2, 1)])
    assert spikes.key.tolist() == [2, 6, 7]


def test_is_label__marks_one_class_of_each_sample():
    assert is_label(np.array([2, 0]), 3).tolist() == [
        [False, False, True],
        [True, False, False],
    ]


@pytest.mark.parametrize(
    ("reduction", "value", "d_time"), [("mean", 3.0, [0.5, 1.0]), ("sum", 6.0, [1, 2])]
)
def test_reduced__mean_or_sum_but_reports_are_means(reduction, value, d_time):
    loss = reduced(6.0, np.array([1.0, 2.0]), 2, reduction)
    assert loss.value == value
    assert loss.d_output.tolist() == d_time
    assert loss.per_sample == 3.0


def test_reduced_rate_loss__hands_each_spike_minus_its_neurons_derivative():
    spikes = trains([(0.5, 1), (0.75, 1), (1.0, 0)])
    loss = reduced_rate_loss(1.0, np.array([[2.0, -3.0, 5.0]]), spikes, "mean")
    assert loss.d_output.tolist() == [3, 3, -2]
