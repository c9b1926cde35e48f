"""NeuroBench's metrics by NeuroBench itself and by hwmodel, on the same spikes.

    pip install neurobench snntorch torch
    python benchmarks/neurobench_check.py

A padded, strided convolution, a dense layer and another one, with zero weights, run in
time steps in torch; the neurons replay spikes drawn beforehand, at most one a step.
hwmodel sees the same weights and the spikes summed over the steps.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
from neurobench.metrics.static import ConnectionSparsity, Footprint
from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
from neurobench.models import TorchModel

from eventsim.model_file import Activity, ModelFile
from eventsim.network import Layer, Network, Neuron
from eventsim.topology import Conv2d, Dense, Flatten
from hwmodel import estimate_model, load_chip, to_dict

STEPS, SAMPLES = 20, 8
RATES = (0.2, 0.1, 0.05, 0.1)  # spikes per neuron and step: input and three layers


class Replay(torch.nn.Module):
    """A layer of neurons that fires what it was told to."""

    def __init__(self, spikes: np.ndarray) -> None:
        super().__init__()
        self.spikes, self.step = torch.from_numpy(spikes), 0

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        """Return the spikes of the next step, (batch, ...)."""
        self.step += 1
        return self.spikes[self.step - 1]


class Net(torch.nn.Module):
    """conv - neurons - dense - neurons - dense - neurons, without biases."""

    def __init__(self, weights: list[np.ndarray], spikes: list[np.ndarray]) -> None:
        super().__init__()
        kernel, first, second = weights
        self.conv = torch.nn.Conv2d(2, 6, (3, 2), stride=2, padding=1, bias=False)
        self.conv_neurons = Replay(spikes[1])
        self.dense = torch.nn.Linear(*first.shape, bias=False)
        self.dense_neurons = Replay(spikes[2])
        self.output = torch.nn.Linear(*second.shape, bias=False)
        self.output_neurons = Replay(spikes[3])
        with torch.no_grad():
            self.conv.weight.copy_(torch.from_numpy(kernel.transpose(3, 2, 0, 1)))
            self.dense.weight.copy_(torch.from_numpy(first.T))
            self.output.weight.copy_(torch.from_numpy(second.T))

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Run all steps of (batch, steps, channels, height, width)."""
        for step in range(spikes.shape[1]):
            fired = self.conv_neurons(self.conv(spikes[:, step]))
            # neurons of a map are in the order (y, x, channel) in eventsim
            flat = fired.permute(0, 2, 3, 1).flatten(1)
            fired = self.output_neurons(
                self.output(self.dense_neurons(self.dense(flat)))
            )
        return fired


def drawn(seed: int, height: int, width: int, units: int) -> tuple[list, list, list]:
    """Return topologies, weights in float32, and spikes (steps, samples, ...)."""
    rng = np.random.default_rng(seed)
    conv = Conv2d((height, width, 2), 6, (3, 2), 2, 1)
    flat = Flatten(conv.output_shape)
    dense = Dense(flat.output_shape, units)
    topologies = [conv, flat, dense, Dense((units,), 10)]
    weights = []
    for topology in (conv, dense, topologies[3]):
        weight = rng.standard_normal(topology.weight_shape).astype(np.float32)
        weight[rng.random(weight.shape) < 0.4] = 0
        weights.append(weight)
    shapes = [conv.input_shape, conv.output_shape, (units,), (10,)]
    spikes = [
        (rng.random((STEPS, SAMPLES, *shape)) < rate).astype(np.float32)
        for shape, rate in zip(shapes, RATES, strict=True)
    ]
    return topologies, weights, spikes


def by_neurobench(weights: list, spikes: list) -> dict[str, float]:
    """Run the network in torch under NeuroBench's hooks."""
    maps = [s.transpose(0, 1, 4, 2, 3).copy() for s in spikes[:2]]
    model = TorchModel(Net(weights, [*maps, *spikes[2:]]))
    model.add_activation_module(Replay)
    model.register_hooks()
    batch = torch.from_numpy(maps[0].transpose(1, 0, 2, 3, 4).copy())
    predictions = model(batch)
    data = (batch, torch.zeros(SAMPLES))
    operations = SynapticOperations()(model, predictions, data)
    return {
        "footprint": Footprint()(model),
        "connection_sparsity": ConnectionSparsity()(model),
        "activation_sparsity": ActivationSparsity()(model, predictions, data),
        "effective_acs": operations["Effective_ACs"],
        "effective_macs": operations["Effective_MACs"],
        "dense": operations["Dense"],
    }


def by_hwmodel(topologies: list, weights: list, spikes: list) -> dict[str, float]:
    """Count from the spikes summed over the steps."""
    conv, flat, dense, last = topologies
    layers = [
        Layer(f"layer_{i}", topology, Neuron(), w, np.ones(topology.n_features))
        for i, topology, w in zip((1, 3, 4), (conv, dense, last), weights, strict=True)
    ]
    layers.insert(1, Layer("layer_2", flat))
    counts = [s.sum(axis=(0, 1)).ravel().astype(np.int64) for s in spikes]
    counts.insert(2, counts[1])
    network = Network(conv.input_shape, tuple(layers))
    activity = Activity("drawn", SAMPLES, tuple(counts), 2.0 * network.time_window)
    estimate = estimate_model(
        ModelFile(network, "", {}, activity),
        load_chip("canmore"),
        steps_per_window=STEPS // 2,
    )
    return to_dict(estimate)["neurobench"]


def main() -> None:
    """Print both, metric by metric."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    for seed in range(parser.parse_args().seeds):
        topologies, weights, spikes = drawn(seed, 28 + seed, 27, 100)
        start = time.perf_counter()
        theirs = by_neurobench(weights, spikes)
        middle = time.perf_counter()
        ours = by_hwmodel(topologies, weights, spikes)
        end = time.perf_counter()
        print(json.dumps({"seed": seed, "theirs_s": middle - start,
                          "ours_s": end - middle}))  # fmt: skip
        for name, value in theirs.items():
            print(f"  {name:20} {value!r:>24} {ours[name]!r:>24}")


if __name__ == "__main__":
    main()
