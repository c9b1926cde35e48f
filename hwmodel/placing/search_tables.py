"""What the kernels of a search work on: traffic, rules, places and room for notes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hwmodel.placing.problem import Problem, ways_from_origin
from hwmodel.traffic.senders import HOST


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


def traffic_of(problem: Problem) -> Traffic:
    """List who sends to whom.

    Parameters
    ----------
    problem : Problem
        Traffic.

    Returns
    -------
    Traffic
        The input port is core n_cores.
    """
    sends, n_cores = problem.sends, problem.n_cores
    source = np.where(sends.source == HOST, n_cores, sends.source)
    entry = np.repeat(np.arange(source.size), sends.n_targets)
    touched = np.concatenate([sends.targets, source])
    by = np.concatenate([entry, np.arange(source.size)])
    ends = np.unique(np.stack([touched, by]), axis=1)
    of_core, entries = ends[:, ends[0] < n_cores]
    counts = np.bincount(of_core, minlength=n_cores)
    return Traffic(
        source,
        sends.offsets,
        sends.targets,
        sends.packets,
        np.concatenate([[0], np.cumsum(counts)]),
        entries.copy(),
    )


def rules_of(problem: Problem) -> Rules:
    """Tabulate the prices of links and ways, in units of `unit_of`.

    Parameters
    ----------
    problem : Problem
        Grid, prices, objective.

    Returns
    -------
    Rules
        Without a least gain.
    """
    grid, prices = problem.grid, problem.link_prices / unit_of(problem)
    steps, none, no_steps = grid.directions, np.zeros(0), np.zeros(0, dtype=np.int64)
    along_x = along_y = way_to = link_price = none
    last_step = step_x = step_y = chip_of = no_steps
    if grid.topology == "mesh":
        along_x, along_y = np.zeros(grid.width), np.zeros(grid.height)
        along_x[1:] = np.cumsum(prices[steps.index((1, 0)), 0, :-1])
        along_y[1:] = np.cumsum(prices[steps.index((0, 1)), :-1, 0])
    else:
        cost, last = ways_from_origin(problem)
        last_step, link_price = last.ravel(), prices.ravel()
        step_x, step_y = np.array(steps).T.copy()
        if np.ptp(prices, axis=(1, 2)).max() == 0:
            way_to = cost.ravel() / unit_of(problem)
    if problem.paid.chip:
        y, x = np.indices(grid.shape)
        chip_of = grid.chip_of(x, y).ravel()
    rank_weight = 0.0
    if problem.objective == "worst-link":
        targets = problem.sends.packets @ problem.sends.n_targets
        rank_weight = 1.0 + float(targets) * (grid.width + grid.height)
    return Rules(
        grid.width,
        grid.height,
        grid.cores_per_router,
        along_x,
        along_y,
        way_to,
        last_step,
        step_x,
        step_y,
        link_price,
        chip_of,
        problem.paid.chip / unit_of(problem),
        rank_weight,
        rank_weight,
        0.0,
    )


def unit_of(problem: Problem) -> float:
    """Return the price that the kernels call 1.

    Parameters
    ----------
    problem : Problem
        Prices.

    Returns
    -------
    float
        The dearest link; 1 hop, or J for the energy.
    """
    return float(problem.link_prices.max()) or problem.paid.chip or 1.0


def room_for(problem: Problem, slots: np.ndarray, seed: int) -> tuple[Places, Notes]:
    """Make room for a placement and for work on it.

    Parameters
    ----------
    problem : Problem
        Cores, grid, objective.
    slots : ndarray, shape (n_cores,), int64
        ``router * cores_per_router + k`` of each core.
    seed : int
        Of the random numbers, 0 to 2**63 - 1.

    Returns
    -------
    places : Places
        The slots and the port are filled in; the kernel ``start`` does the rest.
    notes : Notes
        Empty, but for the seed.
    """
    grid, n_cores = problem.grid, problem.n_cores
    n_entries = problem.sends.packets.size
    n_links = 0
    if problem.objective == "worst-link":
        n_links = len(grid.directions) * grid.n_routers
    x, y = np.zeros((2, n_cores + 1), dtype=np.int64)
    x[-1], y[-1] = problem.input_port
    places = Places(
        x,
        y,
        np.array(slots, dtype=np.int64),
        np.zeros(grid.n_cores, dtype=np.int64),
        np.zeros(n_entries),
        np.zeros(n_links, dtype=np.int64),
        np.zeros(n_links, dtype=np.int64),
        np.zeros(grid.n_chips if problem.paid.chip else 0, dtype=np.int64),
        np.zeros(2),
    )
    top, bottom = np.zeros((2, grid.width), dtype=np.int64)
    notes = Notes(
        np.zeros(n_entries, dtype=np.int64),
        np.zeros(n_entries),
        top,
        bottom,
        np.zeros(grid.n_routers, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
        np.array([seed], dtype=np.uint64),
        np.zeros(n_cores, dtype=np.int64),
        np.zeros(2),
    )
    return places, notes
