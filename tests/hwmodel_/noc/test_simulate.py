from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hwmodel_.noc import mesh_oracle
from hwmodel_.noc.traffic_cases import (
    DELAYS,
    as_unicast,
    packets_of,
    timing_of,
    traffic,
)
from hwmodel_.oracle import walk
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hwmodel.errors import TrafficError
from hwmodel.mesh.grid import Grid
from hwmodel.mesh.xy_routing import multicast_loads, xy_route
from hwmodel.noc.simulate import DIRECTIONS, simulate
from hwmodel.noc.timing import RouterTiming

STEPS = dict(zip(DIRECTIONS, [(1, 0), (-1, 0), (0, 1), (0, -1)], strict=True))
LINE = (4, 1)


def by_link(array):
    """{(from, to): value} of an array over links, without zeros."""
    found = {}
    for d, y, x in zip(*np.nonzero(array), strict=True):
        dx, dy = STEPS[DIRECTIONS[d]]
        found[(x, y), (x + dx, y + dy)] = array[d, y, x]
    return found


def delivery_ns(mesh, listed, **delays):
    """Deliveries in ns, rounded to what a femtosecond is of them."""
    simulation = simulate(packets_of(mesh, listed), timing_of(**delays))
    return [round(t * 1e9, 6) for t in simulation.deliveries.time]


@given(case=traffic(), delays=DELAYS)
@settings(max_examples=150, deadline=None)
def test_simulate__equals_the_slow_oracle_packet_by_packet(case, delays):
    mesh, listed = case
    simulation = simulate(packets_of(mesh, listed), timing_of(**delays))
    expected = mesh_oracle.run(listed, **delays)
    found = simulation.deliveries.time * 1e9
    wanted = [
        expected.delivery[i, target]
        for i, (_, _, targets) in enumerate(listed)
        for target in targets
    ]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
    assert by_link(simulation.links.packets) == expected.crossed
    at_core, on_links = {}, {}
    for (start, end), n in expected.most_waiting.items():
        if n and start[0] == mesh_oracle.CORE:
            at_core[*end, *start[1:]] = n
        elif n:
            on_links[start, end] = n
    assert by_link(simulation.links.most_waiting) == on_links
    found_at_core = {
        (x, y, k): n for (y, x, k), n in np.ndenumerate(simulation.most_at_source) if n
    }
    assert found_at_core == at_core


@given(case=traffic(), delays=DELAYS)
@settings(max_examples=80, deadline=None)
def test_simulate__latency_is_never_below_that_of_an_empty_mesh(case, delays):
    mesh, listed = case
    packets, timing = packets_of(mesh, listed), timing_of(**delays)
    simulation = simulate(packets, timing)
    deliveries, links = simulation.deliveries, simulation.links
    assert (deliveries.congestion >= 0).all()
    assert links.busy_share.max() <= 1
    i = len(listed) // 2
    alone = simulate(packets_of(mesh, listed[i : i + 1]), timing)
    own = slice(packets.offsets[i], packets.offsets[i + 1])
    assert (alone.deliveries.latency == deliveries.empty_latency[own]).all()
    assert (alone.deliveries.congestion == 0).all()


@given(
    time=st.floats(0, 900),
    hop_x=st.floats(1e-12, 1e-3),
    hop_y=st.floats(1e-12, 1e-3),
    buffer=st.sampled_from([1, None]),
)
@settings(max_examples=50, deadline=None)
def test_simulate__a_packet_alone_has_no_congestion_at_any_time(
    time, hop_x, hop_y, buffer
):
    packets = packets_of((5, 4), [(time * 1e9, (1, 0), [(4, 3), (0, 0), (1, 0)])])
    deliveries = simulate(packets, RouterTiming(hop_x, hop_y, 1e-9, buffer)).deliveries
    assert (deliveries.congestion == 0).all()
    exact = [3 * hop_x + 3 * hop_y, hop_x, 0]
    np.testing.assert_allclose(deliveries.latency, exact, rtol=1e-12, atol=4e-15)
    assert deliveries.hops.tolist() == [6, 1, 0]


