"""How the queue's cost and memory grow.

    python benchmarks/queue_growth.py [--plot FILE.png] [--rounds 3]

Seconds of one thread over the number of neurons (fixed fan-out, fixed rate), over
the fan-in and over the number of spikes, with the slopes of log-log lines by least
squares (1 = linear); then the memory of a run of a million spikes, in a process of
its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

SCHEDULERS = ("heap", "delay_window")
NO_INPUT = (np.empty(0), np.empty(0, np.int32), np.zeros(2, np.int64), 0)


def seconds(circuit, scheduler: str, t_end: float, rounds: int) -> tuple[float, int]:
    """Return the median seconds of a run, and its spikes."""
    from eventsim.engine.queue.fast import run_circuit
    from eventsim.spikes import SpikeTrains

    none, samples = SpikeTrains(*NO_INPUT), []
    for _ in range(rounds):
        start = time.perf_counter()
        recording = run_circuit(circuit, none, t_end=t_end, scheduler=scheduler)
        samples.append(time.perf_counter() - start)
    return median(samples), recording.spikes.time.size


def cases() -> dict[str, list]:
    """Return what is varied: pairs of the value and (circuit, duration)."""
    from queue_net import circuit_of, make_net

    def net(n: int, fan_out: int, weight: float):
        return circuit_of(make_net(n, fan_out, weight, seed=1))

    middle = net(3000, 100, 0.25)
    return {
        "neurons": [
            (n, (net(n, 100, 0.25), 300.0)) for n in (1000, 3000, 10_000, 30_000)
        ],
        "fan-in": [(k, (net(3000, k, 25.0 / k), 300.0)) for k in (30, 100, 300, 1000)],
        "spikes": [(t, (middle, t)) for t in (100.0, 300.0, 1000.0, 3000.0)],
    }


def slope_of(x: list[float], y: list[float]) -> float:
    """Return the slope of the log-log line."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def print_memory() -> None:
    """Print the memory that a run of a million spikes takes, in this process."""
    from queue_net import circuit_of, make_net

    circuit = circuit_of(make_net(2000, 10, 0.25, seed=1))
    for scheduler in SCHEDULERS:
        seconds(circuit, scheduler, 10.0, 1)  # compile
        reset_peak()
        before = peak_bytes()
        _, n_spikes = seconds(circuit, scheduler, 60_000.0, 1)
        grown = peak_bytes() - before
        print(
            f"{scheduler}: {n_spikes} spikes, peak memory grew by "
            f"{grown / 1e6:.0f} MB, {grown / n_spikes:.0f} bytes per spike; the record "
            "keeps 13 of them"
        )


def reset_peak() -> None:
    """Let the kernel forget the largest memory use so far (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Return the largest memory use since then (Linux)."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Print times, slopes and memory; write the plot if asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="only the memory")
    arguments = parser.parse_args()
    if arguments.memory:
        print_memory()
        return
    lines = {}
    for what, points in cases().items():
        for scheduler in SCHEDULERS:
            seconds(points[0][1][0], scheduler, 1.0, 1)  # compile
            x, y = [], []
            for value, (circuit, t_end) in points:
                taken, n_spikes = seconds(circuit, scheduler, t_end, arguments.rounds)
                x.append(float(n_spikes if what == "spikes" else value))
                y.append(taken)
                print(f"{what:8s} {scheduler:13s} {x[-1]:9.0f}  {taken:8.4f} s")
            lines[what, scheduler] = (x, y, slope_of(x, y))
            print(f"{what:8s} {scheduler:13s} slope {lines[what, scheduler][2]:.2f}")
    subprocess.run([sys.executable, __file__, "--memory"], check=True)
    if arguments.plot:
        draw(lines, arguments.plot)


def draw(lines: dict, path: str) -> None:
    """Write the log-log plot."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 4), sharey=True)
    for axis, what in zip(axes, ("neurons", "fan-in", "spikes"), strict=True):
        for scheduler in SCHEDULERS:
            x, y, slope = lines[what, scheduler]
            axis.loglog(x, y, "o-", label=f"{scheduler}, slope {slope:.2f}")
        axis.set_xlabel(what)
        axis.legend()
    axes[0].set_ylabel("seconds")
    figure.savefig(path, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()
