"""Kernels that price the way of a packet under a placement, and load its links.

On the mesh the price of a tree of XY routes follows from its extent: one stretch along
the source's row, one along each column with targets. On the torus routes are walked
back from the targets until they meet.

Links count by their relative prices, which depend on the direction and on whether the
link leads to another chip.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eventsim.jit import jit


class Traffic(NamedTuple):
    """Who sends to whom; entry i has ``targets[offsets[i]:offsets[i + 1]]``.

    Cores are numbered from 0; number n_cores stands for the input port. The ways
    that start or end at core c are ``of_core[of_offsets[c]:of_offsets[c + 1]]``, in
    ascending order.
    """

    source: np.ndarray
    offsets: np.ndarray
    targets: np.ndarray
    packets: np.ndarray
    of_offsets: np.ndarray
    of_core: np.ndarray


class Rules(NamedTuple):
    """Grid and prices.

    On a mesh, ``along_x`` (width,) and ``along_y`` (height,) are the prices of the ways
    from column 0 along a row and from row 0 along a column.

    On a torus, ``last_step`` (n_routers,) is the direction of the last link of the way
    from router (0, 0), ``step_x`` and ``step_y`` describe the directions, and
    ``link_price`` (n_directions * n_routers,) has the links. ``way_to`` (n_routers,) is
    what the way from (0, 0) costs; it is empty if the same way costs more elsewhere,
    because chips have borders. On a mesh all five are empty.

    ``chip_of`` (n_routers,) numbers the chips, each of which costs ``chip_price`` if it
    holds cores; it is empty if chips in use are free.

    A placement is better if ``rank_weight * busiest + cost`` is smaller; annealing
    weighs packets on the busiest link by ``busiest_weight``. Both are 0 if links are
    not followed. A greedy swap gains more than ``least_gain``, what rounding may
    pretend; 0 where all numbers are whole.
    """

    width: int
    height: int
    cores_per_router: int
    along_x: np.ndarray
    along_y: np.ndarray
    way_to: np.ndarray
    last_step: np.ndarray
    step_x: np.ndarray
    step_y: np.ndarray
    link_price: np.ndarray
    chip_of: np.ndarray
    chip_price: float
    busiest_weight: float
    rank_weight: float
    least_gain: float


class Places(NamedTuple):
    """Where the cores are, and what follows from it; changed in place.

    ``x``, ``y`` (n_cores + 1,) are places, the input port's last; ``slot`` (n_cores,)
    is ``router * cores_per_router + k``; ``core_at`` (n_slots,) the core in each slot,
    -1 if it is free. ``way`` (n_entries,) float64 is the cost of one packet of each
    entry; ``loads``, ``tried`` (n_directions * n_routers,) are packets on each link,
    now and after the swap that is being tried, empty if links are not followed;
    ``on_chip`` (n_chips,) are the cores on each chip, empty if chips in use are free;
    ``total`` (2,) float64: packets on the busiest link, cost of hops and chips.
    """

    x: np.ndarray
    y: np.ndarray
    slot: np.ndarray
    core_at: np.ndarray
    way: np.ndarray
    loads: np.ndarray
    tried: np.ndarray
    on_chip: np.ndarray
    total: np.ndarray


class Notes(NamedTuple):
    """Room to work in.

    ``changed``, ``new_way`` (n_entries,) list the ways that a swap changes. ``top``,
    ``bottom`` (width,) hold the extent of a tree in each column, valid where ``seen``
    equals ``mark[0]``; on a torus ``seen`` (n_routers,) marks the tree's routers.
    ``random`` (1,) uint64 is the generator's state; ``best_slot`` (n_cores,) and
    ``best_total`` (2,) keep the best placement.
    """

    changed: np.ndarray
    new_way: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    seen: np.ndarray
    mark: np.ndarray
    random: np.ndarray
    best_slot: np.ndarray
    best_total: np.ndarray


@jit(as_written=True, borrows=True)
def _walk_back(traffic, rules, places, notes, entry, packets, loads):
    """Cost of one packet of an entry on the torus; adds packets to its links."""
    width, height = rules.width, rules.height
    source = traffic.source[entry]
    x, y = places.x[source], places.y[source]
    notes.mark[0] += 1
    mark = notes.mark[0]
    cost = 0.0
    for i in range(traffic.offsets[entry], traffic.offsets[entry + 1]):
        target = traffic.targets[i]
        dx = (places.x[target] - x) % width
        dy = (places.y[target] - y) % height
        while dy * width + dx != 0 and notes.seen[dy * width + dx] != mark:
            notes.seen[dy * width + dx] = mark
            step = rules.last_step[dy * width + dx]
            dx = (dx - rules.step_x[step]) % width
            dy = (dy - rules.step_y[step]) % height
            router = (y + dy) % height * width + (x + dx) % width
            link = step * width * height + router
            cost += rules.link_price[link]
            if packets != 0:
                loads[link] += packets
    return cost


@jit(as_written=True, borrows=True)
def way(traffic, rules, places, notes, entry):
    """Cost of one packet of an entry."""
    source = traffic.source[entry]
    x, y = places.x[source], places.y[source]
    first, last = traffic.offsets[entry], traffic.offsets[entry + 1]
    if last - first == 1:
        target = traffic.targets[first]
        to_x, to_y = places.x[target], places.y[target]
        if rules.way_to.size:
            dx, dy = (to_x - x) % rules.width, (to_y - y) % rules.height
            return rules.way_to[dy * rules.width + dx]
        if rules.last_step.size == 0:
            cost_x = abs(rules.along_x[to_x] - rules.along_x[x])
            return cost_x + abs(rules.along_y[to_y] - rules.along_y[y])
    if rules.last_step.size:
        return _walk_back(traffic, rules, places, notes, entry, 0, places.loads)
    notes.mark[0] += 1
    mark = notes.mark[0]
    west = east = x
    cost_y = 0.0
    for i in range(first, last):
        target = traffic.targets[i]
        to_x, to_y = places.x[target], places.y[target]
        west, east = min(west, to_x), max(east, to_x)
        if notes.seen[to_x] != mark:
            notes.seen[to_x] = mark
            notes.top[to_x] = notes.bottom[to_x] = y
        if to_y < notes.top[to_x]:
            cost_y += rules.along_y[notes.top[to_x]] - rules.along_y[to_y]
            notes.top[to_x] = to_y
        elif to_y > notes.bottom[to_x]:
            cost_y += rules.along_y[to_y] - rules.along_y[notes.bottom[to_x]]
            notes.bottom[to_x] = to_y
    return rules.along_x[east] - rules.along_x[west] + cost_y


@jit(as_written=True, borrows=True)
def load(traffic, rules, places, notes, entry, packets, loads):
    """Add packets to the links of an entry's tree."""
    if rules.last_step.size:
        _walk_back(traffic, rules, places, notes, entry, packets, loads)
        return
    source = traffic.source[entry]
    x, y = places.x[source], places.y[source]
    west = east = x
    width, plane = rules.width, rules.width * rules.height
    row_start = y * width
    notes.mark[0] += 1
    mark = notes.mark[0]
    for i in range(traffic.offsets[entry], traffic.offsets[entry + 1]):
        target = traffic.targets[i]
        to_x, to_y = places.x[target], places.y[target]
        for column in range(east, to_x):
            loads[row_start + column] += packets
        for column in range(to_x + 1, west + 1):
            loads[plane + row_start + column] += packets
        west, east = min(west, to_x), max(east, to_x)
        if notes.seen[to_x] != mark:
            notes.seen[to_x] = mark
            notes.top[to_x] = notes.bottom[to_x] = y
        for row in range(notes.bottom[to_x], to_y):
            loads[2 * plane + row * width + to_x] += packets
        for row in range(to_y + 1, notes.top[to_x] + 1):
            loads[3 * plane + row * width + to_x] += packets
        notes.top[to_x] = min(notes.top[to_x], to_y)
        notes.bottom[to_x] = max(notes.bottom[to_x], to_y)
