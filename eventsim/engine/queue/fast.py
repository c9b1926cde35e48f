"""The queue engine: any directed graph of neurons, event by event.

Two schedules with the same result, bit for bit. ``"heap"`` keeps the alarms of all
neurons and the spikes on their way in two heaps and does whatever comes first, in
``O(log N)`` per event. ``"delay_window"`` uses that a spike changes nothing sooner
than the shortest delay between neurons later: up to then every neuron can be run
alone through its arrivals. It needs all those delays to be positive.

Samples are independent; several are run on several threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numba
import numpy as np

from eventsim.circuit import Circuit
from eventsim.engine.neuron_run_kernels import GRAZED
from eventsim.engine.queue import delay_window_kernels, heap_loop_kernels
from eventsim.engine.queue.circuit_checks import (
    MAX_EVENTS,
    check_circuit_run,
    limit_error,
)
from eventsim.engine.queue.circuit_tables import CircuitTables, circuit_tables
from eventsim.engine.queue.heap_loop_kernels import InputSpikes, Wiring
from eventsim.engine.queue.neuron_kernels import (
    CURRENT,
    DRIVE,
    FREE,
    GOAL,
    GROUP,
    HEIGHT,
    LEFT,
    N_KINDS,
    N_MORE_COLUMNS,
    N_ROW_COLUMNS,
    THETA,
)
from eventsim.errors import ShapeError
from eventsim.neurons.dynamics import Dynamics
from eventsim.spikes import SpikeTrains

Scheduler = Literal["auto", "heap", "delay_window"]
SCHEDULERS: tuple[Scheduler, ...] = ("auto", "heap", "delay_window")
# Chunks of samples per thread, so that threads that finish early find more to do.
CHUNKS_PER_THREAD = 4
# Relative gap of the rates below which their difference has lost digits.
CLOSE_RATES = 0.05


@dataclass(frozen=True)
class QueueRecording:
    """What a circuit did.

    Parameters
    ----------
    circuit : Circuit
        What was run.
    spikes : SpikeTrains
        Spikes of all neurons, ordered by time, then by neuron number.
    kind : ndarray, shape (n_spikes,), uint8
        How each spike came about: crossed (0), grazed (1), triggered by an
        instantaneous input (2) or released by the end of a refractory period (3).
    n_events : int
        Arrivals at neurons plus spikes.
    """

    circuit: Circuit
    spikes: SpikeTrains
    kind: np.ndarray
    n_events: int

    @property
    def n_grazing(self) -> int:
        """Number of crossings with nearly no slope."""
        return int(np.count_nonzero(self.kind == GRAZED))

    def is_in(self, name: str) -> np.ndarray:
        """Return which spikes are those of a population, shape (n_spikes,), bool."""
        neurons = self.circuit.neurons(name)
        neuron = self.spikes.neuron
        return (neuron >= neurons.start) & (neuron < neurons.stop)

    def population(self, name: str) -> SpikeTrains:
        """Return the spikes of one population, its neurons counted from 0.

        Parameters
        ----------
        name : str
            A population.

        Returns
        -------
        SpikeTrains
            A copy.

        Raises
        ------
        ShapeError
            If there is no such population.
        """
        neurons = self.circuit.neurons(name)
        spikes, is_in = self.spikes, self.is_in(name)
        before = np.concatenate([[0], np.cumsum(is_in)])
        return SpikeTrains(
            time=spikes.time[is_in],
            neuron=spikes.neuron[is_in] - np.int32(neurons.start),
            offsets=before[spikes.offsets],
            n_neurons=len(neurons),
        )


def run_circuit(
    circuit: Circuit,
    spikes: SpikeTrains,
    *,
    t_end: float,
    currents: np.ndarray | None = None,
    max_events: int = MAX_EVENTS,
    scheduler: Scheduler = "auto",
) -> QueueRecording:
    """Find all spikes of a circuit.

    Parameters
    ----------
    circuit : Circuit
        Any graph without a cycle of zero delay.
    spikes : SpikeTrains
        Spikes of the input channels, in the circuit's numbering; may carry values.
    t_end : float, network time units
        End of the run, which starts at 0; spikes there count.
    currents : ndarray, shape (batch, n_neurons), or None
        Constant current of each neuron in each sample, instead of the populations'
        own; None = those.
    max_events : int, default 100 million
        Bound on the events (arrivals and spikes) of one sample. A spike takes 13
        bytes, so the bound also limits the memory.
    scheduler : {"auto", "heap", "delay_window"}
        All give the same spikes.

    Returns
    -------
    QueueRecording
        Spikes and how they came about.

    Raises
    ------
    ShapeError
        If the input does not fit the circuit, or the scheduler its delays.
    SimulationLimitError
        If a sample has more than `max_events` events. ``partial`` is the recording
        of the samples before it and of the events that were done; samples behind it
        are silent.
    """
    check_circuit_run(circuit, spikes, t_end)
    if max_events < 1:
        raise ShapeError(
            f"simulate: max_events is {max_events}; expected a positive number"
        )
    tables = circuit_tables(circuit)
    wiring = wiring_of(tables)
    longest = _shortest_delay(tables)
    chosen = _choose(scheduler, longest, t_end)
    is_heap = chosen == "heap"
    inputs = input_spikes(spikes)
    limit = max_events + 1

    def run(first: int, stop: int) -> Any:
        its = wiring
        if currents is not None:
            its = driven_wiring(wiring, tables, currents[first])
        if is_heap:
            return heap_loop_kernels.run_samples(
                its, inputs, first, stop, float(t_end), limit
            )
        return delay_window_kernels.run_samples(
            its, inputs, first, stop, longest, float(t_end), limit
        )

    chunks = _run_chunks(run, spikes.batch, currents is not None)
    return _recorded(circuit, chunks, max_events, t_end)


def _choose(scheduler: Scheduler, shortest: float, t_end: float) -> Scheduler:
    """Return the schedule to use, given the shortest delay between neurons."""
    if scheduler not in SCHEDULERS:
        raise ShapeError(
            f"simulate: there is no scheduler '{scheduler}'; expected one of "
            f"{', '.join(SCHEDULERS)}"
        )
    can_cut = t_end + shortest > t_end
    if scheduler == "delay_window" and not can_cut:
        raise ShapeError(
            f"simulate: the shortest delay between neurons is {shortest}; expected a "
            "positive one, not lost to rounding, for the scheduler 'delay_window'; use "
            "'heap'"
        )
    if scheduler != "auto":
        return scheduler
    return "delay_window" if can_cut else "heap"


def _shortest_delay(tables: CircuitTables) -> float:
    """Return the shortest delay between neurons, ``inf`` if nothing connects them."""
    between = tables.delay[tables.offsets[tables.n_inputs] :]
    return float(between.min()) if between.size else math.inf


def input_spikes(spikes: SpikeTrains) -> InputSpikes:
    """Return spikes from outside as the kernels read them."""
    value = np.empty(0) if spikes.value is None else spikes.value
    return InputSpikes(
        np.ascontiguousarray(spikes.time, np.float64),
        np.ascontiguousarray(spikes.neuron, np.int32),
        np.ascontiguousarray(value, np.float64),
        np.ascontiguousarray(spikes.offsets, np.int64),
    )


def wiring_of(tables: CircuitTables) -> Wiring:
    """Return a circuit as the kernels read it, its neurons at rest."""
    rows, more = _at_rest(tables)
    jump = np.array([d.kick if d.kick != 0 else d.gain for d in tables.dynamics])
    return Wiring(
        n_inputs=tables.n_inputs,
        offsets=tables.offsets,
        target=tables.target,
        jump=tables.weight * jump[tables.group[tables.target]],
        delay=tables.delay,
        constants=np.array([_constants(d) for d in tables.dynamics]),
        rows=rows,
        more=more,
        level=tables.level,
    )


def driven_wiring(wiring: Wiring, tables: CircuitTables, current: np.ndarray) -> Wiring:
    """Return the wiring of a circuit with another current of each neuron."""
    rows, more = _at_rest(tables.driven_by(current))
    return wiring._replace(rows=rows, more=more)


def _at_rest(tables: CircuitTables) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of all neurons at time 0; see `neuron_kernels`."""
    rows = np.zeros((tables.n_neurons, N_ROW_COLUMNS))
    more = np.zeros((tables.n_neurons, N_MORE_COLUMNS))
    rows[:, FREE] = -math.inf
    rows[:, DRIVE], rows[:, GROUP], rows[:, THETA] = (
        tables.drive,
        tables.group,
        tables.theta,
    )
    for number, d in enumerate(tables.dynamics):
        its = tables.group == number
        drive = tables.drive[its]
        if d.kick != 0:
            rows[its, GOAL] = drive / d.alpha if d.alpha > 0 else 0.0
        else:
            rows[its, CURRENT] = -drive if d.filters_drive else 0.0
        rows[its, HEIGHT] = d.factor * tables.theta[its]
        more[its, LEFT] = d.max_spikes
    return rows, more


