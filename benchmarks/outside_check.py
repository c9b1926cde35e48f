"""The exact queue against simulators on a grid, whose error must shrink with it.

    python benchmarks/outside_check.py [--peers-python PYTHON]

A recurrent net of leaky neurons with exponential currents, delays and refractory
periods runs in eventsim and, on finer and finer grids, in brian2 (spikes on the grid)
and in NEST's ``iaf_psc_exp_ps`` (spikes between grid points). Printed is the largest
difference of any spike time. Peers may live in another environment; what is missing
is left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

N_NEURONS, FAN_OUT, DURATION = 60, 8, 60.0  # ms
TAU_M, TAU_S, THETA, REFRACTORY = 10.0, 4.0, 1.0, 2.0
STEPS = (0.2, 0.1, 0.05, 0.02, 0.01)
PEERS = ("brian2", "nest_ps")


def make_net() -> dict[str, np.ndarray]:
    """Return connections and currents; delays fit every grid."""
    rng = np.random.default_rng(5)
    pre = np.repeat(np.arange(N_NEURONS), FAN_OUT)
    sign = np.where(pre < 0.75 * N_NEURONS, 1.0, -2.0)
    return {
        "pre": pre,
        "post": rng.integers(0, N_NEURONS, pre.size),
        "weight": sign * rng.uniform(0.05, 0.15, pre.size),
        "delay": rng.choice([1.6, 2.0, 2.8], pre.size),
        "drive": rng.uniform(0.9, 1.5, N_NEURONS),
    }


def run_eventsim(net: dict[str, np.ndarray], scheduler: str):
    """Return times and neurons of all spikes."""
    from eventsim.circuit import Circuit, Population, Projection
    from eventsim.engine.queue.fast import run_circuit
    from eventsim.network import Neuron
    from eventsim.spikes import SpikeTrains

    neuron = Neuron(
        "lif",
        threshold="static",
        tau_m=TAU_M,
        tau_s=TAU_S,
        reset="zero",
        refractory=REFRACTORY,
    )
    circuit = Circuit(
        (),
        (Population("all", N_NEURONS, neuron, THETA, net["drive"]),),
        (
            Projection(
                "all", "all", net["pre"], net["post"], net["weight"], net["delay"]
            ),
        ),
    )
    none = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(2, np.int64), 0)
    spikes = run_circuit(circuit, none, t_end=DURATION, scheduler=scheduler).spikes
    return spikes.time, spikes.neuron


def run_brian2(net: dict[str, np.ndarray], step: float):
    """Return times and neurons of all spikes on a grid."""
    import brian2 as b2

    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = step * b2.ms
    neurons = b2.NeuronGroup(
        N_NEURONS,
        "dv/dt = (x + drive - v)/tau_m : 1 (unless refractory)\n"
        "dx/dt = -x/tau_s : 1\ndrive : 1",
        threshold="v >= theta",
        reset="v = 0",
        refractory=REFRACTORY * b2.ms,
        method="exact",
        namespace={"tau_m": TAU_M * b2.ms, "tau_s": TAU_S * b2.ms, "theta": THETA},
    )
    neurons.drive = net["drive"]
    synapses = b2.Synapses(neurons, neurons, "w : 1", on_pre="x_post += w")
    synapses.connect(i=net["pre"], j=net["post"])
    synapses.w, synapses.delay = net["weight"], net["delay"] * b2.ms
    monitor = b2.SpikeMonitor(neurons)
    b2.run(DURATION * b2.ms)
    return np.asarray(monitor.t / b2.ms), np.asarray(monitor.i)


def run_nest(net: dict[str, np.ndarray], step: float):
    """Return times and neurons of all spikes, interpolated on a grid."""
    import nest

    nest.set_verbosity("M_ERROR")
    nest.resolution = step
    constants = {"tau_m": TAU_M, "C_m": TAU_M, "E_L": 0.0, "V_reset": 0.0, "V_m": 0.0}
    constants |= {"V_th": THETA, "t_ref": REFRACTORY}
    constants |= {"tau_syn_ex": TAU_S, "tau_syn_in": TAU_S}
    neurons = nest.Create("iaf_psc_exp_ps", N_NEURONS, params=constants)
    neurons.I_e = list(net["drive"])
    recorder = nest.Create("spike_recorder")
    nest.Connect(
        net["pre"] + 1,
        net["post"] + 1,
        "one_to_one",
        {
            "synapse_model": "static_synapse",
            "weight": net["weight"],
            "delay": net["delay"],
        },
    )
    nest.Connect(neurons, recorder)
    nest.Simulate(DURATION)
    events = recorder.get("events")
    return np.asarray(events["times"]), np.asarray(events["senders"]) - 1


def largest_difference(exact, other) -> str:
    """Return the largest difference of spike times, or where the counts differ."""
    worst = 0.0
    for n in range(N_NEURONS):
        mine, theirs = (np.sort(t[k == n]) for t, k in (exact, other))
        shared = min(mine.size, theirs.size)
        # A spike at the very end may fall out of a grid.
        rest = np.concatenate([mine[shared:], theirs[shared:]])
        if np.any(rest < DURATION - 1):
            return f"neuron {n} fires {mine.size} and {theirs.size} times"
        if shared:
            worst = max(worst, float(np.abs(mine[:shared] - theirs[:shared]).max()))
    return f"{worst:.3e}"


def run_peer(peer: str, step: float, python: str) -> list | str:
    """Return times and neurons from a child process, or why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "spikes.json"
        done = subprocess.run(
            [python, __file__, "--peer", peer, "--step", str(step), "--out", str(out)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return [np.array(values) for values in json.loads(out.read_text())]


def main() -> None:
    """Print a table, or run one peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--step", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    net = make_net()
    if arguments.peer:
        run = run_brian2 if arguments.peer == "brian2" else run_nest
        try:
            times, neurons = run(net, arguments.step)
        except ImportError as error:
            sys.exit(f"{arguments.peer}: not installed ({error.name})")
        Path(arguments.out).write_text(json.dumps([times.tolist(), neurons.tolist()]))
        return
    exact = run_eventsim(net, "heap")
    windows = run_eventsim(net, "delay_window")
    print(f"eventsim: {exact[0].size} spikes in {DURATION} ms")
    print(f"heap and delay windows equal: {np.array_equal(exact[0], windows[0])}")
    for peer in PEERS:
        for step in STEPS:
            found = run_peer(peer, step, arguments.peers_python)
            if isinstance(found, str):
                print(f"left out: {found}", file=sys.stderr)
                break
            print(f"{peer:8s} step {step:8.6f} ms: {largest_difference(exact, found)}")


if __name__ == "__main__":
    main()
