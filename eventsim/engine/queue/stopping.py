"""Runs that end at a decision: the event queue is left as soon as the output decides.

The spikes of the *watched* neurons are looked at when all events of one time are done.
From what they are follows when a decision falls if no more of them come: at once, when
spikes leave the counting window, or never. If that time is before the next event
anywhere in the circuit, the run ends there and nothing later is computed. A decision
at the very time of the next events waits for these.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from eventsim.circuit import Circuit
from eventsim.engine.queue import heap_stop_kernels as kernels
from eventsim.engine.queue.circuit_checks import (
    MAX_EVENTS,
    check_circuit_run,
    limit_error,
)
from eventsim.engine.queue.circuit_tables import CircuitTables, circuit_tables
from eventsim.engine.queue.fast import driven_wiring, input_spikes, wiring_of
from eventsim.engine.queue.heap_loop_kernels import Wiring
from eventsim.engine.queue.neuron_kernels import N_EVENTS, N_KINDS, N_SPIKES
from eventsim.errors import ShapeError
from eventsim.spikes import SpikeTrains


@dataclass(frozen=True)
class StopRule:
    """What the watched spikes must show for a decision; at least one there must be.

    Parameters
    ----------
    lead : float
        Spikes by which one neuron must be ahead of every other; 0: any spike will do,
        ``inf``: never.
    probability : float, dimensionless
        What ``(c + e) / (sum of c + n e)`` of the leading neuron must reach, for the
        counts c of n neurons.
    smoothing : float
        e, in spikes.
    window : float, network time units
        A spike at s counts from s on, and no more from ``s + window`` (rounded) on.
    time : float, network time units
        Decide at this time if not before, whatever the spikes.
    """

    lead: float = 1.0
    probability: float = 0.0
    smoothing: float = 0.0
    window: float = math.inf
    time: float = math.inf


class StoppedRun(NamedTuple):
    """One sample, run until it was decided.

    Parameters
    ----------
    time : float, network time units
        When; ``inf`` if there was no decision until the end.
    spikes : SpikeTrains
        Spikes of all neurons until then.
    n_events : int
        Arrivals at neurons plus spikes, all that were done.
    seconds : float
        Wall time of the events, without what is prepared before them. The first run
        of a process also loads the kernels.
    """

    time: float
    spikes: SpikeTrains
    n_events: int
    seconds: float


class ReadyCircuit(NamedTuple):
    """A circuit as the queue reads it, to run it many times.

    Parameters
    ----------
    circuit : Circuit
        What is run.
    tables : CircuitTables
        Its connections in order.
    wiring : Wiring
        The same as the kernels read it.
    """

    circuit: Circuit
    tables: CircuitTables
    wiring: Wiring


def ready_circuit(circuit: Circuit) -> ReadyCircuit:
    """Put a circuit into the tables of the queue.

    Parameters
    ----------
    circuit : Circuit
        Any graph without a cycle of zero delay.

    Returns
    -------
    ReadyCircuit
        For `run_circuit_until`.

    Raises
    ------
    ShapeError
        If a neuron model refuses its constants, or a cycle has no delay at all.
    """
    tables = circuit_tables(circuit)
    return ReadyCircuit(circuit, tables, wiring_of(tables))


def run_circuit_until(
    circuit: Circuit | ReadyCircuit,
    spikes: SpikeTrains,
    watched: str,
    rule: StopRule | None,
    *,
    t_end: float,
    currents: np.ndarray | None = None,
    max_events: int = MAX_EVENTS,
) -> Iterator[StoppedRun]:
    """Run samples one after the other, each until it is decided.

    Parameters
    ----------
    circuit : Circuit or ReadyCircuit
        Any graph without a cycle of zero delay; `ready_circuit` spares the work of
        building its tables again.
    spikes : SpikeTrains
        Spikes of the input channels; may carry values.
    watched : str
        Population whose spikes decide.
    rule : StopRule or None
        What decides; ``None``: nothing.
    t_end : float, network time units
        End of the run where nothing is decided before. A decision there is one.
    currents : ndarray, shape (batch, n_neurons), or None
        Constant current of each neuron in each sample, instead of the populations'
        own; None = those.
    max_events : int, default 100 million
        Bound on the events of one sample.

    Yields
    ------
    StoppedRun
        One for each sample. Its spikes are those of `run_circuit` up to the decision,
        bit for bit.

    Raises
    ------
    ShapeError
        If the input does not fit the circuit, or there is no such population.
    SimulationLimitError
        If a sample has more than `max_events` events; ``partial`` holds its spikes.
    """
    ready = circuit if isinstance(circuit, ReadyCircuit) else ready_circuit(circuit)
    circuit, wiring = ready.circuit, ready.wiring
    check_circuit_run(circuit, spikes, t_end)
    neurons = circuit.neurons(watched)
    if max_events < 1:
        raise ShapeError(
            f"simulate: max_events is {max_events}; expected a positive number"
        )
    inputs = input_spikes(spikes)
    room = kernels.room_for(wiring, max_events + 1, t_end)
    numbers = _numbers(rule, len(neurons))
    plan = np.empty(1)
    for sample, (first, stop) in enumerate(pairwise(inputs.offsets.tolist())):
        plan[0] = numbers[kernels.TIME]
        if currents is not None:
            wiring = driven_wiring(ready.wiring, ready.tables, currents[sample])
        start = perf_counter()
        room, is_done = kernels.run_until(
            wiring,
            inputs,
            first,
            stop,
            numbers,
            neurons.start,
            neurons.stop,
            plan,
            room,
        )
        seconds = perf_counter() - start
        found = _spikes(room, circuit.n_neurons)
        if not is_done:
            reached = float(found.time[-1]) if found.time.size else 0.0
            raise limit_error(circuit, max_events, reached, found)
        yield StoppedRun(float(plan[0]), found, int(room[8][N_EVENTS]), seconds)


def _numbers(rule: StopRule | None, n_watched: int) -> np.ndarray:
    """Return a rule as the kernels read it."""
    numbers = np.empty(kernels.N_NUMBERS)
    if rule is None:
        rule = StopRule(lead=math.inf)
    numbers[kernels.LEAD], numbers[kernels.SHARE] = rule.lead, rule.probability
    numbers[kernels.SMOOTHING] = rule.smoothing
    numbers[kernels.FLOOR] = n_watched * rule.smoothing
    numbers[kernels.WINDOW], numbers[kernels.TIME] = rule.window, rule.time
    return numbers


def _spikes(room: tuple[Any, ...], n_neurons: int) -> SpikeTrains:
    """Return a copy of the spikes of a sample."""
    n = int(room[8][N_SPIKES])
    neuron = (room[12][:n] // N_KINDS).astype(np.int32)
    offsets = np.array([0, n])
    return SpikeTrains.unchecked(room[11][:n].copy(), neuron, offsets, n_neurons)
