"""SANA-FE on the files of ``hwmodel export``: its counts and energies next to ours.

    python benchmarks/sana_fe_check.py [--peer-python PYTHON]

Networks with drawn weights and spikes are mapped, exported and simulated by SANA-FE
2.2.9 with the same prices, all of them different. SANA-FE may live in another
environment (``pip install sanafe==2.2.9``); only files are exchanged. Printed are
packets, hops, synaptic operations, energies, the largest relative difference, and the
time that each takes on the same work.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from eventsim.model_file import Activity, ModelFile
from eventsim.network import Layer, Network, Neuron
from eventsim.topology import Conv2d, Dense, EarliestPool, Flatten, Topology
from hwmodel import estimate_model, load_chip
from hwmodel.export.sana_fe import export_sana_fe

PRICES = [
    f"energy.{name}={joules}pJ:marginal"
    for name, joules in [
        *(("sop", 2), ("hop", 3), ("hop_y", 5), ("neuron_update", 7), ("spike", 11)),
        *(("axon_in", 13), ("axon_out", 17), ("router", 19)),
    ]
]
PEER = """
import json, sys, time, sanafe
folder, steps = sys.argv[1], int(sys.argv[2])
start = time.perf_counter()
arch = sanafe.load_arch(f"{folder}/architecture.yaml")
net = sanafe.load_net(f"{folder}/network.yaml", arch)
chip = sanafe.SpikingChip(arch)
chip.load(net)
loaded = time.perf_counter()
found = chip.sim(steps, timing_model="simple", processing_threads=1, perf_trace=True)
end = time.perf_counter()
print(json.dumps({
    "packets": found["packets_sent"], "sops": found["spikes"],
    "hops": sum(found["perf_trace"]["hops"]), "energy_j": found["energy"],
    "load_s": loaded - start, "sim_s": end - loaded,
}))
"""
SAMPLES = 4


def made(input_shape: tuple[int, ...], topologies: list[Topology]) -> ModelFile:
    """Draw weights, 3 of 10 of them zero, and spikes."""
    rng = np.random.default_rng(0)
    layers, counts = [], [rng.integers(0, 5, int(np.prod(input_shape)))]
    for number, topology in enumerate(topologies, start=1):
        name, n_out = f"layer_{number}", int(np.prod(topology.output_shape))
        counts.append(rng.integers(0, 5, n_out))
        if not topology.has_neurons:
            layers.append(Layer(name, topology))
            continue
        weight = rng.standard_normal(topology.weight_shape)
        weight[rng.random(weight.shape) < 0.3] = 0
        theta = np.ones(topology.n_features)
        layers.append(Layer(name, topology, Neuron(), weight, theta))
    network = Network(input_shape, tuple(layers))
    activity = Activity("drawn", SAMPLES, tuple(counts), 2.0 * network.time_window)
    return ModelFile(network, "", {}, activity)


def networks() -> dict[str, tuple[ModelFile, list[str], tuple[int, int]]]:
    """Return models with what a core holds and mesh."""
    conv = Conv2d((12, 12, 2), 8, (3, 3), 1, 1)
    pool = EarliestPool(conv.output_shape, 2, 2)
    second = Conv2d(pool.output_shape, 12, (3, 3), 2, 1)
    flat = Flatten(second.output_shape)
    convs = [conv, pool, second, flat, Dense(flat.output_shape, 10)]
    dense = made((784,), [Dense((784,), 300), Dense((300,), 10)])
    wide = made((100,), [Dense((100,), 60), Dense((60,), 300), Dense((300,), 10)])
    few_targets = ["core.neurons=100", "core.synapses=4000", "core.target_cores=2"]
    return {
        "784-300-10": (dense, ["core.neurons=40"], (4, 4)),
        "conv": (made(conv.input_shape, convs), ["core.neurons=100"], (5, 6)),
        "100-60-300-10, copies": (wide, few_targets, (5, 6)),
    }


def compare(peer_python: str, name: str, execution: str) -> None:
    """Export, simulate, print."""
    model, capacity, mesh = networks()[name]
    chip = load_chip("canmore", [*PRICES, *capacity, f"execution={execution}"])
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        estimate = estimate_model(
            model, chip, casting="unicast", mesh=mesh, input_port=(1, 2)
        )
        seconds.append(time.perf_counter() - start)
    ours_s = min(seconds)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        export_sana_fe(estimate, Path(folder))
        export_s = time.perf_counter() - start
        ours = json.loads((Path(folder) / "expected.json").read_text("utf-8"))
        command = [peer_python, "-c", PEER, folder, str(ours["steps"])]
        output = subprocess.run(command, check=True, capture_output=True, text=True)
    theirs = json.loads(output.stdout.strip().splitlines()[-1])
    part = estimate.mapping.partition
    print(
        f"{name}, {execution}: {ours['steps']} steps, {part.n_cores} cores, "
        f"{part.copies_per_core.sum()} copies"
    )
    rows = [(key, ours[key], theirs[key]) for key in ("packets", "hops", "sops")]
    energies = ours["energy_j"]
    rows += [(key, energies[key], theirs["energy_j"][key]) for key in energies]
    for key, mine, other in rows:
        print(f"  {key:10} {mine:>24} {other:>24}")
    worst = max(abs(a - b) / max(abs(a), 1e-300) for _, a, b in rows if a or b)
    print(f"  largest relative difference {worst:.1e}")
    print(f"  hwmodel: estimate {ours_s:.4f} s, export {export_s:.2f} s")
    print(f"  SANA-FE: load {theirs['load_s']:.2f} s, simulate {theirs['sim_s']:.2f} s")


def main() -> None:
    """Compare all networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", default=sys.executable)
    arguments = parser.parse_args()
    for name in networks():
        for execution in ("time-stepped", "event-driven"):
            compare(arguments.peer_python, name, execution)


if __name__ == "__main__":
    main()
