"""How fast packets are simulated on the mesh, how that grows, and what estimates miss.

    python benchmarks/noc_speed.py [--rounds 3]

Packets between random routers at random times, links of 2 ns, hops of 4 ns, buffers of
8. Load is the utilisation of the busiest link. Seconds are those of the processor, of
one thread, so that other processes disturb less; rates are packet-hops per second of
the whole call. Slopes are those of log-log lines by least squares (1 = linear).
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from statistics import median

import numpy as np

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from hwmodel.noc.analytic import estimate_contention
from hwmodel.noc.contention import compare
from hwmodel.noc.packets import Packets
from hwmodel.noc.simulate import simulate
from hwmodel.noc.timing import RouterTiming

TIMING = RouterTiming(4e-9, 4e-9, 2e-9, 8)


def random_packets(side: int, n: int, load: float, fan_out: int = 1) -> Packets:
    """Return packets whose busiest link is as busy as asked for."""
    rng = np.random.default_rng(1)
    n_routers = side * side
    source = rng.integers(0, n_routers, n)
    # distinct destinations: a random start, then steps around all routers
    start = rng.integers(0, n_routers, (n, 1))
    step = n_routers // fan_out
    destination = (start + step * np.arange(fan_out)) % n_routers
    moments = np.sort(rng.random(n))
    offsets = np.arange(n + 1) * fan_out
    one = np.zeros(n, np.int64)

    def within(seconds: float) -> Packets:
        where = (source, destination.ravel(), offsets, one)
        return Packets((side, side), moments * seconds, *where)

    utilisation = estimate_contention(within(1.0), TIMING).utilisation[0]
    return within(float(utilisation) / load)


def in_volleys(packets: Packets, n_volleys: int) -> Packets:
    """Return the same packets, injected at a few instants."""
    end = packets.time[-1]
    moments = np.floor(packets.time / end * n_volleys) / n_volleys * end
    where = (packets.source, packets.destination, packets.offsets, packets.inference)
    return Packets(packets.mesh, moments, *where)


def cpu_seconds(function, *arguments, rounds: int) -> tuple[float, object]:
    """Return the median processor seconds of a call, and its last result."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        result = function(*arguments)
        taken.append(time.process_time() - start)
    return median(taken), result


def slope_of(x: list[float], y: list[float]) -> float:
    """Return the slope of the log-log line."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def measure(packets: Packets, rounds: int) -> tuple[float, float, int, str]:
    """Return seconds of the simulation and the estimate, hops, and their error."""
    seconds, simulation = cpu_seconds(simulate, packets, TIMING, rounds=rounds)
    quick, estimate = cpu_seconds(estimate_contention, packets, TIMING, rounds=rounds)
    error = compare(estimate, simulation)
    wait = simulation.inferences.mean_congestion[0]
    text = (
        f"wait {wait * 1e9:7.2f} ns, estimate {error.mean_wait[0] / wait:+6.1%}; "
        f"latency {error.mean_latency[0]:+6.1%}; makespan {error.makespan[0]:+6.1%}"
    )
    return seconds, quick, int(simulation.links.packets.sum()), text


def print_growth(rounds: int) -> None:
    """Print rates over meshes, loads and packets, with slopes."""
    for fan_out in (1, 8):
        for load in (0.1, 0.3, 0.5, 0.7, 0.9):
            packets = random_packets(16, 200_000 // fan_out, load, fan_out)
            seconds, quick, hops, error = measure(packets, rounds)
            print(
                f"16x16, load {load:.1f}, fan-out {fan_out}: "
                f"{hops / seconds / 1e6:5.2f} M hops/s; estimate in {quick:.3f} s; "
                f"{error}"
            )
    for n_volleys in (3000, 300, 30):
        packets = in_volleys(random_packets(16, 200_000, 0.3), n_volleys)
        seconds, _, hops, error = measure(packets, rounds)
        print(
            f"16x16, load 0.3 in {n_volleys} volleys: "
            f"{hops / seconds / 1e6:5.2f} M hops/s; {error}"
        )
    points: dict[str, list[tuple[float, float, float]]] = {"side": [], "packets": []}
    for side in (8, 16, 32, 64):
        seconds, quick, hops, _ = measure(random_packets(side, 200_000, 0.3), rounds)
        points["side"].append((hops, seconds, quick))
        print(f"{side}x{side}, load 0.3: {hops / seconds / 1e6:5.2f} M hops/s")
    for n in (30_000, 100_000, 300_000, 1_000_000):
        seconds, quick, hops, _ = measure(random_packets(16, n, 0.3), rounds)
        points["packets"].append((hops, seconds, quick))
        print(f"16x16, {n} packets: {hops / seconds / 1e6:5.2f} M hops/s")
    for name, rows in points.items():
        hops, seconds, quick = (list(column) for column in zip(*rows, strict=True))
        print(
            f"over {name}: seconds grow as hops to the {slope_of(hops, seconds):.2f}, "
            f"those of the estimate to the {slope_of(hops, quick):.2f}"
        )


def print_memory() -> None:
    """Print the memory that two million packets take (Linux)."""
    packets = random_packets(16, 2_000_000, 0.3)
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_bytes()
    simulate(packets, TIMING)
    grown = (peak_bytes() - before) / packets.n_destinations
    print(f"2,000,000 packets: peak memory grew by {grown:.0f} bytes per delivery")


def peak_bytes() -> int:
    """Return the largest memory use since it was last reset (Linux)."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    simulate(random_packets(4, 100, 0.3), TIMING)  # compile
    print_growth(arguments.rounds)
    print_memory()


if __name__ == "__main__":
    main()
