"""Kernels that try swaps of cores and follow what changes, nothing else.

A swap changes only the ways of packets that start or end at one of the two cores.
`Traffic` lists these for every core. On the mesh their hops under XY routing follow
from the extent of the tree: one stretch along the source's row, one along each column
with targets. On the torus routes are walked back from the targets until they meet.

Hops count by their relative prices in x and y. Packets on links are followed only if
the busiest one counts.
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

    On a torus, ``way_to`` and ``last_step``, both (n_routers,), tell what the way from
    router (0, 0) costs and the direction of its last link; ``step_x``, ``step_y`` and
    ``step_price`` describe the directions. On a mesh they are empty.

    A placement is better if ``rank_weight * busiest + hop cost`` is smaller; annealing
    weighs packets on the busiest link by ``busiest_weight``. Both are 0 if links are
    not followed.
    """

    width: int
    height: int
    cores_per_router: int
    price_x: float
    price_y: float
    way_to: np.ndarray
    last_step: np.ndarray
    step_x: np.ndarray
    step_y: np.ndarray
    step_price: np.ndarray
    busiest_weight: float
    rank_weight: float


class Places(NamedTuple):
    """Where the cores are, and what follows from it; changed in place.

    ``x``, ``y`` (n_cores + 1,) are places, the input port's last; ``slot`` (n_cores,)
    is ``router * cores_per_router + k``; ``core_at`` (n_slots,) the core in each slot,
    -1 if it is free. ``way`` (n_entries,) float64 is the cost of one packet of each
    entry; ``loads``, ``tried`` (n_directions * n_routers,) are packets on each link,
    now and after the swap that is being tried, empty if links are not followed;
    ``total`` (2,) float64: packets on the busiest link, cost of all hops.
    """

    x: np.ndarray
    y: np.ndarray
    slot: np.ndarray
    core_at: np.ndarray
    way: np.ndarray
    loads: np.ndarray
    tried: np.ndarray
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
def _random(notes):
    """Return 53 random bits as a number in [0, 1): SplitMix64."""
    notes.random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = notes.random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) / 9007199254740992.0


@jit(as_written=True, borrows=True)
def _copy(values, to):
    for i in range(values.size):
        to[i] = values[i]


@jit(as_written=True, borrows=True)
def _largest(values):
    largest = 0
    for i in range(values.size):
        largest = max(largest, values[i])
    return float(largest)


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
            cost += rules.step_price[step]
            dx = (dx - rules.step_x[step]) % width
            dy = (dy - rules.step_y[step]) % height
            if packets != 0:
                router = (y + dy) % height * width + (x + dx) % width
                loads[step * width * height + router] += packets
    return cost


@jit(as_written=True, borrows=True)
def _way(traffic, rules, places, notes, entry):
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
        return rules.price_x * abs(to_x - x) + rules.price_y * abs(to_y - y)
    if rules.way_to.size:
        return _walk_back(traffic, rules, places, notes, entry, 0, places.loads)
    notes.mark[0] += 1
    mark = notes.mark[0]
    west = east = x
    hops_y = 0
    for i in range(first, last):
        target = traffic.targets[i]
        to_x, to_y = places.x[target], places.y[target]
        west, east = min(west, to_x), max(east, to_x)
        if notes.seen[to_x] != mark:
            notes.seen[to_x] = mark
            notes.top[to_x] = notes.bottom[to_x] = y
        if to_y < notes.top[to_x]:
            hops_y += notes.top[to_x] - to_y
            notes.top[to_x] = to_y
        elif to_y > notes.bottom[to_x]:
            hops_y += to_y - notes.bottom[to_x]
            notes.bottom[to_x] = to_y
    return rules.price_x * (east - west) + rules.price_y * hops_y


@jit(as_written=True, borrows=True)
def _load(traffic, rules, places, notes, entry, packets, loads):
    """Add packets to the links of an entry's tree."""
    if rules.way_to.size:
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


@jit(as_written=True, borrows=True)
def _list_changed(traffic, notes, core, other):
    """List the ways that a swap of two cores changes; `other` may be -1.

    A way that both are targets of does not change: its routers stay the same.
    """
    n = 0
    i, i_end = traffic.of_offsets[core], traffic.of_offsets[core + 1]
    j, j_end = 0, 0
    if other >= 0:
        j, j_end = traffic.of_offsets[other], traffic.of_offsets[other + 1]
    while i < i_end or j < j_end:
        if j == j_end or (i < i_end and traffic.of_core[i] < traffic.of_core[j]):
            entry = traffic.of_core[i]
            i += 1
        elif i == i_end or traffic.of_core[j] < traffic.of_core[i]:
            entry = traffic.of_core[j]
            j += 1
        else:
            entry = traffic.of_core[i]
            i += 1
            j += 1
            if traffic.source[entry] != core and traffic.source[entry] != other:
                continue
        notes.changed[n] = entry
        n += 1
    return n


@jit(as_written=True, borrows=True)
def _exchange(rules, places, slot, other_slot):
    """Swap what is in two slots."""
    core, other = places.core_at[slot], places.core_at[other_slot]
    places.core_at[slot], places.core_at[other_slot] = other, core
    for moved, to in ((core, other_slot), (other, slot)):
        if moved >= 0:
            router = to // rules.cores_per_router
            places.slot[moved] = to
            places.x[moved] = router % rules.width
            places.y[moved] = router // rules.width


