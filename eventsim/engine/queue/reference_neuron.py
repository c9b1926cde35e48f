"""One neuron of the readable event queue: its state, and what changes it."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import NamedTuple

from eventsim.neurons import dynamics as rules
from eventsim.neurons.crossing import spike_until
from eventsim.neurons.dynamics import Dynamics


class State(NamedTuple):
    """State of a neuron just after one of its events.

    Parameters
    ----------
    time : float, network time units
        Of the event.
    v, i, p, q : float
        See `eventsim.neurons.dynamics`.
    free : float, network time units
        End of the last refractory period.
    is_exhausted : bool
        Whether the neuron has had its last spike.
    """

    time: float
    v: float
    i: float
    p: float
    q: float
    free: float
    is_exhausted: bool


class QueueNeuron:
    """A neuron between two events.

    Parameters
    ----------
    d : Dynamics
        Constants.
    theta : float
        Threshold.
    drive : float
        Constant drive, potential per network time unit.
    keep_history : bool
        Keep all states instead of the last one.
    """

    def __init__(
        self, d: Dynamics, theta: float, drive: float, keep_history: bool
    ) -> None:
        self.d = d
        self.theta = theta
        self.drive = drive
        self.n_spikes = 0
        current = float(rules.start(d, drive))
        self.state = State(0.0, 0.0, current, 0.0, 0.0, 0.0, False)
        self.history = [self.state]
        self._keep_history = keep_history

    @property
    def is_exhausted(self) -> bool:
        """Whether the neuron has had its last spike and ignores everything."""
        return self.state.is_exhausted

    @property
    def free(self) -> float:
        """End of the last refractory period, network time units."""
        return self.state.free

    def receive(self, time: float, weight: float) -> None:
        """Add an input."""
        state = self._moved(self.state, time)
        v, i = rules.receive(self.d, state.v, state.i, weight)
        self._enter(state._replace(v=v, i=i))

    def release(self, time: float) -> None:
        """End the refractory period."""
        self._enter(self._moved(self.state, time))

    def fire(self, time: float) -> None:
        """Reset after a spike.

        A potential that reached the threshold by itself is set to it first; one that
        an input lifted there keeps what is above.
        """
        d = self.d
        is_pinned = d.kick == 0 or time > self.state.time
        state = self._moved(self.state, time)
        v = rules.pin(d, state.v, state.p, self.theta) if is_pinned else state.v
        v, i, p, q = rules.reset(
            d, v, state.i, state.p, state.q, self.drive, self.theta
        )
        self.n_spikes += 1
        self._enter(
            State(time, v, i, p, q, time + d.refractory, self.n_spikes >= d.max_spikes)
        )

    def next_spike(self, t_end: float) -> float:
        """Return when the neuron spikes if nothing arrives, ``inf`` = not in the run.

        Inside a refractory period that is not known before its end.
        """
        state = self.state
        if state.is_exhausted or state.time < state.free:
            return math.inf
        height = self.d.factor * self.theta
        if self.d.recoil == 0 and state.v >= height:
            return state.time
        values = state[1:5]
        time: float = spike_until(
            self.d, *values, self.drive, height, state.time, t_end
        )
        return time

    def potential(self, time: float) -> float:
        """Return ``u`` at a time, after the events there, from what is kept.

        Raises
        ------
        LookupError
            If no state of that time is kept.
        """
        place = bisect_right(self.history, time, key=lambda state: state.time)
        if place == 0:
            raise LookupError
        state = self._moved(self.history[place - 1], time)
        return float(state.v + state.p)

    def _moved(self, state: State, time: float) -> State:
        """Return a state moved on without events."""
        if state.is_exhausted:
            return state._replace(time=time)
        d, now = self.d, state.time
        values = state[1:5]
        if d.clamps and now < state.free:
            stop = min(time, state.free)
            values = rules.advance_held(d, *values, self.drive, stop - now)
            now = stop
        if now < time:
            values = rules.advance(d, *values, self.drive, time - now)
        return State(time, *values, state.free, state.is_exhausted)

    def _enter(self, state: State) -> None:
        self.state = state
        if not self._keep_history:
            self.history.clear()
        self.history.append(state)