def _constants(d: Dynamics) -> list[float]:
    """Return a population's row of constants; see `neuron_kernels.Group`."""
    gap = d.beta - d.alpha
    is_close = abs(gap) <= CLOSE_RATES * max(d.alpha, d.beta)
    slow, fast = min(d.alpha, d.beta), max(d.alpha, d.beta)
    if fast == 0:
        peak = math.inf
    elif slow == 0:
        peak = 1 / fast
    elif slow == fast:
        peak = 1 / (math.e * fast)
    else:
        peak = (fast / slow) ** (-fast / (fast - slow)) / slow
    return [
        *map(float, d),
        1 / d.alpha if d.alpha > 0 else 0.0,
        0.0 if is_close else 1 / gap,
        peak,
    ]


def _run_chunks(
    run: Callable[[int, int], Any], batch: int, one_by_one: bool
) -> list[Any]:
    """Run chunks of samples on Numba's number of threads, results in order."""
    n_threads = numba.get_num_threads()
    n_chunks = min(batch, CHUNKS_PER_THREAD * n_threads if n_threads > 1 else 1)
    if one_by_one:
        n_chunks = batch
    edges = np.linspace(0, batch, n_chunks + 1).astype(int).tolist()
    if n_chunks == 1:
        return [run(0, batch)]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(run, edges[:-1], edges[1:]))


