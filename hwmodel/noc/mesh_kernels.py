"""The event loop of the mesh simulation.

Every delay is a constant, so events of one kind are made in the order in which they
happen: packets that enter, arrivals over links along x, over links along y, links that
become free, ejection ports that become free. Five first-in first-out streams replace a
priority queue, and an event costs the same however many wait.

A packet on its way is one or more copies. A copy carries a contiguous range of the
packet's destinations in tree order and is named by the first of them; a fork cuts the
range. Copies alive at one time have disjoint ranges, so that arrays over destinations
hold them all, and memory is linear in the destinations.

The functions of this file call no kernels of other files: Numba's own check of the
file's age then keeps the disk cache right (see `eventsim.jit`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eventsim.jit import jit

PLUS_X, MINUS_X, PLUS_Y, MINUS_Y, LOCAL = range(5)
N_PORTS = 5
"""Ports of a router: output port ``5 r + d`` leaves router r in direction d, input
buffer ``5 r + d`` holds what arrived at r in direction d. LOCAL leads to and from the
router's own core."""

NOBODY = -1
NEVER = np.iinfo(np.int64).max
UNLIMITED = np.iinfo(np.int32).max

# Entries of `counters`.
(N_MARKED, N_REACHED, NEXT_ENTRY, N_DELIVERED, N_LINKS_BUSY, N_EJECTIONS_BUSY) = range(
    6
)
N_COUNTERS = 6
# Entries of `first` and `last` for packets on the wire, after those of the buffers.
ALONG_X, ALONG_Y = 0, 1


class Ticks(NamedTuple):
    """Delays in fs, and the room of a buffer in packets."""

    hop_x: int
    hop_y: int
    link_service: int
    ejection: int
    room: int


class Mesh(NamedTuple):
    """Everything the event loop reads and writes; made by `new_mesh`."""

    # routers and ports, constant
    column: np.ndarray
    row: np.ndarray
    leads_to: np.ndarray
    fed_by: np.ndarray
    # destinations in tree order, constant
    target_x: np.ndarray
    target_y: np.ndarray
    packet: np.ndarray
    # packets in order of entry, constant
    entry_time: np.ndarray
    entry_copy: np.ndarray
    entry_end: np.ndarray
    entry_buffer: np.ndarray
    # copies, by first destination; the arrival of a delivered one stays
    arrival: np.ndarray
    end: np.ndarray
    behind: np.ndarray
    goes_into: np.ndarray
    # queues of copies: one for each input buffer, two for the wires
    first: np.ndarray
    last: np.ndarray
    # input buffers: the packet in front, what it still asks for, how full
    front_arrival: np.ndarray
    front_packet: np.ndarray
    n_asked: np.ndarray
    part_start: np.ndarray
    part_end: np.ndarray
    taken: np.ndarray
    waiting: np.ndarray
    most_waiting: np.ndarray
    # output ports: inputs that ask for it (bits), when it is free, packets sent
    asking: np.ndarray
    free_at: np.ndarray
    sent: np.ndarray
    # busy ports in the order in which they become free (rings)
    busy_links: np.ndarray
    busy_ejections: np.ndarray
    ring_start: np.ndarray
    # work of the current instant
    is_marked: np.ndarray
    marked: np.ndarray
    moves: np.ndarray
    reached: np.ndarray
    counters: np.ndarray


@jit(inline=True, borrows=True)
def append(mesh, queue, copy):
    """Put a copy at the end of a queue."""
    mesh.behind[copy] = NOBODY
    if mesh.first[queue] == NOBODY:
        mesh.first[queue] = copy
    else:
        mesh.behind[mesh.last[queue]] = copy
    mesh.last[queue] = copy


@jit(inline=True, borrows=True)
def take_first(mesh, queue):
    """Take the first copy out of a queue that has one."""
    copy = mesh.first[queue]
    mesh.first[queue] = mesh.behind[copy]
    return copy


@jit(inline=True, borrows=True)
def mark(mesh, port):
    """Have an output port decide in the next round."""
    if not mesh.is_marked[port] and mesh.asking[port] != 0:
        mesh.is_marked[port] = True
        mesh.marked[mesh.counters[N_MARKED]] = port
        mesh.counters[N_MARKED] += 1


@jit(inline=True, borrows=True)
def ask(mesh, buffer, direction, start, end):
    """Ask an output port for a part of the packet in front, unless it is empty."""
    if start < end:
        router, heading = buffer // N_PORTS, buffer % N_PORTS
        mesh.part_start[buffer, direction] = start
        mesh.part_end[buffer, direction] = end
        mesh.n_asked[buffer] += 1
        port = router * N_PORTS + direction
        mesh.asking[port] |= 1 << heading
        mark(mesh, port)


