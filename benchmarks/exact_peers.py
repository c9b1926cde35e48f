"""Exact multi-spike training against two peers that compute exact spike times too.

    pip install '.[bench]' jaxsnn==0.3.0 exact-snn-nn==3.2.3
    python benchmarks/exact_peers.py [--data-dir DIR] [--json]

In one run, on the same MNIST spikes (bright first, window 1, run to 2), in float32,
medians of rounds in turn after compilation:

layer: forward and backward of 784 -> 800, every neuron free to fire several times.
All run one and the same neuron (lif, tau_m = 1, tau_s = 0.5, reset to 0) with the same
weights; the loss is the sum of all output spike times. Ours: the row sweep. jaxsnn:
LIF with EventProp, jit and vmap. exact-snn-nn: ExactMultiSpike on 301 grid points,
its faster setting, and at most 4 spikes per neuron, inputs that never spike included.
SOP: input spikes times outputs, counted once for a forward and backward pass, the
same for all.

step: a training step of 784-800-10, cross-entropy on the first output spikes, Adam.
Ours: the one of spike_step.py, batch 128, subtractive reset. jaxsnn: reset to 0, and
as its scan needs a fixed number of events, the smallest one that holds them all.

The peers run smaller batches, as they are slow; one that is not installed is skipped.
On a busy machine set NUMBA_NUM_THREADS=1, or give all one core (taskset -c 0).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np
from side_by_side import median_times
from spike_step import SIZES, our_step

from eventsim.datasets import load
from eventsim.encode import activations_to_times
from eventsim.engine.sweep import row_sweep
from eventsim.engine.sweep.row_layer import RowLayer
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains
from eventsim.topology import Dense

BATCH, T_END = 128, 2.0
TAU_M, TAU_S, THETA = 1.0, 0.5, 1.0
NEURON = Neuron("lif", "static", TAU_M, TAU_S, reset="zero")
GRID_POINTS, MOST_SPIKES = 301, 4
# A peer may fire a few spikes more than we do where rounding decides.
SPARE_EVENTS = 4


@dataclass
class Candidate:
    """What is timed, its batch, spikes per sample, calls a round, samples per s."""

    run: Callable[[], object]
    batch: int
    spikes: dict[str, float]
    calls: int = 1
    rates: list[float] = field(default_factory=list)


def draw_weights() -> list[np.ndarray]:
    """Return the weights of `spike_step.our_step`, with which both layers fire."""
    rng = np.random.default_rng(0)
    moments = ((0.02, 0.1), (0.02, 0.15))
    return [
        rng.normal(*moment, shape).astype(np.float32)
        for moment, shape in zip(moments, pairwise(SIZES), strict=True)
    ]


def row_layer(weight: np.ndarray) -> RowLayer:
    """Return neurons with these weights."""
    theta = np.full(weight.shape[1], THETA, np.float32)
    dynamics = model_of(NEURON).dynamics(NEURON)
    return RowLayer(
        dynamics, Dense(weight.shape[:1], theta.size), weight, theta, 0 * theta
    )


def our_layer(times: np.ndarray, weight: np.ndarray) -> Candidate:
    """Return forward and backward of the row sweep."""
    layer, spikes = row_layer(weight), SpikeTrains.from_first_spikes(times)

    def run() -> int:
        recording = row_sweep.forward(layer, spikes, T_END)
        d_time = np.ones(recording.spikes.time.size)
        row_sweep.backward(layer, spikes, recording, d_time)
        return d_time.size

    return Candidate(run, len(times), {"output": run() / len(times)}, calls=20)


def jaxsnn_model(times: np.ndarray, weights: list[np.ndarray]) -> tuple:
    """Return jaxsnn's apply function, its weights and its input for these layers."""
    import jax.numpy as jnp
    from jaxsnn.event.modules import LIF, Linear, Source
    from jaxsnn.event.modules.lif import LIFParameters
    from jaxsnn.event.topology import Topology
    from jaxsnn.event.types import Spike

    neuron = LIFParameters(
        tau_syn=TAU_S, tau_mem=TAU_M, v_th=THETA, v_leak=0.0, v_reset=0.0
    )
    spikes = SpikeTrains.from_first_spikes(times)
    modules, edges, source = {"inp": Source(times.shape[1])}, [], "inp"
    parameters = {"inp": None}
    for k, weight in enumerate(weights, start=1):
        counts = np.diff(spikes.offsets)
        spikes = row_sweep.forward(row_layer(weight), spikes, T_END).spikes
        n_events = int((counts + np.diff(spikes.offsets)).max()) + SPARE_EVENTS
        parameters |= {f"syn{k}": jnp.asarray(weight), f"lif{k}": None}
        modules[f"syn{k}"] = Linear(pre_weights=parameters[f"syn{k}"])
        modules[f"lif{k}"] = LIF(weight.shape[1], n_events, neuron)
        edges += [(source, f"syn{k}"), (f"syn{k}", f"lif{k}")]
        source = f"lif{k}"
    topology = Topology(t_max=T_END, backprop_method="eventprop")
    topology.add(modules)
    topology.connect(edges)
    n_most = np.isfinite(times).sum(axis=1).max()
    order = np.argsort(times, axis=1, kind="stable")[:, :n_most]
    ordered = np.take_along_axis(times, order, axis=1)
    fires = np.isfinite(ordered)
    given = Spike(
        time=jnp.asarray(np.where(fires, ordered, T_END)),
        idx=jnp.asarray(np.where(fires, order, -1)),
        current=jnp.zeros(order.shape),
        layer_idx=jnp.asarray(np.where(fires, 0, -1)),
        internal=jnp.asarray(fires),
    )
    return topology.done()[1], parameters, {"inp": given}


