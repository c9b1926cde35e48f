"""A feed-forward network as a circuit, connection by connection.

Dense, convolutional and sparse layers are unrolled. A pool that passes the earliest
spike of a window is a population of integrators that fire once, at the first spike
that reaches them. A pool that averages, dropout (nothing is dropped here) and
a layer that flattens have no neurons: they become part of the connections behind them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from eventsim.circuit import Circuit, Input, Population, Projection
from eventsim.engine.fan_out import fan_out, pool_members
from eventsim.errors import ShapeError
from eventsim.network import Layer, Network, Neuron
from eventsim.topology import (
    AveragePool,
    Conv2d,
    Dense,
    Dropout,
    EarliestPool,
    Flatten,
    Sparse,
)

INPUT = "input"
POOL_NEURON = Neuron("if_delta", "static", max_spikes=1)
POOL_THETA = 0.5


@dataclass(frozen=True)
class Origin:
    """Where the connections of a projection come from.

    Parameters
    ----------
    layer : int
        Number of the network's layer, from 1, that the connections lead to.
    synapse : ndarray, shape (n_connections,), int64
        Place in the layer's flattened ``weight``; empty for pools.
    feature : ndarray, shape (n_connections,), int64
        Unit or channel of the layer that sends the spike: its place in ``delay``.
    factor : ndarray, shape (n_connections,)
        The connection's weight over that of the synapse: average pools between them.
    """

    layer: int
    synapse: np.ndarray
    feature: np.ndarray
    factor: np.ndarray


@dataclass(frozen=True)
class NetworkCircuit:
    """A network as a circuit, and what became of its layers.

    Parameters
    ----------
    circuit : Circuit
        Populations and projections.
    names : tuple of str or None
        Group that holds the spikes of each layer, the input first; ``None`` for
        layers without neurons.
    origins : tuple of Origin
        One for each projection.
    """

    circuit: Circuit
    names: tuple[str | None, ...]
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class _Paths:
    """Ways from the neurons that fired last to the places of a layer's output."""

    group: str
    pre: np.ndarray
    place: np.ndarray
    factor: np.ndarray
    feature: np.ndarray
    delay: np.ndarray


def circuit_of(network: Network) -> NetworkCircuit:
    """Unroll a feed-forward network.

    Parameters
    ----------
    network : Network
        Static thresholds only.

    Returns
    -------
    NetworkCircuit
        Populations have the names of the layers. Where currents are the input, its
        channels are there and nothing is connected to them.

    Raises
    ------
    ShapeError
        If a layer has the dynamic threshold, or an average pool is followed by one
        that passes the earliest spike.
    """
    n_in = prod(network.input_shape)
    paths = _paths_from(INPUT, np.arange(n_in), None)
    populations, projections, origins = [], [], []
    names: list[str | None] = [INPUT]
    for k, layer in enumerate(network.layers, start=1):
        topology = layer.topology
        if isinstance(topology, AveragePool):
            paths = _averaged(paths, topology)
        if isinstance(topology, AveragePool | Flatten | Dropout):
            names.append(None)
            continue
        name = f"{k}: {layer.name}"
        if isinstance(topology, EarliestPool):
            population, projection, origin = _pool(k, name, layer, topology, paths)
        else:
            population, projection, origin = _neurons(k, name, layer, paths)
        populations.append(population)
        if paths.group != INPUT or network.input == "spikes":
            projections.append(projection)
            origins.append(origin)
        names.append(name)
        feature = np.arange(layer.n_neurons) % topology.output_shape[-1]
        paths = _paths_from(name, feature, layer.delay)
    circuit = Circuit((Input(INPUT, n_in),), tuple(populations), tuple(projections))
    return NetworkCircuit(circuit, tuple(names), tuple(origins))


def _paths_from(group: str, feature: np.ndarray, delay: np.ndarray | None) -> _Paths:
    neurons = np.arange(feature.size)
    delays = np.zeros(feature.size) if delay is None else delay[feature]
    return _Paths(
        group, neurons, neurons, np.ones(feature.size), feature, np.asarray(delays)
    )


