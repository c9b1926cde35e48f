"""Training step of both MNIST networks: eventsim against plain PyTorch.

    python benchmarks/train_step.py [--data-dir DIR] [--net mlp|cnn] [--json]

The PyTorch networks compute the same function with the same loss and Adam(fused).
eventsim and PyTorch run in processes of their own, one after the other, several
times in turn, because two pools of threads in one process fight for the cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from statistics import median

CONFIGS = {"mlp": "mnist_ttfs.yaml", "cnn": "mnist_ttfs_cnn.yaml"}
BATCH = 128
LR = 1e-5  # small enough that the outputs stay alive through the whole run


def time_eventsim(net: str, data_dir: str | None, steps: int) -> dict[str, float]:
    """Return median step time of eventsim and of its bare matrix products."""
    import time
    from pathlib import Path

    import numpy as np

    from eventsim.batches import encode_inputs
    from eventsim.build import build_network
    from eventsim.config import load_config
    from eventsim.engine.buffers import Buffers
    from eventsim.engine.window import network as window
    from eventsim.optim import make_optimizer
    from eventsim.readout import loss_of_output, read_output
    from eventsim.run import load_run_dataset

    folder = Path(__file__).parent.parent / "examples"
    config = load_config(folder / CONFIGS[net], ["data.augment.shift=0"])
    dataset = load_run_dataset(config, data_dir)
    network = build_network(config, dataset.input_shape, dataset.n_classes)
    optimizer = make_optimizer(config.optimizer, network.weights)
    buffers = Buffers()
    batches = [
        (
            encode_inputs(dataset.train.inputs[k : k + BATCH], config, np.float32),
            dataset.train.labels[k : k + BATCH],
        )
        for k in range(0, 8 * BATCH, BATCH)
    ]
    times = []
    for k in range(steps + 5):
        inputs, labels = batches[k % len(batches)]
        start = time.perf_counter()
        recording = window.forward(network, inputs, buffers)
        output = read_output(network, recording)
        loss = loss_of_output(network, recording, output, labels, config.loss)
        gradients = window.backward(
            network, recording, loss.d_output, derivative_clip=11.0, buffers=buffers
        )
        optimizer.update(network.weights, gradients.weights, LR)
        times.append(time.perf_counter() - start)
    return {"eventsim": median(times[5:])}


def time_torch(net: str, data_dir: str | None, steps: int) -> dict[str, float]:
    """Return median step times of eager and compiled PyTorch."""
    import time

    import numpy as np
    import torch

    from eventsim.datasets import load

    class Fire(torch.nn.Module):
        def __init__(self, linear: torch.nn.Module, is_last: bool = False) -> None:
            super().__init__()
            self.linear, self.is_last = linear, is_last

        def forward(self, a: torch.Tensor) -> torch.Tensor:
            potential = self.linear(a)
            if self.is_last:
                return potential
            slope = self.linear((a > 0).to(a.dtype))
            inside = (potential < 1) & (potential + slope > 0)
            safe = torch.where(inside, 1 + slope, torch.ones_like(slope))
            activation = (potential + slope) / safe
            zero, one = torch.zeros_like(slope), torch.ones_like(slope)
            return torch.where(
                potential >= 1, one, torch.where(inside, activation, zero)
            )

    def dense(n_in: int, n_out: int, is_last: bool = False) -> Fire:
        return Fire(torch.nn.Linear(n_in, n_out, bias=False), is_last)

    def conv(n_in: int, n_out: int) -> Fire:
        return Fire(torch.nn.Conv2d(n_in, n_out, 5, bias=False))

    def make() -> torch.nn.Module:
        pool, flat = torch.nn.MaxPool2d, torch.nn.Flatten
        if net == "mlp":
            layers = [flat(), dense(784, 800), dense(800, 10, True)]
        else:
            layers = [conv(1, 16), pool(2), conv(16, 32), pool(2), flat()]
            layers += [dense(512, 800), dense(800, 128), dense(128, 10, True)]
        return torch.nn.Sequential(*layers)

    dataset = load("mnist", data_dir=data_dir)
    images = dataset.train.inputs[: 8 * BATCH].astype(np.float32) / 255
    inputs = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(dataset.train.labels[: 8 * BATCH])
    torch.set_num_threads(os.cpu_count() or 1)
    result = {}
    for name in ("eager", "compile"):
        torch.manual_seed(0)
        module = make()
        run = torch.compile(module) if name == "compile" else module
        adam = torch.optim.Adam(module.parameters(), lr=LR, fused=True)
        times = []
        for k in range(steps + 5):
            part = slice(k % 8 * BATCH, (k % 8 + 1) * BATCH)
            start = time.perf_counter()
            adam.zero_grad()
            scores = run(inputs[part])
            torch.nn.functional.cross_entropy(scores, labels[part]).backward()
            adam.step()
            times.append(time.perf_counter() - start)
        result[f"torch {name}"] = median(times[5:])
    return result


def main() -> None:
    """Run both sides in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=CONFIGS, action="append")
    parser.add_argument("--data-dir")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=("eventsim", "torch"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    nets = args.net or list(CONFIGS)
    if args.side:
        measure = time_eventsim if args.side == "eventsim" else time_torch
        print(json.dumps(measure(nets[0], args.data_dir, args.steps)))
        return
    report = {}
    for net in nets:
        rows: list[dict[str, float]] = []
        for _ in range(args.rounds):
            row: dict[str, float] = {}
            for side in ("eventsim", "torch"):
                command = [sys.executable, __file__, "--net", net, "--side", side]
                command += ["--steps", str(args.steps)]
                command += ["--data-dir", args.data_dir] if args.data_dir else []
                done = subprocess.run(
                    command, capture_output=True, text=True, check=True
                )
                row |= json.loads(done.stdout.splitlines()[-1])
            rows.append(row)
        ratios = {
            name: [row[name] / row["eventsim"] for row in rows]
            for name in rows[0]
            if name != "eventsim"
        }
        seconds = {k: median(r[k] for r in rows) for k in rows[0]}
        report[net] = {
            "milliseconds": {k: 1e3 * s for k, s in seconds.items()},
            "samples_per_second": {k: BATCH / s for k, s in seconds.items()},
            "ratios": {k: [round(x, 2) for x in v] for k, v in ratios.items()},
        }
    if args.json:
        print(json.dumps(report, indent=2))
        return
    for net, numbers in report.items():
        for name, ms in numbers["milliseconds"].items():
            speed = numbers["samples_per_second"][name]
            ratio = numbers["ratios"].get(name, "")
            print(f"{net}  {name:14s} {ms:7.2f} ms  {speed:9,.0f} samples/s  {ratio}")


if __name__ == "__main__":
    main()
