"""Which synapses end at an output neuron, as flat tables.

The mirror image of `eventsim.engine.fan_out`, one entry per synapse. Synapses name
a slot of the weight array instead of a weight, so that a convolution's positions
share weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from eventsim.engine.fan_out import fan_out
from eventsim.errors import ShapeError
from eventsim.topology import Conv2d, Dense, Sparse, Synapses


@dataclass(frozen=True, eq=False)
class FanIn:
    """Synapses of every output neuron.

    Parameters
    ----------
    offsets : ndarray, shape (n_out + 1,), int64
        Synapses of output neuron o are ``offsets[o]:offsets[o + 1]``.
    source : ndarray, shape (n_synapses,), int32
        Input neuron.
    slot : ndarray, shape (n_synapses,), int64
        Index into the flat weight array.
    n_in : int
        Number of input neurons.
    n_weights : int
        Size of the flat weight array.
    is_multiple : bool
        Whether some pair of neurons has more than one synapse.
    """

    offsets: np.ndarray
    source: np.ndarray
    slot: np.ndarray
    n_in: int
    n_weights: int
    is_multiple: bool

    @property
    def n_out(self) -> int:
        """Number of output neurons."""
        return self.offsets.size - 1


@lru_cache(maxsize=16)
def fan_in(topology: Dense | Conv2d) -> FanIn:
    """Build the table of a layer; the same topology gets the same table.

    Parameters
    ----------
    topology : Dense or Conv2d
        Geometry.

    Returns
    -------
    FanIn
        Synapses of each neuron in order of the input neuron; slots count through
        the topology's weight array in memory order.
    """
    table = fan_out(topology)
    n_in = table.offsets.size - 1
    source = np.repeat(np.arange(n_in), np.diff(table.offsets))
    order = np.argsort(table.position, kind="stable")
    counts = np.bincount(table.position, minlength=table.n_positions)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    channel = np.tile(np.arange(table.n_channels), table.n_positions)
    # Every channel of a position has the same sources.
    counts = np.repeat(counts, table.n_channels)
    starts = np.repeat(starts, table.n_channels)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    entry = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)
    entry = order[entry]
    slot = table.row[entry].astype(np.int64) * table.n_channels
    slot += np.repeat(channel, counts)
    return FanIn(
        offsets=offsets.astype(np.int64),
        source=source[entry].astype(np.int32),
        slot=slot,
        n_in=n_in,
        n_weights=int(np.prod(topology.weight_shape)),
        is_multiple=False,
    )


def sparse_fan_in(
    source: np.ndarray, target: np.ndarray, n_in: int, n_out: int
) -> FanIn:
    """Build the table of a list of synapses.

    Parameters
    ----------
    source, target : ndarray, shape (n_synapses,), int
        Input and output neuron of each synapse; pairs may occur more than once.
    n_in, n_out : int
        Number of input and output neurons.

    Returns
    -------
    FanIn
        Synapses of each neuron in order of the input neuron; slots are positions
        in the list.

    Raises
    ------
    ShapeError
        If the lists differ in length or name a neuron that does not exist.
    """
    if source.shape != target.shape or source.ndim != 1:
        raise ShapeError(
            f"synapses: source has shape {source.shape} and target {target.shape}; "
            "expected the same one-dimensional shape"
        )
    for name, index, n in (("source", source, n_in), ("target", target, n_out)):
        if index.size and not (index.min() >= 0 and index.max() < n):
            raise ShapeError(
                f"synapses: {name} runs from {index.min()} to {index.max()}; expected "
                f"0 to {n - 1}"
            )
    order = np.lexsort((source, target))
    pair = target[order].astype(np.int64) * n_in + source[order]
    counts = np.bincount(target, minlength=n_out)
    return FanIn(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        source=source[order].astype(np.int32),
        slot=order.astype(np.int64),
        n_in=n_in,
        n_weights=source.size,
        is_multiple=bool(np.any(pair[1:] == pair[:-1])),
    )


@lru_cache(maxsize=16)
def synapses_of(topology: Synapses) -> FanIn:
    """Return the synapses that end at each neuron; slots are flat weight indices."""
    if isinstance(topology, Sparse):
        return sparse_fan_in(
            topology.pre,
            topology.post,
            math.prod(topology.input_shape),
            topology.units,
        )
    return fan_in(topology)