def count_spikes(events: dict, node: str) -> float:
    """Return jaxsnn's spikes per sample; its events must not have run out."""
    if np.any(np.asarray(events[node].idx)[:, -1] != -1):
        raise SystemExit(f"jaxsnn: {node} ran out of events; raise SPARE_EVENTS")
    return float(np.asarray(events[node].internal).sum(axis=1).mean())


def jaxsnn_layer(times: np.ndarray, weight: np.ndarray) -> Candidate:
    """Return jaxsnn's forward and backward of one layer."""
    import jax
    import jax.numpy as jnp

    apply, parameters, inputs = jaxsnn_model(times, [weight])

    def loss(parameters: dict) -> tuple:
        events = apply(inputs, parameters)
        output = events["lif1"]
        return jnp.sum(jnp.where(output.internal, output.time, 0)), events

    passes = jax.jit(jax.value_and_grad(loss, has_aux=True))

    def run() -> tuple:
        return jax.block_until_ready(passes(parameters))

    (_, events), _ = run()
    return Candidate(run, len(times), {"output": count_spikes(events, "lif1")})


def exact_snn_layer(times: np.ndarray, weight: np.ndarray) -> Candidate:
    """Return exact-snn-nn's forward and backward of one layer."""
    import torch
    from exact_snn.extended import ExactMultiSpike

    bounds = {"t_max": T_END, "grid_pts": GRID_POINTS, "max_spikes": MOST_SPIKES}
    layer = ExactMultiSpike(*weight.shape, tm=TAU_M, ts=TAU_S, theta=THETA, **bounds)
    # Its kernel has the peak 1; that of the others has 1/4 for tau_m = 2 tau_s.
    with torch.no_grad():
        layer.weight[:, :-1] = torch.from_numpy(weight.T / 4)
        layer.weight[:, -1] = 0
    t_in = torch.from_numpy(np.ascontiguousarray(times.T)).requires_grad_()

    def run() -> int:
        layer.weight.grad = t_in.grad = None
        t_out = layer(t_in)
        fired = torch.isfinite(t_out)
        t_out[fired].sum().backward()
        return int(fired.sum())

    return Candidate(run, len(times), {"output": run() / len(times)})


def our_training(images: np.ndarray, labels: np.ndarray) -> Candidate:
    """Return the training step of spike_step.py."""
    step, seen = our_step(images, labels)
    step()
    return Candidate(step, BATCH, seen, calls=20)


