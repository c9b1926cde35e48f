"""Kernels that try swaps of cores and follow what changes, nothing else.

A swap changes only the ways of packets that start or end at one of the two cores, which
`hwmodel.placing.search_tables.Traffic` lists for every core, and the number of chips in
use. On the mesh the price of a tree of XY routes follows from its extent: one stretch
along the source's row, one along each column with targets. On the torus routes are
walked back from the targets until they meet. Packets on links are followed only if the
busiest one counts.

What the arguments hold is told in `hwmodel.placing.search_tables`.
"""

from __future__ import annotations

import numpy as np

from eventsim.jit import jit


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
    """Swap what is in two slots; return by how many chips in use become more."""
    core, other = places.core_at[slot], places.core_at[other_slot]
    places.core_at[slot], places.core_at[other_slot] = other, core
    more_chips = 0
    for moved, start, to in ((core, slot, other_slot), (other, other_slot, slot)):
        if moved >= 0:
            router = to // rules.cores_per_router
            places.slot[moved] = to
            places.x[moved] = router % rules.width
            places.y[moved] = router // rules.width
            if rules.chip_of.size:
                left = rules.chip_of[start // rules.cores_per_router]
                entered = rules.chip_of[router]
                places.on_chip[left] -= 1
                more_chips -= places.on_chip[left] == 0
                more_chips += places.on_chip[entered] == 0
                places.on_chip[entered] += 1
    return more_chips


@jit(as_written=True, borrows=True)
def try_swap(traffic, rules, places, notes, core, slot):
    """Swap a core with what is in a slot; say by how much the placement changes.

    Returns the number of ways that change (in ``notes.changed``), the new packets on
    the busiest link, the change in the cost of hops, and that in the cost of chips. To
    be followed by `_keep`, or by `_exchange` of the same slots, which takes it back.
    """
    links = rules.rank_weight != 0.0
    n = _list_changed(traffic, notes, core, places.core_at[slot])
    if links:
        _copy(places.loads, places.tried)
        for i in range(n):
            entry = notes.changed[i]
            packets = traffic.packets[entry]
            load(traffic, rules, places, notes, entry, -packets, places.tried)
    more_chips = _exchange(rules, places, places.slot[core], slot)
    hop_change = 0.0
    for i in range(n):
        entry = notes.changed[i]
        packets = traffic.packets[entry]
        notes.new_way[i] = way(traffic, rules, places, notes, entry)
        hop_change += packets * (notes.new_way[i] - places.way[entry])
        if links:
            load(traffic, rules, places, notes, entry, packets, places.tried)
    return n, _largest(places.tried), hop_change, rules.chip_price * more_chips


@jit(as_written=True, borrows=True)
def _keep(rules, places, notes, n, busiest, cost_change):
    """Make the swap that was tried last the placement."""
    for i in range(n):
        places.way[notes.changed[i]] = notes.new_way[i]
    if rules.rank_weight != 0.0:
        _copy(places.tried, places.loads)
    places.total[0] = busiest
    places.total[1] += cost_change


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
    for chip in range(places.on_chip.size):
        places.on_chip[chip] = 0
    if rules.chip_of.size:
        for core in range(places.slot.size):
            chip = rules.chip_of[places.slot[core] // rules.cores_per_router]
            places.total[1] += rules.chip_price * (places.on_chip[chip] == 0)
            places.on_chip[chip] += 1
    for entry in range(traffic.source.size):
        packets = traffic.packets[entry]
        places.way[entry] = way(traffic, rules, places, notes, entry)
        places.total[1] += packets * places.way[entry]
        if rules.rank_weight != 0.0:
            load(traffic, rules, places, notes, entry, packets, places.loads)
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

    Returns how many changed the cost of ways and the sum of their squared changes.
    Chips in use do not count: the static energy of one may be more than all hops, and
    a search as hot as that would find nothing.
    """
    n_changes, squares = 0, 0.0
    for _ in range(n_swaps):
        core, slot = _random_swap(rules, places, notes, 1)
        old = places.slot[core]
        _, busiest, hop_change, _ = try_swap(traffic, rules, places, notes, core, slot)
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
        n, busiest, of_hops, of_chips = try_swap(
            traffic, rules, places, notes, core, slot
        )
        cost_change = of_hops + of_chips
        change = cost_change + rules.busiest_weight * (busiest - places.total[0])
        if change > 0 and _random(notes) >= np.exp(-change / temperature):
            _exchange(rules, places, old, slot)
            continue
        _keep(rules, places, notes, n, busiest, cost_change)
        gain = notes.best_total[1] - places.total[1]
        gain += rules.rank_weight * (notes.best_total[0] - places.total[0])
        if gain > 0:
            _copy(places.total, notes.best_total)
            _copy(places.slot, notes.best_slot)


@jit(as_written=True, borrows=True)
def best_swap(traffic, rules, places, notes, core):
    """Make the best swap of a core, if one is better than none; tell whether."""
    best, best_slot = -rules.least_gain, -1
    old = places.slot[core]
    for slot in range(places.core_at.size):
        if old // rules.cores_per_router == slot // rules.cores_per_router:
            continue
        _, busiest, of_hops, of_chips = try_swap(
            traffic, rules, places, notes, core, slot
        )
        _exchange(rules, places, old, slot)
        change = of_hops + of_chips + rules.rank_weight * (busiest - places.total[0])
        if change < best:
            best, best_slot = change, slot
    if best_slot < 0:
        return False
    n, busiest, of_hops, of_chips = try_swap(
        traffic, rules, places, notes, core, best_slot
    )
    _keep(rules, places, notes, n, busiest, of_hops + of_chips)
    return True
