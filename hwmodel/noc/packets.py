"""Packets with the time and place of their injection and where they go."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hwmodel.errors import TrafficError
from hwmodel.noc.timing import LONGEST


@dataclass(frozen=True)
class Packets:
    """Packets of one or more inferences on a mesh of routers.

    Each inference has a clock of its own and a mesh that is empty when it begins. The
    packets of an inference stand together, in order of time; packets of one time are
    taken in the order in which they are listed.

    Parameters
    ----------
    mesh : tuple of int
        (width, height).
    time : ndarray, shape (n_packets,), float64, s
        When each is injected, between 0 and `hwmodel.noc.timing.LONGEST`.
    source : ndarray, shape (n_packets,), int64
        Its router: ``y * width + x``.
    destination : ndarray, shape (n_destinations,), int64
        Routers that packets go to; those of a packet are distinct.
    offsets : ndarray, shape (n_packets + 1,), int64
        Packet i goes to ``destination[offsets[i]:offsets[i + 1]]``, at least one.
    inference : ndarray, shape (n_packets,), int64
        Inference of each; must not decrease.

    Attributes
    ----------
    tree_order : ndarray, shape (n_destinations,), int64
        Destinations packet by packet, those of a packet by column, then by row.

    Raises
    ------
    TrafficError
        If the arrays do not fit together, times are unsorted, NaN or out of range,
        routers lie outside the mesh, or a packet has no or one destination twice.
    """

    mesh: tuple[int, int]
    time: np.ndarray
    source: np.ndarray
    destination: np.ndarray
    offsets: np.ndarray
    inference: np.ndarray
    tree_order: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_mesh(self.mesh)
        for name in ("time", "source", "destination", "offsets", "inference"):
            object.__setattr__(self, name, _column(name, getattr(self, name)))
        _check_shapes(self)
        _check_times(self)
        _check_routers(self, "source", self.source)
        _check_routers(self, "destination", self.destination)
        object.__setattr__(self, "tree_order", _tree_order(self))

    @property
    def n_packets(self) -> int:
        """Number of packets."""
        return self.time.size

    @property
    def n_destinations(self) -> int:
        """Destinations of all packets: deliveries to be made."""
        return self.destination.size

    @property
    def packet(self) -> np.ndarray:
        """Packet of each destination, shape (n_destinations,), int64."""
        return np.repeat(np.arange(self.n_packets), np.diff(self.offsets))

    @property
    def inference_starts(self) -> np.ndarray:
        """First packet of each inference and the end, (n_inferences + 1,), int64."""
        if self.n_packets == 0:
            return np.zeros(1, np.int64)
        new = np.flatnonzero(np.diff(self.inference)) + 1
        return np.concatenate([[0], new, [self.n_packets]])


def as_unicast(packets: Packets) -> Packets:
    """Send a packet of its own to each destination.

    Parameters
    ----------
    packets : Packets
        Unicast or multicast.

    Returns
    -------
    Packets
        The same destinations in the same order, each with its own packet.
    """
    packet = packets.packet
    return Packets(
        packets.mesh,
        packets.time[packet],
        packets.source[packet],
        packets.destination,
        np.arange(packets.n_destinations + 1),
        packets.inference[packet],
    )


def _check_mesh(mesh: tuple[int, int]) -> None:
    if len(mesh) != 2 or not all(
        isinstance(side, int | np.integer) and side >= 1 for side in mesh
    ):
        raise TrafficError(
            f"packets: mesh has no routers, got {mesh!r}; expected (width, height), "
            "two integers >= 1"
        )


def _column(name: str, values: np.ndarray) -> np.ndarray:
    """Return a contiguous one-dimensional array of the field's own type."""
    array = np.asarray(values)
    kinds, wanted = ("fiu", "numbers") if name == "time" else ("iu", "integers")
    if array.ndim != 1 or (array.size and array.dtype.kind not in kinds):
        raise TrafficError(
            f"packets: {name} has shape {array.shape} and type {array.dtype}; "
            f"expected a one-dimensional array of {wanted}"
        )
    return np.ascontiguousarray(array, np.float64 if name == "time" else np.int64)


def _check_shapes(packets: Packets) -> None:
    n = packets.time.size
    sizes = {
        "source": (packets.source.size, n),
        "inference": (packets.inference.size, n),
        "offsets": (packets.offsets.size, n + 1),
    }
    for name, (size, expected) in sizes.items():
        if size != expected:
            raise TrafficError(
                f"packets: {name} has {size} entries for {n} times; expected {expected}"
            )
    offsets, n_destinations = packets.offsets, packets.destination.size
    if offsets[0] != 0 or offsets[-1] != n_destinations:
        raise TrafficError(
            f"packets: offsets run from {offsets[0]} to {offsets[-1]}; expected 0 to "
            f"{n_destinations}, the number of destinations"
        )
    empty = np.flatnonzero(np.diff(offsets) < 1)
    if empty.size:
        raise TrafficError(
            f"packets: packet {empty[0]} has no destination, got offsets "
            f"{offsets[empty[0]]} and {offsets[empty[0] + 1]}; expected at least one "
            "destination; leave out packets that go nowhere"
        )


def _check_times(packets: Packets) -> None:
    time, inference = packets.time, packets.inference
    bad = np.flatnonzero(~((time >= 0) & (time <= LONGEST)))
    if bad.size:
        raise TrafficError(
            f"packets: time of packet {bad[0]} is out of range, got {time[bad[0]]}; "
            f"expected seconds from 0 to {LONGEST:g}"
        )
    back = np.flatnonzero(np.diff(inference) < 0)
    if back.size:
        i = back[0] + 1
        raise TrafficError(
            f"packets: inference {inference[i]} of packet {i} comes after inference "
            f"{inference[i - 1]}; expected numbers that do not decrease; sort the "
            "packets by inference, then by time"
        )
    early = np.flatnonzero((np.diff(time) < 0) & (np.diff(inference) == 0))
    if early.size:
        i = early[0] + 1
        raise TrafficError(
            f"packets: time of packet {i} is before that of packet {i - 1} of the same "
            f"inference, got {time[i]} after {time[i - 1]}; expected times that do not "
            "decrease; sort the packets by inference, then by time"
        )


def _check_routers(packets: Packets, name: str, router: np.ndarray) -> None:
    width, height = packets.mesh
    bad = np.flatnonzero((router < 0) | (router >= width * height))
    if bad.size:
        raise TrafficError(
            f"packets: {name}[{bad[0]}] is not on the {width}x{height} mesh, got "
            f"router {router[bad[0]]}; expected 0 to {width * height - 1} "
            "(y * width + x)"
        )


def _tree_order(packets: Packets) -> np.ndarray:
    if packets.n_destinations == packets.n_packets:
        return np.arange(packets.n_packets)
    width, height = packets.mesh
    packet = packets.packet
    y, x = np.divmod(packets.destination, width)
    key = (packet * width + x) * height + y
    order = np.argsort(key, kind="stable")
    twice = np.flatnonzero(np.diff(key[order]) == 0)
    if twice.size:
        i = order[twice[0]]
        raise TrafficError(
            f"packets: packet {packet[i]} has a destination twice, got router "
            f"{packets.destination[i]}; expected distinct destinations; a packet is "
            "delivered once to each router"
        )
    return order
