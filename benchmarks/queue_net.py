"""The recurrent net of the queue benchmarks, and how each simulator runs it.

A module of child processes: ``python queue_net.py SIMULATOR NET.npz`` prints JSON
with the seconds of one run, spikes and deliveries. Only what the named simulator
needs is imported, so peers may live in another environment.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time

import numpy as np

TAU_M, THETA, DELAY, REFRACTORY = 20.0, 20.0, 1.0, 2.0  # ms, mV
DRIVE, DRIVE_SPREAD = 19.5, 2.0  # mV
EXCITATORY, INHIBITION = 0.8, -4.0
STEP = 0.1  # ms, of the clocked peers
SIMULATORS = ("heap", "delay_window", "nest_ps", "nest", "brian2_cpp")


def make_net(n: int, fan_out: int, weight: float, seed: int) -> dict[str, np.ndarray]:
    """Return a net in which every neuron projects to `fan_out` random ones."""
    rng = np.random.default_rng(seed)
    pre = np.repeat(np.arange(n), fan_out)
    return {
        "pre": pre,
        "post": rng.integers(0, n, pre.size),
        "weight": np.where(pre < EXCITATORY * n, weight, INHIBITION * weight),
        "drive": DRIVE + DRIVE_SPREAD * rng.standard_normal(n),
    }


def circuit_of(net: dict[str, np.ndarray]):
    """Return the net as a circuit of eventsim."""
    from eventsim.circuit import Circuit, Population, Projection
    from eventsim.network import Neuron

    neuron = Neuron("lif_delta", threshold="static", tau_m=TAU_M, refractory=REFRACTORY)
    size = net["drive"].size
    return Circuit(
        (),
        (Population("all", size, neuron, THETA, net["drive"]),),
        (Projection("all", "all", net["pre"], net["post"], net["weight"], DELAY),),
    )


def run_eventsim(net: dict[str, np.ndarray], scheduler: str, duration: float):
    """Return seconds and spikes of one call, kernels compiled before."""
    from eventsim.engine.queue.fast import run_circuit
    from eventsim.spikes import SpikeTrains

    circuit = circuit_of(net)
    none = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(2, np.int64), 0)
    run_circuit(circuit, none, t_end=1.0, scheduler=scheduler)
    start = time.perf_counter()
    recording = run_circuit(circuit, none, t_end=duration, scheduler=scheduler)
    return time.perf_counter() - start, recording.spikes.time.size


def run_nest(net: dict[str, np.ndarray], model: str, duration: float):
    """Return seconds of ``Simulate`` and spikes; building the net is not counted."""
    import nest

    nest.set_verbosity("M_ERROR")
    nest.local_num_threads = 1
    nest.resolution = STEP
    constants = {"tau_m": TAU_M, "C_m": TAU_M, "E_L": 0.0, "V_reset": 0.0, "V_m": 0.0}
    constants |= {"V_th": THETA, "t_ref": REFRACTORY}
    neurons = nest.Create(model, net["drive"].size, params=constants)
    neurons.I_e = list(net["drive"])
    first = neurons[0].global_id
    size = net["pre"].size
    nest.Connect(
        net["pre"] + first,
        net["post"] + first,
        "one_to_one",
        {
            "synapse_model": "static_synapse",
            "weight": net["weight"],
            "delay": np.full(size, DELAY),
        },
    )
    nest.Prepare()
    start = time.perf_counter()
    nest.Run(duration)
    seconds = time.perf_counter() - start
    spikes = nest.local_spike_counter
    nest.Cleanup()
    return seconds, spikes


def run_brian2(net: dict[str, np.ndarray], duration: float):
    """Return the seconds that the compiled program reports, and spikes."""
    import brian2 as b2

    folder = tempfile.mkdtemp()
    b2.set_device("cpp_standalone", directory=folder, build_on_run=False)
    b2.defaultclock.dt = STEP * b2.ms
    tau = TAU_M * b2.ms
    neurons = b2.NeuronGroup(
        net["drive"].size,
        "dv/dt = (drive - v)/tau : 1 (unless refractory)\ndrive : 1",
        threshold=f"v >= {THETA}",
        reset="v = 0",
        refractory=REFRACTORY * b2.ms,
        method="exact",
        namespace={"tau": tau},
    )
    neurons.drive = net["drive"]
    synapses = b2.Synapses(
        neurons, neurons, "w : 1", on_pre="v_post += w", delay=DELAY * b2.ms
    )
    synapses.connect(i=net["pre"], j=net["post"])
    synapses.w = net["weight"]
    monitor = b2.SpikeMonitor(neurons, record=False)
    b2.run(duration * b2.ms)
    b2.device.build(directory=folder, compile=True, run=True, debug=False)
    return float(b2.device._last_run_time), int(monitor.num_spikes)


def main() -> None:
    """Run one simulator once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("simulator", choices=SIMULATORS)
    parser.add_argument("net")
    parser.add_argument("--duration", type=float, default=1000.0)
    arguments = parser.parse_args()
    net = dict(np.load(arguments.net))
    try:
        if arguments.simulator == "brian2_cpp":
            seconds, spikes = run_brian2(net, arguments.duration)
        elif arguments.simulator.startswith("nest"):
            is_precise = arguments.simulator == "nest_ps"
            model = "iaf_psc_delta_ps" if is_precise else "iaf_psc_delta"
            seconds, spikes = run_nest(net, model, arguments.duration)
        else:
            seconds, spikes = run_eventsim(net, arguments.simulator, arguments.duration)
    except ImportError as error:
        sys.exit(f"{arguments.simulator}: not installed ({error.name})")
    fan_out = net["pre"].size / net["drive"].size
    answer = {"seconds": seconds, "spikes": spikes, "deliveries": spikes * fan_out}
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
