"""Runs that really end at a policy's decision, on the event queue.

The queue has its own words for when to stop, `eventsim.engine.queue.stopping.StopRule`,
and looks at the output after every time at which it changed. It stops before the first
event behind the decision. What was decided then follows from the spikes until there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

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
    require_output_spikes,
)
from eventsim.early_exit.trace import Trace
from eventsim.engine.queue.circuit_checks import MAX_EVENTS
from eventsim.engine.queue.network_circuit import INPUT, NetworkCircuit, circuit_of
from eventsim.engine.queue.stopping import StoppedRun, StopRule, run_circuit_until
from eventsim.errors import ShapeError
from eventsim.network import Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import EarliestPool

SAME_TIME = 1e-9
"""Decision times of two engines that differ by less, relatively, are the same."""


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
    seconds : float
        Wall time of all samples together.
    """

    decisions: Decisions
    n_spikes: np.ndarray
    n_operations: np.ndarray
    n_events: np.ndarray
    seconds: float


@dataclass
class StoppedTotals:
    """Sums over samples that were really stopped, for one policy."""

    n_samples: int = 0
    n_same: int = 0
    n_events: int = 0
    n_full_events: int = 0
    n_spikes: int = 0
    n_operations: int = 0
    seconds: float = 0.0
    full_seconds: float = 0.0

    def add(
        self, trace: Trace, policy: Policy, found: StoppedSamples, full: StoppedSamples
    ) -> None:
        """Add samples: their trace, what stopped runs did and what full ones did."""
        expected, got = decide(policy, trace.network, trace.output), found.decisions
        is_close = np.isclose(got.time, expected.time, rtol=SAME_TIME, atol=SAME_TIME)
        is_same = is_close & (got.label == expected.label)
        self.n_samples += is_same.size
        self.n_same += int(np.count_nonzero(is_same))
        self.n_events += int(found.n_events.sum())
        self.n_full_events += int(full.n_events.sum())
        self.n_spikes += int(found.n_spikes.sum())
        self.n_operations += int(found.n_operations.sum())
        self.seconds += found.seconds
        self.full_seconds += full.seconds

    def numbers(self) -> dict[str, float]:
        """Return means per sample, and shares."""
        n, full = self.n_samples, self.n_full_events
        return {
            "same_decisions": self.n_same / n,
            "events": self.n_events / n,
            "events_saved": 1 - self.n_events / full if full else 0.0,
            "spikes": self.n_spikes / n,
            "sops": self.n_operations / n,
            "seconds": self.seconds / n,
            "full_seconds": self.full_seconds / n,
        }


def stop_rule(policy: Policy) -> StopRule:
    """Return a policy in the words of the queue."""
    match policy:
        case FirstSpike():
            return StopRule(lead=0)
        case Leader():
            return StopRule(lead=1)
        case Margin(spikes):
            return StopRule(lead=spikes)
        case Confidence(p, window, smoothing):
            return StopRule(1, p, smoothing, math.inf if window is None else window)
        case FixedTime(time):
            return StopRule(lead=math.inf, time=time)


def run_until_decided(
    policy: Policy | None,
    network: Network,
    spikes: SpikeTrains,
    *,
    max_events: int = MAX_EVENTS,
) -> StoppedSamples:
    """Run samples one after the other, each up to its decision and no further.

    Parameters
    ----------
    policy : Policy or None
        ``None`` runs to the end and decides nothing.
    network : Network
        Static thresholds.
    spikes : SpikeTrains
        Input spikes.
    max_events : int, default 100 million
        Bound on the events of one sample.

    Returns
    -------
    StoppedSamples
        Decisions and counts.

    Raises
    ------
    ShapeError
        If the queue cannot run the network or the spikes do not fit it.
    SimulationLimitError
        If a sample has too many events.
    """
    require_output_spikes(network)
    if network.input != "spikes":
        raise ShapeError(
            f"early exit: the network's input is '{network.input}'; expected 'spikes' "
            "for runs that stop, the queue is fed with spikes"
        )
    network = network.astype(np.float64)
    unrolled = circuit_of(network)
    watched = unrolled.names[-1]
    assert watched is not None
    rule = None if policy is None else stop_rule(policy)
    start = perf_counter()
    runs = list(
        run_circuit_until(
            unrolled.circuit,
            spikes,
            watched,
            rule,
            t_end=network.duration,
            max_events=max_events,
        )
    )
    seconds = perf_counter() - start
    counts = [
        _counts(network, unrolled, spikes.samples(b, b + 1), run)
        for b, run in enumerate(runs)
    ]
    n_spikes, n_operations = np.array(counts, np.int64).reshape(-1, 2).T
    outputs = unrolled.circuit.neurons(watched)
    return StoppedSamples(
        _decisions(policy, network, [_output(run, outputs) for run in runs], runs),
        n_spikes,
        n_operations,
        np.array([run.n_events for run in runs], np.int64),
        seconds,
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
