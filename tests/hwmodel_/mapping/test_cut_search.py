from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hwmodel_.builders import LIF, make_network, matrix_of, sparse_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool, Sparse
from hwmodel.chip.chip import CoreLimits
from hwmodel.errors import PlacementError
from hwmodel.mapping import needs as needs_module
from hwmodel.mapping.cut_search import cheapest_cut, cost, cut, first_cut
from hwmodel.mapping.groups import LayerPartition, equal_runs
from hwmodel.mapping.needs import needs_of
from hwmodel.mapping.splits import SPLITS, cut_layer
from hwmodel.workload.group_inputs import map_of
from hwmodel.workload.workload import layers_of


def made(rng, kind, zeros):
    """Make a small layer; a pool before it is folded or looked through."""
    size = rng.integers(2, 8, 2)
    channels, features = int(rng.integers(1, 4)), int(rng.integers(1, 7))
    if kind == "dense":
        parts = [Dense((int(size[0]),), int(rng.integers(1, 13)))]
    elif kind == "sparse":
        pre, post = rng.integers(0, 6, 20), rng.integers(0, 9, 20)
        parts = [Sparse((6,), 9, pre, post)]
    elif kind == "conv":
        kernel = tuple(rng.integers(1, 4, 2).tolist())
        shape = (int(size[0]) + 2, int(size[1]) + 2, channels)
        stride, padding = int(rng.integers(1, 3)), int(rng.integers(0, 3))
        parts = [Conv2d(shape, features, kernel, stride, padding)]
    else:
        pool = AveragePool if kind == "average pool" else EarliestPool
        before = Conv2d((9, 8, 1), channels, (1, 1))
        parts = [before, pool(before.output_shape, 2, int(rng.integers(1, 3)))]
        parts += [Conv2d(parts[-1].output_shape, features, (2, 3), 1, 1)]
    weighted = [
        (part, sparse_weights(part.weight_shape, rng, zeros) if part.has_neurons else 0)
        for part in parts
    ]
    several = {"neuron": LIF, "t_end": 4.0} if kind == "average pool" else {}
    return layers_of(make_network(parts[0].input_shape, *weighted, **several))[-1]


KINDS = ("dense", "sparse", "conv", "average pool", "earliest pool")


def some(rng, least, most):
    """Draw a limit, or none."""
    return int(rng.integers(least, most)) if rng.random() < 0.5 else None


