from __future__ import annotations

from hwmodel_.noc.traffic_cases import packets_of, timing_of, traffic
from hwmodel_.oracle import walk
from hypothesis import given, settings

from hwmodel.noc.empty_mesh import empty_latency, hops_of


@given(case=traffic())
@settings(max_examples=60, deadline=None)
def test_hops_of__are_those_of_the_walked_route(case):
    mesh, listed = case
    along_x, along_y = hops_of(packets_of(mesh, listed))
    routes = [walk(source[:2], t[:2]) for _, source, targets in listed for t in targets]
    assert [x + y for x, y in zip(along_x, along_y, strict=True)] == list(
        map(len, routes)
    )
    in_row = [sum(a[1] == b[1] for a, b in route) for route in routes]
    assert along_x.tolist() == in_row


def test_empty_latency__adds_ports_and_hops_by_direction():
    packets = packets_of((3, 3), [(0, (0, 1), [(2, 0), (0, 1)])])
    timing = timing_of(hop_x=2, hop_y=3, injection=5, ejection=7)
    assert empty_latency(packets, timing).tolist() == [19_000_000, 12_000_000]
