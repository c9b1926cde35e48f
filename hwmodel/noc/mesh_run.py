"""Lay out the arrays of the event loop for one inference, and run it to its end."""

from __future__ import annotations

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
    from hwmodel.noc.injection_kernels import entry_times

    width, height = packets.mesh
    n_routers = width * height
    n_ports = kernels.N_PORTS * n_routers
    time, source = to_ticks(packets.time[start:stop]), packets.source[start:stop]
    offsets = packets.offsets[start : stop + 1]
    order = packets.tree_order[offsets[0] : offsets[-1]]
    row, column = np.divmod(np.arange(n_routers, dtype=np.int32), np.int32(width))
    offsets = offsets - offsets[0]
    n_copies = order.size
    target = packets.destination[order]
    entry = entry_times(time, source, int(to_ticks(timing.injection)), n_routers)
    by_entry = np.argsort(entry, kind="stable")
    leads_to, fed_by = _wiring(packets.mesh)
    return kernels.Mesh(
        column=column,
        row=row,
        leads_to=leads_to,
        fed_by=fed_by,
        target_x=column[target],
        target_y=row[target],
        packet=np.repeat(np.arange(stop - start, dtype=np.int32), np.diff(offsets)),
        entry_time=entry[by_entry],
        entry_copy=offsets[by_entry].astype(np.int32),
        entry_end=offsets[by_entry + 1].astype(np.int32),
        entry_buffer=_ports(source[by_entry], kernels.LOCAL),
        arrival=np.zeros(n_copies, np.int64),
        end=np.zeros(n_copies, np.int32),
        behind=np.zeros(n_copies, np.int32),
        goes_into=np.zeros(n_copies, np.int32),
        first=np.full(n_ports + 2, kernels.NOBODY, np.int32),
        last=np.full(n_ports + 2, kernels.NOBODY, np.int32),
        front_arrival=np.zeros(n_ports, np.int64),
        front_packet=np.zeros(n_ports, np.int32),
        n_asked=np.zeros(n_ports, np.int32),
        part_start=np.zeros((n_ports, kernels.N_PORTS), np.int32),
        part_end=np.zeros((n_ports, kernels.N_PORTS), np.int32),
        taken=np.zeros(n_ports, np.int32),
        waiting=np.zeros(n_ports, np.int32),
        most_waiting=np.zeros(n_ports, np.int32),
        asking=np.zeros(n_ports, np.int32),
        free_at=np.zeros(n_ports, np.int64),
        sent=np.zeros(n_ports, np.int64),
        busy_links=np.zeros(n_ports, np.int32),
        busy_ejections=np.zeros(n_routers, np.int32),
        ring_start=np.zeros(2, np.int64),
        is_marked=np.zeros(n_ports, np.bool_),
        marked=np.zeros(n_ports, np.int32),
        moves=np.zeros((n_ports, 2), np.int32),
        reached=np.zeros(n_copies, np.int32),
        counters=np.zeros(kernels.N_COUNTERS, np.int64),
    )


def _ports(router: np.ndarray, direction: int) -> np.ndarray:
    from hwmodel.noc.mesh_kernels import N_PORTS

    return (N_PORTS * router + direction).astype(np.int32)


def _wiring(mesh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the buffer behind each output port and the port before each buffer."""
    from hwmodel.noc import mesh_kernels as kernels

    width, height = mesh
    router = np.arange(width * height).reshape(height, width)
    leads_to = np.full(kernels.N_PORTS * router.size, kernels.NOBODY, np.int32)
    for direction, before, after in (
        (kernels.PLUS_X, router[:, :-1], router[:, 1:]),
        (kernels.MINUS_X, router[:, 1:], router[:, :-1]),
        (kernels.PLUS_Y, router[:-1], router[1:]),
        (kernels.MINUS_Y, router[1:], router[:-1]),
    ):
        leads_to[_ports(before, direction)] = _ports(after, direction)
    fed_by = np.full_like(leads_to, kernels.NOBODY)
    wired = np.flatnonzero(leads_to != kernels.NOBODY)
    fed_by[leads_to[wired]] = wired
    return leads_to, fed_by


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
    n_delivered, n_due = int(mesh.counters[N_DELIVERED]), mesh.arrival.size
    if n_delivered != n_due:
        raise TrafficError(
            f"simulation: the mesh stalled, {n_delivered} of {n_due} deliveries made "
            "and no packet can move; expected routes without a cycle of full buffers; "
            "use routes that go x first, or timing.buffer None"
        )
