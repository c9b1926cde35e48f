"""Rows of the sweep engine against the bare accumulation they cannot do without.

    python benchmarks/sweep_limits.py [--data-dir DIR] [--json]

The limit, timed in turn in the same process with the same number of threads: every
input spike adds its weights to two traces of every neuron it reaches, with nothing
asked of them in between. SOP: one weight added to one neuron, once per pass.
MNIST spikes, bright first, lif neurons (tau_m = 1, tau_s = 0.5, subtractive reset),
float32, run to twice the input window.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from numba import prange
from side_by_side import median_times

from eventsim.datasets import load
from eventsim.encode import activations_to_times
from eventsim.engine.fan_out import fan_out
from eventsim.engine.sweep import row_sweep
from eventsim.engine.sweep.row_layer import RowLayer
from eventsim.jit import jit
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains
from eventsim.topology import Conv2d, Dense

BATCH = 128
NEURON = Neuron("lif", "static", 1.0, 0.5, reset="subtract")
LAYERS = {
    "dense 784-800": (Dense((28, 28, 1), 800), 0.02, 1.0),
    "conv2d 16C5": (Conv2d((28, 28, 1), 16, (5, 5)), 0.1, 1.0),
    "conv2d 32C5": (Conv2d((28, 28, 1), 32, (5, 5)), 0.1, 1.0),
    "conv2d 16C5, sparse": (Conv2d((28, 28, 1), 16, (5, 5)), 0.2, 1.0),
    "conv2d 32C5, sparse": (Conv2d((28, 28, 1), 32, (5, 5)), 0.2, 1.0),
    "conv2d 16C5, busy": (Conv2d((28, 28, 1), 16, (5, 5)), 0.3, 1.0),
}


@jit(parallel=True)
def two_traces(times, neurons, offsets, table, weight, out):
    """Add every weight, and every weight times its spike's time, to two traces."""
    for b in prange(offsets.size - 1):
        first = np.zeros(out.shape[1:], weight.dtype)
        second = np.zeros(out.shape[1:], weight.dtype)
        for k in range(offsets[b], offsets[b + 1]):
            j, t = neurons[k], times[k]
            for e in range(table[0][j], table[0][j + 1]):
                p, r = table[1][e], table[2][e]
                for c in range(weight.shape[1]):
                    first[p, c] += weight[r, c]
                    second[p, c] += t * weight[r, c]
        out[b] = first + second


def measure(data_dir: str | None) -> list[dict[str, float | str]]:
    """Return one row per layer: times, operations, fractions of the limit."""
    images = load("mnist", data_dir=data_dir).train.inputs[:BATCH]
    activation = (images.reshape(BATCH, -1) / np.float32(255)).astype(np.float32)
    spikes = SpikeTrains.from_first_spikes(
        activations_to_times(activation, np.float32(1))
    )
    rng = np.random.default_rng(0)
    rows = []
    for name, (topology, mean, theta) in LAYERS.items():
        weight = rng.normal(mean, 0.1, topology.weight_shape).astype(np.float32)
        constant = np.full(topology.n_features, theta, np.float32)
        d = model_of(NEURON).dynamics(NEURON)
        layer = RowLayer(d, topology, weight, constant, np.zeros_like(constant))
        recording = row_sweep.forward(layer, spikes, 2.0)
        d_time = rng.normal(size=recording.spikes.time.size)
        table = fan_out(topology)
        tables = (table.offsets, table.position, table.row)
        flat = weight.reshape(-1, topology.n_features)
        out = np.empty((BATCH, table.n_positions, table.n_channels), np.float32)
        n_targets = np.diff(table.offsets)[spikes.neuron].sum()
        times = median_times(
            {
                "limit": lambda a=(tables, flat, out): two_traces(
                    spikes.time, spikes.neuron, spikes.offsets, *a
                ),
                "forward": lambda a=layer: row_sweep.forward(a, spikes, 2.0),
                "backward": lambda a=(layer, spikes, recording, d_time): (
                    row_sweep.backward(*a)
                ),
            }
        )
        n_sop = float(n_targets * table.n_channels)
        rows.append(
            {
                "layer": name,
                "spikes_in": spikes.time.size / BATCH,
                "spikes_out": recording.spikes.time.size / BATCH,
                **{f"{key}_ms": 1e3 * value for key, value in times.items()},
                "forward_gsop_per_s": n_sop / times["forward"] / 1e9,
                "limit_gsop_per_s": n_sop / times["limit"] / 1e9,
                "forward_fraction": times["limit"] / times["forward"],
                "backward_fraction": times["limit"] / times["backward"],
            }
        )
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="folder with the MNIST files")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    rows = measure(arguments.data_dir)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(
            f"{row['layer']:20s} spikes {row['spikes_in']:.0f} -> "
            f"{row['spikes_out']:.0f}  limit {row['limit_ms']:.2f} ms  forward "
            f"{row['forward_ms']:.2f} ms ({row['forward_fraction']:.2f})  backward "
            f"{row['backward_ms']:.2f} ms ({row['backward_fraction']:.2f})"
        )


if __name__ == "__main__":
    main()
