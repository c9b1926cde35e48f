"""Records of a spiking circuit: any directed graph of neurons, with delays.

A `Network` is a chain of layers. A `Circuit` is everything else: recurrent
connections, skip connections, several inputs, one delay per connection. Groups of
neurons are called populations; a projection is a list of connections from one
group to another.

Nodes have one numbering: first the input channels, group after group, then the
neurons, population after population.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from eventsim.errors import ShapeError
from eventsim.network import Neuron


@dataclass(frozen=True)
class Input:
    """A group of channels whose spikes come from outside.

    Parameters
    ----------
    name : str
        Unique in the circuit.
    size : int
        Number of channels, positive.
    """

    name: str
    size: int


@dataclass(frozen=True)
class Population:
    """Neurons of one model with the same time constants.

    Parameters
    ----------
    name : str
        Unique in the circuit.
    size : int
        Number of neurons, positive.
    neuron : Neuron
        Model and constants.
    theta : float or ndarray, shape (size,)
        Firing thresholds, positive.
    current : float or ndarray, shape (size,)
        Constant input current, in the model's units.
    """

    name: str
    size: int
    neuron: Neuron
    theta: float | np.ndarray = 1.0
    current: float | np.ndarray = 0.0


@dataclass(frozen=True)
class Projection:
    """Connections from one group to another.

    Parameters
    ----------
    source, target : str
        Names of an input or population, and of a population.
    pre, post : ndarray, shape (n_connections,), int
        Number of the neuron inside its group.
    weight : ndarray, shape (n_connections,)
        Synaptic weights.
    delay : float or ndarray, shape (n_connections,), network time units
        Time from a spike to its arrival, not negative.
    """

    source: str
    target: str
    pre: np.ndarray
    post: np.ndarray
    weight: np.ndarray
    delay: float | np.ndarray = 0.0

    @property
    def n_connections(self) -> int:
        """Number of connections."""
        return self.pre.size


def all_to_all(
    source: str, target: str, weight: np.ndarray, delay: float | np.ndarray = 0.0
) -> Projection:
    """Connect every neuron of one group to every neuron of another.

    Parameters
    ----------
    source, target : str
        Names of the groups.
    weight : ndarray, shape (n_source, n_target)
        Synaptic weights.
    delay : float or ndarray, shape (n_source, n_target), network time units
        Delays.

    Returns
    -------
    Projection
        Connections in the order of the flattened weight matrix.
    """
    pre, post = np.indices(weight.shape)
    delays = np.broadcast_to(delay, weight.shape).ravel()
    return Projection(source, target, pre.ravel(), post.ravel(), weight.ravel(), delays)


@dataclass(frozen=True)
class Circuit:
    """Inputs, populations and what connects them.

    Parameters
    ----------
    inputs : tuple of Input
        May be empty, if currents drive the neurons.
    populations : tuple of Population
        At least one.
    projections : tuple of Projection
        Several between the same groups are allowed, and so are several
        connections between the same two neurons.

    Raises
    ------
    ShapeError
        If names repeat or are unknown, arrays do not fit, or a number is NaN,
        infinite or out of range.
    """

    inputs: tuple[Input, ...]
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...] = ()

    def __post_init__(self) -> None:
        if not self.populations:
            raise ShapeError("circuit: there is no population; expected at least one")
        names = [group.name for group in self.groups]
        for name in names:
            if names.count(name) > 1:
                raise ShapeError(f"circuit: the name '{name}' is given twice")
        for group in self.groups:
            if group.size < 1:
                raise ShapeError(
                    f"circuit: '{group.name}' has size {group.size}; expected at "
                    "least 1"
                )
        for population in self.populations:
            _check_population(population)
        for projection in self.projections:
            self._check_projection(projection)

    @property
    def groups(self) -> tuple[Input | Population, ...]:
        """Inputs, then populations: the order in which nodes are numbered."""
        return (*self.inputs, *self.populations)

    @property
    def n_inputs(self) -> int:
        """Number of input channels."""
        return sum(group.size for group in self.inputs)

    @property
    def n_neurons(self) -> int:
        """Number of neurons; input channels are not counted."""
        return sum(population.size for population in self.populations)

    @property
    def n_connections(self) -> int:
        """Number of connections."""
        return sum(projection.n_connections for projection in self.projections)

    def nodes(self, name: str) -> range:
        """Return the node numbers of a group.

        Parameters
        ----------
        name : str
            An input or population.

        Returns
        -------
        range
            Inputs come before neurons.

        Raises
        ------
        ShapeError
            If there is no such group.
        """
        first = 0
        for group in self.groups:
            if group.name == name:
                return range(first, first + group.size)
            first += group.size
        known = ", ".join(g.name for g in self.groups)
        raise ShapeError(f"circuit: there is no '{name}'; expected one of {known}")

    def neurons(self, name: str) -> range:
        """Return the neuron numbers of a population, which start after the inputs."""
        nodes = self.nodes(name)
        if nodes.start < self.n_inputs:
            raise ShapeError(f"circuit: '{name}' is an input; expected a population")
        return range(nodes.start - self.n_inputs, nodes.stop - self.n_inputs)

    def name_of(self, node: int) -> str:
        """Return a node as ``group[number]``, for messages."""
        number = node
        for group in self.groups:
            if 0 <= number < group.size:
                return f"{group.name}[{number}]"
            number -= group.size
        raise ShapeError(
            f"circuit: there is no node {node}; expected 0 to "
            f"{self.n_inputs + self.n_neurons - 1}"
        )

    def _check_projection(self, projection: Projection) -> None:
        where = f"circuit: projection '{projection.source}' -> '{projection.target}'"
        n_pre = len(self.nodes(projection.source))
        n_post = len(self.neurons(projection.target))
        for name, index, size in (
            ("pre", projection.pre, n_pre),
            ("post", projection.post, n_post),
        ):
            if not np.issubdtype(index.dtype, np.integer) or index.ndim != 1:
                raise ShapeError(
                    f"{where}: {name} has type {index.dtype} and shape {index.shape}; "
                    "expected a list of whole numbers"
                )
            if index.size and (index.min() < 0 or index.max() >= size):
                raise ShapeError(
                    f"{where}: {name} runs from {index.min()} to {index.max()}; "
                    f"expected 0 to {size - 1}"
                )
        shape = (projection.n_connections,)
        if projection.post.shape != shape or projection.weight.shape != shape:
            raise ShapeError(
                f"{where}: pre, post and weight have shapes {projection.pre.shape}, "
                f"{projection.post.shape} and {projection.weight.shape}; expected the "
                "same"
            )
        _require_finite(where, "weight", projection.weight, shape)
        _require_finite(where, "delay", projection.delay, shape)
        if np.any(np.asarray(projection.delay) < 0):
            raise ShapeError(
                f"{where}: delays go down to {np.min(projection.delay)}; expected "
                "times, not negative"
            )


def _check_population(population: Population) -> None:
    where = f"circuit: population '{population.name}'"
    shape = (population.size,)
    _require_finite(where, "theta", population.theta, shape)
    _require_finite(where, "current", population.current, shape)
    if not np.all(np.asarray(population.theta) > 0):
        raise ShapeError(
            f"{where}: theta goes down to {np.min(population.theta)}; expected "
            "positive thresholds"
        )


def _require_finite(
    where: str, name: str, value: float | np.ndarray, shape: Iterable[int]
) -> None:
    array = np.asarray(value)
    if array.ndim and array.shape != tuple(shape):
        raise ShapeError(
            f"{where}: {name} has shape {array.shape}; expected a number or shape "
            f"{tuple(shape)}"
        )
    if not np.all(np.isfinite(array)):
        raise ShapeError(f"{where}: {name} holds numbers that are not finite")
