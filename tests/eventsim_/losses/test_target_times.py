import pytest

from eventsim.losses import regular_times


def test_regular_times__run_to_the_end():
    assert regular_times(0.5, 0.5, 2.0).tolist() == [0.5, 1.0, 1.5, 2.0]
    assert regular_times(1.5, 1.0, 4.0).tolist() == [1.5, 2.5, 3.5]
    assert regular_times(3.0, 1.0, 2.0).tolist() == []
    assert regular_times(2.0, 1.0, 2.0).tolist() == [2.0]


@pytest.mark.parametrize("n_steps", [5, 12, 16])
def test_regular_times__published_targets_are_ends_of_time_steps(n_steps):
    # Spike-train difference: every step but step 0; step t ends at t + 1.
    found = regular_times(2.0, 1.0, n_steps)
    assert found.tolist() == [t + 1 for t in range(1, n_steps)]
    # Spike timing, in the code: 2 - 0.5 to T - 0.5; in the paper: 0.5 to T - 0.5.
    assert regular_times(1.5, 1.0, n_steps).size == n_steps - 1
    assert regular_times(0.5, 1.0, n_steps).size == n_steps


def test_regular_times__never_after_the_end():
    for k in range(1, 200):
        times = regular_times(2 * 0.1 * k, 0.1 * k, k)
        assert times[-1] <= k
        assert times.size in (8, 9)
