"""Count the non-zero synapses from each presynaptic neuron into each core.

Exact and without the connection matrix: a dense layer needs one sum over its mask of
non-zero weights, a convolution a product of three small tables (rows, columns and
kernel positions), so borders, stride, padding and zero weights all count as they are.
An average pool has no neurons: its windows are folded into the synapses behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eventsim.topology import AveragePool, Conv2d, Sparse

Span = tuple[int, int]


def dense_synapses(nonzero: np.ndarray, units: Sequence[Span]) -> np.ndarray:
    """Count the synapses from each input into each run of units.

    Parameters
    ----------
    nonzero : ndarray, shape (n_in, n_out), bool
        Where the weights are not zero.
    units : sequence of (start, stop)
        Runs of units, one a core, not empty, in order and without gaps.

    Returns
    -------
    ndarray, shape (n_in, n_cores), int64
        Non-zero synapses.
    """
    starts = [start for start, _ in units]
    return np.add.reduceat(nonzero, starts, axis=1, dtype=np.int64)


def conv_synapses(
    topology: Conv2d,
    nonzero: np.ndarray,
    channels: Sequence[Span],
    rows: Sequence[Span],
    columns: Sequence[Span] | None = None,
) -> np.ndarray:
    """Count the synapses from each input into each block of the layer.

    Parameters
    ----------
    topology : Conv2d
        Geometry.
    nonzero : ndarray, shape (kernel_h, kernel_w, channels_in, channels_out), bool
        Where the kernel is not zero.
    channels : sequence of (start, stop)
        Runs of output channels, not empty, in order and without gaps.
    rows, columns : sequence of (start, stop)
        Runs of output rows and columns; without `columns`, one run of all.

    Returns
    -------
    ndarray, shape (n_in, n_cores), int64
        Non-zero synapses into core ``(channel_run * n_row_runs + row_run) *
        n_column_runs + column_run``; inputs in flat ``(y, x, channel)`` order.
    """
    height, width, channels_in = topology.input_shape
    if columns is None:
        columns = [(0, topology.output_shape[1])]
    per_run = np.add.reduceat(
        nonzero, [start for start, _ in channels], axis=3, dtype=np.int64
    )
    rows_hit = taps_into_runs(topology, 0, rows)
    columns_hit = taps_into_runs(topology, 1, columns)
    # (y, ky, r), (ky, kx, c, g) -> (y, r, kx, c, g)
    by_row = np.tensordot(rows_hit, per_run, axes=([1], [0]))
    # (x, kx, k), (y, r, kx, c, g) -> (x, k, y, r, c, g) -> (y, x, c, g, r, k)
    counts = np.tensordot(columns_hit, by_row, axes=([1], [2]))
    counts = counts.transpose(2, 0, 4, 5, 3, 1)
    return np.ascontiguousarray(counts).reshape(height * width * channels_in, -1)


def sparse_synapses(
    topology: Sparse, nonzero: np.ndarray, units: Sequence[Span]
) -> np.ndarray:
    """Count the listed synapses from each input into each run of units.

    Parameters
    ----------
    topology : Sparse
        The list.
    nonzero : ndarray, shape (n_synapses,), bool
        Where the weights are not zero.
    units : sequence of (start, stop)
        Runs of units, one a core, not empty, in order and without gaps.

    Returns
    -------
    ndarray, shape (n_in, n_cores), int64
        Non-zero synapses; a pair that is listed twice counts twice.
    """
    n_in, n_cores = int(np.prod(topology.input_shape)), len(units)
    core = np.searchsorted([stop for _, stop in units], topology.post, side="right")
    place = topology.pre.astype(np.int64) * n_cores + core
    counts = np.bincount(place[nonzero], minlength=n_in * n_cores)
    return counts.reshape(n_in, n_cores).astype(np.int64)


def average_pool_synapses(topology: AveragePool, behind: np.ndarray) -> np.ndarray:
    """Count the synapses from each input of an average pool, through its windows.

    Parameters
    ----------
    topology : AveragePool
        Geometry.
    behind : ndarray, shape (n_windows, n_cores), int64
        Non-zero synapses from each window into each core.

    Returns
    -------
    ndarray, shape (n_in, n_cores), int64
        A spike passes through each window that it lies in; one on a border that no
        window reaches goes nowhere.
    """
    height, width, _ = topology.output_shape
    stride, n_cores = topology.stride, behind.shape[1]
    counts = np.zeros((*topology.input_shape, n_cores), dtype=np.int64)
    windows = behind.reshape(*topology.output_shape, n_cores)
    for dy in range(topology.size):
        for dx in range(topology.size):
            counts[
                dy : dy + (height - 1) * stride + 1 : stride,
                dx : dx + (width - 1) * stride + 1 : stride,
            ] += windows
    return counts.reshape(-1, n_cores)


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