def _recorded(
    circuit: Circuit, chunks: list[Any], max_events: int, t_end: float
) -> QueueRecording:
    """Put the chunks of samples together."""
    n_spikes = np.concatenate([chunk[2] for chunk in chunks])
    n_events = np.concatenate([chunk[3] for chunk in chunks])
    cut = np.flatnonzero(n_events > max_events)
    if cut.size:
        n_spikes[cut[0] + 1 :] = 0
        n_events[cut[0] + 1 :] = 0
    offsets = np.concatenate([[0], np.cumsum(n_spikes)]).astype(np.int64)
    total = int(offsets[-1])
    time = np.empty(total)
    neuron, kind = np.empty(total, np.int32), np.empty(total, np.uint8)
    first = 0
    for found, code, counts, _ in chunks:
        stop = min(first + int(counts.sum()), total)
        time[first:stop] = found[: stop - first]
        # Written where it belongs: a temporary of a long run would be large.
        its = code[: stop - first]
        np.floor_divide(its, N_KINDS, out=neuron[first:stop], casting="unsafe")
        np.remainder(its, N_KINDS, out=kind[first:stop], casting="unsafe")
        first = stop
    recording = QueueRecording(
        circuit=circuit,
        spikes=SpikeTrains(time, neuron, offsets, circuit.n_neurons),
        kind=kind,
        n_events=int(n_events.sum()),
    )
    if cut.size:
        reached = float(time[-1]) if n_spikes[cut[0]] else 0.0
        error = limit_error(circuit, max_events, reached, recording.spikes)
        error.partial = recording
        raise error
    return recording
