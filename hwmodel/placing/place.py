"""Place the groups of a network by a named method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hwmodel.chip.casting import Casting
from hwmodel.errors import PlacementError
from hwmodel.mapping.groups import Partition
from hwmodel.mapping.placement import Mapping, at_slots, fill, require_room
from hwmodel.mesh.grid import Grid
from hwmodel.placing.bounds import lower_bound
from hwmodel.placing.budget import Budget
from hwmodel.placing.force import force
from hwmodel.placing.orders import hilbert, row_major, snake
from hwmodel.placing.problem import Objective, Prices, Problem
from hwmodel.placing.search import anneal, descend
from hwmodel.placing.spectral import spectral
from hwmodel.traffic.flows import Flows

Method = Literal[
    "row-major", "snake", "hilbert", "spectral", "force", "greedy", "annealing"
]
METHODS: tuple[Method, ...] = get_args(Method)

ORDERS: dict[Method, Callable[[Grid], np.ndarray]] = {
    "row-major": row_major,
    "snake": snake,
    "hilbert": hilbert,
}
"""Methods that need no traffic."""

SWAPS = {"greedy": descend, "annealing": anneal}
"""Methods that swap cores, from the best of the simple placements."""

SEARCHES: tuple[Method, ...] = ("force", "greedy", "annealing")
"""Methods that take a budget."""


@dataclass(frozen=True)
class Placement:
    """Cores on the mesh and how good their places are.

    Parameters
    ----------
    mapping : Mapping
        Where the cores are.
    method : str
        How they were placed, one of `METHODS`.
    objective : {"hops", "energy", "worst-link"}
        What was to be small.
    casting : {"multicast", "unicast"}
        How packets travel.
    seed : int
        Of the random numbers.
    value : float or None
        Hops, J, or packets of the busiest link, over all measured inferences, input
        included; ``None`` without traffic.
    row_major : float or None
        The same for the row-major placement.
    bound : float or None
        No placement is below it.
    """

    mapping: Mapping
    method: Method
    objective: Objective
    casting: Casting
    seed: int
    value: float | None = None
    row_major: float | None = None
    bound: float | None = None

    @property
    def gain(self) -> float | None:
        """Share of the row-major value that is saved, negative if it is worse."""
        if self.value is None or self.row_major is None:
            return None
        return 1 - self.value / self.row_major if self.row_major else 0.0


def place(
    partition: Partition,
    grid: Grid,
    flows: Sequence[Flows] | None,
    *,
    chip: str,
    method: Method = "row-major",
    objective: Objective | None = None,
    casting: Casting = "multicast",
    input_port: tuple[int, int] = (0, 0),
    seed: int = 0,
    budget: Budget | None = None,
    prices: Prices | None = None,
) -> Placement:
    """Place groups on a grid.

    Parameters
    ----------
    partition : Partition
        Groups; group i is core i.
    grid : Grid
        Routers.
    flows : sequence of Flows or None
        Packets between cores, one record a layer; ``None``: not known.
    chip : str
        Name for messages.
    method : str
        ``"row-major"``, ``"snake"`` and ``"hilbert"`` fill the grid in that order;
        ``"spectral"``, ``"force"``, ``"greedy"`` and ``"annealing"`` look at the
        traffic. The last three start from the first four.
    objective : {"hops", "energy", "worst-link"}, optional
        What is to be small, for a method that looks at the traffic; ``"hops"`` by
        default.
    casting : {"multicast", "unicast"}
        How packets travel.
    input_port : tuple of int
        (x, y) of the router where input spikes enter.
    seed : int
        Same seed, same places, unless a budget in seconds cuts the search short.
    budget : Budget, optional
        Of force, greedy and annealing.
    prices : Prices, optional
        For the energy.

    Returns
    -------
    Placement
        Mapping, objective, gain over row-major and a lower bound.

    Raises
    ------
    PlacementError
        If the grid is too small, the method needs traffic and there is none, or an
        objective or a budget is given that the method does not look at.
    """
    require_effect(method, objective, budget)
    objective = objective or "hops"
    require_room(partition.n_cores, grid, chip)
    if flows is None and method not in ORDERS:
        raise PlacementError(
            f"placement {method} looks at the traffic between cores, and there are no "
            f"measured spikes; expected one of {', '.join(ORDERS)}; or measure them "
            "with 'eventsim evaluate MODEL --write'"
        )
    if flows is None:
        slots = _fill(partition.n_cores, grid, method)
        mapping = at_slots(partition, grid, slots)
        return Placement(mapping, method, objective, casting, seed)
    problem = Problem(
        grid,
        partition.n_cores,
        tuple(flows),
        casting,
        objective,
        input_port,
        prices or Prices(1.0, 1.0),
    )
    slots = _slots(problem, method, seed, budget)
    return Placement(
        at_slots(partition, grid, slots),
        method,
        objective,
        casting,
        seed,
        problem.value_of(slots)[0],
        problem.value_of(_fill(partition.n_cores, grid, "row-major"))[0],
        lower_bound(problem),
    )


def require_effect(
    method: Method, objective: Objective | None, budget: Budget | None
) -> None:
    """Refuse an option that a method does not look at.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    objective : str or None
        ``None``: not given. The methods in `ORDERS` take none.
    budget : Budget or None
        Only the methods in `SEARCHES` take one with a limit.

    Raises
    ------
    PlacementError
        Names the option and the methods that take it.
    """
    given = {}
    if objective is not None and method in ORDERS:
        given[f"--objective {objective}"] = [m for m in METHODS if m not in ORDERS]
    if method not in SEARCHES and budget is not None:
        if budget.iterations is not None:
            given[f"--placement-iterations {budget.iterations}"] = list(SEARCHES)
        if budget.seconds is not None:
            given[f"--placement-seconds {budget.seconds:g}"] = list(SEARCHES)
    if given:
        option, methods = next(iter(given.items()))
        raise PlacementError(
            f"{option} has no effect on placement {method}; expected --placement "
            f"{', '.join(methods[:-1])} or {methods[-1]} with it; pass one of these, "
            f"or leave {option.split()[0]} out"
        )


def _slots(
    problem: Problem, method: Method, seed: int, budget: Budget | None
) -> np.ndarray:
    """Slot of each core, ``router * cores_per_router + k``."""
    n_cores, grid = problem.n_cores, problem.grid
    if method in ORDERS:
        return _fill(n_cores, grid, method)
    embedded = spectral(problem, seed)
    if method == "spectral":
        return embedded
    starts = [*(_fill(n_cores, grid, order) for order in ORDERS), embedded]
    if method == "force":
        return force(problem, starts, budget)
    best = min(starts, key=problem.value_of)
    return SWAPS[method](problem, best, seed, budget)


def _fill(n_cores: int, grid: Grid, method: Method) -> np.ndarray:
    return fill(n_cores, grid, ORDERS[method](grid))
