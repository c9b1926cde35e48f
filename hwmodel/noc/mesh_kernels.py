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

MINUS_X, MINUS_Y, LOCAL, PLUS_Y, PLUS_X = range(5)
N_SIDES = 5
"""Where packets leave a router for and come from. LOCAL leads to and from its cores.
Sides are in tree order: destinations by column, then row.

A router with c local ports has c + 4 ports. Ports 0 to 4 have the numbers of the sides,
LOCAL is the first local port; the other local ports follow. With n ports a router,
output port ``n r + p`` leaves router r by p, and input buffer ``n r + p`` holds what
arrived at r by p."""

NOBODY = -1
NEVER = UNLIMITED = np.iinfo(np.int64).max

# Columns of `places`, of each port: its router and its number there.
X, Y, NUMBER = range(3)
# Columns of `copies`: when it arrives where, the end of its destinations, the copy
# behind it in its queue, and of each destination: the place, the number of the local
# port there, and the packet.
ARRIVAL, GOES_INTO, END, BEHIND, TARGET_X, TARGET_Y, TARGET_PORT, PACKET = range(8)
N_COPY_COLUMNS = 8
# Columns of `entries`, the packets in the order in which they enter the mesh.
ENTRY_TIME, ENTRY_COPY, ENTRY_END, ENTRY_BUFFER = range(4)
# Columns of `buffers`: the queue, the port that feeds it, slots taken, packets that
# stand in it, most that did; of the packet in front: arrival, number, parts to be sent;
# from PARTS on, where the destinations on each side start and the last ones end.
FIRST, LAST, FED_BY, TAKEN, WAITING, MOST_WAITING = range(6)
FRONT_ARRIVAL, FRONT_PACKET, N_ASKED, PARTS = range(6, 10)
N_BUFFER_COLUMNS = PARTS + N_SIDES + 1
# Columns of `ports`: the buffer behind it, inputs that ask for it (bits), when it is
# free, packets sent, whether it is to decide.
LEADS_TO, ASKING, FREE_AT, SENT, IS_MARKED = range(5)
# Rows of `rings`, ports in the order in which they become free.
LINKS, EJECTIONS = range(2)
# Entries of `counters`; those of the rings stand for LINKS and EJECTIONS.
N_MARKED, N_REACHED, NEXT_ENTRY, N_DELIVERED, RING_START, RING_SIZE = 0, 1, 2, 3, 4, 6
N_COUNTERS = 8


class Ticks(NamedTuple):
    """Delays in fs, and the room of a buffer in packets."""

    hop_x: int
    hop_y: int
    link_service: int
    ejection: int
    room: int


class Mesh(NamedTuple):
    """Everything the event loop reads and writes, int64; made by `new_mesh`.

    The last two rows of `buffers` are the wires along x and along y, of which only the
    queue is in use. `marked`, `moves` and `reached` hold the work of an instant: ports
    to decide, what they decided, buffers that packets came into.
    """

    places: np.ndarray
    copies: np.ndarray
    entries: np.ndarray
    buffers: np.ndarray
    ports: np.ndarray
    rings: np.ndarray
    marked: np.ndarray
    moves: np.ndarray
    reached: np.ndarray
    counters: np.ndarray


@jit(inline=True, borrows=True)
def append(mesh, queue, copy):
    """Put a copy at the end of a queue."""
    mesh.copies[copy, BEHIND] = NOBODY
    if mesh.buffers[queue, FIRST] == NOBODY:
        mesh.buffers[queue, FIRST] = copy
    else:
        mesh.copies[mesh.buffers[queue, LAST], BEHIND] = copy
    mesh.buffers[queue, LAST] = copy


@jit(inline=True, borrows=True)
def take_first(mesh, queue):
    """Take the first copy out of a queue that has one."""
    copy = mesh.buffers[queue, FIRST]
    mesh.buffers[queue, FIRST] = mesh.copies[copy, BEHIND]
    return copy


@jit(inline=True, borrows=True)
def mark(mesh, port):
    """Have an output port decide in the next round."""
    if not mesh.ports[port, IS_MARKED] and mesh.ports[port, ASKING] != 0:
        mesh.ports[port, IS_MARKED] = True
        mesh.marked[mesh.counters[N_MARKED]] = port
        mesh.counters[N_MARKED] += 1


@jit(inline=True, borrows=True)
def ask(mesh, buffer, number, by):
    """Have the front of a buffer, port `number` of a router, ask for its port `by`."""
    mesh.buffers[buffer, N_ASKED] += 1
    port = buffer - number + by
    mesh.ports[port, ASKING] |= 1 << number
    mark(mesh, port)