def test_simulate__loihi_hops_add_up_exactly():
    packets = packets_of((8, 4), [(0, (0, 0), [(7, 3)])])
    deliveries = simulate(packets, RouterTiming(4.1e-9, 6.5e-9, 0.0, 16)).deliveries
    assert deliveries.latency[0] == 48.2e-9  # 7 x 4.1 ns + 3 x 6.5 ns


@given(case=traffic(), delays=DELAYS)
@settings(max_examples=60, deadline=None)
def test_simulate__packets_of_one_source_and_destination_stay_in_order(case, delays):
    mesh, listed = case
    packets = packets_of(mesh, listed)
    time = simulate(packets, timing_of(**delays)).deliveries.time
    latest: dict = {}
    for source, target, delivered in zip(
        packets.source[packets.packet], packets.destination, time, strict=True
    ):
        assert delivered >= latest.get((source, target), 0.0)
        latest[source, target] = delivered


@given(case=traffic(), delays=DELAYS)
@settings(max_examples=60, deadline=None)
def test_simulate__links_are_crossed_as_the_trees_say(case, delays):
    mesh, listed = case
    packets = packets_of(mesh, listed)
    links = simulate(packets, timing_of(**delays)).links
    reaches = np.zeros((len(listed), mesh[0] * mesh[1]), bool)
    source_x, source_y = packets.place_of(packets.source)
    target_x, target_y = packets.place_of(packets.destination)
    reaches[packets.packet, target_y * mesh[0] + target_x] = True
    router = np.arange(mesh[0] * mesh[1])
    expected = multicast_loads(
        Grid(*mesh),
        source_x,
        source_y,
        router % mesh[0],
        router // mesh[0],
        reaches,
        np.ones(len(listed), np.int64),
    )
    assert (links.packets == expected.packets).all()
    unicast = simulate(as_unicast(packets), timing_of(**delays))
    assert unicast.links.packets.sum() == unicast.deliveries.hops.sum()
    assert links.packets.sum() <= unicast.links.packets.sum()


