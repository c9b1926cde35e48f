"""What each placement gains over row-major, and how long it takes.

python benchmarks/placement_gain.py [--seed N] [--seconds S] [--torus] [--methods M ...]

Declared networks and made-up graphs; one thread. Gains are shares of the row-major
value that are saved; the bound is the most that any placement could save.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from tabulate import tabulate

from hwmodel.mapping.groups import LayerPartition, Partition, equal_runs
from hwmodel.mesh.grid import Grid
from hwmodel.placing.bounds import lower_bound
from hwmodel.placing.budget import Budget
from hwmodel.placing.place import METHODS, ORDERS, SEARCHES, Method, place
from hwmodel.placing.problem import Problem
from hwmodel.placing.search import LEAST_SWAPS, SWAPS_PER_CORE
from hwmodel.traffic.flows import Flows
from hwmodel.traffic.senders import HOST

CNN = (16, 2, 1, 1, 1)
VGG = (64, 32, 16, 16, 8, 8, 4, 4, 2, 2, 2, 1, 1)
LARGE_VGG = (64, 64, 32, 32, 16, 16, 16, 8, 8, 8, 4, 4, 4, 2, 1, 1)
OBJECTIVES = (("multicast", "hops"), ("unicast", "hops"), ("multicast", "worst-link"))


def layered(cores: tuple[int, ...], rng: np.random.Generator) -> list[Flows]:
    """Layers on so many cores; every core sends to all cores of the next layer."""
    flows, first, source = [], 0, np.array([HOST])
    for n in cores:
        reaches = np.ones((source.size, n), dtype=bool)
        packets = rng.integers(1, 1000, source.size)
        flows.append(Flows(range(first, first + n), source, reaches, packets))
        source = np.arange(first, first + n)
        first += n
    return flows


def graph(n: int, rng: np.random.Generator, reach: float | None) -> list[Flows]:
    """Cores with six targets each: any, or those close by on a hidden lattice."""
    place = rng.permutation(n)
    side = int(np.ceil(n**0.5))
    x, y = place % side, place // side
    reaches = np.zeros((n, n), dtype=bool)
    for core in range(n):
        odds = np.ones(n)
        if reach is not None:
            odds = np.exp(-(abs(x - x[core]) + abs(y - y[core])) / reach)
        odds[core] = 0
        chosen = rng.choice(n, 6, replace=False, p=odds / odds.sum())
        reaches[core, chosen] = True
    return [Flows(range(n), np.arange(n), reaches, rng.integers(1, 1000, n))]


def networks(topology: str) -> Iterator[tuple[str, int, list[Flows], Grid]]:
    """Name, cores, flows, grid."""
    for name, cores, size in (
        ("16C5-P2-32C5-P2-800-128-10", CNN, (6, 4)),
        ("the same", CNN, (32, 32)),
        ("VGG-like", VGG, (13, 13)),
        ("VGG-like", LARGE_VGG, (32, 32)),
    ):
        rng = np.random.default_rng(0)
        yield name, sum(cores), layered(cores, rng), Grid(*size, topology=topology)
    for name, reach in (("random graph", None), ("graph with a hidden lattice", 1.5)):
        flows = graph(1000, np.random.default_rng(0), reach)
        yield name, 1000, flows, Grid(32, 32, topology=topology)


def main() -> None:
    """Print gains and seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--torus", action="store_true")
    parser.add_argument("--seconds", type=float, default=30.0, help="of a search")
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS[1:], default=METHODS[1:]
    )
    options = parser.parse_args()
    topology = "triangular torus" if options.torus else "mesh"
    methods = tuple(options.methods)
    place_all(next(networks(topology)), methods, 0, 1.0)  # compiles
    rows = []
    for network in networks(topology):
        rows += place_all(network, methods, options.seed, options.seconds)
        print(tabulate(rows[-len(OBJECTIVES) :], tablefmt="github"), flush=True)
    heads = ["network", "cores", "mesh", "objective", *methods, "at most"]
    print(tabulate(rows, heads, "github"))


def place_all(
    network: tuple[str, int, list[Flows], Grid],
    methods: tuple[Method, ...],
    seed: int,
    most_seconds: float,
) -> list[list[str]]:
    """One row for each objective."""
    name, n, flows, grid = network
    runs = equal_runs(n, n)
    partition = Partition((LayerPartition(0, runs, ((0, 1),), ((0, 1),)),))
    rows = []
    for casting, objective in OBJECTIVES:
        problem = Problem(grid, n, tuple(flows), casting, objective)
        common = {"chip": "benchmark", "casting": casting, "seed": seed}
        by_row = place(partition, grid, flows, **common).mapping
        baseline = problem.value(by_row.x, by_row.y)[0]
        cells = []
        for method in methods:
            more: dict = {} if method in ORDERS else {"objective": objective}
            if method in SEARCHES:
                swaps = max(LEAST_SWAPS, SWAPS_PER_CORE * n)
                limited = swaps if method == "annealing" else None
                more["budget"] = Budget(limited, most_seconds)
            start = time.perf_counter()
            found = place(partition, grid, flows, method=method, **common, **more)
            seconds = time.perf_counter() - start
            value = problem.value(found.mapping.x, found.mapping.y)[0]
            cells.append(f"{1 - value / baseline:.1%}, {seconds:.1f} s")
        most = 1 - lower_bound(problem) / baseline
        rows.append([name, n, grid, f"{objective}, {casting}", *cells, f"{most:.1%}"])
    return rows


if __name__ == "__main__":
    main()
