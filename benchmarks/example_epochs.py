"""Epoch times of the multi-spike examples, next to surrogate training of the same nets.

    python benchmarks/example_epochs.py [EXAMPLE ...] [--data-dir DIR] [--json]

Ours: the update of `eventsim train` as the example has it, from its first batch on,
with its own batch size. Peers, where they are installed: snnTorch and SpikingJelly with
the same layers, direct coding, 5 time steps, leaky neurons of the same membrane time
constant, cross-entropy on output counts, AdamW. The models differ, so this says what
each costs, not which learns better. One process, one batch of each in turn.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import median_times

from eventsim.batches import training_batches
from eventsim.config import Config, load_config
from eventsim.engine.buffers import Buffers
from eventsim.engine.sweep import network as sweep
from eventsim.run import load_run_dataset
from eventsim.training import TrainingState, start_training
from eventsim.training.step import Place, update

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = ("yinyang_srm", "mnist_srm", "fashion_srm", "mnist_srm_cnn", "fashion_srm_cnn")
TIME_STEPS = 5


def our_step(
    config: Config, state: TrainingState, batches: Iterator[tuple[np.ndarray, ...]]
) -> Callable[[], None]:
    """Return an update on the next batch."""
    buffers = Buffers()

    def step() -> None:
        inputs, labels = next(batches)
        place = Place(1, 1)
        update(config, state, sweep, (inputs, labels), 1e-4, buffers, place)

    return step


def torch_layers(config: Config, shape: tuple[int, ...], neuron: Callable) -> list:
    """Return the modules of a network, a neuron after each layer with weights."""
    import torch

    modules: list[Any] = []
    channels, side = (shape[2], shape[0]) if len(shape) == 3 else (None, shape[0])
    for layer in config.network.layers:
        if layer.type == "conv2d":
            kernel, padding = layer.kernel, layer.padding
            modules.append(
                torch.nn.Conv2d(
                    channels, layer.channels, kernel, padding=padding, bias=False
                )
            )
            channels, side = layer.channels, side + 2 * padding - kernel + 1
            modules.append(neuron())
        elif layer.type == "pool":
            modules.append(torch.nn.AvgPool2d(layer.size))
            side //= layer.size
        elif layer.type == "dropout":
            modules.append(torch.nn.Dropout(layer.rate))
        elif layer.type == "dense":
            if channels is not None:
                modules.append(torch.nn.Flatten())
                channels, side = None, channels * side * side
            modules.append(torch.nn.Linear(side, layer.units, bias=False))
            modules.append(neuron())
            side = layer.units
    return modules


def peer_step(
    config: Config,
    shape: tuple[int, ...],
    batches: Iterator[tuple[np.ndarray, ...]],
    peer: str,
) -> Callable[[], None]:
    """Return a peer's update on the next batch."""
    import torch

    tau = config.network.neuron.tau_m
    assert tau is not None
    if peer == "snntorch":
        import snntorch

        modules = torch_layers(
            config,
            shape,
            lambda: snntorch.Leaky(beta=math.exp(-1 / tau), init_hidden=True),
        )

        def reset() -> None:
            for module in modules:
                if isinstance(module, snntorch.Leaky):
                    module.reset_mem()

    else:
        from spikingjelly.activation_based import functional, neuron

        modules = torch_layers(
            config, shape, lambda: neuron.LIFNode(tau=tau, detach_reset=True)
        )

        def reset() -> None:
            functional.reset_net(network)

    network = torch.nn.Sequential(*modules)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        inputs, labels = next(batches)
        x = torch.from_numpy(np.ascontiguousarray(inputs, np.float32))
        if x.ndim == 4:
            x = x.permute(0, 3, 1, 2).contiguous()
        optimizer.zero_grad()
        reset()
        count = sum(network(x) for _ in range(TIME_STEPS))
        target = torch.from_numpy(labels.astype(np.int64))
        torch.nn.functional.cross_entropy(count, target).backward()
        optimizer.step()

    return step


def measure(name: str, data_dir: str | None, rounds: int) -> dict[str, Any]:
    """Return one row of the table."""
    path = EXAMPLES / f"{name}.yaml"
    config = load_config(path)
    dataset = load_run_dataset(config, data_dir)
    state = start_training(config, dataset)
    few = list(zip(range(8), training_batches(dataset.train, config, 1), strict=False))
    batches = [batch for _, batch in few]
    candidates = {"eventsim": our_step(config, state, cycle(batches))}
    for peer in ("snntorch", "spikingjelly"):
        try:
            shape = dataset.input_shape
            candidates[peer] = peer_step(config, shape, cycle(batches), peer)
        except ImportError as error:
            print(f"{peer} is not measured: {error}")
    times = median_times(candidates, rounds)
    n_batches = len(dataset.train) / config.training.batch_size
    recording = sweep.forward(state.network, batches[0][0])
    return {
        "example": name,
        "batch": config.training.batch_size,
        "n_train": len(dataset.train),
        "spikes_per_sample": sum(t.time.size for t in recording.trains[1:])
        / len(batches[0][1]),
        **{f"{peer}_ms": 1e3 * t for peer, t in times.items()},
        **{f"{peer}_epoch_s": t * n_batches for peer, t in times.items()},
        **{
            f"ratio_{peer}": t / times["eventsim"]
            for peer, t in times.items()
            if peer != "eventsim"
        },
    }


def main() -> None:
    """Print a row for each example."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("examples", nargs="*", default=NAMES, metavar="EXAMPLE")
    parser.add_argument("--data-dir", help="folder with the data files")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1, help="PyTorch's; ours follow")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    try:
        import torch

        torch.set_num_threads(arguments.threads)
    except ImportError:
        pass
    import numba

    numba.set_num_threads(min(arguments.threads, numba.config.NUMBA_NUM_THREADS))
    for name in arguments.examples:
        row = measure(name, arguments.data_dir, arguments.rounds)
        print(json.dumps(row) if arguments.json else row, flush=True)


if __name__ == "__main__":
    main()
