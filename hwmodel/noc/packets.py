"""Packets with the time and place of their injection and where they go."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hwmodel.errors import TrafficError
from hwmodel.noc.timing import LONGEST

MOST_LOCAL_PORTS = 58
"""Local ports of a router: with its links they fit the bits of an integer."""


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
        Local port by which each comes in: ``(y * width + x) * local_ports + k``. With
        one local port a router that is the number of the router.
    destination : ndarray, shape (n_destinations,), int64
        Local ports by which packets go out; those of a packet are distinct.
    offsets : ndarray, shape (n_packets + 1,), int64
        Packet i goes to ``destination[offsets[i]:offsets[i + 1]]``, at least one.
    inference : ndarray, shape (n_packets,), int64
        Inference of each; must not decrease.
    local_ports : int
        Local ports of each router, one for each core that hangs on it; 1 to 58.

    Attributes
    ----------
    tree_order : ndarray, shape (n_destinations,), int64
        Destinations packet by packet, those of a packet by column, row, local port.

    Raises
    ------
    TrafficError
        If the arrays do not fit together, times are unsorted, NaN or out of range,
        ports lie outside the mesh, or a packet has no or one destination twice.
    """

    mesh: tuple[int, int]
    time: np.ndarray
    source: np.ndarray
    destination: np.ndarray
    offsets: np.ndarray
    inference: np.ndarray
    local_ports: int = 1
    tree_order: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_mesh(self.mesh, self.local_ports)
        for name in ("time", "source", "destination", "offsets", "inference"):
            object.__setattr__(self, name, _column(name, getattr(self, name)))
        _check_shapes(self)
        _check_times(self)
        _check_ports(self, "source", self.source)
        _check_ports(self, "destination", self.destination)
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

    def place_of(self, port: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Say at which routers local ports are.

        Parameters
        ----------
        port : ndarray, shape (...), int64
            Numbers as in `source` and `destination`.

        Returns
        -------
        x, y : ndarray, shape (...), int64
            Column and row.
        """
        router = port // self.local_ports if self.local_ports > 1 else port
        y, x = np.divmod(router, self.mesh[0])
        return x, y

    @property
    def inference_starts(self) -> np.ndarray:
        """First packet of each inference and the end, (n_inferences + 1,), int64."""
        if self.n_packets == 0:
            return np.zeros(1, np.int64)
        new = np.flatnonzero(np.diff(self.inference)) + 1
        return np.concatenate([[0], new, [self.n_packets]])


def _check_mesh(mesh: tuple[int, int], local_ports: int) -> None:
    if len(mesh) != 2 or not all(
        isinstance(side, int | np.integer) and side >= 1 for side in mesh
    ):
        raise TrafficError(
            f"packets: mesh has no routers, got {mesh!r}; expected (width, height), "
            "two integers >= 1"
        )
    if not isinstance(local_ports, int | np.integer) or not (
        1 <= local_ports <= MOST_LOCAL_PORTS
    ):
        raise TrafficError(
            f"packets: local_ports of a router are {local_ports!r}; expected an "
            f"integer from 1 to {MOST_LOCAL_PORTS}; put fewer cores on a router"
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


def _check_ports(packets: Packets, name: str, port: np.ndarray) -> None:
    (width, height), n_each = packets.mesh, packets.local_ports
    n_ports = width * height * n_each
    bad = np.flatnonzero((port < 0) | (port >= n_ports))
    if bad.size:
        what, rule = "router", "y * width + x"
        if n_each > 1:
            what, rule = "local port", f"(y * width + x) * {n_each} + k"
        raise TrafficError(
            f"packets: {name}[{bad[0]}] is not on the {width}x{height} mesh, got "
            f"{what} {port[bad[0]]}; expected 0 to {n_ports - 1} ({rule})"
        )


def _tree_order(packets: Packets) -> np.ndarray:
    if packets.n_destinations == packets.n_packets:
        return np.arange(packets.n_packets)
    width, height = packets.mesh
    packet = packets.packet
    x, y = packets.place_of(packets.destination)
    key = (packet * width + x) * height + y
    if packets.local_ports > 1:
        key = key * packets.local_ports + packets.destination % packets.local_ports
    order = np.argsort(key, kind="stable")
    twice = np.flatnonzero(np.diff(key[order]) == 0)
    if twice.size:
        i = order[twice[0]]
        what = "router" if packets.local_ports == 1 else "local port"
        raise TrafficError(
            f"packets: packet {packet[i]} has a destination twice, got {what} "
            f"{packets.destination[i]}; expected distinct destinations; a packet is "
            "delivered once to each"
        )
    return order
