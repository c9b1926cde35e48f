from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmodel.mapping.groups import LayerPartition, Partition, equal_runs


@given(size=st.integers(1, 400), data=st.data())
def test_equal_runs__cover_everything_and_differ_by_one(size, data):
    n_runs = data.draw(st.integers(1, size))
    runs = equal_runs(size, n_runs)
    assert [i for start, stop in runs for i in range(start, stop)] == list(range(size))
    lengths = [stop - start for start, stop in runs]
    assert len(lengths) == n_runs
    assert max(lengths) - min(lengths) <= 1


@given(
    sizes=st.tuples(st.integers(1, 7), st.integers(1, 6), st.integers(1, 5)),
    first=st.integers(0, 4),
    data=st.data(),
)
@settings(max_examples=80, deadline=None)
def test_layer_partition__neurons_lie_on_the_core_of_their_runs(sizes, first, data):
    runs = [equal_runs(n, data.draw(st.integers(1, n))) for n in sizes]
    part = LayerPartition(first, *runs)
    features, height, width = sizes
    owner = part.core_of_neuron.reshape(height, width, features)
    assert part.n_cores == len(part.groups) == len(part.cores)
    for core, (f, r, k), neurons in zip(
        part.cores, part.groups, part.neurons_per_core, strict=True
    ):
        inside = np.zeros(owner.shape, dtype=bool)
        inside[slice(*r), slice(*k), slice(*f)] = True
        assert np.array_equal(owner == core, inside)
        assert neurons == inside.sum()
    assert part.map_shape == (height, width)
    assert part.shape == tuple(map(len, runs))


def test_partition__copies_are_counted_apart():
    dense = LayerPartition(
        0, ((0, 2), (2, 3)), ((0, 1),), ((0, 1),), np.array([1, 3, 2])
    )
    last = LayerPartition(2, ((0, 4),), ((0, 1),), ((0, 1),))
    part = Partition((dense, last), target_cores=1)
    assert part.neurons_per_core.tolist() == [2, 1, 4]
    assert part.copies_per_core.tolist() == [2, 1, 0]
    assert part.occupied_per_core.tolist() == [4, 2, 4]
    assert dense.occupied_per_core.tolist() == [4, 2]
    assert dense.times_on_core.tolist() == [1, 3, 2]
    assert last.times_on_core.tolist() == [1, 1, 1, 1]
