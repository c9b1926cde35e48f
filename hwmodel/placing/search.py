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

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from hwmodel.placing.problem import Problem, ways_from_origin
from hwmodel.traffic.senders import HOST

if TYPE_CHECKING:
    from hwmodel.placing.placement_kernels import Notes, Places, Rules, Traffic

SWAPS_PER_CORE = 3000
"""Swaps of a round of annealing, a core."""

LEAST_SWAPS = 1_000_000
"""Swaps tried by default, at least."""

MOST_ROUNDS = 8
HOT, COLD = 0.5, 0.005
"""First and last temperature, in units of what a swap of neighbours changes."""

BUSIEST_SHARE = 10.0
"""While annealing, 1 % of the busiest link weighs as much as so many % of all hops."""


@dataclass(frozen=True)
class Budget:
    """How long a search may take; the first limit that is reached ends it.

    Parameters
    ----------
    swaps : int or None
        Swaps to try, positive. ``None``: without a limit in seconds, as many as the
        method finds useful.
    seconds : float or None, s
        Wall time, positive. The result then depends on the machine's speed.
    """

    swaps: int | None = None
    seconds: float | None = None


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
    swaps = budget.swaps
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
    clock = _Clock("annealing", swaps, budget.seconds)
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
        None if budget.swaps is None else max(budget.swaps // 10, 1),
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
    clock = _Clock("greedy swaps", budget.swaps, budget.seconds)
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
        busiest, hops = self.places.total
        if busiest:
            weight = BUSIEST_SHARE * hops / busiest
            self.rules = self.rules._replace(busiest_weight=weight)
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


class _Clock:
    """How much of a budget is spent, with a progress bar on a terminal."""

    def __init__(self, what: str, swaps: int | None, seconds: float | None) -> None:
        self._swaps, self._seconds = swaps, seconds
        self._start, self._done, self._shown = time.perf_counter(), 0, 0.0
        limited = swaps is not None or seconds is not None
        form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}" if limited else None
        self._limited = limited
        self._bar: Any = tqdm(
            desc=what,
            total=1.0 if limited else None,
            bar_format=form,
            unit="swap",
            unit_scale=True,
            leave=False,
            disable=None,
        )

    def spent(self) -> float:
        """Share of the budget that is used; 0 without a limit."""
        spent = 0.0
        if self._swaps is not None:
            spent = self._done / self._swaps
        if self._seconds is not None:
            spent = max(spent, (time.perf_counter() - self._start) / self._seconds)
        return min(spent, 1.0)

    def left(self, swaps: int) -> int:
        """So many swaps, or those that are left."""
        return swaps if self._swaps is None else min(swaps, self._swaps - self._done)

    def add(self, swaps: int) -> None:
        self._done += swaps
        self._bar.update(self.spent() - self._bar.n if self._limited else swaps)

    def close(self) -> None:
        self._bar.close()


def _traffic(problem: Problem) -> Traffic:
    from hwmodel.placing.placement_kernels import Traffic

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
    from hwmodel.placing.placement_kernels import Rules

    grid, (price_x, price_y) = problem.grid, problem.weights
    unit = max(price_x, price_y) or 1.0
    way_to, last_step = np.zeros(0), np.zeros(0, dtype=np.int64)
    if grid.topology != "mesh":
        way_to, last_step = (table.ravel() for table in ways_from_origin(problem))
    step_x, step_y = np.array(grid.directions).T.copy()
    rank_weight = 0.0
    if problem.objective == "worst-link":
        targets = problem.sends.packets @ problem.sends.n_targets
        rank_weight = 1.0 + float(targets) * (grid.width + grid.height)
    return Rules(
        grid.width,
        grid.height,
        grid.cores_per_router,
        price_x / unit,
        price_y / unit,
        way_to / unit,
        last_step,
        step_x,
        step_y,
        np.where(step_y != 0, price_y, price_x) / unit,
        rank_weight,
        rank_weight,
    )


def _room(problem: Problem, slots: np.ndarray, seed: int) -> tuple[Places, Notes]:
    from hwmodel.placing.placement_kernels import Notes, Places

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
