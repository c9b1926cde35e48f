"""Lay out the arrays of the event loop for one inference, and run it to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from hwmodel.errors import TrafficError
from hwmodel.noc.packets import Packets
from hwmodel.noc.timing import RouterTiming, to_ticks

if TYPE_CHECKING:
    from hwmodel.noc.mesh_kernels import Mesh, Ticks

INSTANTS_PER_CALL = 200_000
"""Instants between two looks at the progress bar and at Ctrl-C."""


def ticks_of(timing: RouterTiming) -> Ticks:
    """Return the delays that the event loop needs.

    Parameters
    ----------
    timing : RouterTiming
        In seconds.

    Returns
    -------
    Ticks
        In femtoseconds.
    """
    from hwmodel.noc.mesh_kernels import UNLIMITED, Ticks

    return Ticks(
        int(to_ticks(timing.hop_x)),
        int(to_ticks(timing.hop_y)),
        int(to_ticks(timing.link_service)),
        int(to_ticks(timing.ejection)),
        UNLIMITED if timing.buffer is None else min(timing.buffer, UNLIMITED),
    )


def new_mesh(packets: Packets, timing: RouterTiming, start: int, stop: int) -> Mesh:
    """Lay out an empty mesh and the packets that will enter it.

    Parameters
    ----------
    packets : Packets
        All packets.
    timing : RouterTiming
        For the injection port.
    start, stop : int
        Packets of the inference to run.

    Returns
    -------
    Mesh
        Arrays of the event loop; destinations in tree order.
    """
    from hwmodel.noc import mesh_kernels as kernels

    width, height = packets.mesh
    n_ports = kernels.N_PORTS * width * height
    offsets = packets.offsets[start : stop + 1]
    order = packets.tree_order[offsets[0] : offsets[-1]]
    row, column = np.divmod(np.arange(width * height), width)
    copies = np.zeros((order.size, 7), np.int64)
    copies[:, kernels.TARGET_X] = column[packets.destination[order]]
    copies[:, kernels.TARGET_Y] = row[packets.destination[order]]
    copies[:, kernels.PACKET] = np.repeat(np.arange(stop - start), np.diff(offsets))
    ports, buffers = _wire(packets.mesh)
    return kernels.Mesh(
        routers=np.stack([column, row], axis=1),
        copies=copies,
        entries=_entries(packets, timing, start, stop),
        buffers=buffers,
        ports=ports,
        rings=np.zeros((2, n_ports), np.int64),
        marked=np.zeros(n_ports, np.int64),
        moves=np.zeros((n_ports, 2), np.int64),
        reached=np.zeros(order.size, np.int64),
        counters=np.zeros(kernels.N_COUNTERS, np.int64),
    )


def _entries(
    packets: Packets, timing: RouterTiming, start: int, stop: int
) -> np.ndarray:
    """Return when packets have passed their injection ports, in order."""
    from hwmodel.noc.injection_kernels import entry_times
    from hwmodel.noc.mesh_kernels import LOCAL, N_PORTS

    time, source = to_ticks(packets.time[start:stop]), packets.source[start:stop]
    n_routers = packets.mesh[0] * packets.mesh[1]
    entry = entry_times(time, source, int(to_ticks(timing.injection)), n_routers)
    order = np.argsort(entry, kind="stable")
    copy = packets.offsets[start : stop + 1] - packets.offsets[start]
    columns = [entry[order], copy[order], copy[order + 1], N_PORTS * source[order]]
    columns[-1] += LOCAL
    return np.stack(columns, axis=1)


def _wire(mesh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return idle output ports and input buffers, linked to their neighbours."""
    from hwmodel.noc import mesh_kernels as kernels

    width, height = mesh
    first_port = kernels.N_PORTS * np.arange(width * height).reshape(height, width)
    ports = np.zeros((kernels.N_PORTS * width * height, 5), np.int64)
    buffers = np.zeros((len(ports) + 2, kernels.N_BUFFER_COLUMNS), np.int64)
    ports[:, kernels.LEADS_TO] = kernels.NOBODY
    empty = [kernels.FIRST, kernels.LAST, kernels.FED_BY]
    buffers[:, empty] = kernels.NOBODY
    for direction, before, after in (
        (kernels.PLUS_X, first_port[:, :-1], first_port[:, 1:]),
        (kernels.MINUS_X, first_port[:, 1:], first_port[:, :-1]),
        (kernels.PLUS_Y, first_port[:-1], first_port[1:]),
        (kernels.MINUS_Y, first_port[1:], first_port[:-1]),
    ):
        ports[before + direction, kernels.LEADS_TO] = after + direction
        buffers[after + direction, kernels.FED_BY] = before + direction
    return ports, buffers


