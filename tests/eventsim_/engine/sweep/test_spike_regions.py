import numpy as np
import pytest

from eventsim.engine.sweep.spike_regions import RESERVE, Tasks, collect
from eventsim.errors import SimulationLimitError

# Two samples of two blocks of one neuron each.
TASKS = Tasks(2, 2, np.array([1, 1]))


def runner(trains, calls=None):
    """Return a run that stores given spikes: one list of times for each task."""

    def run(todo, regions, time, neuron, kind, n_before, counts, stop):
        if calls is not None:
            calls.append(todo.tolist())
        for task, times in enumerate(trains):
            if not todo[task]:
                continue
            room = regions[task + 1] - regions[task]
            kept = np.array(times, float)[:room]
            at = slice(regions[task], regions[task] + kept.size)
            time[at], neuron[at], kind[at], n_before[at] = kept, task % 2, task, 7
            counts[task] = len(times)

    return run


def test_collect__sorts_each_sample_by_time_then_neuron():
    seen = collect(runner([[3, 5], [1, 3], [], [2]]), TASKS, 100)
    assert seen.spikes.time.tolist() == [1, 3, 3, 5, 2]
    assert seen.spikes.neuron.tolist() == [1, 0, 1, 0, 1]
    assert seen.spikes.offsets.tolist() == [0, 4, 5]
    assert seen.kind.tolist() == [1, 0, 1, 0, 3]
    assert seen.n_before.tolist() == [7] * 5


def test_collect__runs_full_tasks_again_and_keeps_the_others():
    many = np.arange(3 * RESERVE)
    calls = []
    seen = collect(runner([[0.5], many, [], [2]], calls), TASKS, 1000)
    assert calls == [[True] * 4, [False, True, False, False]]
    assert seen.spikes.time[:3].tolist() == [0, 0.5, 1]
    assert seen.spikes.offsets.tolist() == [0, many.size + 1, many.size + 2]


def test_collect__refuses_more_than_allowed():
    trains = [[1], [2], [3], [4]]
    assert collect(runner(trains), TASKS, 4).spikes.time.size == 4
    with pytest.raises(SimulationLimitError, match="more than 3 times"):
        collect(runner(trains), TASKS, 3)
