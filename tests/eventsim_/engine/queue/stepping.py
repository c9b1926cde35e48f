"""The readable queue, stepped to a decision: the oracle of runs that stop."""

import math


def step_until(simulator, watched, decided):
    """Step a `QueueSimulator` to a decision, or to the end of its run.

    `decided` tells from the spikes of the population so far when it is decided if no
    more come, ``inf`` = never. It is asked when all events of a time are done and some
    of them were such spikes. Returns that time; no event behind it was done.
    """
    fires = simulator.spike_of(watched)
    time, is_new = decided(simulator.spikes(watched)), False
    while True:
        event = simulator.peek()
        coming = math.inf if event is None else event.time
        if coming > simulator.time:
            if is_new:
                time, is_new = decided(simulator.spikes(watched)), False
            if time < coming:
                return time if time <= simulator.t_end else math.inf
        done = simulator.step()
        if done is None:
            return math.inf
        is_new = is_new or fires(done)
