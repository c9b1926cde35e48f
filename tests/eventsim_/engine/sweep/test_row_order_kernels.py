import numpy as np
import pytest

from eventsim.engine.sweep.row_firing_kernels import Found
from eventsim.engine.sweep.row_order_kernels import CROWD, collect, order_spikes


def found_of(time, neuron):
    n = len(time)
    return Found(
        np.array(time),
        np.array(neuron, np.int32),
        np.arange(n).astype(np.asarray(time).dtype),
        np.arange(n, dtype=np.int32),
    )


def crowded(rng, n):
    time = rng.uniform(0, 1e-6, n)
    time[0] = 1.0
    return time


TIMES = {
    "uniform": lambda rng, n: rng.uniform(0, 3, n),
    "one time": lambda rng, n: np.full(n, 0.7),
    "few times": lambda rng, n: rng.integers(0, 4, n) / 4,
    "crowded": crowded,
    "growing": lambda rng, n: np.cumsum(rng.exponential(size=n)),
    "falling": lambda rng, n: np.arange(n, 0.0, -1),
    "over many decades": lambda rng, n: 10.0 ** rng.uniform(-30, 3, n),
}


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 2, 3, CROWD, CROWD + 1, 400])
@pytest.mark.parametrize("name", TIMES)
def test_order_spikes__by_time_then_neuron_then_place(name, n, real):
    rng = np.random.default_rng(n)
    time = TIMES[name](rng, n).astype(real) if n else np.empty(0, real)
    neuron = rng.integers(0, max(n // 2, 1), n)
    expected = np.lexsort((np.arange(n), neuron, time))
    spikes = found_of(time, neuron)
    order_spikes(spikes, 0, n)
    assert np.array_equal(spikes.rank, expected)
    assert np.array_equal(spikes.time, time[expected])
    assert np.array_equal(spikes.neuron, neuron[expected])
    assert np.array_equal(spikes.current, expected.astype(real))


def test_order_spikes__leaves_other_samples_alone():
    spikes = found_of([3.0, 2.0, 1.0, 0.0], [0, 1, 2, 3])
    order_spikes(spikes, 1, 3)
    assert spikes.time.tolist() == [3.0, 1.0, 2.0, 0.0]
    assert spikes.neuron.tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize("n_blocks", [1, 3])
@pytest.mark.parametrize("groups", [[0, 5], [0, 2, 5], [0, 1, 2, 3, 4, 5]])
def test_collect__joins_blocks_and_groups(n_blocks, groups):
    rng = np.random.default_rng(1)
    groups = np.array(groups)
    counts = rng.integers(0, 4, (n_blocks, 5))
    counts[:, 3] = 0
    shape = (n_blocks, groups.size - 1, 20)
    found = found_of(np.full(shape, np.nan), np.zeros(shape))
    found = found._replace(
        current=np.full(shape, np.nan), rank=np.zeros(shape, np.int32)
    )
    expected = []
    for b in range(5):
        g = np.searchsorted(groups, b, side="right") - 1
        sample = []
        for k in range(n_blocks):
            begin = counts[k, groups[g] : b].sum()
            times = np.sort(rng.uniform(size=counts[k, b]))
            for at, t in enumerate(times, begin):
                found.time[k, g, at] = found.current[k, g, at] = t
                found.neuron[k, g, at] = found.rank[k, g, at] = 10 * b + k
                sample.append((t, 10 * b + k))
        expected += sorted(sample)
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    joined = found_of(np.empty(offsets[-1]), np.zeros(offsets[-1]))
    collect(found, counts, groups, offsets, joined)
    assert list(zip(joined.time, joined.neuron, strict=True)) == expected
    assert np.array_equal(joined.current, joined.time)
    assert np.array_equal(joined.rank, joined.neuron)