def every_cost(layer, limits, targets, senders):
    """Try all cuts into equal runs; {shape: cost} of those that fit."""
    matrix = matrix_of(layer) > 0
    height, width, features = map_of(layer)
    copies = np.ones(layer.n_neurons, dtype=int)
    if limits.target_cores is not None:
        copies = np.maximum(-(-targets // limits.target_cores), 1)
    per_source = 1
    for passage in layer.passes:
        per_source *= passage.size**2 if isinstance(passage, EarliestPool) else 1
    synapses = matrix_of(layer).sum(axis=0) * copies
    kept = [
        (copies, limits.neurons),
        (synapses, limits.synapses),
        (targets, limits.out_axons),
    ]
    found = {}
    for shape in product(*(range(1, size + 1) for size in (features, height, width))):
        runs = map(equal_runs, (features, height, width), shape)
        owner = LayerPartition(0, *runs).core_of_neuron
        fits = all(
            limit is None or np.bincount(owner, needed).max() <= limit
            for needed, limit in kept
        )
        if not fits:
            continue
        inputs = [
            int(matrix[:, owner == core].any(axis=1).sum())
            for core in range(int(np.prod(shape)))
        ]
        if limits.axons is not None and max(inputs) > limits.axons:
            continue
        before = 0
        if senders and (limits.target_cores or limits.out_axons):
            routes, room = sum(inputs) * per_source, limits.neurons
            before = -(-senders // room)
            if limits.target_cores:
                before = max(before, -(-routes // (limits.target_cores * room)))
            if limits.out_axons:
                before = max(before, -(-routes // limits.out_axons))
        found[shape] = (len(inputs) + before, sum(inputs), *shape)
    return found


@given(
    kind=st.sampled_from(KINDS),
    zeros=st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    seed=st.integers(0, 99_999),
)
@settings(max_examples=60, deadline=None)
def test_cut_layer__is_the_first_or_the_cheapest_of_all_cuts(kind, zeros, seed):
    rng = np.random.default_rng(seed)
    layer = made(rng, kind, zeros)
    n_inputs = matrix_of(layer).any(axis=1).sum()
    limits = CoreLimits(
        neurons=int(rng.integers(1, layer.n_neurons + 2)),
        axons=some(rng, 1, n_inputs + 2),
        synapses=some(rng, 1, matrix_of(layer).sum() // 2 + 3),
        target_cores=some(rng, 1, 4),
        out_axons=some(rng, 1, 40),
    )
    targets = rng.integers(0, 5, layer.n_neurons)
    senders = int(rng.integers(0, 30))
    try:
        needs = needs_of(layer, limits, targets, senders)
    except PlacementError:
        return
    costs = every_cost(layer, limits, targets, senders)
    height, width, features = map_of(layer)
    parts = {split: cut_layer(needs, split) for split in SPLITS}
    for part in parts.values():
        assert cost(needs, part) == costs[part.shape]
    assert costs[parts["search"].shape] == min(costs.values())
    tiles = [c for shape, c in costs.items() if shape[0] == 1]
    if tiles:
        assert costs[parts["space"].shape] == min(tiles)
    ways = {
        "features": [(f, 1, 1) for f in range(1, features + 1)]
        + [(features, r, 1) for r in range(1, height + 1)]
        + [(features, height, c) for c in range(1, width + 1)]
    }
    if not tiles:
        ways["space"] = [(f, height, width) for f in range(1, features + 1)]
    for split, shapes in ways.items():
        assert parts[split].shape == next(s for s in shapes if s in costs)


@pytest.mark.parametrize(("n_listed", "share"), [(1, 0.7), (32, 0.5)])
def test_cheapest_cut__works_out_few_cuts(n_listed, share, monkeypatch):
    rng, worked_out = np.random.default_rng(3), []
    one = needs_module.LayerNeeds.too_large

    def counted(self, part):
        worked_out.append(part.shape)
        return one(self, part)

    monkeypatch.setattr(needs_module.LayerNeeds, "too_large", counted)
    monkeypatch.setattr(needs_module, "MOST_LISTED", n_listed)
    topology = Conv2d((9, 8, 2), 6, (3, 3), 1, 1)
    weight = sparse_weights(topology.weight_shape, rng, 0.8)
    (layer,) = layers_of(make_network(topology.input_shape, (topology, weight)))
    limits = CoreLimits(neurons=layer.n_neurons, axons=20)
    needs = needs_of(layer, limits)
    found = cheapest_cut(needs)
    costs = every_cost(layer, limits, np.zeros(layer.n_neurons, dtype=int), 0)
    assert cost(needs, found) == min(costs.values())
    shapes = product(range(1, 7), range(1, 10), range(1, 9))
    fewer = [shape for shape in shapes if np.prod(shape) < found.n_cores]
    assert len(worked_out) < share * len(fewer)
    assert len(worked_out) == len(set(worked_out))


def test_cheapest_cut__more_runs_as_long_as_before_may_fit():
    # synapses of five units: 1, 1, 2, 2, 1, at most 3 a core. Two runs have 4 and 3,
    # three 2, 4 and 1. Four have 2, 2, 2 and 1, though their longest is no shorter
    post, pre = [0, 1, 2, 2, 3, 3, 4], [0, 0, 0, 1, 0, 1, 0]
    (layer,) = layers_of(make_network((2,), (Sparse((2,), 5, pre, post), np.ones(7))))
    needs = needs_of(layer, CoreLimits(neurons=5, synapses=3))
    assert cheapest_cut(needs).shape == (4, 1, 1)
    assert cut_layer(needs, "features").shape == (4, 1, 1)


def test_cheapest_cut__nothing_fits():
    (layer,) = layers_of(make_network((2,), (Dense((2,), 6), np.ones((2, 6)))))
    needs = needs_of(layer, CoreLimits(neurons=2))
    assert cheapest_cut(needs, most_feature_runs=2) is None
    assert cheapest_cut(needs, most_feature_runs=3).shape == (3, 1, 1)
    assert first_cut(needs, [(1, 1, 1), (2, 1, 1)]) is None


@pytest.mark.parametrize("split", SPLITS)
def test_cut_layer__ends_where_no_weight_is_left_and_routes_are_limited(split):
    (layer,) = layers_of(make_network((3,), (Dense((3,), 4), np.zeros((3, 4)))))
    needs = needs_of(layer, CoreLimits(neurons=4, target_cores=1), senders=3)
    assert cut_layer(needs, split).n_cores == 1


def test_cut__is_of_equal_runs():
    topology = Conv2d((5, 4, 1), 3, (1, 1))
    (layer,) = layers_of(make_network((5, 4, 1), (topology, np.ones((1, 1, 1, 3)))))
    part = cut(needs_of(layer, CoreLimits(neurons=9)), (2, 3, 1))
    assert part.features == ((0, 2), (2, 3))
    assert part.rows == ((0, 2), (2, 4), (4, 5))
    assert part.columns == ((0, 4),)
