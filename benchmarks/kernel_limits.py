"""Kernels of the window engine against the bare work they cannot do without.

    python benchmarks/kernel_limits.py [--data-dir DIR] [--json]

Limits, timed in turn in the same process with the same number of threads:
dense: the two matrix products of both traces, done on all inputs, silent or not;
weight update: copying as many bytes as Adam must move.
SOP: one weight added to one neuron, spiking inputs only.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from side_by_side import median_times
from threadpoolctl import threadpool_limits

from eventsim.datasets import load
from eventsim.engine.window import dense_kernels
from eventsim.engine.window.events import group_by_neuron, list_events
from eventsim.optim.update_kernels import adam_update

BATCH, N_OUT = 128, 800


def measure(data_dir: str | None) -> list[dict[str, float | str]]:
    """Return one row per kernel: time, limit, fraction of the limit."""
    images = load("mnist", data_dir=data_dir).train.inputs[:BATCH]
    activation = (images.reshape(BATCH, -1) / np.float32(255)).astype(np.float32)
    mask = (activation > 0).astype(np.float32)
    rng = np.random.default_rng(0)
    n_in = activation.shape[1]
    weight = rng.normal(0, 0.05, (n_in, N_OUT)).astype(np.float32)
    potential, slope = np.empty((2, BATCH, N_OUT), np.float32)
    d_weight, d_second = np.empty((2, n_in, N_OUT), np.float32)
    events = list_events(activation)
    grouped = group_by_neuron(events, n_in)
    n_sop = events.value.size * N_OUT
    mean, square = np.zeros((2, weight.size), np.float32)
    big = np.zeros((7, weight.size), np.float32)
    one = np.float32(1)

    def limit_forward() -> None:
        np.dot(activation, weight, out=potential)
        np.dot(mask, weight, out=slope)

    def limit_backward() -> None:
        np.dot(activation.T, potential, out=d_weight)
        np.dot(mask.T, slope, out=d_second)

    def events_forward() -> None:
        dense_kernels.events_traces(
            events.offsets, events.index, events.value, weight, potential, slope
        )

    def events_backward() -> None:
        dense_kernels.events_weight_gradient(
            grouped.offsets, grouped.index, grouped.value, potential, slope, d_weight
        )

    def adam() -> None:
        adam_update(
            weight.ravel(), d_weight.ravel(), mean, square, np.float32(1e-9),
            np.float32(0.9), np.float32(0.999), np.float32(1e-8), np.float32(0),
            one, one,
        )  # fmt: skip

    def copy() -> None:
        np.copyto(big[:3], big[3:6])

    with threadpool_limits(None):
        limits = median_times(
            {"forward": limit_forward, "weight gradient": limit_backward}
        )
    with threadpool_limits(1, user_api="blas"):
        ours = median_times(
            {
                "forward": events_forward,
                "weight gradient": events_backward,
                "adam": adam,
                "copy": copy,
            }
        )
    rows: list[dict[str, float | str]] = [
        {
            "kernel": f"events {name} 784->800",
            "ms": 1e3 * ours[name],
            "dense_limit_ms": 1e3 * limits[name],
            "times_faster_than_dense": limits[name] / ours[name],
            "GSOP_per_s": n_sop / ours[name] / 1e9,
        }
        for name in limits
    ]
    moved = 7 * weight.nbytes
    rows.append(
        {
            "kernel": "adam 627,200 weights",
            "ms": 1e3 * ours["adam"],
            "GB_per_s": moved / ours["adam"] / 1e9,
            "copy_GB_per_s": 6 * weight.nbytes / ours["copy"] / 1e9,
        }
    )
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = measure(args.data_dir)
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        facts = [f"{k} {v:.2f}" for k, v in row.items() if not isinstance(v, str)]
        print(f"{row['kernel']:32s} " + "  ".join(facts))


if __name__ == "__main__":
    main()
