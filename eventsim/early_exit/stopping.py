"""Runs that really end at a policy's decision, on the event queue.

The queue has its own words for when to stop, `eventsim.engine.queue.stopping.StopRule`,
and looks at the output after every time at which it changed. It stops before the first
event behind the decision. What was decided then follows from the spikes until there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.circuit import Circuit
from eventsim.early_exit.policies import (
    Confidence,
    Decisions,
    FirstSpike,
    FixedTime,
    Leader,
    Margin,
    Policy,
    answers,
    decide,
    joined_decisions,
    require_output_spikes,
    require_time,
    smoothing_of,
)
from eventsim.early_exit.trace import Trace
from eventsim.engine.input_currents import check_input, no_spikes, require_drivable
from eventsim.engine.queue.circuit_checks import MAX_EVENTS
from eventsim.engine.queue.driven_circuit import input_drive
from eventsim.engine.queue.network_circuit import INPUT, NetworkCircuit, circuit_of
from eventsim.engine.queue.stopping import (
    ReadyCircuit,
    StoppedRun,
    StopRule,
    ready_circuit,
    run_circuit_until,
)
from eventsim.network import Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import EarliestPool


@dataclass(frozen=True)
class StoppableNetwork:
    """A network as the queue reads it, to stop many runs.

    Parameters
    ----------
    network : Network
        In float64.
    unrolled : NetworkCircuit
        Its connections, one by one.
    ready : ReadyCircuit
        The same in the tables of the queue.
    """

    network: Network
    unrolled: NetworkCircuit
    ready: ReadyCircuit

    @property
    def watched(self) -> str:
        """Population of the output neurons."""
        name = self.unrolled.names[-1]
        assert name is not None
        return name


@dataclass(frozen=True)
class StoppedSamples:
    """What was decided, and all that was done for it.

    Parameters
    ----------
    decisions : Decisions
        As `decide` gives them from a full run.
    n_spikes : ndarray, shape (batch,), int64
        Spikes of hidden and output neurons.
    n_operations : ndarray, shape (batch,), int64
        Synaptic operations.
    n_events : ndarray, shape (batch,), int64
        Events of the queue: spikes, operations, and what reaches pools and leaves
        them.
    seconds : ndarray, shape (batch,)
        Wall time of the events of each sample, without what is prepared before them.
    """

    decisions: Decisions
    n_spikes: np.ndarray
    n_operations: np.ndarray
    n_events: np.ndarray
    seconds: np.ndarray


def stop_rule(policy: Policy, n_classes: int) -> StopRule:
    """Return a policy in the words of the queue."""
    match policy:
        case FirstSpike():
            return StopRule(lead=0)
        case Leader():
            return StopRule(lead=1)
        case Margin(spikes):
            return StopRule(lead=spikes)
        case Confidence(p, window, smoothing):
            e = smoothing_of(smoothing, n_classes)
            return StopRule(1, p, e, math.inf if window is None else window)
        case FixedTime(time):
            return StopRule(lead=math.inf, time=time)


def stoppable_network(network: Network) -> StoppableNetwork:
    """Unroll a network for runs that stop.

    Parameters
    ----------
    network : Network
        Static thresholds; its output spikes are read.

    Returns
    -------
    StoppableNetwork
        For `run_until_decided`.

    Raises
    ------
    ShapeError
        If the queue cannot run the network.
    """
    require_output_spikes(network)
    require_drivable("early exit", network)
    network = network.astype(np.float64)
    unrolled = circuit_of(network)
    return StoppableNetwork(network, unrolled, ready_circuit(unrolled.circuit))


def run_until_decided(
    policy: Policy | None,
    network: Network | StoppableNetwork,
    spikes: SpikeTrains | None,
    *,
    currents: np.ndarray | None = None,
    max_events: int = MAX_EVENTS,
) -> StoppedSamples:
    """Run samples one after the other, each up to its decision and no further.

    Parameters
    ----------
    policy : Policy or None
        ``None`` runs to the end and decides nothing.
    network : Network or StoppableNetwork
        Static thresholds. `stoppable_network` spares the work of unrolling again.
    spikes : SpikeTrains or None
        Input spikes; None or without any spike if currents are the input.
    currents : ndarray, shape (batch, *input shape), or None
        Input currents, for networks whose input they are.
    max_events : int, default 100 million
        Bound on the events of one sample.

    Returns
    -------
    StoppedSamples
        Decisions and counts.

    Raises
    ------
    ShapeError
        If the queue cannot run the network or the input does not fit it.
    ConfigError
        If a fixed time lies behind the end of the run.
    SimulationLimitError
        If a sample has too many events.
    """
    if isinstance(network, Network):
        network = stoppable_network(network)
    spikes, drive = _input_of(network, spikes, currents)
    return _run(policy, network, spikes, drive, max_events)


def stop_at_decisions(
    policies: Sequence[Policy], network: StoppableNetwork, trace: Trace
) -> tuple[StoppedSamples, list[StoppedSamples]]:
    """Run the samples of a trace again: to the end, and up to each policy's decision.

    Parameters
    ----------
    policies : sequence of Policy
        Settings.
    network : StoppableNetwork
        What made the trace.
    trace : Trace
        Its input is used.

    Returns
    -------
    full : StoppedSamples
        Runs to the end.
    stopped : list of StoppedSamples
        For each policy.

    Notes
    -----
    Each sample is run in all these ways before the next one, and every sample begins
    with another of them. So a machine that gets slower or a cache that is warm
    touches the wall times of all alike.
    """
    spikes, drive = _input_of(network, trace.trains[0], trace.currents)
    ways = [None, *policies]
    parts: list[list[StoppedSamples]] = [[] for _ in ways]
    for b in range(trace.labels.size):
        own = None if drive is None else drive[b : b + 1]
        for k in range(len(ways)):
            way = (b + k) % len(ways)
            parts[way].append(
                _run(ways[way], network, spikes.samples(b, b + 1), own, MAX_EVENTS)
            )
    full, *stopped = (_joined(part) for part in parts)
    return full, stopped


def _input_of(
    network: StoppableNetwork, spikes: SpikeTrains | None, currents: np.ndarray | None
) -> tuple[SpikeTrains, np.ndarray | None]:
    """Return input spikes, and the currents of all neurons of all samples."""
    given = network.network
    if currents is not None:
        currents = np.asarray(currents, np.float64)
    check_input("early exit", given, spikes, currents)
    if currents is None:
        assert spikes is not None
        return spikes, None
    drive = input_drive(given, network.unrolled.circuit, currents)
    return no_spikes(len(currents), math.prod(given.input_shape)), drive.currents


def _run(
    policy: Policy | None,
    stoppable: StoppableNetwork,
    spikes: SpikeTrains,
    drive: np.ndarray | None,
    max_events: int,
) -> StoppedSamples:
    network, unrolled = stoppable.network, stoppable.unrolled
    require_time(policy, network)
    runs = list(
        run_circuit_until(
            stoppable.ready,
            spikes,
            stoppable.watched,
            None if policy is None else stop_rule(policy, network.n_classes),
            t_end=network.duration,
            currents=drive,
            max_events=max_events,
        )
    )
    counts = [
        _counts(network, unrolled, spikes.samples(b, b + 1), run)
        for b, run in enumerate(runs)
    ]
    n_spikes, n_operations = np.array(counts, np.int64).reshape(-1, 2).T
    outputs = unrolled.circuit.neurons(stoppable.watched)
    return StoppedSamples(
        _decisions(policy, network, [_output(run, outputs) for run in runs], runs),
        n_spikes,
        n_operations,
        np.array([run.n_events for run in runs], np.int64),
        np.array([run.seconds for run in runs]),
    )


def _joined(parts: Sequence[StoppedSamples]) -> StoppedSamples:
    return StoppedSamples(
        joined_decisions([part.decisions for part in parts]),
        np.concatenate([part.n_spikes for part in parts]),
        np.concatenate([part.n_operations for part in parts]),
        np.concatenate([part.n_events for part in parts]),
        np.concatenate([part.seconds for part in parts]),
    )


def _output(run: StoppedRun, outputs: range) -> SpikeTrains:
    is_output = run.spikes.neuron >= outputs.start
    return SpikeTrains(
        run.spikes.time[is_output],
        run.spikes.neuron[is_output] - np.int32(outputs.start),
        np.array([0, np.count_nonzero(is_output)]),
        len(outputs),
    )


def _decisions(
    policy: Policy | None,
    network: Network,
    outputs: list[SpikeTrains],
    runs: list[StoppedRun],
) -> Decisions:
    """Return when the runs ended, and what their output then means."""
    time = np.array([run.time for run in runs])
    label = np.full(len(runs), -1, np.int64)
    for b, output in enumerate(outputs):
        if policy is not None and math.isfinite(time[b]):
            label[b] = decide(policy, network, output).label[0]
        else:
            label[b] = answers(network, output)[0]
    is_stopped = np.isfinite(time)
    ends = np.where(is_stopped, time, network.duration)
    return Decisions(ends, label, is_stopped & (label >= 0))


def _counts(
    network: Network, unrolled: NetworkCircuit, spikes: SpikeTrains, run: StoppedRun
) -> tuple[int, int]:
    """Return spikes of neurons and synaptic operations, without those of pools."""
    n_spikes, n_arrivals = run.spikes.time.size, 0
    for layer, name in zip(network.layers, unrolled.names[1:], strict=True):
        if name is not None and isinstance(layer.topology, EarliestPool):
            pools = unrolled.circuit.neurons(name)
            is_pool = (run.spikes.neuron >= pools.start) & (
                run.spikes.neuron < pools.stop
            )
            n_spikes -= int(np.count_nonzero(is_pool))
            until = min(run.time, network.duration)
            n_arrivals += _arrivals(unrolled.circuit, name, spikes, run.spikes, until)
    return n_spikes, run.n_events - run.spikes.time.size - n_arrivals


def _arrivals(
    circuit: Circuit, name: str, inputs: SpikeTrains, spikes: SpikeTrains, until: float
) -> int:
    """Count what arrives at a population up to a time."""
    n = 0
    for projection in circuit.projections:
        if projection.target != name:
            continue
        sent, first = inputs, 0
        if projection.source != INPUT:
            sent, first = spikes, circuit.neurons(projection.source).start
        delay = np.broadcast_to(projection.delay, projection.pre.shape)
        order = np.argsort(projection.pre, kind="stable")
        pre = projection.pre[order] + first
        low, high = (np.searchsorted(pre, sent.neuron, s) for s in ("left", "right"))
        size = high - low
        rank = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        connection = order[np.repeat(low, size) + rank]
        n += int(np.sum(np.repeat(sent.time, size) + delay[connection] <= until))
    return n
