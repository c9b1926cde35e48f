"""The bound until which the queue leaves a neuron alone is never too late."""

import math

import numpy as np
import pytest
from eventsim_.circuits import single
from eventsim_.gathered_layers import NEURONS

from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.engine.queue.fast import wiring_of
from eventsim.engine.queue.neuron_kernels import (
    CURRENT,
    DRIVE,
    GOAL,
    HEIGHT,
    KICK,
    LAST,
    V,
    alarm_bound,
    crossing_time,
    group_of,
)
from eventsim.jit import jit

SPREAD = 1e-15


@jit()
def both(constants, rows, more):
    g = group_of(constants, 0)
    return alarm_bound(g, rows, 0), crossing_time(g, rows, more, 0, math.inf)


def random_state(rng, wiring):
    """Put the neuron into a state that is often within roundings of its threshold."""
    rows, more = wiring.rows.copy(), wiring.more.copy()
    rows[0, LAST] = rng.choice([0.0, 1e-3, 0.7, 300.0])
    gap = rng.choice([SPREAD, SPREAD, 1e-9, 0.3]) * rng.random()
    rows[0, V] = math.nextafter(rows[0, HEIGHT], 0) * (1 - gap)
    rows[0, DRIVE] = rng.choice([0.0, 0.3, 3.0]) * rng.normal()
    if wiring.constants[0, KICK] != 0:
        alpha = wiring.constants[0, 0]
        rows[0, GOAL] = rows[0, DRIVE] / alpha if alpha > 0 else 0.0
    else:
        rows[0, CURRENT] = rng.choice([1e-3, 1.0, 50.0]) * rng.normal()
    return rows, more


@pytest.mark.parametrize("name", NEURONS)
def test_alarm_bound__is_not_later_than_the_crossing(name):
    rng = np.random.default_rng(0)
    wiring = wiring_of(circuit_tables(single(NEURONS[name][0])))
    n_crossings = 0
    for _ in range(3000):
        rows, more = random_state(rng, wiring)
        bound, crossing = both(wiring.constants, rows, more)
        assert bound <= crossing
        # It would be of no use if it were much earlier near the threshold.
        assert crossing == math.inf or bound >= rows[0, LAST] * (1 - 1e-11)
        n_crossings += crossing < math.inf
    assert n_crossings > 300