@jit(borrows=True)
def come_to_front(mesh, buffer, copy):
    """Cut the copy in front by sides and ask for the output ports.

    Destinations are in order of column, then row. A copy that travels along x has none
    behind it, one that travels along y only those of its column.
    """
    start, end = copy, mesh.copies[copy, END]
    x, y, number = mesh.places[buffer]
    heading = number if number < N_SIDES else LOCAL
    mesh.buffers[buffer, FRONT_ARRIVAL] = mesh.copies[copy, ARRIVAL]
    mesh.buffers[buffer, FRONT_PACKET] = mesh.copies[copy, PACKET]
    west_end, east_start = start, end
    if heading == LOCAL:
        while west_end < end and mesh.copies[west_end, TARGET_X] < x:
            west_end += 1
    if heading in (LOCAL, PLUS_X):
        east_start = west_end
        while east_start < end and mesh.copies[east_start, TARGET_X] == x:
            east_start += 1
    elif heading == MINUS_X:
        west_end = end
        while west_end > start and mesh.copies[west_end - 1, TARGET_X] == x:
            west_end -= 1
    north_end = west_end
    if heading == MINUS_Y:
        north_end = end
        while north_end > start and mesh.copies[north_end - 1, TARGET_Y] == y:
            north_end -= 1
    elif heading != PLUS_Y:
        while north_end < east_start and mesh.copies[north_end, TARGET_Y] < y:
            north_end += 1
    south_start = north_end
    while south_start < east_start and mesh.copies[south_start, TARGET_Y] == y:
        ask(mesh, buffer, number, mesh.copies[south_start, TARGET_PORT])
        south_start += 1
    cuts = (start, west_end, north_end, south_start, east_start, end)
    for side in range(N_SIDES + 1):
        mesh.buffers[buffer, PARTS + side] = cuts[side]
    for side in range(N_SIDES):
        if side != LOCAL and cuts[side] < cuts[side + 1]:
            ask(mesh, buffer, number, side)


@jit(inline=True, borrows=True)
def arrive(mesh, buffer, copy):
    """Put a copy into an input buffer."""
    mesh.buffers[buffer, WAITING] += 1
    mesh.reached[mesh.counters[N_REACHED]] = buffer
    mesh.counters[N_REACHED] += 1
    if mesh.buffers[buffer, N_ASKED] == 0:
        come_to_front(mesh, buffer, copy)
    else:
        append(mesh, buffer, copy)


@jit(inline=True, borrows=True)
def ring_time(mesh, ring):
    """Return when the next busy port of a ring becomes free."""
    if mesh.counters[RING_SIZE + ring] == 0:
        return NEVER
    return mesh.ports[mesh.rings[ring, mesh.counters[RING_START + ring]], FREE_AT]


@jit(inline=True, borrows=True)
def wire_time(mesh, wire):
    """Return when the next copy on the wires along an axis arrives."""
    copy = mesh.buffers[wire, FIRST]
    return NEVER if copy == NOBODY else mesh.copies[copy, ARRIVAL]


@jit(inline=True, borrows=True)
def entry_time(mesh):
    """Return when the next packet enters."""
    i = mesh.counters[NEXT_ENTRY]
    return mesh.entries[i, ENTRY_TIME] if i < len(mesh.entries) else NEVER


@jit(inline=True, borrows=True)
def next_instant(mesh):
    """Return the time of the next event, `NEVER` if there is none."""
    wires = len(mesh.ports)
    return min(
        entry_time(mesh),
        wire_time(mesh, wires),
        wire_time(mesh, wires + 1),
        ring_time(mesh, LINKS),
        ring_time(mesh, EJECTIONS),
    )


@jit(inline=True, borrows=True)
def set_free(mesh, ring, now):
    """Let the ports of a ring whose packets have passed decide again."""
    while ring_time(mesh, ring) == now:
        start = mesh.counters[RING_START + ring]
        after = start + 1
        mesh.counters[RING_START + ring] = after if after < mesh.rings.shape[1] else 0
        mesh.counters[RING_SIZE + ring] -= 1
        mark(mesh, mesh.rings[ring, start])


@jit(inline=True, borrows=True)
def set_busy(mesh, ring, port, until):
    """Occupy a port; ports of one ring are occupied for the same time."""
    mesh.ports[port, FREE_AT] = until
    at = mesh.counters[RING_START + ring] + mesh.counters[RING_SIZE + ring]
    length = mesh.rings.shape[1]
    mesh.rings[ring, at if at < length else at - length] = port
    mesh.counters[RING_SIZE + ring] += 1