def jaxsnn_training(times: np.ndarray, labels: np.ndarray) -> Candidate:
    """Return jaxsnn's training step, as tiny as ours."""
    import jax
    import jax.numpy as jnp
    import optax
    from jaxsnn.event.loss import first_spike
    from jaxsnn.event.training import update
    from jaxsnn.event.types import OptState

    apply, parameters, inputs = jaxsnn_model(times, draw_weights())
    optimizer = optax.adam(1e-6)
    is_target = jax.nn.one_hot(labels.astype(np.int32), SIZES[-1])

    def loss(parameters: dict, batch: tuple) -> tuple:
        events = apply(batch[0], parameters)
        first = jax.vmap(first_spike, in_axes=(0, None))(events["lif2"], SIZES[-1])
        shares = jax.nn.log_softmax(-jnp.minimum(first, T_END))
        return -jnp.mean(jnp.sum(shares * batch[1], axis=1)), events

    step = jax.jit(lambda state: update(optimizer, loss, state, (inputs, is_target)))
    states = [OptState(optimizer.init(parameters), parameters, jax.random.PRNGKey(0))]

    def run() -> dict:
        states[0], ((_, events), _) = jax.block_until_ready(step(states[0]))
        return events

    events = run()
    nodes = {"hidden": "lif1", "output": "lif2"}
    seen = {name: count_spikes(events, node) for name, node in nodes.items()}
    return Candidate(run, len(times), seen)


def measure(makers: dict[str, Callable], n_rounds: int) -> dict[str, Candidate]:
    """Time ours and the peers that are installed, in turn."""
    candidates: dict[str, Candidate] = {}
    for name, make in makers.items():
        try:
            candidates[name] = make()
        except ImportError as error:
            print(f"{name} is not measured: {error}", file=sys.stderr)
    for _ in range(n_rounds):
        for name, c in candidates.items():
            warm_up = 3 if c.calls > 1 else 0
            times = median_times({name: c.run}, c.calls, warm_up)
            c.rates.append(c.batch / times[name])
    return candidates


def rows_of(part: str, candidates: dict[str, Candidate]) -> list[dict]:
    """Return what was measured of each candidate, and how much faster ours is."""
    ours, rows = candidates["eventsim"].rates, []
    for name, c in candidates.items():
        seen = {"batch": c.batch, "spikes": c.spikes, "rates": c.rates}
        ratios = [a / b for a, b in zip(ours, c.rates, strict=True)]
        rows.append({"part": part, "name": name, **seen, "ratios": ratios})
    return rows


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="folder with the MNIST files")
    parser.add_argument("--peer-batch", type=int, default=8, help="batch of the peers")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in turn")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    train = load("mnist", data_dir=arguments.data_dir).train
    images = train.inputs[:BATCH].reshape(BATCH, -1) / np.float32(255)
    images, labels = images.astype(np.float32), np.asarray(train.labels[:BATCH])
    times, weight = activations_to_times(images, np.float32(1)), draw_weights()[0]
    few = times[: arguments.peer_batch]
    makers = {
        "eventsim": lambda: our_layer(times, weight),
        "jaxsnn": lambda: jaxsnn_layer(few, weight),
        "exact-snn-nn": lambda: exact_snn_layer(few, weight),
    }
    layer = measure(makers, arguments.rounds)
    for c in layer.values():
        n_input = float(np.isfinite(times[: c.batch]).sum()) / c.batch
        c.spikes = {"input": n_input, **c.spikes}
        c.rates = [n_input * SIZES[1] * rate for rate in c.rates]
    makers = {
        "eventsim": lambda: our_training(images, labels),
        "jaxsnn": lambda: jaxsnn_training(few, labels[: len(few)]),
    }
    step = measure(makers, arguments.rounds)
    rows = rows_of("784-800, SOP/s", layer) + rows_of("step, samples/s", step)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        spikes = ", ".join(f"{n:.0f} {name}" for name, n in row["spikes"].items())
        ratios = ", ".join(f"{ratio:.0f}" for ratio in row["ratios"])
        print(
            f"{row['part']:16s} {row['name']:12s} batch {row['batch']:3d} "
            f"{median(row['rates']):9.3g}  eventsim / it {median(row['ratios']):5.0f} "
            f"({ratios})  spikes: {spikes}"
        )


if __name__ == "__main__":
    main()
