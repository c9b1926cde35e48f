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

    places = _places(packets.mesh, packets.local_ports)
    offsets = packets.offsets[start : stop + 1]
    order = packets.tree_order[offsets[0] : offsets[-1]]
    target = _local_port(packets, packets.destination[order])
    copies = np.zeros((order.size, kernels.N_COPY_COLUMNS), np.int64)
    columns = [kernels.TARGET_X, kernels.TARGET_Y, kernels.TARGET_PORT]
    copies[:, columns] = places[target]
    copies[:, kernels.PACKET] = np.repeat(np.arange(stop - start), np.diff(offsets))
    ports, buffers = _wire(packets.mesh, packets.local_ports)
    return kernels.Mesh(
        places=places,
        copies=copies,
        entries=_entries(packets, timing, start, stop),
        buffers=buffers,
        ports=ports,
        rings=np.zeros((2, len(ports)), np.int64),
        marked=np.zeros(len(ports), np.int64),
        moves=np.zeros((len(ports), 2), np.int64),
        reached=np.zeros(order.size, np.int64),
        counters=np.zeros(kernels.N_COUNTERS, np.int64),
    )


def _places(mesh: tuple[int, int], local_ports: int) -> np.ndarray:
    """Return column, row and number of each port, (n_ports, 3)."""
    from hwmodel.noc.mesh_kernels import N_SIDES

    width, height = mesh
    rows, columns, numbers = np.indices((height, width, N_SIDES - 1 + local_ports))
    return np.stack([columns.ravel(), rows.ravel(), numbers.ravel()], axis=1)


def _local_port(packets: Packets, local: np.ndarray) -> np.ndarray:
    """Turn numbers of local ports into those among all ports of the mesh."""
    from hwmodel.noc.mesh_kernels import LOCAL, N_SIDES

    router, k = np.divmod(local, packets.local_ports)
    first = router * (N_SIDES - 1 + packets.local_ports)
    return first + np.where(k == 0, LOCAL, N_SIDES - 1 + k)


def _entries(
    packets: Packets, timing: RouterTiming, start: int, stop: int
) -> np.ndarray:
    """Return when packets have passed their injection ports, in order."""
    from hwmodel.noc.injection_kernels import entry_times

    time, source = to_ticks(packets.time[start:stop]), packets.source[start:stop]
    n_ports = packets.mesh[0] * packets.mesh[1] * packets.local_ports
    entry = entry_times(time, source, int(to_ticks(timing.injection)), n_ports)
    order = np.argsort(entry, kind="stable")
    copy = packets.offsets[start : stop + 1] - packets.offsets[start]
    buffer = _local_port(packets, source[order])
    return np.stack([entry[order], copy[order], copy[order + 1], buffer], axis=1)


def _wire(mesh: tuple[int, int], local_ports: int) -> tuple[np.ndarray, np.ndarray]:
    """Return idle output ports and input buffers, linked to their neighbours."""
    from hwmodel.noc import mesh_kernels as kernels

    width, height = mesh
    n_each = kernels.N_SIDES - 1 + local_ports
    first_port = n_each * np.arange(width * height).reshape(height, width)
    ports = np.zeros((n_each * width * height, 5), np.int64)
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
    sent : ndarray, shape (4, height, width), int64
        Packets that left each router along +x, -x, +y, -y.
    most_waiting : ndarray, shape (4, height, width), int64
        Most packets that stood at the ends of those links.
    most_at_source : ndarray, shape (height, width, local_ports), int64
        Most packets that stood behind each injection port.
    """

    delivered: np.ndarray
    last_use: int
    sent: np.ndarray
    most_waiting: np.ndarray
    most_at_source: np.ndarray


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
        Numbers by destination, link and local port.
    """
    from hwmodel.noc import mesh_kernels as kernels

    width, height = size

    def by_router(of_port: np.ndarray) -> np.ndarray:
        return of_port.reshape(height, width, -1)

    links = [kernels.PLUS_X, kernels.MINUS_X, kernels.PLUS_Y, kernels.MINUS_Y]
    leads_to = mesh.ports[:, kernels.LEADS_TO]
    most = mesh.buffers[:, kernels.MOST_WAITING]
    at_end = np.where(leads_to == kernels.NOBODY, 0, most[leads_to])
    most_at_source = np.delete(by_router(most[: len(leads_to)]), links, axis=2)
    delivered = mesh.copies[:, kernels.ARRIVAL]
    last_use = max(delivered.max(), mesh.ports[:, kernels.FREE_AT].max())
    return Outcome(
        delivered,
        int(last_use),
        by_router(mesh.ports[:, kernels.SENT])[:, :, links].transpose(2, 0, 1),
        by_router(at_end)[:, :, links].transpose(2, 0, 1),
        most_at_source,
    )
