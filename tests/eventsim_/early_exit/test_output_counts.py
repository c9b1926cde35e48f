import numpy as np
import pytest
from eventsim_.early_exit.output_trains import random_output, samples

from eventsim.early_exit.output_counts import (
    count_changes,
    first_settled,
    lead_of,
    until,
)


@pytest.mark.parametrize("window", [None, 0.5, 1.3])
@pytest.mark.parametrize("most_entries", [1, 100, 1 << 22])
def test_count_changes__settled_counts_are_those_of_the_definition(
    window, most_entries
):
    output = random_output(1)
    seen = 0
    for changes in count_changes(output, window, most_entries):
        for row in range(len(changes.time)):
            one = output.samples(changes.first + row, changes.first + row + 1)
            place = np.flatnonzero(changes.is_settled[row])
            times = changes.time[row, place]
            moments = one.time if window is None else [*one.time, *(one.time + window)]
            assert times.tolist() == sorted(set(np.asarray(moments).tolist()))
            for k, t in zip(place, times, strict=True):
                is_in = one.time <= t
                if window is not None:
                    is_in &= ~(one.time + window <= t)
                expected = np.bincount(one.neuron[is_in], minlength=3)
                assert changes.counts[row, k].tolist() == expected.tolist()
        seen += len(changes.time)
    assert seen == output.batch


def test_lead_of__largest_over_the_next():
    counts = np.array([[3, 1, 2], [2, 2, 0], [0, 0, 0], [0, 4, 0]])
    assert lead_of(counts).tolist() == [1, 0, 0, 4]
    assert lead_of(counts[:, :1]).tolist() == [3, 2, 0, 0]


def test_first_settled__never_between_two_changes_of_one_time():
    (changes,) = count_changes(samples([(1, 0), (1, 1), (2, 1)], [], [(3, 2)]))
    place, time = first_settled(changes, lead_of(changes.counts) >= 1)
    assert time.tolist() == [2, np.inf, 3]
    assert place.tolist() == [2, 0, 0]


def test_until__keeps_the_spikes_up_to_a_time():
    output = samples([(1, 0), (2, 1), (2.5, 1)], [(2, 2)], [(3, 0)])
    found = until(output, 2.0)
    assert found.time.tolist() == [1, 2, 2]
    assert found.neuron.tolist() == [0, 1, 2]
    assert found.offsets.tolist() == [0, 2, 3, 3]
