"""Small traffic to place, and every placement of it judged step by step."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
from hwmodel_ import oracle

from hwmodel.mesh.routing import route
from hwmodel.traffic.flows import Flows
from hwmodel.traffic.senders import HOST


def layered(sizes, rng, density=0.7):
    """Flows of a feed-forward net: input port, then layers of so many cores."""
    flows, before, first = [], [HOST], 0
    for size in sizes:
        cores = range(first, first + size)
        source = np.repeat(before, 2)
        reaches = rng.random((source.size, size)) < density
        packets = rng.integers(1, 9, source.size)
        keep = reaches.any(axis=1)
        _, distinct = np.unique(
            np.column_stack([source, reaches])[keep], axis=0, return_index=True
        )
        keep = np.flatnonzero(keep)[distinct]
        flows.append(Flows(cores, source[keep], reaches[keep], packets[keep]))
        before, first = list(cores), first + size
    return tuple(flows)


def walk(grid, start, target):
    """Links of a route."""
    if grid.topology == "mesh":
        return oracle.walk(start, target)
    return list(pairwise(route(grid, start, target)))


def judge(problem, places):
    """(value, tie break) of a placement, route by route; places are (x, y)."""
    loads: dict = {}
    for flow in problem.flows:
        for source, row, packets in zip(
            flow.source.tolist(), flow.reaches, flow.packets.tolist(), strict=True
        ):
            start = problem.input_port if source == HOST else places[source]
            targets = [places[flow.cores[i]] for i in np.flatnonzero(row)]
            ways = [walk(problem.grid, start, target) for target in targets]
            if problem.casting == "multicast":
                ways = [list({link for way in ways for link in way})]
            for link in (link for way in ways for link in way):
                loads[link] = loads.get(link, 0) + packets
    if problem.objective == "worst-link":
        return max(loads.values(), default=0), sum(loads.values())
    if problem.objective == "hops":
        return sum(loads.values()), 0
    prices = problem.prices
    cost = prices.chip * len({chip_at(problem.grid, place) for place in places})
    for (start, end), n in loads.items():
        cost += n * (prices.x if start[1] == end[1] else prices.y)
        crosses = chip_at(problem.grid, start) != chip_at(problem.grid, end)
        cost += n * prices.crossing * crosses
    return cost, 0


def chip_at(grid, place):
    """Column and row of the chip that a router is on."""
    width, height = grid.chip or (grid.width, grid.height)
    return place[0] // width, place[1] // height


def places_of(slots, grid):
    router = np.asarray(slots) // grid.cores_per_router
    return [(int(r % grid.width), int(r // grid.width)) for r in router]


def every_value(problem):
    """Values of all placements."""
    grid = problem.grid
    return [
        judge(problem, places_of(slots, grid))
        for slots in permutations(range(grid.n_cores), problem.n_cores)
    ]
