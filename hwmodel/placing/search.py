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

import numpy as np

from hwmodel.placing.budget import Budget, Clock
from hwmodel.placing.problem import Problem
from hwmodel.placing.search_tables import (
    Notes,
    Places,
    Rules,
    Traffic,
    room_for,
    rules_of,
    traffic_of,
)

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
        self.traffic = traffic_of(problem)
        self.rules = rules_of(problem)
        self.places, self.notes = room_for(problem, slots, seed)
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
