from __future__ import annotations

import numpy as np
import pytest
from hwmodel_ import oracle
from hwmodel_.builders import (
    averaging_model,
    by_link,
    conv_model,
    counted,
    dense_model,
    matrix_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.topology import EarliestPool
from hwmodel.chip.chip import CoreLimits
from hwmodel.errors import PlacementError
from hwmodel.traffic.copies import count_copies, operations_of, share_targets


def one_row_a_copy(matrix, spikes, core_of, source_of, target_cores):
    """The same network with every copy as a presynaptic neuron of its own."""
    rows, counts, sources = [], [], []
    for pre, row in enumerate(matrix):
        cores = sorted({core_of[post] for post in np.flatnonzero(row)})
        for start in range(0, len(cores), target_cores):
            mine = np.isin(core_of, cores[start : start + target_cores])
            rows.append(row * mine)
            counts.append(int(spikes[pre]))
            sources.append(source_of[pre])
    return np.array(rows).reshape(-1, matrix.shape[1]), counts, sources


def owners_of_inputs(layer, owner):
    """First neuron of each window, through the pools before a layer."""
    for passage in layer.passes[: len(layer.passes) - len(layer.folded)]:
        if isinstance(passage, EarliestPool):
            first = oracle.first_of_window(
                passage.input_shape, passage.size, passage.stride
            )
            owner = [owner[i] for i in first]
    return owner


@given(
    make=st.sampled_from([conv_model, averaging_model]),
    split=st.sampled_from(["features", "space", "both", "search"]),
    neurons=st.integers(3, 12),
    target_cores=st.integers(1, 2),
    seed=st.integers(0, 999),
)
@settings(max_examples=12, deadline=None)
def test_count__copies_equal_the_network_with_copies_written_out(
    make, split, neurons, target_cores, seed
):
    model, port = make(np.random.default_rng(seed)), (1, 2)
    limits = CoreLimits(neurons=neurons, target_cores=target_cores)
    try:
        workload, mapping, counts = counted(model, limits, (8, 99), port, split=split)
    except PlacementError:
        return
    place = list(zip(mapping.x.tolist(), mapping.y.tolist(), strict=True))
    owner, loads = [port] * int(np.prod(workload.input_shape)), [{}, {}]
    for i, (layer, part) in enumerate(
        zip(workload.layers, mapping.partition.layers, strict=True)
    ):
        matrix, spikes_in = matrix_of(layer), workload.spikes_in[i]
        core_of = part.core_of_neuron
        copies = np.ones(layer.n_neurons, int) if part.copies is None else part.copies
        of_neuron = (spikes_in @ matrix) * copies
        here = slice(part.first_core, part.first_core + part.n_cores)
        for got, expected in (
            (counts.sops_per_core, of_neuron),
            (counts.synapses_per_core, matrix.sum(axis=0) * copies),
            (counts.spikes_per_core, workload.spikes_out[i] * copies),
        ):
            sums = [int(expected[core_of == core].sum()) for core in part.cores]
            assert got[here].tolist() == sums
        got = counts.layers[i]
        assert got.sops == of_neuron.sum()
        assert got.copies == copies.sum() - layer.n_neurons
        assert got.copy_sops == of_neuron.sum() - (spikes_in @ matrix).sum()
        assert got.copy_synapses == (matrix.sum(axis=0) * (copies - 1)).sum()
        assert got.copy_spikes == (workload.spikes_out[i] * (copies - 1)).sum()
        sources = owners_of_inputs(layer, owner)
        if i > 0:
            matrix, spikes_in, sources = one_row_a_copy(
                matrix, spikes_in, core_of, sources, target_cores
            )
        packets, hops, of_layer = oracle.transport(
            matrix, list(map(int, spikes_in)), sources, core_of.tolist(), place
        )
        assert [got.unicast.packets, got.multicast.packets] == packets
        assert [got.unicast.hops, got.multicast.hops] == hops
        loads = [oracle.merge(a, b) for a, b in zip(loads, of_layer, strict=True)]
        owner = [place[core] for core in core_of]
    assert by_link(counts.multicast) == {k: v for k, v in loads[1].items() if v}


def test_count__one_target_core_a_neuron_leaves_nothing_to_multicast():
    model = dense_model([2, 4, 6], np.random.default_rng(0), 0.0)
    _, _, counts = counted(model, CoreLimits(neurons=6, synapses=8, target_cores=1))
    behind = counts.layers[1]
    assert behind.multicast == behind.unicast
    assert behind.cores == 3
    assert counts.layers[0].copies == 2 * 4
    # all three of each are on one core: no packet more than with one neuron
    assert behind.unicast.packets == 3 * behind.spikes_in


def test_count_copies__are_zero_where_nothing_is_copied():
    workload, mapping, _ = counted(dense_model([3, 4], np.random.default_rng(0)), 3)
    layer, part = workload.layers[0], mapping.partition.layers[0]
    none = count_copies(layer, part, workload.spikes_in[0], workload.spikes_out[0])
    for array in (none.neurons, none.synapses, none.sops, none.spikes):
        assert array.tolist() == [0, 0]


def test_operations_of__every_copy_acts():
    model = conv_model(np.random.default_rng(1))
    limits = CoreLimits(neurons=6, target_cores=1)
    workload, mapping, _ = counted(model, limits, (8, 99), split="space")
    n_copied = 0
    for layer, part in zip(workload.layers, mapping.partition.layers, strict=True):
        neurons = layer.synapses(part.features, part.rows, part.columns)
        copies = 1 if part.copies is None else part.copies
        acting = matrix_of(layer) * copies
        core_of = part.core_of_neuron
        into = [acting[:, core_of == core].sum(axis=1) for core in part.cores]
        found = operations_of(layer, part, neurons).per_input
        assert found.tolist() == np.stack(into, 1).tolist()
        n_copied += part.copies is not None
    assert n_copied


@pytest.mark.parametrize(
    ("most", "flow", "shares"),
    [
        (1, [0, 2, 2, 2], ["0100", "1000", "0010", "0001"]),
        (2, [0, 2, 2], ["0100", "1010", "0001"]),
        (3, [0, 2], ["0100", "1011"]),
    ],
)
def test_share_targets__deals_cores_out_in_order(most, flow, shares):
    reaches = np.array([[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 1]], dtype=bool)
    got_flow, got = share_targets(reaches, most)
    assert got_flow.tolist() == flow
    assert ["".join(map(str, row)) for row in got.astype(int)] == shares
