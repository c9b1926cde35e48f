"""What arrives at each neuron of a circuit, from all spikes of a run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eventsim.jit import jit


class Wires(NamedTuple):
    """Connections: the fields of `CircuitTables` with these names."""

    n_inputs: int
    offsets: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


class Sent(NamedTuple):
    """Spikes of inputs and neurons in the order in which they were sent."""

    time: np.ndarray
    node: np.ndarray
    value: np.ndarray


class Arrivals(NamedTuple):
    """What arrives at each neuron in order of time; of neuron k ``offsets[k:k+2]``."""

    offsets: np.ndarray
    time: np.ndarray
    connection: np.ndarray
    sent: np.ndarray


@jit()
def count_arrivals(wires, sent, last_spike, counts):
    """Count what arrives at each neuron until its last spike.

    Parameters
    ----------
    wires : Wires
        Connections.
    sent : Sent
        Spikes.
    last_spike : ndarray, shape (n_neurons,), network time units
        What arrives later has no effect on any spike; ``-inf`` = silent.
    counts : ndarray, shape (n_neurons,), int64
        Added to.

    Returns
    -------
    int
        A connection whose delay is lost in the rounding of times, -1 = none.
    """
    for s in range(sent.time.size):
        t, node = sent.time[s], sent.node[s]
        for c in range(wires.offsets[node], wires.offsets[node + 1]):
            arrival = t + wires.delay[c]
            if arrival == t and wires.delay[c] > 0:
                return c
            k = wires.target[c]
            if arrival <= last_spike[k]:
                counts[k] += 1
    return -1


@jit()
def list_arrivals(wires, sent, last_spike, arrivals):
    """List what arrives at each neuron, in order of time, then of sending.

    Parameters
    ----------
    wires, sent, last_spike
        As in `count_arrivals`.
    arrivals : Arrivals
        Written; the offsets are given.
    """
    place = arrivals.offsets.copy()
    for s in range(sent.time.size):
        t, node = sent.time[s], sent.node[s]
        for c in range(wires.offsets[node], wires.offsets[node + 1]):
            arrival = t + wires.delay[c]
            k = wires.target[c]
            if arrival <= last_spike[k]:
                at = place[k]
                arrivals.time[at] = arrival
                arrivals.connection[at] = c
                arrivals.sent[at] = s
                place[k] += 1
    for k in range(last_spike.size):
        first, last = arrivals.offsets[k], arrivals.offsets[k + 1]
        times = arrivals.time[first:last]
        if np.any(times[1:] < times[:-1]):
            order = np.argsort(times, kind="mergesort")
            arrivals.time[first:last] = times[order]
            arrivals.connection[first:last] = arrivals.connection[first:last][order]
            arrivals.sent[first:last] = arrivals.sent[first:last][order]
