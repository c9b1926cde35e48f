"""A circuit as flat tables, in the order in which the queue reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from eventsim.circuit import Circuit
from eventsim.errors import ShapeError
from eventsim.neurons import model_of
from eventsim.neurons.dynamics import Dynamics


@dataclass(frozen=True)
class CircuitTables:
    """What the queue engines run on.

    Parameters
    ----------
    n_inputs, n_neurons : int
        Nodes ``0 .. n_inputs - 1`` are inputs, neuron k is node ``n_inputs + k``.
    offsets : ndarray, shape (n_inputs + n_neurons + 1,), int64
        Connections of node s are ``offsets[s]:offsets[s + 1]``, in order of delay,
        then as given.
    target : ndarray, shape (n_connections,), int32
        Neuron number (not node) at the other end.
    weight, delay : ndarray, shape (n_connections,), float64
        Of each connection.
    given : ndarray, shape (n_connections,), int64
        Its place in the circuit's projections, one after the other.
    group : ndarray, shape (n_neurons,), int32
        Number of the population.
    dynamics : tuple of Dynamics
        Constants of each population.
    theta, drive : ndarray, shape (n_neurons,), float64
        Threshold, and the current in units of the potential per time.
    level : ndarray, shape (n_neurons,), int32
        Longest chain of zero-delay connections that ends at the neuron: at one
        time, neurons fire in this order.
    drive_scale : ndarray, shape (n_neurons,), float64
        Drive per unit of current.
    """

    n_inputs: int
    n_neurons: int
    offsets: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray
    given: np.ndarray
    group: np.ndarray
    dynamics: tuple[Dynamics, ...]
    theta: np.ndarray
    drive: np.ndarray
    level: np.ndarray
    drive_scale: np.ndarray

    def driven_by(self, current: np.ndarray) -> CircuitTables:
        """Return the tables with another current of each neuron, (n_neurons,)."""
        return replace(self, drive=current * self.drive_scale)


def circuit_tables(circuit: Circuit) -> CircuitTables:
    """Build the tables of a circuit.

    Parameters
    ----------
    circuit : Circuit
        Any graph without a cycle of zero delay.

    Returns
    -------
    CircuitTables
        Flat arrays.

    Raises
    ------
    ShapeError
        If a neuron model refuses its constants, or a cycle has no delay at all.
    """
    n_inputs, n_neurons = circuit.n_inputs, circuit.n_neurons
    source, target, weight, delay = [], [], [], []
    for projection in circuit.projections:
        source.append(circuit.nodes(projection.source).start + projection.pre)
        target.append(circuit.neurons(projection.target).start + projection.post)
        weight.append(np.asarray(projection.weight, np.float64))
        delay.append(np.broadcast_to(projection.delay, projection.pre.shape))
    sources = _joined(source, np.int64)
    targets, delays = _joined(target, np.int32), _joined(delay, np.float64)
    order = np.lexsort((delays, sources))
    counts = np.bincount(sources, minlength=n_inputs + n_neurons)
    dynamics, theta, current, scale = [], [], [], []
    for population in circuit.populations:
        model = model_of(population.neuron)
        dynamics.append(_of_one_type(model.dynamics(population.neuron)))
        theta.append(np.broadcast_to(population.theta, population.size))
        current.append(np.broadcast_to(population.current, population.size))
        scale.append(np.full(population.size, model.drive_scale(population.neuron)))
    drive_scale = _joined(scale, np.float64)
    sizes = [population.size for population in circuit.populations]
    return CircuitTables(
        n_inputs=n_inputs,
        n_neurons=n_neurons,
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        target=targets[order],
        weight=_joined(weight, np.float64)[order],
        delay=delays[order],
        given=order.astype(np.int64),
        group=np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
        dynamics=tuple(dynamics),
        theta=_joined(theta, np.float64),
        drive=_joined(current, np.float64) * drive_scale,
        level=_levels(circuit, sources - n_inputs, targets, delays),
        drive_scale=drive_scale,
    )


def _of_one_type(dynamics: Dynamics) -> Dynamics:
    """Return the same constants typed alike for every model, as kernels need them."""
    kinds = {"clamps": bool, "filters_drive": bool, "max_spikes": int}
    return Dynamics(
        *(kinds.get(name, float)(value) for name, value in dynamics._asdict().items())
    )


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *parts]).astype(dtype)


def _levels(
    circuit: Circuit, source: np.ndarray, target: np.ndarray, delay: np.ndarray
) -> np.ndarray:
    """Return the length of the longest zero-delay chain that ends at each neuron."""
    n_neurons = circuit.n_neurons
    level = np.zeros(n_neurons, np.int32)
    instant = (delay == 0) & (source >= 0)
    if not instant.any():
        return level
    pre, post = source[instant], target[instant].astype(np.int64)
    shape = (n_neurons, n_neurons)
    graph = csr_array((np.ones(pre.size, np.int8), (pre, post)), shape=shape)
    n_parts, part = connected_components(graph, connection="strong")
    in_cycle = np.bincount(part, minlength=n_parts)[part] > 1
    in_cycle[pre[pre == post]] = True
    if in_cycle.any():
        first = int(np.flatnonzero(in_cycle)[0])
        members = np.flatnonzero(part == part[first])[:5]
        names = ", ".join(circuit.name_of(circuit.n_inputs + int(k)) for k in members)
        raise ShapeError(
            f"circuit: a cycle through {names} has no delay; expected a positive delay "
            "on at least one of its connections"
        )
    for _ in range(n_neurons):
        deeper = level.copy()
        np.maximum.at(deeper, post, level[pre] + 1)
        if np.array_equal(deeper, level):
            break
        level = deeper
    return level
