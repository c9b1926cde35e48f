"""Random circuits for tests, and the same circuits in the oracle's words."""

from dataclasses import dataclass, replace

import numpy as np
from oracles import circuit_oracle as oracle

from eventsim.circuit import Circuit, Input, Population, Projection, all_to_all
from eventsim.engine.queue.circuit_adjoint import circuit_gradients
from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.engine.queue.reference import QueueSimulator
from eventsim.network import Neuron
from eventsim.spikes import SpikeTrains


def trains(events, n_channels):
    """Spike trains of one sample from (time, channel) or (time, channel, value)."""
    events = sorted(events)
    values = [event[2] for event in events if len(event) == 3]
    return SpikeTrains(
        np.array([event[0] for event in events], float),
        np.array([event[1] for event in events], np.int32),
        np.array([0, len(events)], np.int64),
        n_channels,
        np.array(values, float) if values else None,
    )


def single(neuron, weight=1.0, *, theta=1.0, current=0.0, delay=0.0):
    """One neuron `n` behind one input channel `in`."""
    return Circuit(
        (Input("in", 1),),
        (Population("n", 1, neuron, theta, current),),
        (all_to_all("in", "n", np.array([[weight]]), delay),),
    )


def link(source, target, pre, post, weight, delay=0.0):
    """One connection."""
    return Projection(
        source, target, np.array([pre]), np.array([post]), np.array([weight]), delay
    )


@dataclass(frozen=True)
class Case:
    circuit: Circuit
    spikes: SpikeTrains
    t_end: float


def recurrent(neuron, seed, *, n=8, n_inputs=3, n_input_spikes=12, current=0.1):
    """A random recurrent circuit with delays, graded inputs and several spikes each.

    Two populations; self connections and several connections between two neurons
    occur. Refractory periods differ between populations: else a neuron and one that
    it sets off are released at the same time, and spike times have a kink there.
    """
    rng = np.random.default_rng(seed)
    sizes = {"a": n - n // 3, "b": n // 3}
    projections = [
        all_to_all(
            "in",
            "a",
            rng.normal(0.6, 0.8, (n_inputs, sizes["a"])),
            rng.uniform(0, 1, (n_inputs, sizes["a"])),
        )
    ]
    for source, target in (("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")):
        m = max(int(0.4 * sizes[source] * sizes[target]), 2)
        pre, post = (
            rng.integers(sizes[source], size=m),
            rng.integers(sizes[target], size=m),
        )
        mean = 0.4 if (source, target) == ("a", "b") else 0.0
        projections.append(
            Projection(
                source,
                target,
                pre,
                post,
                rng.normal(mean, 0.5, m),
                rng.uniform(0.2, 1, m),
            )
        )
    populations = tuple(
        Population(
            name,
            size,
            replace(neuron, refractory=neuron.refractory * stretch),
            rng.uniform(0.4, 0.6, size),
            current * rng.normal(1, 0.5, size),
        )
        for (name, size), stretch in zip(sizes.items(), (1.0, 1.2), strict=True)
    )
    circuit = Circuit((Input("in", n_inputs),), populations, tuple(projections))
    events = [
        (rng.uniform(0, 4), rng.integers(n_inputs), rng.uniform(0.5, 1.5))
        for _ in range(n_input_spikes)
    ]
    return Case(circuit, trains(events, n_inputs), 6.0)


def reference(case):
    """All spikes of a case by the readable queue."""
    simulator = QueueSimulator(
        case.circuit, case.spikes, case.t_end, keep_history=False
    )
    simulator.run(max_events=20_000)
    return simulator.spikes()


def in_oracle(case):
    """The oracle's (time, neuron, residual) of a case of lif or srm_lif neurons."""
    circuit = case.circuit
    cells = []
    for population in circuit.populations:
        neuron: Neuron = population.neuron
        thetas = np.broadcast_to(population.theta, population.size)
        currents = np.broadcast_to(population.current, population.size)
        for theta, current in zip(thetas, currents, strict=True):
            cells.append(
                oracle.Cell(
                    theta,
                    neuron.tau_m,
                    neuron.tau_s,
                    neuron.model == "srm_lif",
                    neuron.refractory,
                    current,
                )
            )
    links = []
    for projection in circuit.projections:
        first = circuit.nodes(projection.source).start - circuit.n_inputs
        to = circuit.neurons(projection.target).start
        delays = np.broadcast_to(projection.delay, projection.pre.shape)
        for pre, post, weight, delay in zip(
            projection.pre, projection.post, projection.weight, delays, strict=True
        ):
            source = -1 - pre if first < 0 else first + pre
            links.append(oracle.Link(source, to + post, weight, delay))
    inputs = list(
        zip(case.spikes.time, case.spikes.neuron, case.spikes.value, strict=True)
    )
    return oracle.run(cells, links, inputs, case.t_end)


def lif(**constants):
    return Neuron("lif", "static", tau_m=2.0, **constants)


def gradients(case, d_time=None, **options):
    """Gradients of a case; by default of the sum of all spike times."""
    spikes = reference(case)
    d_time = np.ones(spikes.time.size) if d_time is None else d_time
    return circuit_gradients(
        circuit_tables(case.circuit), case.spikes, spikes, np.asarray(d_time), **options
    )
