"""Small traffic, as lists of (time in ns, source, targets).

Places are (x, y) of a router with one local port, or (x, y, k) for local port k.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from hwmodel.noc.packets import Packets
from hwmodel.noc.timing import RouterTiming

NS = 1e-9


def packets_of(mesh, listed, inference=None):
    """Turn listed packets into the record, with as many local ports as they name."""
    ports = [(*place, 0)[2] for _, s, targets in listed for place in (s, *targets)]
    n_ports = 1 + max(ports, default=0)

    def number(place):
        x, y, k = (*place, 0)[:3]
        return (y * mesh[0] + x) * n_ports + k

    targets = [target for _, _, targets in listed for target in targets]
    return Packets(
        mesh,
        np.array([time for time, _, _ in listed], np.float64) / 1e9,
        np.array([number(source) for _, source, _ in listed], np.int64),
        np.array([number(target) for target in targets], np.int64),
        np.cumsum([0, *(len(targets) for _, _, targets in listed)]),
        np.zeros(len(listed), np.int64) if inference is None else np.array(inference),
        n_ports,
    )


def as_unicast(packets):
    """Send a packet of its own to each destination."""
    packet = packets.packet
    return Packets(
        packets.mesh,
        packets.time[packet],
        packets.source[packet],
        packets.destination,
        np.arange(packets.n_destinations + 1),
        packets.inference[packet],
        packets.local_ports,
    )


def timing_of(hop_x=2, hop_y=3, service=1, room=None, injection=0, ejection=0):
    """Turn nanoseconds into the record."""
    delays = (d / 1e9 for d in (hop_x, hop_y, service))
    return RouterTiming(*delays, room, injection / 1e9, ejection / 1e9)


@st.composite
def traffic(draw, most_targets=4, most_packets=25, latest=6):
    """A mesh and packets in order of time; many of them meet.

    One to three local ports a router.
    """
    mesh = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    sides = (*mesh, draw(st.integers(1, 3)))
    places = st.tuples(*(st.integers(0, side - 1) for side in sides))
    packet = st.tuples(
        st.integers(0, latest),
        places,
        st.lists(places, min_size=1, max_size=most_targets, unique=True),
    )
    listed = draw(st.lists(packet, min_size=1, max_size=most_packets))
    return mesh, sorted(listed, key=lambda p: p[0])


DELAYS = st.fixed_dictionaries(
    {
        "hop_x": st.integers(1, 3),
        "hop_y": st.integers(1, 3),
        "service": st.integers(0, 4),
        "room": st.sampled_from([1, 2, 3, None]),
        "injection": st.integers(0, 2),
        "ejection": st.integers(0, 3),
    }
)
