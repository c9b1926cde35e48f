"""The readable event queue: one event after the other, to be looked at.

This is the event semantics as a program. Pending events lie in one list, sorted by

1. time;
2. level: inputs first, then neurons from the start of zero-delay chains to their
   end;
3. phase: what a neuron does by itself (release, threshold crossing), what arrives at
   it, and what it does at once with all that has arrived: the threshold test of models
   whose potential jumps with an input, another spike of a neuron with a refractory
   kernel that an input finds at its threshold;
4. number of the channel or neuron;
5. the order in which the events were made.

A neuron has at most one pending spike, the one that comes if nothing arrives before
it; whatever arrives replaces it by another one or by none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from sortedcontainers import SortedList

from eventsim.circuit import Circuit
from eventsim.engine.queue.circuit_checks import check_circuit_run, limit_error
from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.engine.queue.reference_neuron import QueueNeuron
from eventsim.errors import ShapeError
from eventsim.spikes import SpikeTrains

Kind = Literal["input", "delivery", "spike", "release"]

BY_ITSELF, ARRIVING, TESTED = 0, 1, 2
INPUT_LEVEL = -1
COUNTED = ("delivery", "spike")


@dataclass(frozen=True)
class Event:
    """Something that happens at one time.

    Parameters
    ----------
    time : float, network time units
        When.
    kind : {"input", "delivery", "spike", "release"}
        A spike of an input channel, the arrival of a spike at a neuron, a neuron's
        spike, the end of its refractory period.
    neuron : int
        To which neuron; for an input the number of the channel.
    source : int or None
        Node that sent what arrives: channels come first, then neurons.
    weight : float
        Of a delivery: weight of the connection times the value sent. Of an input:
        its value.
    """

    time: float
    kind: Kind
    neuron: int
    source: int | None = None
    weight: float = 1.0


class Pending(NamedTuple):
    """An event in the queue; its first fields are the order."""

    time: float
    level: int
    phase: int
    number: int
    serial: int
    event: Event


class QueueSimulator:
    """A circuit in the middle of a run.

    Parameters
    ----------
    circuit : Circuit
        Any graph of neurons.
    spikes : SpikeTrains
        One sample of input spikes; neuron numbers are input channels, over all
        inputs of the circuit.
    t_end : float, network time units
        End of the run; events there still count.
    keep_history : bool, default True
        Keep every neuron's state after each of its events, so that `potential` can
        look back.

    Attributes
    ----------
    time : float, network time units
        How far the run has come.
    n_events : int
        Deliveries and spikes done.

    Raises
    ------
    ShapeError
        If the spikes do not fit the circuit, an input spike comes before 0 or
        `t_end` is not a positive number.

    Examples
    --------
    >>> simulator = QueueSimulator(circuit, spikes, t_end=10.0)  # doctest: +SKIP
    >>> simulator.run(stop=simulator.spike_of("output"))  # doctest: +SKIP
    >>> simulator.potential(("output", 3))  # doctest: +SKIP
    """

    def __init__(
        self,
        circuit: Circuit,
        spikes: SpikeTrains,
        t_end: float,
        *,
        keep_history: bool = True,
    ) -> None:
        check_circuit_run(circuit, spikes, t_end)
        if spikes.batch != 1:
            raise ShapeError(
                f"simulate: there are {spikes.batch} samples of input spikes; expected "
                "1, the readable queue runs one at a time"
            )
        self.circuit = circuit
        self.t_end = float(t_end)
        self.time = 0.0
        self.n_events = 0
        self._tables = tables = circuit_tables(circuit)
        self._queue: SortedList = SortedList()
        self._serial = 0
        self._observers: list[Callable[[Event], object]] = []
        self._spikes: list[tuple[float, int]] = []
        self._planned: list[Pending | None] = [None] * tables.n_neurons
        self._neurons = [
            QueueNeuron(tables.dynamics[group], theta, drive, keep_history)
            for group, theta, drive in zip(
                tables.group.tolist(),
                tables.theta.tolist(),
                tables.drive.tolist(),
                strict=True,
            )
        ]
        values = np.ones(spikes.time.size) if spikes.value is None else spikes.value
        for time, channel, value in zip(
            spikes.time.tolist(), spikes.neuron.tolist(), values.tolist(), strict=True
        ):
            event = Event(time, "input", channel, weight=value)
            self._add(event, INPUT_LEVEL, BY_ITSELF)
        for k in range(tables.n_neurons):
            self._plan_spike(k)

    def step(self) -> Event | None:
        """Do the next event.

        Returns
        -------
        Event or None
            What was done; ``None`` if nothing is left until ``t_end``.
        """
        if not self._queue:
            return None
        event: Event = self._queue.pop(0).event
        self.time = event.time
        self.n_events += event.kind in COUNTED
        if event.kind == "input":
            self._send(event.neuron, event.weight)
        elif event.kind == "delivery":
            self._deliver(event)
        elif event.kind == "spike":
            self._fire(event)
        else:
            self._neurons[event.neuron].release(event.time)
            self._plan_spike(event.neuron)
        for callback in self._observers:
            callback(event)
        return event

    def peek(self) -> Event | None:
        """Return the next event without doing it, ``None`` if nothing is left."""
        return self._queue[0].event if self._queue else None

    def run(
        self,
        until: float | None = None,
        stop: Callable[[Event], bool] | None = None,
        max_events: int | None = None,
    ) -> Event | None:
        """Do events until a time, a condition or the end of the run.

        Parameters
        ----------
        until : float or None, network time units
            Events at this time are done; ``None``: ``t_end``.
        stop : callable or None
            Gets every event after it was done; True ends the run there. See
            `spike_of`.
        max_events : int or None
            Largest ``n_events``, over the whole run.

        Returns
        -------
        Event or None
            The event for which `stop` was True, else ``None``.

        Raises
        ------
        SimulationLimitError
            If more events would be needed; its ``partial`` holds `spikes` so far.
        """
        end = self.t_end if until is None else min(until, self.t_end)
        while self._queue and self._queue[0].time <= end:
            is_counted = self._queue[0].event.kind in COUNTED
            if max_events is not None and self.n_events >= max_events and is_counted:
                raise limit_error(self.circuit, max_events, self.time, self.spikes())
            event = self.step()
            if event is not None and stop is not None and stop(event):
                return event
        self.time = max(self.time, end)
        return None

    def observe(self, callback: Callable[[Event], object]) -> None:
        """Call a function with every event, after the event was done."""
        self._observers.append(callback)

    def spike_of(self, name: str) -> Callable[[Event], bool]:
        """Return a condition for `run`: a spike of any neuron of a population."""
        neurons = self.circuit.neurons(name)
        return lambda event: event.kind == "spike" and event.neuron in neurons

    def potential(self, neuron: int | tuple[str, int], t: float | None = None) -> float:
        """Return the membrane potential ``u`` of a neuron.

        Parameters
        ----------
        neuron : int or tuple of str and int
            Number of the neuron, or name of its population and place in it.
        t : float or None, network time units
            ``None``: now. Later than now: as if nothing arrived in between. At a
            time of events: after them.

        Returns
        -------
        float
            In the model's units. Inside a refractory period and after the last
            spike that a neuron may have, what the model says of its state there.

        Raises
        ------
        ShapeError
            If there is no such neuron, the time is before 0 or before what is kept,
            or the neuron's next spike comes before it.
        """
        k = self._number(neuron)
        t = self.time if t is None else t
        planned = self._planned[k]
        if t > self.time and planned is not None and planned.time <= t:
            raise ShapeError(
                f"potential: {self._name(k)} is about to spike at {planned.time}, got "
                f"t = {t}; expected an earlier time; run until {t} first"
            )
        try:
            return self._neurons[k].potential(t)
        except LookupError:
            raise ShapeError(
                f"potential: the state of {self._name(k)} at {t} is not known; "
                "expected a time from 0 on, and keep_history=True to look back"
            ) from None

    def next_spike(self, neuron: int | tuple[str, int]) -> float:
        """Return when a neuron spikes if nothing arrives before, ``inf`` = never."""
        planned = self._planned[self._number(neuron)]
        return math.inf if planned is None else planned.time

    def spikes(self, name: str | None = None) -> SpikeTrains:
        """Return the spikes until now, in order of time, then of neuron.

        Parameters
        ----------
        name : str or None
            Population; ``None`` = all neurons of the circuit.

        Returns
        -------
        SpikeTrains
            One sample.
        """
        neurons = range(self.circuit.n_neurons)
        if name is not None:
            neurons = self.circuit.neurons(name)
        found = sorted(spike for spike in self._spikes if spike[1] in neurons)
        return SpikeTrains(
            np.array([time for time, _ in found], np.float64),
            np.array([k - neurons.start for _, k in found], np.int32),
            np.array([0, len(found)], np.int64),
            len(neurons),
        )

    def _add(self, event: Event, level: int, phase: int) -> Pending:
        pending = Pending(event.time, level, phase, event.neuron, self._serial, event)
        self._serial += 1
        if event.time <= self.t_end:
            self._queue.add(pending)
        return pending

    def _send(self, node: int, value: float) -> None:
        """Put the arrivals of a spike into the queue."""
        tables = self._tables
        for c in range(tables.offsets[node], tables.offsets[node + 1]):
            target = int(tables.target[c])
            event = Event(
                self.time + float(tables.delay[c]),
                "delivery",
                target,
                node,
                float(tables.weight[c]) * value,
            )
            self._add(event, int(tables.level[target]), ARRIVING)

    def _deliver(self, event: Event) -> None:
        neuron = self._neurons[event.neuron]
        if not neuron.is_exhausted:
            neuron.receive(event.time, event.weight)
            self._plan_spike(event.neuron, is_reached=True)

    def _fire(self, event: Event) -> None:
        k = event.neuron
        neuron = self._neurons[k]
        self._planned[k] = None
        neuron.fire(event.time)
        self._spikes.append((event.time, k))
        if neuron.free > event.time:
            release = Event(neuron.free, "release", k)
            self._add(release, int(self._tables.level[k]), BY_ITSELF)
        self._plan_spike(k)
        self._send(self._tables.n_inputs + k, 1.0)

    def _plan_spike(self, k: int, *, is_reached: bool = False) -> None:
        """Replace the spike that the neuron is about to fire.

        `is_reached`: by an input of this time, and there may be more of them.
        """
        planned = self._planned[k]
        if planned is not None:
            self._queue.remove(planned)
            self._planned[k] = None
        neuron = self._neurons[k]
        time = neuron.next_spike(self.t_end)
        if time <= self.t_end:
            waits = neuron.d.kick != 0 or (is_reached and time == self.time)
            phase = TESTED if waits else BY_ITSELF
            level = int(self._tables.level[k])
            self._planned[k] = self._add(Event(time, "spike", k), level, phase)

    def _number(self, neuron: int | tuple[str, int]) -> int:
        if isinstance(neuron, tuple):
            name, index = neuron
            neurons = self.circuit.neurons(name)
            is_inside = 0 <= index < len(neurons)
            size = len(neurons)
            number = neurons.start + index
        else:
            size = self.circuit.n_neurons
            is_inside = 0 <= neuron < size
            number = neuron
        if not is_inside:
            raise ShapeError(
                f"queue: there is no neuron {neuron}; expected 0 to {size - 1}"
            )
        return number

    def _name(self, k: int) -> str:
        return self.circuit.name_of(self.circuit.n_inputs + k)