def _through(paths: _Paths, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join paths with connections that start at the places they end at.

    Parameters
    ----------
    paths : _Paths
        Several may end at one place.
    source : ndarray, shape (n_connections,)
        Place at which each connection starts.

    Returns
    -------
    path, connection : ndarray, shape (n_joined,), int64
        Which path goes on as which connection; in order of connections.
    """
    order = np.argsort(paths.place, kind="stable")
    n_places = max(int(source.max(initial=-1)), int(paths.place.max(initial=-1))) + 1
    counts = np.bincount(paths.place, minlength=n_places)
    first = np.concatenate([[0], np.cumsum(counts)])
    repeats = counts[source]
    connection = np.repeat(np.arange(source.size), repeats)
    before = np.concatenate([[0], np.cumsum(repeats)])[connection]
    rank = np.arange(connection.size) - before
    return order[first[source][connection] + rank], connection


def _averaged(paths: _Paths, topology: AveragePool) -> _Paths:
    neuron, window = pool_members(topology)
    path, connection = _through(paths, neuron)
    return replace(
        paths,
        pre=paths.pre[path],
        place=window[connection],
        factor=paths.factor[path] / topology.size**2,
        feature=paths.feature[path],
        delay=paths.delay[path],
    )


def _pool(
    k: int, name: str, layer: Layer, topology: EarliestPool, paths: _Paths
) -> tuple[Population, Projection, Origin]:
    if np.any(paths.factor != 1):
        raise ShapeError(
            f"circuit: {layer.name} passes the earliest spike of a window, behind a "
            "pool that averages; expected a layer with neurons in between"
        )
    neuron, window = pool_members(topology)
    path, connection = _through(paths, neuron)
    size = prod(topology.output_shape)
    population = Population(name, size, POOL_NEURON, POOL_THETA)
    projection = Projection(
        paths.group,
        name,
        paths.pre[path],
        window[connection],
        np.ones(path.size),
        paths.delay[path],
    )
    nothing = np.empty(0, np.int64)
    origin = Origin(k, nothing, paths.feature[path], np.ones(path.size))
    return population, projection, origin


def _neurons(
    k: int, name: str, layer: Layer, paths: _Paths
) -> tuple[Population, Projection, Origin]:
    neuron, weight, theta = layer.neuron, layer.weight, layer.theta
    assert neuron is not None
    assert weight is not None
    assert theta is not None
    if neuron.threshold == "dynamic":
        raise ShapeError(
            f"circuit: {layer.name} has the dynamic threshold; expected 'static', a "
            "queue has no firing windows; use the window or the sweep engine"
        )
    topology = layer.topology
    feature = np.arange(layer.n_neurons) % topology.output_shape[-1]
    current = 0.0 if layer.current is None else _float64(layer.current)[feature]
    population = Population(
        name, layer.n_neurons, neuron, _float64(theta)[feature], current
    )
    assert isinstance(topology, Dense | Conv2d | Sparse)
    pre, post, synapse = _connections(topology)
    path, connection = _through(paths, pre)
    synapse = synapse[connection]
    delay = np.asarray(paths.delay[path], np.float64)
    if layer.synaptic_delay is not None:
        delay = delay + _float64(layer.synaptic_delay).ravel()[synapse]
    factor = paths.factor[path]
    projection = Projection(
        paths.group,
        name,
        paths.pre[path],
        post[connection],
        _float64(weight).ravel()[synapse] * factor,
        delay,
    )
    return population, projection, Origin(k, synapse, paths.feature[path], factor)


def _connections(
    topology: Dense | Conv2d | Sparse,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return input neuron, output neuron and flat weight index of every synapse."""
    if isinstance(topology, Sparse):
        return topology.pre, topology.post, np.arange(topology.pre.size)
    table = fan_out(topology)
    source = np.repeat(np.arange(table.offsets.size - 1), np.diff(table.offsets))
    channel = np.arange(table.n_channels)
    pre = np.repeat(source, table.n_channels)
    post = (
        table.position[:, None].astype(np.int64) * table.n_channels + channel
    ).ravel()
    synapse = (table.row[:, None].astype(np.int64) * table.n_channels + channel).ravel()
    return pre, post, synapse


def _float64(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float64)
