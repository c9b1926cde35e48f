"""A training step of exact multi-spike LIF neurons against snnTorch's surrogates.

    python benchmarks/spike_step.py [--data-dir DIR] [--json]

784-800-10, batch 128, float32, Adam. Ours: lif with subtractive reset, exact spike
times, loss on the first output spikes, exact gradients. snnTorch (needs the packages
torch and snntorch): two Leaky layers on T = 10 time steps, rate-coded images,
cross-entropy on spike counts, Adam(fused). The models differ, so this says what each
costs, not which learns better.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from side_by_side import median_times
from threadpoolctl import threadpool_limits

from eventsim.datasets import load
from eventsim.engine.sweep import network as sweep
from eventsim.network import Layer, Network, Neuron
from eventsim.optim.update_kernels import adam_update
from eventsim.topology import Dense

BATCH, T_STEPS = 128, 10
SIZES = (784, 800, 10)


def our_step(images: np.ndarray, labels: np.ndarray) -> tuple[Callable[[], None], dict]:
    """Return a step, and a record of the spikes it saw."""
    rng = np.random.default_rng(0)
    neuron = Neuron("lif", "static", 1.0, 0.5, reset="subtract")
    layers = []
    for k, (n_in, n_out) in enumerate(pairwise(SIZES)):
        weight = rng.normal((0.02, 0.02)[k], (0.1, 0.15)[k], (n_in, n_out))
        layers.append(
            Layer(
                f"layer_{k + 1}",
                Dense((n_in,), n_out),
                neuron,
                weight.astype(np.float32),
                np.ones(n_out, np.float32),
            )
        )
    network = Network((SIZES[0],), tuple(layers), t_end=2.0)
    moments = [np.zeros((2, w.size), np.float32) for w in network.weights]
    seen: dict[str, float] = {}
    one_hot = np.eye(10, dtype=np.float32)[labels]
    n_steps = [0]

    def step() -> None:
        recording = sweep.forward(network, images)
        times = recording.times(network, 2)
        scores = -np.minimum(times, 2.0)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        d_output = np.where(np.isfinite(times), (one_hot - shares) / BATCH, 0)
        gradients = sweep.backward(network, recording, d_output)
        n_steps[0] += 1
        for weight, gradient, moment in zip(
            network.weights, gradients.weights, moments, strict=True
        ):
            update(weight, gradient, moment, n_steps[0])
        seen.update(
            hidden=recording.trains[1].time.size / BATCH,
            output=recording.trains[2].time.size / BATCH,
        )

    return step, seen


def update(
    weight: np.ndarray, gradient: np.ndarray, moment: np.ndarray, n: int
) -> None:
    """Take a tiny Adam step, so that the activity stays what it is."""
    real = np.float32
    root = np.sqrt(1 - 0.999**n)
    adam_update(
        weight.ravel(),
        np.ascontiguousarray(gradient, real).ravel(),
        moment[0],
        moment[1],
        real(1e-6 * root / (1 - 0.9**n)),
        real(0.9),
        real(0.999),
        real(1e-8 * root),
        real(0),
        real(1),
        real(1),
    )


def snntorch_step(images: np.ndarray, labels: np.ndarray) -> Callable[[], None]:
    """Return snnTorch's step."""
    import snntorch
    import torch

    torch.manual_seed(0)
    first = torch.nn.Linear(SIZES[0], SIZES[1])
    second = torch.nn.Linear(SIZES[1], SIZES[2])
    leaky = [snntorch.Leaky(beta=0.9), snntorch.Leaky(beta=0.9)]
    parameters = [*first.parameters(), *second.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-6, fused=True)
    x, y = torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))

    def step() -> None:
        optimizer.zero_grad()
        membrane = [layer.init_leaky() for layer in leaky]
        count = torch.zeros(BATCH, SIZES[2])
        for _ in range(T_STEPS):
            spikes, membrane[0] = leaky[0](first(x), membrane[0])
            spikes, membrane[1] = leaky[1](second(spikes), membrane[1])
            count = count + spikes
        torch.nn.functional.cross_entropy(count, y).backward()
        optimizer.step()

    return step


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="folder with the MNIST files")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    train = load("mnist", data_dir=arguments.data_dir).train
    images = (train.inputs[:BATCH].reshape(BATCH, -1) / np.float32(255)).astype(
        np.float32
    )
    labels = np.asarray(train.labels[:BATCH])
    step, seen = our_step(images, labels)
    candidates = {"eventsim": step}
    try:
        candidates["snntorch"] = snntorch_step(images, labels)
    except ImportError as error:
        print(f"snnTorch is not measured: {error}")
    with threadpool_limits(limits=None):
        ratios, times = [], {}
        for _ in range(3):
            times = median_times(candidates, rounds=15)
            if "snntorch" in times:
                ratios.append(times["snntorch"] / times["eventsim"])
    result = {
        **{f"{name}_ms": 1e3 * t for name, t in times.items()},
        **{f"{name}_samples_per_s": BATCH / t for name, t in times.items()},
        **{f"spikes_{name}": n for name, n in seen.items()},
        "ratios": ratios,
    }
    print(json.dumps(result, indent=2) if arguments.json else result)


if __name__ == "__main__":
    main()
