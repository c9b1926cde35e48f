"""How the time and memory of an estimate grow with neurons, cores and packets.

    python benchmarks/estimate_growth.py [--plot FILE.png] [--rounds 3]

First whole commands, ``hwmodel estimate FILE --chip canmore``, each in a process of
its own: VGG16 and a network of 1,000,000 neurons on a mesh of 1,000 cores. Then the
processor seconds and the memory of mapping, counting and pricing in one process, over
the number of neurons (cores of 1,024) and of cores (1,000,000 neurons), and those of
the simulation of contention over packets (16 x 16 mesh, busiest link at 0.3), with
the slopes of log-log lines by least squares (1 = linear).
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from noc_speed import TIMING, cpu_seconds, random_packets, simulate
from queue_growth import peak_bytes, reset_peak, slope_of

VGG16 = Path(__file__).parents[1] / "examples" / "workloads" / "vgg16_cifar10.yaml"


def convolutions(n_neurons: int) -> dict[str, Any]:
    """Declare five convolutions and two dense layers with so many neurons.

    Two maps of 32 x 32 with c channels, two of 16 x 16 with 2c and one of 8 x 8 with
    4c; the first dense layer takes what is left.
    """
    channels = (n_neurons - 11) // 3328

    def conv(times: int) -> dict[str, Any]:
        return {
            "type": "conv2d",
            "channels": times * channels,
            "kernel": 3,
            "padding": 1,
        }

    pool = {"type": "pool", "size": 2}
    layers = [conv(1), conv(1), pool, conv(2), conv(2), pool, conv(4)]
    layers += [
        {"type": "dense", "units": n_neurons - 3328 * channels - 10},
        {"type": "dense", "units": 10},
    ]
    return {
        "name": f"{n_neurons} neurons",
        "source": "generated",
        "input_shape": [32, 32, 3],
        "input_spikes_per_neuron": 1,
        "windows": 7,
        "spikes_per_neuron": 0.2,
        "layers": layers,
    }


def command(path: Path, mesh: str) -> tuple[float, float]:
    """Run ``hwmodel estimate`` in a new process; return seconds and MiB."""
    arguments = ["estimate", str(path), "--chip", "canmore", "--mesh", mesh, "--json"]
    code = "import sys; from hwmodel.cli import main; main(sys.argv[1:])"
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, stdout=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - start
    # the largest child so far: run the small one first
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return seconds, peak


def print_commands() -> None:
    """Price VGG16 and a million neurons from the command line."""
    with tempfile.TemporaryDirectory() as folder:
        million = Path(folder) / "million.yaml"
        million.write_text(yaml.safe_dump(convolutions(1_000_000)))
        for name, path, mesh in (
            ("VGG16, 284,682 neurons", VGG16, "32x32"),
            ("1,000,000 neurons", million, "40x25"),
        ):
            seconds, mib = command(path, mesh)
            print(f"{name:24s} {mesh}: {seconds:.2f} s, {mib:.0f} MiB")


def measure(n_neurons: int, core_size: int, rounds: int) -> tuple[int, float, float]:
    """Return cores, median seconds and peak MiB of an estimate."""
    from hwmodel.chip.chip import load_chip
    from hwmodel.estimate import estimate_workload
    from hwmodel.workload.declared import from_declaration

    chip = load_chip("canmore", [f"core.neurons={core_size}"])
    side = math.isqrt(2 * n_neurons // core_size) + 3
    samples = []
    reset_peak()
    for _ in range(rounds):
        start = time.process_time()
        workload = from_declaration(convolutions(n_neurons))
        result = estimate_workload(workload, chip, mesh=(side, side))
        samples.append(time.process_time() - start)
    assert sum(layer.neurons for layer in result.counts.layers) == n_neurons
    cores = result.mapping.partition.n_cores
    return cores, median(samples), peak_bytes() / 2**20


def main() -> None:
    """Print times, memory and slopes; write the plot if asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print_commands()
    cases = {
        "neurons": [(n * 1000, 1024) for n in (30, 100, 300, 1000, 3000)],
        "cores": [(1_000_000, size) for size in (8192, 4096, 2048, 1024, 512, 256)],
    }
    lines = {}
    measure(30_000, 1024, 1)  # load everything
    for what, points in cases.items():
        x, y = [], []
        for n_neurons, size in points:
            cores, seconds, mib = measure(n_neurons, size, arguments.rounds)
            x.append(float(n_neurons if what == "neurons" else cores))
            y.append(seconds)
            print(
                f"{n_neurons:8d} neurons {cores:5d} cores {seconds:7.3f} s {mib:5.0f} "
                "MiB"
            )
        lines[what] = (x, y, slope_of(x, y))
        print(f"over {what}: slope {lines[what][2]:.2f}")
    lines["packets"] = packets(arguments.rounds)
    if arguments.plot:
        draw(lines, arguments.plot)


def packets(rounds: int) -> tuple[list[float], list[float], float]:
    """Simulate packets; return their numbers, median seconds and the slope."""
    simulate(random_packets(4, 1000, 0.3), TIMING)  # compile
    x, y = [], []
    for n in (10_000, 30_000, 100_000, 300_000, 1_000_000):
        seconds, _ = cpu_seconds(
            simulate, random_packets(16, n, 0.3), TIMING, rounds=rounds
        )
        x.append(float(n))
        y.append(seconds)
        print(f"{n:8d} packets {seconds:7.3f} s")
    slope = slope_of(x, y)
    print(f"over packets: slope {slope:.2f}")
    return x, y, slope


def draw(lines: dict, path: str) -> None:
    """Write the log-log plot."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullFormatter

    figure, axes = plt.subplots(1, len(lines), figsize=(11, 3.6), sharey=True)
    for axis, (what, (x, y, slope)) in zip(axes, lines.items(), strict=True):
        axis.loglog(x, y, "o-", label=f"slope {slope:.2f}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(what)
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("processor seconds")
    figure.savefig(path, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()
