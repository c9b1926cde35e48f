from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hwmodel_ import oracle
from hwmodel_.builders import (
    LIF,
    averaging_model,
    conv_model,
    dense_model,
    explicit_layers,
    made_up_trace,
    make_network,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.model_file import ModelFile
from eventsim.spikes import SpikeTrains
from eventsim.topology import Dense, Flatten
from hwmodel.chip.chip import CoreLimits
from hwmodel.errors import PlacementError, WorkloadError
from hwmodel.mapping.partition import partition
from hwmodel.mapping.placement import Mapping, place_row_major
from hwmodel.mesh.grid import Grid
from hwmodel.traffic.counts import count
from hwmodel.traffic.senders import HOST
from hwmodel.traffic.spike_packets import local_ports, spike_packets
from hwmodel.workload.trace import SpikeTrace
from hwmodel.workload.workload import from_trace, layers_of

SECONDS = 2.0**-10
PORT = (2, 1)


def mapped(network, capacity, mesh=(5, 40), split="features"):
    """Capacity in neurons, or all limits of a core."""
    if isinstance(capacity, int):
        capacity = CoreLimits(neurons=capacity)
    part = partition(layers_of(network), capacity, split)
    return place_row_major(part, Grid(*mesh), "test")


def sent_by(trace, network, mapping):
    """Walk through all spikes: (inference, time, layer, source, cores, sops).

    Copies of a neuron send one packet each, to so many cores by number; the network's
    input has none. A synapse onto a copied neuron acts in every copy.
    """
    sent = []
    explicit = explicit_layers(network, mapping)
    for k, (matrix, source, owner) in enumerate(explicit):
        part = mapping.partition.layers[k]
        core_of = part.core_of_neuron
        often = np.ones(core_of.size, int) if part.copies is None else part.copies
        most = mapping.partition.target_cores if k else None
        train = trace.trains[source]
        for b in range(train.batch):
            for i in range(train.offsets[b], train.offsets[b + 1]):
                row = matrix[train.neuron[i]]
                cores = sorted(set(core_of[np.flatnonzero(row)].tolist()))
                at = owner[train.neuron[i]]
                share = most or len(core_of)
                for start in range(0, len(cores), share):
                    mine = cores[start : start + share]
                    sops = int((row * often)[np.isin(core_of, mine)].sum())
                    sent.append((b, train.time[i], k, at, mine, sops))
    return sent


def listed(packets):
    core, offsets = packets.destinations()
    cores = [core[i:j].tolist() for i, j in pairwise(offsets)]
    columns = packets.inference, packets.time / SECONDS, packets.layer, packets.source
    columns = [column.tolist() for column in columns]
    return list(zip(*columns, cores, packets.sops.tolist(), strict=True))


def hops(packets, mapping, port):
    """Hops of each packet, unicast and multicast, route by route."""
    place = dict(enumerate(zip(mapping.x.tolist(), mapping.y.tolist(), strict=True)))
    place[HOST] = port
    known = {}
    for _, _, k, source, cores, _ in listed(packets):
        flow = source, tuple(cores)
        if flow not in known:
            routes = [oracle.walk(place[source], place[core]) for core in cores]
            tree = {link for route in routes for link in route}
            known[flow] = sum(map(len, routes)), len(tree)
        yield k, known[flow]


def assert_same_counts(network, trace, mapping):
    workload = from_trace(ModelFile(network), trace)
    counts = count(workload, mapping, PORT)
    packets = spike_packets(network, trace, mapping, SECONDS)
    core, offsets = packets.destinations()
    routed = list(hops(packets, mapping, PORT))
    for k, layer in enumerate(counts.layers):
        mine = packets.layer == k
        assert mine.sum() == layer.multicast.packets
        assert np.diff(offsets)[mine].sum() == layer.unicast.packets
        assert packets.sops[mine].sum() == layer.sops
        assert sum(one for i, (one, _) in routed if i == k) == layer.unicast.hops
        assert sum(tree for i, (_, tree) in routed if i == k) == layer.multicast.hops
    assert core.size == counts.transport("unicast").packets
    return packets


@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    capacity=st.integers(1, 6),
    per_neuron=st.sampled_from([0.0, 0.3, 2.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, deadline=None)
def test_spike_packets__dense_counts_are_those_of_count(
    sizes, capacity, per_neuron, seed
):
    rng = np.random.default_rng(seed)
    network = dense_model(sizes, rng, 0.6).network
    trace = made_up_trace(network, rng, 2, per_neuron)
    assert_same_counts(network, trace, mapped(network, capacity))


@pytest.mark.parametrize("capacity", [10, 14, 1024])
@pytest.mark.parametrize("build", [conv_model, averaging_model])
def test_spike_packets__behind_pools_count_alike(build, capacity):
    rng = np.random.default_rng(capacity)
    network = build(rng).network
    trace = made_up_trace(network, rng, 2)
    packets = assert_same_counts(network, trace, mapped(network, capacity))
    assert packets.time.size > 0


@pytest.mark.parametrize("capacity", [10, 30])
@pytest.mark.parametrize("build", [conv_model, averaging_model])
def test_spike_packets__is_what_a_walk_through_all_spikes_finds(build, capacity):
    rng = np.random.default_rng(capacity)
    network = build(rng).network
    trace, mapping = made_up_trace(network, rng), mapped(network, capacity)
    found = listed(spike_packets(network, trace, mapping, SECONDS))
    expected = sent_by(trace, network, mapping)
    # By inference and time; layers, and spikes of a layer, keep their order.
    assert found == sorted(expected, key=lambda packet: packet[:2])


def deep_model(rng):
    """Copies may send to copies."""
    return dense_model([3, 7, 9, 8], rng)


@given(
    build=st.sampled_from([conv_model, averaging_model, deep_model]),
    split=st.sampled_from(["features", "space", "both", "search"]),
    neurons=st.integers(3, 9),
    target_cores=st.integers(1, 2),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_spike_packets__copies_send_and_act_as_a_walk_through_all_spikes_finds(
    build, split, neurons, target_cores, seed
):
    rng = np.random.default_rng(seed)
    network = build(rng).network
    limits = CoreLimits(neurons=neurons, target_cores=target_cores)
    try:
        mapping = mapped(network, limits, split=split)
    except PlacementError:  # the copies of one neuron exceed a core
        return
    trace = made_up_trace(network, rng, 2)
    found = listed(assert_same_counts(network, trace, mapping))
    expected = sent_by(trace, network, mapping)
    assert found == sorted(expected, key=lambda packet: packet[:2])


def test_spike_packets__every_copy_sends_a_packet_of_its_own():
    # 4 neurons on cores 0 and 1, then 3 on cores of their own; 2 targets a neuron
    network = dense_model([1, 4, 3], np.random.default_rng(0), 0.0).network
    limits = CoreLimits(neurons=4, synapses=4, target_cores=2)
    mapping = mapped(network, limits)
    assert [part.n_cores for part in mapping.partition.layers] == [2, 3]
    silence = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(2, np.int64), 3)
    once = SpikeTrains(np.array([1.0]), np.array([3], np.int32), np.array([0, 1]), 4)
    first = replace(once, neuron=np.array([0], np.int32))
    trace = SpikeTrace("made_up.npz", (first, once, silence), 2.0)
    found = listed(spike_packets(network, trace, mapping, SECONDS))
    # the input acts in 4 neurons and their 4 copies; neuron 3 sends two packets
    assert found == [
        (0, 1.0, 0, HOST, [0, 1], 8),
        (0, 1.0, 1, 1, [2, 3], 2),
        (0, 1.0, 1, 1, [4], 1),
    ]


def one_to_one(n=3, **layer):
    """Two layers of n neurons, each neuron connected to the next alone."""
    first, second = Dense((n,), n), Dense((n,), n)
    network = make_network(
        (n,), (first, np.eye(n)), (second, np.eye(n)), neuron=LIF, t_end=4.0
    )
    layers = (replace(network.layers[0], **layer), network.layers[1])
    return replace(network, layers=layers)


def trace_of(network, *layers):
    """One sample; each layer a list of (time, neuron)."""
    trains = []
    for spikes in layers:
        time, neuron = np.array(spikes, float).reshape(-1, 2).T
        offsets = np.array([0, time.size])
        trains.append(SpikeTrains(time, neuron.astype(np.int32), offsets, 3))
    return SpikeTrace("made_up.npz", tuple(trains), network.t_end)


def test_spike_packets__leave_after_the_axonal_delay():
    delay, later = np.array([0.0, 0.5, 2.0]), np.ones((3, 3))
    network = one_to_one(delay=delay, synaptic_delay=later)
    trace = trace_of(network, [(1.0, 0)], [(2.0, 2), (3.0, 1), (3.25, 0)], [(4.0, 0)])
    packets = spike_packets(network, trace, mapped(network, 1), SECONDS)
    assert (packets.time / SECONDS).tolist() == [1.0, 3.25, 3.5, 4.0]
    assert packets.source.tolist() == [HOST, 0, 1, 2]
    assert packets.layer.tolist() == [0, 1, 1, 1]
    assert packets.destinations()[0].tolist() == [0, 3, 4, 5]


def test_spike_packets__a_flattened_map_has_passed_its_delay():
    # What eventsim records of a flattened layer are times of arrival there.
    network = one_to_one(delay=np.full(3, 0.5))
    flat = replace(network.layers[0], topology=Flatten((3,)), neuron=None)
    flat = replace(flat, weight=None, theta=None, delay=None)
    layers = (network.layers[0], flat, network.layers[1])
    network = replace(network, layers=layers)
    trace = trace_of(network, [], [(1.0, 0)], [(1.5, 0)], [])
    packets = spike_packets(network, trace, mapped(network, 3), SECONDS)
    assert (packets.time / SECONDS).tolist() == [1.5]


def test_spike_packets__spikes_without_synapses_send_none():
    network = make_network(
        (3,), (Dense((3,), 1), [[0.0], [1.0], [0.0]]), neuron=LIF, t_end=4.0
    )
    spikes = [(0.5, 0), (1.0, 1), (1.5, 2), (2.0, 1)]
    trace = replace(
        trace_of(network, spikes),
        trains=(*trace_of(network, spikes).trains, made_up_silence(1)),
    )
    packets = spike_packets(network, trace, mapped(network, 1), SECONDS)
    assert (packets.time / SECONDS).tolist() == [1.0, 2.0]


def made_up_silence(n):
    return SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(2, np.int64), n)


def test_of_inference__is_a_part_in_order_of_time():
    rng = np.random.default_rng(5)
    network = conv_model(rng).network
    trace, mapping = made_up_trace(network, rng, 4), mapped(network, 14)
    packets = spike_packets(network, trace, mapping, SECONDS)
    everything = listed(packets)
    parts = [packets.of_inference(b) for b in range(4)]
    assert [packet for part in parts for packet in listed(part)] == everything
    for b, part in enumerate(parts):
        assert set(part.inference.tolist()) == {b}
        assert np.all(np.diff(part.time) >= 0)
    assert packets.of_inference(4).time.size == 0


@given(
    cores=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=15
    ),
    port=st.tuples(st.integers(0, 3), st.integers(0, 2)),
)
def test_local_ports__every_core_and_the_input_have_their_own(cores, port):
    x, y = np.array(cores).T
    ports = local_ports(Mapping(None, Grid(4, 3), x, y), port)
    routers, k = np.divmod(ports.of_core, ports.n_each)
    places = [*cores, port]
    assert routers.tolist() == [y * 4 + x for x, y in places]
    assert k.tolist() == [places[:i].count(place) for i, place in enumerate(places)]
    assert ports.n_each == max(map(places.count, places))
    assert ports.of_core[HOST] == ports.of_core[-1]


@pytest.mark.parametrize("seconds", [0.0, -1.0, np.nan, np.inf])
def test_spike_packets__refuses_a_unit_of_time_that_is_none(seconds):
    network = one_to_one()
    trace = trace_of(network, [], [], [])
    with pytest.raises(WorkloadError, match=r"network time lasts .* s; expected a pos"):
        spike_packets(network, trace, mapped(network, 1), seconds)