@jit(inline=True, borrows=True)
def apply_events(mesh, now):
    """Apply everything that happens at an instant, before any port decides."""
    while entry_time(mesh) == now:
        i = mesh.counters[NEXT_ENTRY]
        mesh.counters[NEXT_ENTRY] += 1
        copy = mesh.entries[i, ENTRY_COPY]
        mesh.copies[copy, ARRIVAL] = now
        mesh.copies[copy, END] = mesh.entries[i, ENTRY_END]
        arrive(mesh, mesh.entries[i, ENTRY_BUFFER], copy)
    for wire in range(len(mesh.ports), len(mesh.buffers)):
        while wire_time(mesh, wire) == now:
            copy = take_first(mesh, wire)
            arrive(mesh, mesh.copies[copy, GOES_INTO], copy)
    set_free(mesh, LINKS, now)
    set_free(mesh, EJECTIONS, now)


@jit(inline=True, borrows=True)
def oldest_input(mesh, port):
    """Return the asking buffer whose front arrived first; ties: the lower packet."""
    chosen, least = NOBODY, (NEVER, NEVER)
    buffer, asking = port - mesh.places[port, NUMBER], mesh.ports[port, ASKING]
    while asking != 0:
        if asking & 1:
            front = mesh.buffers[buffer, FRONT_ARRIVAL : FRONT_PACKET + 1]
            if (front[0], front[1]) < least:
                chosen, least = buffer, (front[0], front[1])
        asking >>= 1
        buffer += 1
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
        mesh.ports[port, IS_MARKED] = False
        next_buffer = mesh.ports[port, LEADS_TO]
        is_free = mesh.ports[port, FREE_AT] <= now
        if next_buffer != NOBODY:
            is_free &= mesh.buffers[next_buffer, TAKEN] < ticks.room
        if is_free and mesh.ports[port, ASKING] != 0:
            mesh.moves[n_moves, 0] = port
            mesh.moves[n_moves, 1] = oldest_input(mesh, port)
            n_moves += 1
    mesh.counters[N_MARKED] = 0
    return n_moves


@jit(borrows=True)
def move(mesh, ticks, now, port, buffer):
    """Send the part of a buffer's front that goes through a port."""
    number = mesh.places[port, NUMBER]
    side = number if number < N_SIDES else LOCAL
    copy = mesh.buffers[buffer, PARTS + side]
    mesh.ports[port, ASKING] &= ~(1 << mesh.places[buffer, NUMBER])
    mesh.ports[port, SENT] += 1
    if side == LOCAL:
        while mesh.copies[copy, TARGET_PORT] != number:
            copy += 1
        mesh.copies[copy, ARRIVAL] = now + ticks.ejection
        mesh.counters[N_DELIVERED] += 1
        if ticks.ejection > 0:
            set_busy(mesh, EJECTIONS, port, now + ticks.ejection)
    else:
        along_x = side in (MINUS_X, PLUS_X)
        next_buffer = mesh.ports[port, LEADS_TO]
        mesh.copies[copy, ARRIVAL] = now + (ticks.hop_x if along_x else ticks.hop_y)
        mesh.copies[copy, END] = mesh.buffers[buffer, PARTS + side + 1]
        mesh.copies[copy, GOES_INTO] = next_buffer
        mesh.buffers[next_buffer, TAKEN] += 1
        append(mesh, len(mesh.ports) + (0 if along_x else 1), copy)
        if ticks.link_service > 0:
            set_busy(mesh, LINKS, port, now + ticks.link_service)
    if mesh.ports[port, FREE_AT] <= now:
        mark(mesh, port)
    mesh.buffers[buffer, N_ASKED] -= 1
    if mesh.buffers[buffer, N_ASKED] == 0:
        leave(mesh, buffer)


@jit(inline=True, borrows=True)
def leave(mesh, buffer):
    """Give back the slot of a packet that is gone; the next one comes to the front."""
    mesh.buffers[buffer, WAITING] -= 1
    if mesh.buffers[buffer, FED_BY] != NOBODY:
        mesh.buffers[buffer, TAKEN] -= 1
        mark(mesh, mesh.buffers[buffer, FED_BY])
    if mesh.buffers[buffer, FIRST] != NOBODY:
        come_to_front(mesh, buffer, take_first(mesh, buffer))


@jit(inline=True, borrows=True)
def record_waiting(mesh):
    """Note how many packets stand in the buffers that were reached."""
    for k in range(mesh.counters[N_REACHED]):
        buffer = mesh.reached[k]
        mesh.buffers[buffer, MOST_WAITING] = max(
            mesh.buffers[buffer, MOST_WAITING], mesh.buffers[buffer, WAITING]
        )
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
