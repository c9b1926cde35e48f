"""Recurrent net of 10,000 leaky neurons: the queue against NEST and brian2.

    python benchmarks/queue_recurrent.py [--peers-python PYTHON] [--rounds 5] [--json]

One thread. All simulators run the same connections and currents, in processes of
their own, in turn; building and compiling are not counted. NEST and brian2 may live
in another environment (``pip install nest-simulator brian2``); what is missing is
left out. ``nest_ps`` is the model with precise spike times; ``nest`` and
``brian2_cpp`` put all spikes on a grid of 0.1 ms, which is less work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from queue_net import SIMULATORS, make_net

OURS = ("heap", "delay_window")


def run_once(simulator: str, net: Path, python: str, duration: float) -> dict | str:
    """Return the answer of one child process, or why there is none."""
    command = [python, str(Path(__file__).with_name("queue_net.py")), simulator]
    done = subprocess.run(
        [*command, str(net), "--duration", str(duration)],
        capture_output=True,
        text=True,
        env=os.environ | {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        check=False,
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no answer"])[-1]
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Print deliveries per second and ratios of each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--fan-out", type=int, default=100)
    parser.add_argument("--weight", type=float, default=0.25, help="mV")
    parser.add_argument("--duration", type=float, default=1000.0, help="ms")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {}
    firing: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        net = Path(folder) / "net.npz"
        np.savez(
            net,
            **make_net(arguments.neurons, arguments.fan_out, arguments.weight, seed=1),
        )
        missing: set[str] = set()
        for _ in range(arguments.rounds):
            for simulator in SIMULATORS:
                if simulator in missing:
                    continue
                is_ours = simulator in OURS
                python = sys.executable if is_ours else arguments.peers_python
                answer = run_once(simulator, net, python, arguments.duration)
                if isinstance(answer, str):
                    print(f"left out: {answer}", file=sys.stderr)
                    missing.add(simulator)
                    continue
                rate = answer["deliveries"] / answer["seconds"] / 1e6
                rates.setdefault(simulator, []).append(rate)
                per_neuron = answer["spikes"] / arguments.neurons
                firing[simulator] = 1000 * per_neuron / arguments.duration
    ratios = {
        f"{ours} / {peer}": [
            a / b for a, b in zip(rates[ours], rates[peer], strict=True)
        ]
        for ours in OURS
        for peer in rates
        if peer not in OURS
    }
    if arguments.json:
        print(json.dumps({"rates": rates, "ratios": ratios, "firing": firing}))
        return
    for name, values in rates.items():
        print(
            f"{name:14s} {median(values):6.1f} M deliveries/s "
            f"({min(values):.1f}-{max(values):.1f}), {firing[name]:.1f} Hz"
        )
    for name, values in ratios.items():
        each = ", ".join(f"{value:.2f}" for value in values)
        print(f"{name:28s} {median(values):5.2f}  ({each})")


if __name__ == "__main__":
    main()