def run_to_end(mesh: Mesh, ticks: Ticks, bar: tqdm | None = None) -> None:
    """Advance a mesh until every packet is delivered.

    Parameters
    ----------
    mesh : Mesh
        Changed in place.
    ticks : Ticks
        Delays.
    bar : tqdm, optional
        Counts deliveries.

    Raises
    ------
    TrafficError
        If the mesh stalls: packets are left and none can move. Routes that go x first
        cannot do that.
    """
    from hwmodel.noc.mesh_kernels import N_DELIVERED, advance

    has_more = True
    while has_more:
        before = mesh.counters[N_DELIVERED]
        has_more = advance(mesh, ticks, INSTANTS_PER_CALL)
        if bar is not None:
            bar.update(int(mesh.counters[N_DELIVERED] - before))
    n_delivered, n_due = int(mesh.counters[N_DELIVERED]), len(mesh.copies)
    if n_delivered != n_due:
        raise TrafficError(
            f"simulation: the mesh stalled, {n_delivered} of {n_due} deliveries made "
            "and no packet can move; expected routes without a cycle of full buffers; "
            "use routes that go x first, or timing.buffer None"
        )


@dataclass(frozen=True)
class Outcome:
    """What a run left in the arrays of the event loop.

    Parameters
    ----------
    delivered : ndarray, shape (n_destinations,), int64, fs
        Deliveries in tree order.
    last_use : int, fs
        When all was delivered and every port was free.
    sent : ndarray, shape (5, height, width), int64
        Packets that left each router along +x, -x, +y, -y and to its core.
    most_waiting : ndarray, shape (5, height, width), int64
        Most packets that stood at the ends of those links, and behind the injection
        port.
    """

    delivered: np.ndarray
    last_use: int
    sent: np.ndarray
    most_waiting: np.ndarray


def outcome_of(mesh: Mesh, size: tuple[int, int]) -> Outcome:
    """Read a mesh after its run.

    Parameters
    ----------
    mesh : Mesh
        After `run_to_end`.
    size : tuple of int
        (width, height).

    Returns
    -------
    Outcome
        Numbers by destination and by link.
    """
    from hwmodel.noc import mesh_kernels as kernels

    width, height = size
    directions = [
        kernels.PLUS_X,
        kernels.MINUS_X,
        kernels.PLUS_Y,
        kernels.MINUS_Y,
        kernels.LOCAL,
    ]
    leads_to = mesh.ports[:, kernels.LEADS_TO].copy()
    leads_to[kernels.LOCAL :: 5] = np.arange(kernels.LOCAL, leads_to.size, 5)
    most = mesh.buffers[leads_to, kernels.MOST_WAITING]
    sent, most_waiting = (
        by_port.reshape(height, width, 5).transpose(2, 0, 1)[directions]
        for by_port in (
            mesh.ports[:, kernels.SENT],
            np.where(leads_to == kernels.NOBODY, 0, most),
        )
    )
    delivered = mesh.copies[:, kernels.ARRIVAL]
    last_use = max(delivered.max(), mesh.ports[:, kernels.FREE_AT].max())
    return Outcome(delivered, int(last_use), sent, most_waiting)