@given(case=traffic(), hop_x=st.integers(1, 3), hop_y=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_simulate__infinite_bandwidth_and_buffers_have_no_congestion(
    case, hop_x, hop_y
):
    mesh, listed = case
    timing = timing_of(hop_x, hop_y, service=0, room=None)
    simulation = simulate(packets_of(mesh, listed), timing)
    assert (simulation.deliveries.congestion == 0).all()
    assert (simulation.links.busy_share == 0).all()
    assert (simulation.links.most_waiting == 0).all()


@given(case=traffic(), delays=DELAYS)
@settings(max_examples=60, deadline=None)
def test_simulate__a_mirrored_mesh_is_the_same(case, delays):
    (width, height), listed = case

    def turned(place):
        return width - 1 - place[0], height - 1 - place[1], *place[2:]

    mirrored = [
        (t, turned(s), [turned(p) for p in targets]) for t, s, targets in listed
    ]
    found, expected = (
        simulate(packets_of((width, height), packets), timing_of(**delays))
        for packets in (mirrored, listed)
    )
    assert (found.deliveries.time == expected.deliveries.time).all()
    there, here = (by_link(f.links.most_waiting) for f in (found, expected))
    assert there == {(turned(a), turned(b)): n for (a, b), n in here.items()}


def test_simulate__one_link_is_the_queue_of_the_textbook():
    # M/D/1 at half load waits for half a service time on average
    rng = np.random.default_rng(3)
    n = 40_000
    moments = np.sort(rng.random(n)) * n * 20
    packets = packets_of((2, 1), [(t, (0, 0), [(1, 0)]) for t in moments])
    found = simulate(packets, timing_of(hop_x=1, service=10)).inferences
    assert found.mean_congestion == pytest.approx(5e-9, rel=0.03)


def test_simulate__two_packets_meet_at_one_link():
    # both want the link from 2 to 3; a hop is 2 ns, the link is busy for 5
    late_but_near = [(0, (0, 0), [(3, 0)]), (4, (2, 0), [(3, 0)])]
    # 0 is there at 4 as well and has the lower number; 1 waits until 9
    assert delivery_ns(LINE, late_but_near, service=5) == [6, 11]
    # entered 1 ns earlier it goes first; the other waits from 4 to 8
    earlier = [(0, (0, 0), [(3, 0)]), (3, (2, 0), [(3, 0)])]
    assert delivery_ns(LINE, earlier, service=5) == [10, 5]


def test_simulate__ties_go_to_the_packet_listed_first():
    pair = [(0, (0, 0), [(2, 0)]), (2, (1, 0), [(2, 0)])]
    assert delivery_ns((3, 1), pair, service=1) == [4, 5]
    # the same two with numbers the other way round: both enter at 0
    swapped = [(0, (1, 1), [(1, 2)]), (0, (0, 1), [(1, 2)]), (2, (1, 1), [(1, 2)])]
    # packet 1 turns at (1, 1) at 2, when 2 is injected there: 1 goes first
    assert delivery_ns((2, 3), swapped, service=2) == [3, 5, 7]


def test_simulate__a_buffer_of_one_blocks_the_link_before_it():
    # Link 2 -> 3 takes 10 ns a packet, as all do; hops take 2. The packets of source 0
    # want 3 and 1 in turn; with room for one, the second stands behind the first.
    listed = [
        (0, (2, 0), [(3, 0)]),  # takes link 2 -> 3 from 0 to 10
        (0, (1, 0), [(3, 0)]),  # is at 2 at 2, goes on at 10
        (1, (1, 0), [(3, 0)]),  # link 1 -> 2 is free at 10, and so is the slot
        (1, (0, 0), [(2, 0)]),  # is at 1 at 3; link 1 -> 2 is free at 20
    ]
    # third: at 2 at 12, link 2 -> 3 free at 20, there at 22. Its slot is taken until
    # 20, so that the fourth leaves at 20 either way.
    assert delivery_ns(LINE, listed, service=10, room=1) == [2, 12, 22, 22]
    # An ejection of 30 ns at 3 keeps the slot there: packet 2 needs it from 32 on only.
    slow_core = delivery_ns(LINE, listed, service=1, room=1, ejection=30)
    # 0: out at 2, 32. 1: at 2 at 2, slot at 3 given back at 2: there at 4, out at 32,
    # 62. 2: 1 -> 2 at 2, at 2 at 4, slot at 3 free at 32: there at 34, out at 62, 92.
    # 3: at 1 at 3, slot at 2 free at 32: at 2 at 34, 64.
    assert slow_core == [32, 62, 92, 64]
    roomy = delivery_ns(LINE, listed, service=1, room=None, ejection=30)
    assert roomy == [32, 62, 92, 35]


def test_simulate__a_branch_goes_on_while_the_other_waits():
    # (1, 0) forks to (2, 0) and (1, 1); the link to (2, 0) is busy until 8
    mesh = (3, 2)
    fork = [(0, (1, 0), [(2, 0)]), (0, (0, 0), [(2, 0), (1, 1)])]
    assert delivery_ns(mesh, fork, service=8, room=1) == [2, 10, 5]
    # behind it in the buffer, a packet for (1, 1) waits until both copies are gone:
    # with room for one it is let into the link at 8, with room for two it arrives at 8
    behind = [*fork, (0, (0, 0), [(1, 1)])]
    assert delivery_ns(mesh, behind, service=8, room=1) == [2, 10, 5, 13]
    # the slot at (1, 1) is given back at 5, when the copy is delivered
    quick = [*fork[1:], (0, (1, 0), [(2, 0)]), (0, (0, 0), [(1, 1)])]
    assert delivery_ns(mesh, quick, service=1, room=1) == [4, 5, 2, 8]
    assert delivery_ns(mesh, quick, service=1, room=2) == [4, 5, 2, 6]


def test_simulate__a_slot_on_the_wire_is_taken():
    # links free at once, one slot, hop of 2 ns: a packet every 2 ns
    burst = [(0, (0, 0), [(1, 0)])] * 3
    assert delivery_ns(LINE, burst, service=0, room=1) == [2, 4, 6]
    assert delivery_ns(LINE, burst, service=0, room=2) == [2, 2, 4]
    assert delivery_ns(LINE, burst, service=0, room=None) == [2, 2, 2]


def test_simulate__local_ports_serve_one_packet_at_a_time():
    burst = [(0, (0, 0), [(1, 0)])] * 3
    assert delivery_ns(LINE, burst, service=0, injection=4) == [6, 10, 14]
    assert delivery_ns(LINE, burst, service=0, ejection=4) == [6, 10, 14]
    assert delivery_ns(LINE, [(7, (0, 0), [(0, 0)])], injection=1, ejection=2) == [10]


def test_simulate__every_local_port_is_occupied_by_itself():
    # two packets to each of two cores of router 1: a core takes one at a time
    cores = [(1, 0, 0), (1, 0, 1)]
    each = [(0, (0, 0, 0), [core]) for core in cores] * 2
    assert delivery_ns(LINE, each, service=0, ejection=4) == [6, 6, 10, 10]
    both = [(0, (0, 0, 0), cores)] * 2
    assert delivery_ns(LINE, both, service=0, ejection=4) == [6, 6, 10, 10]
    # ports into the mesh serve their own packets, and meet at the link
    two = [(0, (0, 0, k), [(1, 0, 0)]) for k in (0, 0, 1)]
    assert delivery_ns(LINE, two, service=0, injection=4) == [6, 10, 6]
    assert delivery_ns(LINE, two, service=3, injection=4) == [6, 12, 9]


def test_simulate__a_core_is_not_held_up_behind_the_front_of_its_neighbour():
    # link 0 -> 1 is busy until 9; local port 0 stands before it, port 1 does not
    first = (0, (0, 0, 0), [(1, 0, 0)])
    blocked = [first, (1, (0, 0, 0), [(1, 0, 0)])]
    behind = [*blocked, (1, (0, 0, 0), [(0, 0, 1)])]
    assert delivery_ns(LINE, behind, service=9) == [2, 11, 9]
    beside = [*blocked, (1, (0, 0, 1), [(0, 0, 1)])]
    assert delivery_ns(LINE, beside, service=9) == [2, 11, 1]


def test_simulate__a_busy_core_keeps_the_slot_of_a_packet_for_two():
    # one slot at router 1: the packet for both cores gives it back when both have it
    listed = [
        (0, (0, 0, 0), [(1, 0, 0)]),
        (0, (0, 0, 0), [(1, 0, 0), (1, 0, 1)]),
        (0, (0, 0, 0), [(1, 0, 1)]),
    ]
    # core 0 is busy from 2 to 12; core 1 has the second at 4 + 10, the third needs a
    # slot at 12, is there at 14
    found = delivery_ns(LINE, listed, service=0, room=1, ejection=10)
    assert found == [12, 22, 14, 24]


@pytest.mark.parametrize("local_ports", [16, 58])
def test_simulate__many_local_ports_equal_the_slow_oracle(local_ports):
    rng = np.random.default_rng(local_ports)
    places = [(x, y, k) for x in range(2) for y in range(2) for k in range(local_ports)]

    def some(n):
        return [places[i] for i in rng.choice(len(places), n, replace=False)]

    listed = [(i // 9, some(1)[0], [*some(9)]) for i in range(60)]
    listed.append((9, places[-1], [places[-1]]))
    delays = {"hop_x": 2, "hop_y": 3, "service": 1, "injection": 1, "ejection": 4}
    found = delivery_ns((2, 2), listed, room=2, **delays)
    expected = mesh_oracle.run(listed, room=2, **delays).delivery
    assert found == [expected[i, t] for i, p in enumerate(listed) for t in p[2]]


def test_simulate__inferences_do_not_meet():
    listed = [(0, (0, 0), [(3, 0)]), (5, (0, 0), [(1, 0)]), (0, (0, 0), [(3, 0)])]
    packets = packets_of(LINE, listed, inference=[3, 3, 8])
    found = simulate(packets, timing_of(service=5))
    table = found.inferences
    assert table.inference.tolist() == [3, 8]
    assert table.n_deliveries.tolist() == [2, 1]
    np.testing.assert_allclose(table.first_injection, [0, 0])
    np.testing.assert_allclose(table.last_delivery, [7e-9, 6e-9], rtol=1e-15)
    np.testing.assert_allclose(table.makespan, [7e-9, 6e-9], rtol=1e-15)
    np.testing.assert_allclose(table.mean, [4e-9, 6e-9], rtol=1e-15)
    assert (found.deliveries.congestion == 0).all()
    # 5 ns a packet; the links are free 10 and 9 ns after the first injection
    shares = np.array([[15, 10, 10, 0]]) / 19
    np.testing.assert_allclose(found.links.busy_share[0], shares)


def test_simulate__percentiles_are_latencies_that_occurred():
    burst = [(0, (0, 0), [(1, 0)])] * 200
    table = simulate(packets_of(LINE, burst), timing_of(hop_x=1, service=1)).inferences
    found = [table.p50, table.p95, table.p99, table.largest]
    np.testing.assert_allclose(found, np.array([[100], [190], [198], [200]]) * 1e-9)
    np.testing.assert_allclose(table.mean, 100.5e-9)
    np.testing.assert_allclose(table.mean_congestion, 99.5e-9)


def test_simulate__no_packets_give_empty_tables():
    found = simulate(packets_of(LINE, []), timing_of())
    assert found.deliveries.time.size == found.inferences.mean.size == 0
    assert found.links.packets.sum() == 0


def test_simulate__more_than_one_call_of_the_kernel_is_the_same(monkeypatch):
    rng = np.random.default_rng(5)
    listed = [
        (int(t), (int(a), 0), [(int(b), 1)])
        for t, a, b in zip(
            np.sort(rng.integers(0, 90, 99)), *rng.integers(0, 4, (2, 99)), strict=True
        )
    ]
    packets, timing = packets_of((4, 2), listed), timing_of(room=1)
    at_once = simulate(packets, timing).deliveries.time
    monkeypatch.setattr("hwmodel.noc.mesh_run.INSTANTS_PER_CALL", 1)
    assert (simulate(packets, timing).deliveries.time == at_once).all()


def test_simulate__refuses_work_beyond_its_clock():
    timing = RouterTiming(900.0, 900.0, 900.0, None)
    with pytest.raises(TrafficError, match=r"may last .*; expected at most 4611\.69 s"):
        simulate(packets_of(LINE, [(0, (0, 0), [(1, 0)])]), timing)


def dependencies(mesh, route):
    """Graph of links: an edge where a packet holds one and waits for the other."""
    graph = nx.DiGraph()
    places = [(x, y) for x in range(mesh[0]) for y in range(mesh[1])]
    for source in places:
        for target in places:
            links = list(pairwise(route(source, target)))
            graph.add_edges_from(pairwise(links))
    return graph


@pytest.mark.parametrize("mesh", [(2, 2), (3, 3), (4, 2), (4, 4)])
def test_xy_routes__cannot_wait_for_each_other_in_a_cycle(mesh):
    assert nx.is_directed_acyclic_graph(dependencies(mesh, xy_route))


def test_free_routes__could_wait_for_each_other_in_a_cycle():
    def either(source, target):
        if sum(source) % 2:
            return xy_route(source, target)
        swapped = xy_route(source[::-1], target[::-1])
        return [place[::-1] for place in swapped]

    assert not nx.is_directed_acyclic_graph(dependencies((3, 3), either))


def test_oracle__walks_as_the_routes_say():
    route = xy_route((3, 1), (0, 2))
    assert walk((3, 1), (0, 2)) == list(pairwise(route))


@example(seed=0, room=1)
@given(seed=st.integers(0, 100), room=st.sampled_from([1, 2]))
@settings(max_examples=10, deadline=None)
def test_simulate__dense_multicast_with_little_room_ends(seed, room):
    rng = np.random.default_rng(seed)
    n_routers, n = 25, 300
    places = [(x, y) for y in range(5) for x in range(5)]
    reaches = rng.random((n, n_routers)) < 0.5
    reaches[:, 0] = True
    listed = [
        (0, places[s], [places[t] for t in row.nonzero()[0]])
        for s, row in zip(rng.integers(0, n_routers, n), reaches, strict=True)
    ]
    found = simulate(packets_of((5, 5), listed), timing_of(room=room, service=3))
    assert (found.deliveries.congestion >= 0).all()
    assert found.links.most_waiting.max() <= room
