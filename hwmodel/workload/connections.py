"""Count the non-zero synapses from each presynaptic neuron into each core.

Exact and without the connection matrix: a dense layer needs one sum over its mask of
non-zero weights, a convolution a product of three small tables (rows, columns and
kernel positions), so borders, stride, padding and zero weights all count as they are.
An average pool has no neurons: its windows are folded into the synapses behind it.

Inputs that reach all cores alike share one row of the result: all inputs of a dense
layer without zeros, all inner positions of a map. Without a mask of non-zero weights
every synapse exists, and the tables stay small however large the layer is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.topology import AveragePool, Conv2d, Dense, Sparse

Span = tuple[int, int]


@dataclass(frozen=True)
class CoreSynapses:
    """Synapses from each input into each core; inputs of a kind have the same.

    Parameters
    ----------
    counts : ndarray, shape (n_kinds, n_cores), int64
        Non-zero synapses from one input of each kind into each core.
    kind : ndarray, shape (n_in,), int64
        Kind of each input: a row of `counts`. Two kinds may be equal.
    """

    counts: np.ndarray
    kind: np.ndarray

    @property
    def per_input(self) -> np.ndarray:
        """The whole table, shape (n_in, n_cores), int64."""
        return self.counts[self.kind]

    @property
    def fan_out(self) -> np.ndarray:
        """Synapses of each input into all cores, shape (n_in,), int64."""
        return self.counts.sum(axis=1)[self.kind]


def dense_synapses(
    topology: Dense, nonzero: np.ndarray | None, units: Sequence[Span]
) -> CoreSynapses:
    """Count the synapses from each input into each run of units.

    Parameters
    ----------
    topology : Dense
        Geometry.
    nonzero : ndarray, shape (n_in, n_out), bool, or None
        Where the weights are not zero; ``None``: nowhere zero.
    units : sequence of (start, stop)
        Runs of units, one a core, not empty, in order and without gaps.

    Returns
    -------
    CoreSynapses
        Non-zero synapses.
    """
    n_in = topology.weight_shape[0]
    if nonzero is None:
        return CoreSynapses(_lengths(units)[None, :], np.zeros(n_in, dtype=np.int64))
    # run by run: np.add.reduceat would copy the whole mask to 64 bits
    counts = [np.count_nonzero(nonzero[:, start:stop], axis=1) for start, stop in units]
    return CoreSynapses(np.stack(counts, axis=1).astype(np.int64), np.arange(n_in))


def conv_synapses(
    topology: Conv2d,
    nonzero: np.ndarray | None,
    channels: Sequence[Span],
    rows: Sequence[Span],
    columns: Sequence[Span] | None = None,
) -> CoreSynapses:
    """Count the synapses from each input into each block of the layer.

    Parameters
    ----------
    topology : Conv2d
        Geometry.
    nonzero : ndarray, shape (kernel_h, kernel_w, channels_in, channels_out), bool, \
