import numpy as np
import pytest
from eventsim_.gathered_layers import random_trains

from eventsim.engine.fan_in import fan_in, sparse_fan_in
from eventsim.engine.sweep.arrival_kernels import (
    Train,
    Wiring,
    chain,
    gather,
    most_arrivals,
    new_arrivals,
    new_sorting,
    sort,
)
from eventsim.topology import Dense


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 31, 200, 1025])
def test_sort__is_by_key_then_tie_then_number(n):
    rng = np.random.default_rng(n)
    key = rng.integers(0, max(n // 4, 1), n).astype(float)
    tie = rng.integers(0, 3, n)
    order, spare = np.empty(n, np.int64), np.empty(n, np.int64)
    sort(key, tie, order, spare, n)
    assert order.tolist() == sorted(range(n), key=lambda x: (key[x], tie[x], x))


def tables():
    rng = np.random.default_rng(3)
    n_in = 40
    few = rng.choice(n_in * 3, 5, replace=False)
    many = rng.choice(n_in * 3, 60, replace=False)
    pairs = rng.integers(0, n_in * 3, 70)
    yield "dense", fan_in(Dense((n_in,), 3))
    for name, pair in (("few", few), ("many", many), ("double", np.append(pairs, 7))):
        source, target = np.append(pair % n_in, 7), np.append(pair // n_in, 1)
        yield name, sparse_fan_in(source, target, n_in, 3)


@pytest.mark.parametrize("with_values", [False, True])
@pytest.mark.parametrize("with_delays", [False, True])
@pytest.mark.parametrize(("name", "table"), list(tables()))
def test_gather__is_every_arrival_in_order(name, table, with_delays, with_values):
    rng = np.random.default_rng(5)
    spikes = random_trains(rng, 1, table.n_in, 50, 3.0, with_values)
    time = np.round(spikes.time, 1)  # many ties
    weight = rng.normal(size=table.n_weights)
    delay = np.round(rng.uniform(0, 1, table.n_weights), 1)
    value = spikes.value if with_values else np.empty(0)
    train = Train(time, spikes.neuron, value)
    wiring = Wiring(
        table.offsets,
        table.source,
        weight[table.slot],
        delay[table.slot] if with_delays else np.empty(0),
        table.n_in,
        table.is_multiple,
    )
    room = most_arrivals(wiring, train, np.zeros(table.n_in, np.int64), 0, 3)
    arrivals, sorting = new_arrivals(room), new_sorting(table.n_in, 50, room)
    chain(train, sorting)
    for o in range(3):
        expected = []
        for k in range(50):
            for s in range(table.offsets[o], table.offsets[o + 1]):
                if table.source[s] == spikes.neuron[k]:
                    slot = table.slot[s]
                    t = time[k] + delay[slot] * with_delays
                    w = weight[slot] * (value[k] if with_values else 1.0)
                    expected.append((t, k, s, w))
        expected.sort()
        n = gather(wiring, train, o, sorting, arrivals)
        columns = (arrivals.time, arrivals.spike, arrivals.synapse, arrivals.weight)
        found = list(zip(*(column[:n].tolist() for column in columns), strict=True))
        assert found == expected
