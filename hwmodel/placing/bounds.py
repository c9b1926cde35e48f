"""What no placement can beat: lower bounds of hops, energy and the busiest link.

Unicast. Packets between two cores travel at least the distance of the two. Two bounds
hold for the sum over pairs of cores:

- all pairs: the heaviest pair cannot be closer than the closest two slots of the grid,
  the second heaviest not closer than the second closest, and so on (no two pairs of
  cores take the same pair of slots);
- core by core: the partners of one core take different slots, of which a core has the
  most close by when it is in the middle of the grid. Half the sum over cores, since
  each pair is met twice.

The larger one counts. Packets from the input port are bounded apart, by the distances
of the slots from the port.

Multicast. A tree to several cores has at least as many links as it has routers besides
its root; trees with one target are unicast.

Energy. Hops at the price of the cheapest link in their direction: dearer ones, as where
chips meet, cannot make it less. To them come the fewest chips that hold the cores.

Busiest link. Links share the hops, hence at least hops over links; all that enters or
leaves a router passes one of its links: four on a mesh, six on a torus.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwmodel.placing.problem import Problem, ways_from_origin
from hwmodel.traffic.senders import HOST


def lower_bound(problem: Problem) -> float:
    """Bound the objective from below.

    Parameters
    ----------
    problem : Problem
        Cores, grid, traffic, objective.

    Returns
    -------
    float
        Hops, J, or packets of the busiest link: no placement has less.
    """
    if problem.objective == "worst-link":
        return _busiest_bound(problem)
    bound = _hop_bound(problem)
    if problem.paid.chip:
        bound += problem.grid.fewest_chips(problem.n_cores) * problem.paid.chip
    return bound


def _hop_bound(problem: Problem) -> float:
    sends = problem.sends
    single = sends.n_targets == 1
    from_host = sends.source == HOST
    cpr = problem.grid.cores_per_router
    n_targets = sends.n_targets[~single]
    members = n_targets + ~from_host[~single]
    links = -(-members // cpr) - 1
    cheapest = problem.cheapest_links.min()
    bound = cheapest * float(links @ sends.packets[~single])
    source = sends.source[single]
    target = sends.targets[sends.offsets[:-1][single]]
    packets = sends.packets[single].astype(np.float64)
    host = source == HOST
    heaviest = -np.sort(-packets[host])
    bound += float(heaviest @ _from_port(problem)[: heaviest.size])
    return bound + _pair_bound(problem, source[~host], target[~host], packets[~host])


def _pair_bound(
    problem: Problem, source: np.ndarray, target: np.ndarray, packets: np.ndarray
) -> float:
    """Bound the hops between pairs of cores."""
    if packets.size == 0:
        return 0.0
    ends = np.sort(np.stack([source, target]), axis=0)
    pairs, inverse = np.unique(ends, axis=1, return_inverse=True)
    weight = np.bincount(inverse.reshape(-1), weights=packets)
    closest = _closest_pairs(problem, weight.size)
    of_all = float(-np.sort(-weight) @ closest)
    core = pairs.reshape(-1)
    weight = np.tile(weight, 2)
    order = np.lexsort((-weight, core))
    core, weight = core[order], weight[order]
    first = np.searchsorted(core, core)
    rank = np.arange(core.size) - first
    by_core = float(weight @ _from_middle(problem)[rank]) / 2
    return max(of_all, by_core)


def _from_port(problem: Problem) -> np.ndarray:
    """Costs of the way from the input port to each slot, ascending."""
    return _costs_from(problem, *problem.input_port)


def _from_middle(problem: Problem) -> np.ndarray:
    """Costs of the way from a slot in the middle to each other slot, ascending.

    On a mesh no other slot has more within any cost: rows and columns within a
    distance are most from the middle one. On a torus all slots are alike.
    """
    grid = problem.grid
    return _costs_from(problem, grid.width // 2, grid.height // 2)[1:]


def _costs_from(problem: Problem, x: int, y: int) -> np.ndarray:
    grid = problem.grid
    if grid.topology == "mesh":
        price_x, price_y = _mesh_prices(problem)
        costs = (
            price_x * np.abs(np.arange(grid.width) - x)
            + price_y * np.abs(np.arange(grid.height) - y)[:, None]
        )
    else:
        costs = _torus_costs(problem)
    return np.repeat(np.sort(costs, axis=None), grid.cores_per_router)


def _closest_pairs(problem: Problem, n_pairs: int) -> np.ndarray:
    """Costs of the way between the `n_pairs` closest pairs of slots, ascending."""
    grid, cpr = problem.grid, problem.grid.cores_per_router
    if grid.topology == "mesh":
        price_x, price_y = _mesh_prices(problem)
        dx, dy = np.meshgrid(np.arange(grid.width), np.arange(grid.height))
        cost = price_x * dx + price_y * dy
        pairs = (grid.width - dx) * (grid.height - dy) * np.where(dx * dy > 0, 2, 1)
    else:
        cost = _torus_costs(problem)
        pairs = np.full(cost.shape, -(-grid.n_routers // 2))
    slots = pairs * cpr**2
    slots[0, 0] = grid.n_routers * cpr * (cpr - 1) // 2
    order = np.argsort(cost, axis=None, kind="stable")
    many = np.minimum(slots.ravel()[order], n_pairs)
    return np.repeat(cost.ravel()[order], many)[:n_pairs]


def _mesh_prices(problem: Problem) -> tuple[float, float]:
    """Price of the cheapest link along x and along y."""
    steps, prices = problem.grid.directions, problem.cheapest_links
    return float(prices[steps.index((1, 0))]), float(prices[steps.index((0, 1))])


def _torus_costs(problem: Problem) -> np.ndarray:
    """Costs of the way to each displacement, there or back, whichever is cheaper."""
    cost, _ = ways_from_origin(problem)
    return np.minimum(cost, np.roll(cost[::-1, ::-1], (1, 1), axis=(0, 1)))


def _busiest_bound(problem: Problem) -> float:
    grid, (x, y) = problem.grid, problem.input_port
    if grid.topology == "mesh":
        n_links = 2 * ((grid.width - 1) * grid.height + grid.width * (grid.height - 1))
        doors = min(2, grid.width - 1) + min(2, grid.height - 1)
        port_doors = (x > 0) + (x < grid.width - 1) + (y > 0) + (y < grid.height - 1)
    else:
        doors = port_doors = len(grid.directions)
        n_links = doors * grid.n_routers
    if n_links == 0:
        return 0.0
    sent, sent_by_host = _leaving(problem)
    shares = [
        _hop_bound(replace(problem, objective="hops")) / n_links,
        sent / doors,
        sent_by_host / port_doors,
        _entering(problem) / doors,
    ]
    return float(np.ceil(max(shares) - 1e-9))


def _leaving(problem: Problem) -> tuple[float, float]:
    """Packets that must leave one core's router, at most; those of the port's.

    A core can have ``cores_per_router - 1`` others on its router, the port one more.
    """
    sends, cpr = problem.sends, problem.grid.cores_per_router
    source = np.where(sends.source == HOST, problem.n_cores, sends.source)
    spared = np.where(source == problem.n_cores, cpr, cpr - 1)
    many = sends.n_targets > 1
    n_nodes = problem.n_cores + 1
    goes = many & (sends.n_targets > spared)
    leaving = np.bincount(source[goes], sends.packets[goes].astype(float), n_nodes)
    target = sends.targets[sends.offsets[:-1][~many]]
    leaving = leaving + _beyond_heaviest(
        source[~many], target, sends.packets[~many], spared[~many], n_nodes
    )
    return float(leaving[:-1].max(initial=0.0)), float(leaving[-1])


def _entering(problem: Problem) -> float:
    """Packets from other cores that must enter one core's router, at most."""
    sends = problem.sends
    source = np.repeat(sends.source, sends.n_targets)
    packets = np.repeat(sends.packets, sends.n_targets)
    inside = source != HOST
    spared = np.full(int(inside.sum()), problem.grid.cores_per_router - 1)
    entering = _beyond_heaviest(
        sends.targets[inside],
        source[inside],
        packets[inside],
        spared,
        problem.n_cores,
    )
    return float(entering.max(initial=0.0))


def _beyond_heaviest(
    core: np.ndarray,
    partner: np.ndarray,
    packets: np.ndarray,
    spared: np.ndarray,
    n_cores: int,
) -> np.ndarray:
    """Add up each core's packets with all but its `spared` heaviest partners."""
    if core.size == 0:
        return np.zeros(n_cores)
    (core, _), first, inverse = np.unique(
        np.stack([core, partner]), axis=1, return_index=True, return_inverse=True
    )
    weight = np.bincount(inverse.reshape(-1), weights=packets)
    spared = spared[first]
    order = np.lexsort((-weight, core))
    core, weight, spared = core[order], weight[order], spared[order]
    far = np.arange(core.size) - np.searchsorted(core, core) >= spared
    return np.bincount(core[far], weight[far], n_cores)