or None
        Where the kernel is not zero; ``None``: nowhere zero.
    channels : sequence of (start, stop)
        Runs of output channels, not empty, in order and without gaps.
    rows, columns : sequence of (start, stop)
        Runs of output rows and columns; without `columns`, one run of all.

    Returns
    -------
    CoreSynapses
        Non-zero synapses into core ``(channel_run * n_row_runs + row_run) *
        n_column_runs + column_run``; inputs in flat ``(y, x, channel)`` order. Rows
        of the map whose taps land in the same runs of rows are alike, and columns.
    """
    height, width, channels_in = topology.input_shape
    if columns is None:
        columns = [(0, topology.output_shape[1])]
    if nonzero is None:  # the channels of the input are all alike
        per_run = np.broadcast_to(
            _lengths(channels), (*topology.kernel, 1, len(channels))
        )
    else:
        starts = [start for start, _ in channels]
        per_run = np.add.reduceat(nonzero, starts, axis=3, dtype=np.int64)
    row_kinds, row_kind = _distinct(taps_into_runs(topology, 0, rows))
    column_kinds, column_kind = _distinct(taps_into_runs(topology, 1, columns))
    # (y, ky, r), (ky, kx, c, g) -> (y, r, kx, c, g)
    by_row = np.tensordot(row_kinds, per_run, axes=([1], [0]))
    # (x, kx, k), (y, r, kx, c, g) -> (x, k, y, r, c, g) -> (y, x, c, g, r, k)
    counts = np.tensordot(column_kinds, by_row, axes=([1], [2]))
    counts = counts.transpose(2, 0, 4, 5, 3, 1)
    n_kinds = counts.shape[:3]
    kind = np.arange(np.prod(n_kinds)).reshape(n_kinds)
    kind = np.broadcast_to(
        kind[row_kind[:, None], column_kind], (height, width, channels_in)
    )
    table = np.ascontiguousarray(counts).reshape(np.prod(n_kinds), -1)
    return CoreSynapses(table, kind.reshape(-1))


def sparse_synapses(
    topology: Sparse, nonzero: np.ndarray | None, units: Sequence[Span]
) -> CoreSynapses:
    """Count the listed synapses from each input into each run of units.

    Parameters
    ----------
    topology : Sparse
        The list.
    nonzero : ndarray, shape (n_synapses,), bool, or None
        Where the weights are not zero; ``None``: nowhere zero.
    units : sequence of (start, stop)
        Runs of units, one a core, not empty, in order and without gaps.

    Returns
    -------
    CoreSynapses
        Non-zero synapses; a pair that is listed twice counts twice.
    """
    n_in, n_cores = int(np.prod(topology.input_shape)), len(units)
    core = np.searchsorted([stop for _, stop in units], topology.post, side="right")
    place = topology.pre.astype(np.int64) * n_cores + core
    if nonzero is not None:
        place = place[nonzero]
    counts = np.bincount(place, minlength=n_in * n_cores).astype(np.int64)
    return CoreSynapses(counts.reshape(n_in, n_cores), np.arange(n_in))


def average_pool_synapses(topology: AveragePool, behind: CoreSynapses) -> CoreSynapses:
    """Count the synapses from each input of an average pool, through its windows.

    Parameters
    ----------
    topology : AveragePool
        Geometry.
    behind : CoreSynapses
        Non-zero synapses from each window into each core.

    Returns
    -------
    CoreSynapses
        A spike passes through each window that it lies in; one on a border that no
        window reaches goes nowhere. Inputs that lie in windows of the same kinds are
        alike.
    """
    height, width, _ = topology.output_shape
    size, stride = topology.size, topology.stride
    n_kinds, n_cores = behind.counts.shape
    # the kind of the window in which an input is neuron (dy, dx); n_kinds: of none
    windows = np.full((*topology.input_shape, size, size), n_kinds)
    for dy in range(size):
        for dx in range(size):
            windows[
                dy : dy + (height - 1) * stride + 1 : stride,
                dx : dx + (width - 1) * stride + 1 : stride,
                :,
                dy,
                dx,
            ] = behind.kind.reshape(topology.output_shape)
    in_order = np.sort(windows.reshape(-1, size * size), axis=1)
    # one window after the other: rows of integers would be compared as bytes
    kind = np.zeros(len(in_order), dtype=np.int64)
    for window in in_order.T:
        key = kind * (n_kinds + 1) + window
        _, first, kind = np.unique(key, return_index=True, return_inverse=True)
    counts = np.concatenate([behind.counts, np.zeros((1, n_cores), dtype=np.int64)])
    return CoreSynapses(counts[in_order[first]].sum(axis=1), kind)


def _lengths(spans: Sequence[Span]) -> np.ndarray:
    return np.array([stop - start for start, stop in spans], dtype=np.int64)


def _distinct(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different entries along axis 0, and which one each is."""
    different, which = np.unique(table, axis=0, return_inverse=True)
    return different, which.reshape(-1)


def taps_into_runs(topology: Conv2d, axis: int, runs: Sequence[Span]) -> np.ndarray:
    """Tell which run of outputs an input reaches through each tap, along one axis.

    Parameters
    ----------
    topology : Conv2d
        Geometry.
    axis : int
        0: rows, 1: columns.
    runs : sequence of (start, stop)
        Runs of output rows or columns.

    Returns
    -------
    ndarray, shape (size, kernel, n_runs), int64
        1 where input row (or column) i reaches the run through tap k, else 0.
    """
    landing = _landing_rows(
        topology.input_shape[axis],
        topology.kernel[axis],
        topology,
        topology.output_shape[axis],
    )
    hit = [(landing >= start) & (landing < stop) for start, stop in runs]
    return np.stack(hit, axis=-1).astype(np.int64)


def _landing_rows(
    size: int, kernel: int, topology: Conv2d, out_size: int
) -> np.ndarray:
    """Find the output position input i feeds through tap k, or -1; (size, kernel)."""
    shifted = np.arange(size)[:, None] + topology.padding - np.arange(kernel)[None, :]
    position = shifted // topology.stride
    valid = (shifted % topology.stride == 0) & (position >= 0) & (position < out_size)
    return np.where(valid, position, -1)
