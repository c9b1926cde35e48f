from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.noc.traffic_cases import packets_of, traffic
from hypothesis import given, settings

from hwmodel.errors import TrafficError
from hwmodel.noc.packets import Packets

GOOD = {
    "mesh": (3, 2),
    "time": [0.0, 1e-6, 0.0],
    "source": [0, 5, 2],
    "destination": [1, 4, 0, 3],
    "offsets": [0, 2, 3, 4],
    "inference": [0, 0, 1],
}


def test_packets__plain_lists_become_arrays():
    packets = Packets(**GOOD)
    assert (packets.n_packets, packets.n_destinations) == (3, 4)
    assert packets.time.dtype == np.float64
    assert packets.source.dtype == packets.offsets.dtype == np.int64
    assert packets.packet.tolist() == [0, 0, 1, 2]
    assert packets.inference_starts.tolist() == [0, 2, 3]


def test_place_of__counts_local_ports_router_by_router():
    packets = Packets(**{**GOOD, "local_ports": 3})
    x, y = packets.place_of(np.array([0, 2, 3, 17]))
    assert (x.tolist(), y.tolist()) == ([0, 0, 1, 2], [0, 0, 0, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mesh": (0, 2)}, r"mesh has no routers, got \(0, 2\); expected \(width"),
        ({"mesh": (2.0, 2)}, r"mesh has no routers, got \(2\.0, 2\)"),
        ({"time": [0.0, float("nan"), 0.0]}, r"packet 1 is out of range, got nan"),
        ({"time": [-1e-9, 0.0, 0.0]}, r"packet 0 is out of range, got -1e-09"),
        ({"time": [0.0, 1.0, float("inf")]}, r"packet 2 is out of range, got inf"),
        ({"time": [0.0, 2e3, 0.0]}, r"got 2000\.0; expected seconds from 0 to 1000"),
        (
            {"time": [2e-6, 1e-6, 0.0]},
            r"time of packet 1 is before that of packet 0 of the same inference, got "
            r"1e-06 after 2e-06; .* sort the packets by inference, then by time",
        ),
        (
            {"inference": [1, 1, 0]},
            r"inference 0 of packet 2 comes after inference 1; expected numbers that",
        ),
        ({"source": [0, 6, 2]}, r"source\[1\] is not on the 3x2 mesh, got router 6"),
        ({"source": [-1, 5, 2]}, r"got router -1; expected 0 to 5 \(y \* width \+ x\)"),
        ({"destination": [1, 4, 0, 7]}, r"destination\[3\] is not on the 3x2 mesh"),
        (
            {"source": [0.5, 5, 2]},
            r"source has shape \(3,\) and type float64; expected",
        ),
        ({"time": [[0.0]]}, r"time has shape \(1, 1\) .* array of numbers"),
        ({"source": [0, 5]}, r"source has 2 entries for 3 times; expected 3"),
        ({"inference": [0]}, r"inference has 1 entries for 3 times; expected 3"),
        ({"offsets": [0, 2, 4]}, r"offsets has 3 entries for 3 times; expected 4"),
        ({"offsets": [0, 2, 3, 3]}, r"offsets run from 0 to 3; expected 0 to 4"),
        (
            {"offsets": [0, 3, 3, 4]},
            r"packet 1 has no destination, got offsets 3 and 3",
        ),
        (
            {"offsets": [0, 3, 2, 4]},
            r"packet 1 has no destination, got offsets 3 and 2",
        ),
        (
            {"destination": [4, 4, 0, 3]},
            r"packet 0 has a destination twice, got router 4; expected distinct",
        ),
        (
            {"local_ports": 0},
            r"local_ports of a router are 0; expected .* from 1 to 58",
        ),
        ({"local_ports": 59}, r"local_ports of a router are 59; expected an integer"),
        ({"local_ports": 1.0}, r"local_ports of a router are 1\.0; expected"),
        (
            {"local_ports": 2, "source": [0, 12, 2]},
            r"got local port 12; expected 0 to 11 \(\(y \* width \+ x\) \* 2 \+ k\)",
        ),
        (
            {"local_ports": 2, "destination": [4, 4, 0, 3]},
            r"packet 0 has a destination twice, got local port 4",
        ),
    ],
)
def test_packets__refuses_what_does_not_fit(change, message):
    with pytest.raises(TrafficError, match=message):
        Packets(**{**GOOD, **change})


@given(case=traffic())
@settings(max_examples=60, deadline=None)
def test_tree_order__is_by_packet_column_and_row(case):
    mesh, listed = case
    packets = packets_of(mesh, listed)
    found = packets.destination[packets.tree_order]
    ports = found % packets.local_ports
    places = list(zip(*packets.place_of(found), ports, strict=True))
    assert places == [place for _, _, targets in listed for place in sorted(targets)]
