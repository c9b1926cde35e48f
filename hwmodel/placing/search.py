"""Better placements by swaps: greedy descent and simulated annealing.

A swap exchanges what is in two slots, two cores or a core and nothing. It is judged by
the ways it changes alone (`hwmodel.placing.placement_kernels`). Annealing follows [1]_,
its swaps over shrinking distances [2]_.

References
----------
.. [1] S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by Simulated
   Annealing", Science 220, 1983.
.. [2] V. Betz, J. Rose, "VPR: a new packing, placement and routing tool for FPGA
   research", FPL 1997.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwmodel.placing.budget import Budget, Clock
from hwmodel.placing.problem import Problem, ways_from_origin
from hwmodel.traffic.senders import HOST

if TYPE_CHECKING:
    from hwmodel.placing.way_kernels import Notes, Places, Rules, Traffic

SWAPS_PER_CORE = 3000
"""Swaps of a round of annealing, a core."""

LEAST_SWAPS = 1_000_000
"""Swaps tried by default, at least."""

MOST_ROUNDS = 8
HOT, COLD = 0.5, 0.005
"""First and last temperature, in units of what a swap of neighbours changes."""

BUSIEST_SHARE = 10.0
"""While annealing, 1 % of the busiest link weighs as much as so many % of all hops."""

ROUNDING = 1e-12
"""Share of the energy at the start that a greedy swap has to gain at least."""


def anneal(
    problem: Problem, slots: np.ndarray, seed: int = 0, budget: Budget | None = None
) -> np.ndarray:
    """Improve a placement by simulated annealing.

    Parameters
    ----------
    problem : Problem
        What to place and how it is judged.
    slots : ndarray, shape (n_cores,), int64
        Where the cores start: ``router * cores_per_router + k``, all different.
    seed : int
        Of the random numbers, 0 to 2**63 - 1.
    budget : Budget, optional
        3,000 swaps a core but at least a million by default.

    Returns
    -------
    ndarray, shape (n_cores,), int64
        The best slots that were met, never worse than the first.

    Notes
    -----
    A tenth of the budget goes to greedy swaps before the first round.

    In a round, temperature falls geometrically, from half to 1/200 of the root mean
    square of what swaps of neighbours change at the start, and the distance of swaps
    from the grid's size to 2. A budget of more than 3,000 swaps a core is spent on
    several rounds, eight at most; each goes on from the best placement so far and
    starts at a third of the temperature of the one before. Hot rounds find the large
    order; where a few cores lie on a large grid, they scatter them, and the cold
    rounds that follow do the work.
    """
    budget = budget or Budget()
    swaps = budget.iterations
    useful = max(LEAST_SWAPS, SWAPS_PER_CORE * problem.n_cores)
    if swaps is None and budget.seconds is None:
        swaps = useful
    slots = descend(problem, slots, seed, _tenth(Budget(swaps, budget.seconds)))
    search = _Search(problem, slots, seed)
    rounds = (swaps or useful) // (SWAPS_PER_CORE * problem.n_cores)
    rounds = min(max(rounds, 1), MOST_ROUNDS)
    in_chunk = max((swaps or useful) // (200 * rounds), 1)
    if budget.seconds is not None:
        in_chunk = min(in_chunk, 1000)
    unit = search.change_of_neighbours()
    far = max(problem.grid.width, problem.grid.height)
    clock = Clock("annealing", Budget(swaps, budget.seconds))
    at_round = 0
    while (spent := clock.spent()) < 1:
        if int(spent * rounds) > at_round:
            at_round = int(spent * rounds)
            search.go_to(search.notes.best_slot)
        cooled = spent * rounds - at_round
        hot = max(HOT / 3**at_round, COLD)
        temperature = unit * hot * (COLD / hot) ** cooled
        reach = max(1, round(far ** (1 - cooled) * 2**cooled))
        n_swaps = clock.left(in_chunk)
        search.kernels.anneal(*search.state, n_swaps, temperature, reach)
        clock.add(n_swaps)
    clock.close()
    return search.notes.best_slot


def _tenth(budget: Budget) -> Budget:
    return Budget(
        None if budget.iterations is None else max(budget.iterations // 10, 1),
        None if budget.seconds is None else budget.seconds / 10,
    )


def descend(
    problem: Problem, slots: np.ndarray, seed: int = 0, budget: Budget | None = None
) -> np.ndarray:
    """Improve a placement by the best swap of each core, over and over.

    Parameters
    ----------
    problem : Problem
        What to place and how it is judged.
    slots : ndarray, shape (n_cores,), int64
        Where the cores start: ``router * cores_per_router + k``, all different.
    seed : int
        Of the order in which cores have their turn.
    budget : Budget, optional
        Without one, the search ends when no swap of two slots is better.

    Returns
    -------
    ndarray, shape (n_cores,), int64
        Slots, never worse than the first.
    """
    budget = budget or Budget()
    search = _Search(problem, slots, seed)
    random = np.random.default_rng(seed)
    clock = Clock("greedy swaps", budget)
    better = True
    while better:
        better = False
        for core in random.permutation(problem.n_cores):
            if clock.spent() >= 1:
                better = False
                break
            better |= search.kernels.best_swap(*search.state, core)
            clock.add(problem.grid.n_cores)
    clock.close()
    return search.places.slot


class _Search:
    """A placement on its way: the arguments of the kernels."""

    def __init__(self, problem: Problem, slots: np.ndarray, seed: int) -> None:
        from hwmodel.placing import placement_kernels

        self.kernels = placement_kernels
        self.traffic = _traffic(problem)
        self.rules = _rules(problem)
        self.places, self.notes = _room(problem, slots, seed)
        self.go_to(slots)
        busiest, cost = self.places.total
        if busiest:
            weight = BUSIEST_SHARE * cost / busiest
            self.rules = self.rules._replace(busiest_weight=weight)
        if problem.objective == "energy":
            self.rules = self.rules._replace(least_gain=ROUNDING * cost)
        self._is_best()

    @property
    def state(self) -> tuple[Traffic, Rules, Places, Notes]:
        return self.traffic, self.rules, self.places, self.notes

    def go_to(self, slots: np.ndarray) -> None:
        self.places.slot[:] = slots
        self.kernels.start(*self.state)

    def _is_best(self) -> None:
        self.notes.best_slot[:] = self.places.slot
        self.notes.best_total[:] = self.places.total

    def change_of_neighbours(self, n: int = 1000) -> float:
        """Root mean square change of swaps of neighbours, of those with any."""
        n_changes, squares = self.kernels.look_around(*self.state, n)
        return (squares / n_changes) ** 0.5 if n_changes else 1.0


def _traffic(problem: Problem) -> Traffic:
    from hwmodel.placing.way_kernels import Traffic

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


def _rules(problem: Problem) -> Rules:
    from hwmodel.placing.way_kernels import Rules

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


def _room(problem: Problem, slots: np.ndarray, seed: int) -> tuple[Places, Notes]:
    from hwmodel.placing.way_kernels import Notes, Places

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