@jit(borrows=True)
def come_to_front(mesh, buffer, copy):
    """Cut the copy in front by output ports and ask for them.

    Destinations are in order of column, then row. A copy that travels along x has none
    behind it, one that travels along y only those of its column.
    """
    start, end = copy, mesh.end[copy]
    x, y = mesh.column[buffer // N_PORTS], mesh.row[buffer // N_PORTS]
    heading = buffer % N_PORTS
    mesh.front_arrival[buffer] = mesh.arrival[copy]
    mesh.front_packet[buffer] = mesh.packet[copy]
    west_end, east_start = start, end
    if heading == LOCAL:
        while west_end < end and mesh.target_x[west_end] < x:
            west_end += 1
    if heading in (LOCAL, PLUS_X):
        east_start = west_end
        while east_start < end and mesh.target_x[east_start] == x:
            east_start += 1
    elif heading == MINUS_X:
        west_end = end
        while west_end > start and mesh.target_x[west_end - 1] == x:
            west_end -= 1
    north_end = west_end
    if heading == MINUS_Y:
        north_end = end - 1 if mesh.target_y[end - 1] == y else end
    elif heading != PLUS_Y:
        while north_end < east_start and mesh.target_y[north_end] < y:
            north_end += 1
    south_start = north_end
    if south_start < east_start and mesh.target_y[south_start] == y:
        south_start += 1
    ask(mesh, buffer, PLUS_X, east_start, end)
    ask(mesh, buffer, MINUS_X, start, west_end)
    ask(mesh, buffer, PLUS_Y, south_start, east_start)
    ask(mesh, buffer, MINUS_Y, west_end, north_end)
    ask(mesh, buffer, LOCAL, north_end, south_start)


@jit(inline=True, borrows=True)
def arrive(mesh, buffer, copy):
    """Put a copy into an input buffer."""
    mesh.waiting[buffer] += 1
    mesh.reached[mesh.counters[N_REACHED]] = buffer
    mesh.counters[N_REACHED] += 1
    if mesh.n_asked[buffer] == 0:
        come_to_front(mesh, buffer, copy)
    else:
        append(mesh, buffer, copy)


@jit(inline=True, borrows=True)
def ring_time(mesh, ring, which, busy):
    """Return when the next busy port of a ring becomes free."""
    if mesh.counters[busy] == 0:
        return NEVER
    return mesh.free_at[ring[mesh.ring_start[which]]]


@jit(inline=True, borrows=True)
def wire_time(mesh, wire):
    """Return when the next copy on the wires along an axis arrives."""
    copy = mesh.first[wire]
    return NEVER if copy == NOBODY else mesh.arrival[copy]


@jit(inline=True, borrows=True)
def entry_time(mesh):
    """Return when the next packet enters."""
    i = mesh.counters[NEXT_ENTRY]
    return mesh.entry_time[i] if i < mesh.entry_time.size else NEVER


@jit(inline=True, borrows=True)
def next_instant(mesh):
    """Return the time of the next event, `NEVER` if there is none."""
    wires = mesh.leads_to.size
    return min(
        entry_time(mesh),
        wire_time(mesh, wires + ALONG_X),
        wire_time(mesh, wires + ALONG_Y),
        ring_time(mesh, mesh.busy_links, 0, N_LINKS_BUSY),
        ring_time(mesh, mesh.busy_ejections, 1, N_EJECTIONS_BUSY),
    )


@jit(inline=True, borrows=True)
def set_free(mesh, ring, which, busy, now):
    """Let the ports of a ring whose packets have passed decide again."""
    while ring_time(mesh, ring, which, busy) == now:
        start = mesh.ring_start[which]
        mesh.ring_start[which] = start + 1 if start + 1 < ring.size else 0
        mesh.counters[busy] -= 1
        mark(mesh, ring[start])


@jit(inline=True, borrows=True)
def set_busy(mesh, ring, which, busy, port, until):
    """Occupy a port; ports of one ring are occupied for the same time."""
    mesh.free_at[port] = until
    at = mesh.ring_start[which] + mesh.counters[busy]
    ring[at if at < ring.size else at - ring.size] = port
    mesh.counters[busy] += 1


@jit(inline=True, borrows=True)
def apply_events(mesh, now):
    """Apply everything that happens at an instant, before any port decides."""
    while entry_time(mesh) == now:
        i = mesh.counters[NEXT_ENTRY]
        mesh.counters[NEXT_ENTRY] += 1
        copy = mesh.entry_copy[i]
        mesh.arrival[copy] = now
        mesh.end[copy] = mesh.entry_end[i]
        arrive(mesh, mesh.entry_buffer[i], copy)
    for wire in range(mesh.leads_to.size, mesh.leads_to.size + 2):
        while wire_time(mesh, wire) == now:
            copy = take_first(mesh, wire)
            arrive(mesh, mesh.goes_into[copy], copy)
    set_free(mesh, mesh.busy_links, 0, N_LINKS_BUSY, now)
    set_free(mesh, mesh.busy_ejections, 1, N_EJECTIONS_BUSY, now)


@jit(inline=True, borrows=True)
def oldest_input(mesh, port):
    """Return the asking buffer whose front arrived first; ties: the lower packet."""
    chosen = NOBODY
    base = port - port % N_PORTS
    for heading in range(N_PORTS):
        if mesh.asking[port] >> heading & 1:
            buffer = base + heading
            if chosen == NOBODY or (
                mesh.front_arrival[buffer] < mesh.front_arrival[chosen]
                or (
                    mesh.front_arrival[buffer] == mesh.front_arrival[chosen]
                    and mesh.front_packet[buffer] < mesh.front_packet[chosen]
                )
            ):
                chosen = buffer
    return chosen


@jit(inline=True, borrows=True)
def decide(mesh, ticks, now):
    """Let all marked ports choose, on the state at the start of the round.

    Returns
    -------
    int
        Number of moves; a move is a row of `moves`: output port, input buffer.
    """
    n_moves = 0
    for k in range(mesh.counters[N_MARKED]):
        port = mesh.marked[k]
        mesh.is_marked[port] = False
        next_buffer = mesh.leads_to[port]
        has_room = next_buffer == NOBODY or mesh.taken[next_buffer] < ticks.room
        if has_room and mesh.free_at[port] <= now and mesh.asking[port] != 0:
            mesh.moves[n_moves, 0] = port
            mesh.moves[n_moves, 1] = oldest_input(mesh, port)
            n_moves += 1
    mesh.counters[N_MARKED] = 0
    return n_moves


@jit(borrows=True)
def move(mesh, ticks, now, port, buffer):
    """Send the part of a buffer's front that goes through a port."""
    direction = port % N_PORTS
    copy = mesh.part_start[buffer, direction]
    mesh.asking[port] &= ~(1 << buffer % N_PORTS)
    mesh.sent[port] += 1
    if direction == LOCAL:
        mesh.arrival[copy] = now + ticks.ejection
        mesh.counters[N_DELIVERED] += 1
        if ticks.ejection > 0:
            until = now + ticks.ejection
            set_busy(mesh, mesh.busy_ejections, 1, N_EJECTIONS_BUSY, port, until)
    else:
        wire = ALONG_X if direction <= MINUS_X else ALONG_Y
        mesh.arrival[copy] = now + (ticks.hop_x if wire == ALONG_X else ticks.hop_y)
        mesh.end[copy] = mesh.part_end[buffer, direction]
        mesh.goes_into[copy] = mesh.leads_to[port]
        mesh.taken[mesh.leads_to[port]] += 1
        append(mesh, mesh.leads_to.size + wire, copy)
        if ticks.link_service > 0:
            until = now + ticks.link_service
            set_busy(mesh, mesh.busy_links, 0, N_LINKS_BUSY, port, until)
    if mesh.free_at[port] <= now:
        mark(mesh, port)
    mesh.n_asked[buffer] -= 1
    if mesh.n_asked[buffer] == 0:
        leave(mesh, buffer)


@jit(inline=True, borrows=True)
def leave(mesh, buffer):
    """Give back the slot of a packet that is gone; the next one comes to the front."""
    mesh.waiting[buffer] -= 1
    if mesh.fed_by[buffer] != NOBODY:
        mesh.taken[buffer] -= 1
        mark(mesh, mesh.fed_by[buffer])
    if mesh.first[buffer] != NOBODY:
        come_to_front(mesh, buffer, take_first(mesh, buffer))


@jit(inline=True, borrows=True)
def record_waiting(mesh):
    """Note how many packets stand in the buffers that were reached."""
    for k in range(mesh.counters[N_REACHED]):
        buffer = mesh.reached[k]
        mesh.most_waiting[buffer] = max(mesh.most_waiting[buffer], mesh.waiting[buffer])
    mesh.counters[N_REACHED] = 0


@jit(borrows=True)
def advance(mesh, ticks, most_instants):
    """Run the mesh on, instant by instant.

    Parameters
    ----------
    mesh : Mesh
        Changed in place.
    ticks : Ticks
        Delays.
    most_instants : int
        Stop after so many.

    Returns
    -------
    bool
        Whether there are events left. If not, all is delivered or the mesh stands.
    """
    for _ in range(most_instants):
        now = next_instant(mesh)
        if now == NEVER:
            return False
        apply_events(mesh, now)
        while mesh.counters[N_MARKED] > 0:
            for k in range(decide(mesh, ticks, now)):
                move(mesh, ticks, now, mesh.moves[k, 0], mesh.moves[k, 1])
        record_waiting(mesh)
    return True
