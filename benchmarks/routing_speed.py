"""How fast flows are routed and their links added up.

    python benchmarks/routing_speed.py [--rounds 5]

Medians of the processor time of one thread, flows between random routers. A multicast
flow reaches half of 16 random cores. The last lines are log-log slopes over the number
of flows (1 = linear).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from hwmodel.mesh.grid import Grid, Topology
from hwmodel.mesh.routing import distance, multicast_loads, unicast_loads

TOPOLOGIES: tuple[Topology, ...] = ("mesh", "triangular torus")
SIZES = ((12, 12), (48, 24), (240, 240))
FLOWS = (30_000, 100_000, 300_000, 1_000_000)
N_CORES = 16


def seconds(call: Callable[[], object], rounds: int) -> float:
    """Return the median processor seconds of a call."""
    samples = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        samples.append(time.process_time() - start)
    return median(samples)


def tasks(grid: Grid, n_flows: int) -> dict[str, Callable[[], object]]:
    """Return what is measured, by name, on flows made up with a fixed seed."""
    rng = np.random.default_rng(0)
    limits = np.array([[grid.width], [grid.height]])
    sources = rng.integers(0, limits, (2, n_flows))
    targets = rng.integers(0, limits, (2, n_flows))
    cores = rng.integers(0, limits, (2, N_CORES))
    reaches = rng.random((n_flows, N_CORES)) < 0.5
    reaches[:, 0] = True
    packets = rng.integers(1, 100, n_flows)
    return {
        "distance": lambda: distance(grid, *sources, *targets),
        "unicast": lambda: unicast_loads(grid, *sources, *targets, packets),
        "multicast": lambda: multicast_loads(grid, *sources, *cores, reaches, packets),
    }


def main() -> None:
    """Print the times, flows per second and slopes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print("topology          size     task          flows  seconds  flows/s")
    taken: dict[tuple[str, str, str], list[float]] = {}
    for topology in TOPOLOGIES:
        for size in SIZES:
            grid = Grid(*size, topology=topology)
            for n_flows in FLOWS:
                for task, call in tasks(grid, n_flows).items():
                    call()
                    time_taken = seconds(call, rounds)
                    taken.setdefault((topology, str(grid), task), []).append(time_taken)
                    print(
                        f"{topology:16s}  {grid!s:7s}  {task:9s}  {n_flows:8d}  "
                        f"{time_taken:7.4f}  {n_flows / time_taken:.2e}"
                    )
    for (topology, size, task), times in taken.items():
        slope = np.polyfit(np.log(FLOWS), np.log(times), 1)[0]
        print(f"{topology:16s}  {size:7s}  {task:9s}  slope {slope:.2f}")


if __name__ == "__main__":
    main()
