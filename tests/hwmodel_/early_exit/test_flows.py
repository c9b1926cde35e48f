from __future__ import annotations

import numpy as np
import pytest
from hwmodel_ import oracle
from hwmodel_.builders import averaging_model, conv_model, counted

from hwmodel.chip.chip import CoreLimits
from hwmodel.early_exit.flows import layer_flows
from hwmodel.mapping.partition import partition
from hwmodel.mapping.placement import place_row_major
from hwmodel.mesh.grid import Grid
from hwmodel.traffic.senders import HOST, inputs_of_layers
from hwmodel.workload.workload import from_model

PORT = (2, 1)


def flows_of(workload, mapping, casting, hop_seconds=(0.0, 0.0)):
    all_inputs = inputs_of_layers(
        workload.layers, workload.input_shape, mapping.partition
    )
    for inputs, part in zip(all_inputs, mapping.partition.layers, strict=True):
        yield inputs, part, layer_flows(
            inputs, mapping, part.cores, casting, PORT, hop_seconds
        )  # fmt: skip


@pytest.mark.parametrize("topology", ["mesh", "triangular torus"])
@pytest.mark.parametrize("casting", ["multicast", "unicast"])
@pytest.mark.parametrize("build", [conv_model, averaging_model])
def test_layer_flows__add_up_to_the_counts(build, casting, topology):
    model = build(np.random.default_rng(4))
    workload, mapping, counts = counted(
        model, 10, mesh=(5, 9), port=PORT, chip=(2, 2), topology=topology
    )
    for i, (_, _, flows) in enumerate(flows_of(workload, mapping, casting)):
        spikes, paid = workload.spikes_in[i], counts.layers[i].transport(casting)
        columns = flows.packets, flows.hops, flows.hops_y, flows.chip_crossings
        sums = [int(spikes @ column[flows.flow]) for column in columns]
        assert sums == [paid.packets, paid.hops, paid.hops_y, paid.chip_crossings]
    assert counts.transport(casting).chip_crossings > 0


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
def test_layer_flows__travel_is_that_of_the_route_to_each_core(casting):
    workload, mapping, _ = counted(conv_model(np.random.default_rng(4)), 10, (5, 9))
    place = list(zip(mapping.x.tolist(), mapping.y.tolist(), strict=True))
    for inputs, part, flows in flows_of(workload, mapping, casting, (1.0, 100.0)):
        reached = inputs.synapses.per_input > 0
        for i, owner in enumerate(inputs.owner.tolist()):
            start = PORT if owner == HOST else place[owner]
            for j, core in enumerate(part.cores):
                links = oracle.walk(start, place[core]) if reached[i, j] else []
                n_y = sum(a[1] != b[1] for a, b in links)
                expected = len(links) - n_y + 100.0 * n_y
                assert flows.travel[flows.flow[i], j] == expected


def test_layer_flows__cores_of_one_router_get_a_packet_each_without_a_hop():
    workload = from_model(conv_model(np.random.default_rng(4)))
    grid = Grid(3, 2, cores_per_router=64)
    mapping = place_row_major(
        partition(workload.layers, CoreLimits(neurons=10)), grid, "test"
    )
    own, *others = flows_of(workload, mapping, "unicast", (1.0, 1.0))
    assert own[2].hops.max() > 0  # from the port
    assert max(flows.packets.max() for _, _, flows in others) > 1
    for _, _, flows in others:
        assert not flows.hops.any()
        assert not flows.travel.any()
