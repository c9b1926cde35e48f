from itertools import product

import numpy as np
import pytest

from eventsim.engine.fan_in import fan_in, sparse_fan_in, synapses_of
from eventsim.errors import ShapeError
from eventsim.topology import Conv2d, Dense, Sparse


def listed(table):
    """Return the synapses as a sorted list of (target, source, slot)."""
    target = np.repeat(np.arange(table.n_out), np.diff(table.offsets))
    return sorted(
        zip(target.tolist(), table.source.tolist(), table.slot.tolist(), strict=True)
    )


def test_fan_in__of_dense_is_every_pair():
    table = fan_in(Dense((2, 3), 4))
    assert listed(table) == sorted(
        (o, i, 4 * i + o) for i in range(6) for o in range(4)
    )
    assert (table.n_in, table.n_out, table.n_weights) == (6, 4, 24)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (1, 2)])
def test_fan_in__of_conv2d_shares_weights_between_positions(stride, padding):
    topology = Conv2d((5, 4, 2), 3, (3, 2), stride, padding)
    height, width, channels = topology.output_shape
    slots = np.arange(np.prod(topology.weight_shape)).reshape(topology.weight_shape)
    expected = []
    for y, x, c in product(range(height), range(width), range(channels)):
        for ky, kx, channel in product(range(3), range(2), range(2)):
            row, column = y * stride + ky - padding, x * stride + kx - padding
            if 0 <= row < 5 and 0 <= column < 4:
                source = (row * 4 + column) * 2 + channel
                target = (y * width + x) * channels + c
                expected.append((target, source, slots[ky, kx, channel, c]))
    assert listed(fan_in(topology)) == sorted(expected)


def test_fan_in__lists_inputs_in_order():
    table = fan_in(Conv2d((5, 4, 2), 3, (3, 2), 1, 1))
    for o in range(table.n_out):
        sources = table.source[table.offsets[o] : table.offsets[o + 1]]
        assert np.all(np.diff(sources) > 0)


def test_fan_in__of_the_same_topology_is_built_once():
    assert fan_in(Dense((3,), 2)) is fan_in(Dense((3,), 2))


def test_sparse_fan_in__keeps_the_places_of_the_list():
    source, target = np.array([2, 0, 2, 1]), np.array([1, 3, 0, 1])
    table = sparse_fan_in(source, target, 3, 4)
    assert listed(table) == [(0, 2, 2), (1, 1, 3), (1, 2, 0), (3, 0, 1)]
    assert table.offsets.tolist() == [0, 1, 3, 3, 4]
    assert not table.is_multiple


def test_sparse_fan_in__notices_pairs_with_two_synapses():
    assert sparse_fan_in(np.array([0, 1, 0]), np.array([1, 1, 1]), 2, 2).is_multiple


def test_sparse_fan_in__may_be_empty():
    table = sparse_fan_in(np.empty(0, int), np.empty(0, int), 3, 2)
    assert table.offsets.tolist() == [0, 0, 0]


def test_sparse_fan_in__refuses_lists_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"source has shape \(2,\) and target \(3,\)"):
        sparse_fan_in(np.zeros(2, int), np.zeros(3, int), 2, 2)
    with pytest.raises(ShapeError, match="target runs from 0 to 2; expected 0 to 1"):
        sparse_fan_in(np.array([0, 1]), np.array([0, 2]), 2, 2)
    with pytest.raises(ShapeError, match="source runs from -1 to 1"):
        sparse_fan_in(np.array([-1, 1]), np.array([0, 1]), 2, 2)


def test_synapses_of__sparse_layers_count_slots_as_listed():
    topology = Sparse((3,), 2, np.array([2, 0, 2]), np.array([1, 1, 0]))
    table = synapses_of(topology)
    assert table.offsets.tolist() == [0, 1, 3]
    assert table.source.tolist() == [2, 0, 2]
    assert table.slot.tolist() == [2, 1, 0]
