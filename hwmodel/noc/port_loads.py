"""How many packets go through each output port, and through which input they came."""

from __future__ import annotations

import numpy as np

from hwmodel.noc.packets import Packets

PORTS = ("plus_x", "minus_x", "plus_y", "minus_y", "core")
"""Output ports by where they lead, input ports by the direction of what comes in. Local
port k has the number ``CORE + k``."""
PLUS_X, MINUS_X, PLUS_Y, MINUS_Y, CORE = range(5)


def port_loads(packets: Packets, start: int, stop: int) -> np.ndarray:
    """Count packets by router, output port and input port.

    Parameters
    ----------
    packets : Packets
        All packets.
    start, stop : int
        Those to count.

    Returns
    -------
    ndarray, shape (4 + local_ports, 4 + local_ports, height, width), int64
        Entry ``[o, i, y, x]``: packets that came into router (x, y) by port i and left
        it by port o, numbered as in `PORTS`. The trees are those of XY routes.
    """
    width, height = packets.mesh
    n_ports = CORE + packets.local_ports
    loads = np.zeros((n_ports, n_ports, height, width), np.int64)
    route = _Routes(packets, start, stop)
    x, y, first, last = route.source_x, route.source_y, route.first, route.last
    east, west = route.target_x[last], route.target_x[first]
    for port, end, goes in ((PLUS_X, east, east > x), (MINUS_X, west, west < x)):
        np.add.at(loads[port], (route.source_port[goes], y[goes], x[goes]), 1)
        _pass_through(loads[port, port], y[goes], x[goes], end[goes])
    column = np.unique(route.packet * width + route.target_x, return_index=True)[1]
    column_end = np.append(column, route.packet.size)[1:] - 1
    packet, at = route.packet[column], route.target_x[column]
    north, south = route.target_y[column], route.target_y[column_end]
    turns_from = _came_along_x(x[packet], at, route.source_port[packet])
    row = y[packet]
    for port, end, goes in (
        (PLUS_Y, south, south > row),
        (MINUS_Y, north, north < row),
    ):
        np.add.at(loads[port], (turns_from[goes], row[goes], at[goes]), 1)
        _pass_through(loads[port, port].T, at[goes], row[goes], end[goes])
    source_x, source_y = x[route.packet], y[route.packet]
    came = _came_along_x(source_x, route.target_x, route.source_port[route.packet])
    came[route.target_y > source_y] = PLUS_Y
    came[route.target_y < source_y] = MINUS_Y
    np.add.at(loads, (route.target_port, came, route.target_y, route.target_x), 1)
    return loads


def sum_along_routes(
    value: np.ndarray, packets: Packets, start: int, stop: int
) -> np.ndarray:
    """Add up a value of output ports on the way to each destination.

    Parameters
    ----------
    value : ndarray, shape (4 + local_ports, height, width), float64
        By output port, numbered as in `PORTS`.
    packets : Packets
        All packets.
    start, stop : int
        Those to look at.

    Returns
    -------
    ndarray, shape (n_destinations,), float64
        Of the destinations of these packets, in the order of the packets: the links of
        the XY route and the port to the core.
    """
    width, height = packets.mesh
    part = slice(packets.offsets[start], packets.offsets[stop])
    source = packets.source[packets.packet[part]]
    x, y = packets.place_of(source)
    to_x, to_y = packets.place_of(packets.destination[part])
    forth_x, forth_y = (np.zeros((height + 1, width + 1)) for _ in range(2))
    back_x, back_y = (np.zeros((height + 1, width + 1)) for _ in range(2))
    np.cumsum(value[PLUS_X], axis=1, out=forth_x[:height, 1:])
    np.cumsum(value[MINUS_X], axis=1, out=back_x[:height, 1:])
    np.cumsum(value[PLUS_Y], axis=0, out=forth_y[1:, :width])
    np.cumsum(value[MINUS_Y], axis=0, out=back_y[1:, :width])
    right, down = to_x >= x, to_y >= y
    along_x = np.where(
        right,
        forth_x[y, to_x] - forth_x[y, x],
        back_x[y, x + 1] - back_x[y, to_x + 1],
    )
    along_y = np.where(
        down,
        forth_y[to_y, to_x] - forth_y[y, to_x],
        back_y[y + 1, to_x] - back_y[to_y + 1, to_x],
    )
    port = CORE + packets.destination[part] % packets.local_ports
    return along_x + along_y + value[port, to_y, to_x]


class _Routes:
    """Places and ports of some packets and of their destinations in tree order."""

    def __init__(self, packets: Packets, start: int, stop: int) -> None:
        offsets = packets.offsets[start : stop + 1]
        order = packets.tree_order[offsets[0] : offsets[-1]]
        source, target = packets.source[start:stop], packets.destination[order]
        self.source_x, self.source_y = packets.place_of(source)
        self.target_x, self.target_y = packets.place_of(target)
        self.source_port = CORE + source % packets.local_ports
        self.target_port = CORE + target % packets.local_ports
        self.packet = np.repeat(np.arange(stop - start), np.diff(offsets))
        self.first, self.last = offsets[:-1] - offsets[0], offsets[1:] - offsets[0] - 1


def _came_along_x(
    source_x: np.ndarray, x: np.ndarray, source_port: np.ndarray
) -> np.ndarray:
    """Return the input port by which packets come to a column in their source's row."""
    return np.select([x > source_x, x < source_x], [PLUS_X, MINUS_X], source_port)


def _pass_through(
    load: np.ndarray, line: np.ndarray, start: np.ndarray, end: np.ndarray
) -> None:
    """Add 1 to all places of a line strictly between start and end."""
    low, high = np.minimum(start, end) + 1, np.maximum(start, end)
    steps = np.zeros((load.shape[0], load.shape[1] + 1), np.int64)
    np.add.at(steps, (line, low), 1)
    np.add.at(steps, (line, high), -1)
    load += steps.cumsum(axis=1)[:, :-1]
