"""How far packets go, and how long that takes if nothing else is on the mesh."""

from __future__ import annotations

import numpy as np

from hwmodel.noc.packets import Packets
from hwmodel.noc.timing import RouterTiming, to_ticks


def hops_of(packets: Packets) -> tuple[np.ndarray, np.ndarray]:
    """Count the links to each destination.

    Parameters
    ----------
    packets : Packets
        Sources and destinations.

    Returns
    -------
    along_x, along_y : ndarray, shape (n_destinations,), int64
        In the order of the packets; together the Manhattan distance.
    """
    source_x, source_y = packets.place_of(packets.source[packets.packet])
    target_x, target_y = packets.place_of(packets.destination)
    return abs(target_x - source_x), abs(target_y - source_y)


def empty_latency(packets: Packets, timing: RouterTiming) -> np.ndarray:
    """Add up the delays on the way to each destination.

    Parameters
    ----------
    packets : Packets
        Sources and destinations.
    timing : RouterTiming
        Delays.

    Returns
    -------
    ndarray, shape (n_destinations,), int64, fs
        Injection, hops, ejection, each rounded to femtoseconds first.
    """
    along_x, along_y = hops_of(packets)
    return (
        to_ticks(timing.injection)
        + along_x * to_ticks(timing.hop_x)
        + along_y * to_ticks(timing.hop_y)
        + to_ticks(timing.ejection)
    )