@jit(as_written=True, borrows=True)
def try_swap(traffic, rules, places, notes, core, slot):
    """Swap a core with what is in a slot; say by how much the placement changes.

    Returns the number of ways that change (in ``notes.changed``), the new packets on
    the busiest link, and the change in the cost of hops. To be followed by `keep`, or
    by `_exchange` of the same slots, which takes it back.
    """
    links = rules.rank_weight != 0.0
    n = _list_changed(traffic, notes, core, places.core_at[slot])
    if links:
        _copy(places.loads, places.tried)
        for i in range(n):
            entry = notes.changed[i]
            packets = traffic.packets[entry]
            _load(traffic, rules, places, notes, entry, -packets, places.tried)
    _exchange(rules, places, places.slot[core], slot)
    hop_change = 0.0
    for i in range(n):
        entry = notes.changed[i]
        packets = traffic.packets[entry]
        notes.new_way[i] = _way(traffic, rules, places, notes, entry)
        hop_change += packets * (notes.new_way[i] - places.way[entry])
        if links:
            _load(traffic, rules, places, notes, entry, packets, places.tried)
    return n, _largest(places.tried), hop_change


@jit(as_written=True, borrows=True)
def _keep(rules, places, notes, n, busiest, hop_change):
    """Make the swap that was tried last the placement."""
    for i in range(n):
        places.way[notes.changed[i]] = notes.new_way[i]
    if rules.rank_weight != 0.0:
        _copy(places.tried, places.loads)
    places.total[0] = busiest
    places.total[1] += hop_change


@jit(as_written=True, borrows=True)
def start(traffic, rules, places, notes):
    """Work out ways, loads and totals of a placement from its slots."""
    for slot in range(places.core_at.size):
        places.core_at[slot] = -1
    for core in range(places.slot.size):
        router = places.slot[core] // rules.cores_per_router
        places.core_at[places.slot[core]] = core
        places.x[core] = router % rules.width
        places.y[core] = router // rules.width
    for link in range(places.loads.size):
        places.loads[link] = 0
    places.total[0] = places.total[1] = 0.0
    for entry in range(traffic.source.size):
        packets = traffic.packets[entry]
        places.way[entry] = _way(traffic, rules, places, notes, entry)
        places.total[1] += packets * places.way[entry]
        if rules.rank_weight != 0.0:
            _load(traffic, rules, places, notes, entry, packets, places.loads)
    places.total[0] = _largest(places.loads)


@jit(as_written=True, borrows=True)
def _random_swap(rules, places, notes, reach):
    """Choose a core and a slot at most `reach` columns and rows away."""
    core = int(_random(notes) * places.slot.size)
    x, y = places.x[core], places.y[core]
    west, east = max(0, x - reach), min(rules.width - 1, x + reach)
    north, south = max(0, y - reach), min(rules.height - 1, y + reach)
    to_x = west + int(_random(notes) * (east - west + 1))
    to_y = north + int(_random(notes) * (south - north + 1))
    part = int(_random(notes) * rules.cores_per_router)
    return core, (to_y * rules.width + to_x) * rules.cores_per_router + part


@jit(as_written=True, borrows=True)
def look_around(traffic, rules, places, notes, n_swaps):
    """Try random swaps of neighbours and take none.

    Returns how many changed the cost and the sum of their squared changes.
    """
    n_changes, squares = 0, 0.0
    for _ in range(n_swaps):
        core, slot = _random_swap(rules, places, notes, 1)
        old = places.slot[core]
        _, busiest, hop_change = try_swap(traffic, rules, places, notes, core, slot)
        _exchange(rules, places, places.slot[core], old)
        change = hop_change + rules.busiest_weight * (busiest - places.total[0])
        n_changes += change != 0.0
        squares += change * change
    return n_changes, squares


@jit(as_written=True, borrows=True)
def anneal(traffic, rules, places, notes, n_swaps, temperature, reach):
    """Try random swaps; take the good ones, and the bad ones by Metropolis' rule.

    The best placement that is met goes to ``notes``.
    """
    for _ in range(n_swaps):
        core, slot = _random_swap(rules, places, notes, reach)
        old = places.slot[core]
        if old // rules.cores_per_router == slot // rules.cores_per_router:
            continue
        n, busiest, hop_change = try_swap(traffic, rules, places, notes, core, slot)
        change = hop_change + rules.busiest_weight * (busiest - places.total[0])
        if change > 0 and _random(notes) >= np.exp(-change / temperature):
            _exchange(rules, places, old, slot)
            continue
        _keep(rules, places, notes, n, busiest, hop_change)
        gain = notes.best_total[1] - places.total[1]
        gain += rules.rank_weight * (notes.best_total[0] - places.total[0])
        if gain > 0:
            _copy(places.total, notes.best_total)
            _copy(places.slot, notes.best_slot)


@jit(as_written=True, borrows=True)
def best_swap(traffic, rules, places, notes, core):
    """Make the best swap of a core, if one is better than none; tell whether."""
    best, best_slot = 0.0, -1
    old = places.slot[core]
    for slot in range(places.core_at.size):
        if old // rules.cores_per_router == slot // rules.cores_per_router:
            continue
        _, busiest, hop_change = try_swap(traffic, rules, places, notes, core, slot)
        _exchange(rules, places, old, slot)
        change = hop_change + rules.rank_weight * (busiest - places.total[0])
        if change < best:
            best, best_slot = change, slot
    if best_slot < 0:
        return False
    n, busiest, hop_change = try_swap(traffic, rules, places, notes, core, best_slot)
    _keep(rules, places, notes, n, busiest, hop_change)
    return True
