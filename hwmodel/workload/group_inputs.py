"""What groups of neurons need, and what neurons receive, without the connection matrix.

The inputs (axons) of a group are the distinct presynaptic neurons with a non-zero
synapse into it. For a convolution they follow from which kernel rows and columns an
input position uses: positions that use the same ones are counted once and multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool, Sparse
from hwmodel.errors import WorkloadError
from hwmodel.workload.connections import Span, taps_into_runs
from hwmodel.workload.workload import LayerGeometry


def map_of(layer: LayerGeometry) -> tuple[int, int, int]:
    """Return (height, width, features) of a layer's neurons; 1 x 1 without a map.

    Parameters
    ----------
    layer : LayerGeometry
        Any layer with neurons.

    Returns
    -------
    tuple of int
        Neurons in flat order are ``(y, x, feature)``.
    """
    if isinstance(layer.topology, Conv2d):
        height, width, channels = layer.topology.output_shape
        return height, width, channels
    return 1, 1, layer.topology.units


def distinct_inputs(
    layer: LayerGeometry,
    features: Sequence[Span],
    rows: Sequence[Span],
    columns: Sequence[Span],
) -> np.ndarray:
    """Count the presynaptic neurons of every group of a layer.

    Parameters
    ----------
    layer : LayerGeometry
        The layer.
    features, rows, columns : sequence of (start, stop)
        Runs that cut it; a group is one of each.

    Returns
    -------
    ndarray, shape (n_feature_runs, n_row_runs, n_column_runs), int64
        Inputs with at least one non-zero synapse into the group. An average pool is
        looked through: its inputs count.
    """
    topology, nonzero = layer.topology, layer.nonzero
    if isinstance(topology, Conv2d):
        return _conv_inputs(layer, topology, features, rows, columns)
    starts = [start for start, _ in features]
    if layer.folded:
        table = layer.synapses(features, rows)
        alike = np.bincount(table.kind, minlength=len(table.counts))
        inputs = alike @ (table.counts > 0)
    elif isinstance(topology, Dense):
        if nonzero is None or nonzero.all():
            inputs = np.full(len(features), topology.weight_shape[0], dtype=np.int64)
        else:
            inputs = np.logical_or.reduceat(nonzero, starts, axis=1).sum(axis=0)
    else:
        inputs = _listed_inputs(topology, nonzero, features)
    return inputs.reshape(-1, 1, 1)


def _listed_inputs(
    topology: Sparse, nonzero: np.ndarray | None, units: Sequence[Span]
) -> np.ndarray:
    run = np.searchsorted([stop for _, stop in units], topology.post, side="right")
    pair = topology.pre.astype(np.int64) * len(units) + run
    if nonzero is not None:
        pair = pair[nonzero]
    return np.bincount(np.unique(pair) % len(units), minlength=len(units))


def _conv_inputs(
    layer: LayerGeometry,
    topology: Conv2d,
    features: Sequence[Span],
    rows: Sequence[Span],
    columns: Sequence[Span],
) -> np.ndarray:
    rows_hit = _through_pools(layer, 0, taps_into_runs(topology, 0, rows))
    columns_hit = _through_pools(layer, 1, taps_into_runs(topology, 1, columns))
    channels_in = topology.input_shape[2]
    if layer.nonzero is None or layer.nonzero.all():
        n_rows = rows_hit.any(axis=1).sum(axis=0)
        n_columns = columns_hit.any(axis=1).sum(axis=0)
        of_tile = channels_in * n_rows[:, None] * n_columns[None, :]
        return np.broadcast_to(of_tile, (len(features), *of_tile.shape))
    starts = [start for start, _ in features]
    exists = np.logical_or.reduceat(layer.nonzero, starts, axis=3)
    row_kinds, of_row_run = _kinds(rows_hit)
    column_kinds, of_column_run = _kinds(columns_hit)
    # (a, ky), (ky, kx, c, g) -> (a, kx, c, g); (b, kx) -> (b, a, c, g) -> (b, a, g)
    by_row = np.tensordot(row_kinds, exists.astype(np.float32), axes=([1], [0]))
    by_both = np.tensordot(column_kinds, by_row, axes=([1], [1]))
    n_channels = (by_both > 0).sum(axis=2)
    # (r, a), (b, a, g) -> (r, b, g); (k, b) -> (k, r, g)
    of_rows = np.tensordot(of_row_run, n_channels, axes=([1], [1]))
    return np.tensordot(of_column_run, of_rows, axes=([1], [1])).transpose(2, 1, 0)


def _through_pools(layer: LayerGeometry, axis: int, hit: np.ndarray) -> np.ndarray:
    """Look through folded average pools; (size, kernel, n_runs), bool."""
    for topology in reversed(layer.folded):
        if isinstance(topology, AveragePool):
            position = np.arange(topology.input_shape[axis])[:, None]
            first = np.arange(topology.output_shape[axis]) * topology.stride
            inside = (position >= first) & (position < first + topology.size)
            hit = np.tensordot(inside.astype(np.int64), hit, axes=([1], [0]))
    return hit > 0


def _kinds(hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List the sets of taps that occur, and how often in each run.

    Sets (n_kinds, kernel) float32, occurrences (n_runs, n_kinds) int64.
    """
    size, kernel, n_runs = hit.shape
    taps = hit.transpose(2, 0, 1).reshape(n_runs * size, kernel)
    kinds, kind = np.unique(taps, axis=0, return_inverse=True)
    place = np.repeat(np.arange(n_runs), size) * len(kinds) + kind.reshape(-1)
    occurs = np.bincount(place, minlength=n_runs * len(kinds))
    return kinds.astype(np.float32), occurs.reshape(n_runs, len(kinds))


def reached_groups(
    layer: LayerGeometry,
    features: Sequence[Span],
    rows: Sequence[Span],
    columns: Sequence[Span],
) -> np.ndarray:
    """Count the groups of a layer that each neuron before it has to reach.

    Parameters
    ----------
    layer : LayerGeometry
        The receiving layer.
    features, rows, columns : sequence of (start, stop)
        Runs that cut it; a group is one of each.

    Returns
    -------
    ndarray, shape (n_source,), int64
        For each neuron of the layer before (or each input), before pooling: any
        neuron of a window may be the earliest, so each has to reach all groups that
        its windows reach.
    """
    if isinstance(layer.topology, Conv2d):
        return _conv_reached(layer, layer.topology, features, rows, columns)
    reaches = layer.synapses(features, rows, columns).per_input > 0
    for pool in _earliest_pools(layer):
        of_map = reaches.reshape(*pool.output_shape, -1)
        of_map = _before_pool(pool, 1, _before_pool(pool, 0, of_map, 0), 1)
        reaches = of_map.reshape(-1, of_map.shape[3])
    return reaches.sum(axis=1)


def _conv_reached(
    layer: LayerGeometry,
    topology: Conv2d,
    features: Sequence[Span],
    rows: Sequence[Span],
    columns: Sequence[Span],
) -> np.ndarray:
    """Count tiles once for all runs of features that no tap is missing from."""
    rows_hit = _through_pools(layer, 0, taps_into_runs(topology, 0, rows))
    columns_hit = _through_pools(layer, 1, taps_into_runs(topology, 1, columns))
    exists = np.ones((*topology.kernel, topology.input_shape[2], len(features)), bool)
    if layer.nonzero is not None:
        starts = [start for start, _ in features]
        exists = np.logical_or.reduceat(layer.nonzero, starts, axis=3)
    full = exists.all(axis=(0, 1, 2))
    by_row, by_column = rows_hit.sum(axis=1) > 0, columns_hit.sum(axis=1) > 0
    for pool in _earliest_pools(layer):
        by_row = _before_pool(pool, 0, by_row, 0)
        by_column = _before_pool(pool, 1, by_column, 0)
    tiles = by_row.sum(axis=1)[:, None, None] * by_column.sum(axis=1)[:, None]
    reached = np.repeat(tiles * int(full.sum()), topology.input_shape[2], axis=2)
    for run in np.flatnonzero(~full):
        taps = exists[:, :, :, run].astype(np.float32)
        # (y, ky, r), (ky, kx, c) -> (y, r, kx, c); (x, kx, k) -> (x, k, y, r, c)
        in_rows = np.tensordot(rows_hit.astype(np.float32), taps, axes=([1], [0]))
        hits = np.tensordot(columns_hit.astype(np.float32), in_rows, axes=([1], [2]))
        of_map = hits.transpose(2, 0, 4, 3, 1) > 0
        for pool in _earliest_pools(layer):
            of_map = _before_pool(pool, 1, _before_pool(pool, 0, of_map, 0), 1)
        reached += of_map.sum(axis=(3, 4))
    return reached.reshape(-1)


def _earliest_pools(layer: LayerGeometry) -> list[EarliestPool]:
    """Earliest-spike pools before a layer, the last first."""
    return [p for p in reversed(layer.passes) if isinstance(p, EarliestPool)]


def _before_pool(
    pool: EarliestPool, side: int, reaches: np.ndarray, axis: int
) -> np.ndarray:
    """Give each row (side 0) or column (1) what any window over it reaches.

    `axis` is where `reaches` has them.
    """
    windows = np.moveaxis(reaches, axis, 0)
    before = np.zeros((pool.input_shape[side], *windows.shape[1:]), dtype=bool)
    end = (windows.shape[0] - 1) * pool.stride + 1
    for offset in range(pool.size):
        before[offset : offset + end : pool.stride] |= windows
    return np.moveaxis(before, 0, axis)


def fan_in(layer: LayerGeometry) -> np.ndarray:
    """Count the distinct presynaptic neurons of every neuron.

    Parameters
    ----------
    layer : LayerGeometry
        The layer.

    Returns
    -------
    ndarray, shape (n_neurons,), int64
        In flat order.
    """
    singles = [[(i, i + 1) for i in range(size)] for size in map_of(layer)]
    rows, columns, features = singles
    return distinct_inputs(layer, features, rows, columns).transpose(1, 2, 0).ravel()


def received(layer: LayerGeometry, spikes: np.ndarray) -> np.ndarray:
    """Count the synaptic operations in every neuron.

    Parameters
    ----------
    layer : LayerGeometry
        The layer.
    spikes : ndarray, shape (n_in,), int64
        Spikes of its inputs (those of an average pool, if one is folded into it). A
        1 for each input counts the synapses.

    Returns
    -------
    ndarray, shape (n_neurons,), int64
        Spikes times non-zero synapses, exact.

    Raises
    ------
    WorkloadError
        If a neuron receives 2**53 or more, which floats do not count one by one.
    """
    values = spikes.astype(np.float64)
    for passage in layer.folded:
        if isinstance(passage, AveragePool):
            values = _window_sums(passage, values)
    topology, nonzero = layer.topology, layer.nonzero
    if isinstance(topology, Conv2d):
        arrived = _conv_received(topology, nonzero, values)
    elif isinstance(topology, Dense):
        if nonzero is None:
            arrived = np.full(topology.units, values.sum())
        else:
            arrived = values @ nonzero
    else:
        listed = values[topology.pre] * (1.0 if nonzero is None else nonzero)
        arrived = np.bincount(topology.post, listed, minlength=topology.units)
    if arrived.max() >= 2**53:
        raise WorkloadError(
            f"{layer.name}: {arrived.max():.2g} synaptic operations in one neuron; "
            "expected less than 2^53; measure fewer samples, or declare rates with "
            "fewer decimals"
        )
    return arrived.astype(np.int64).reshape(-1)


def _window_sums(pool: AveragePool, values: np.ndarray) -> np.ndarray:
    of_map = values.reshape(pool.input_shape)
    windows = np.lib.stride_tricks.sliding_window_view(
        of_map, (pool.size, pool.size), axis=(0, 1)
    )
    return windows[:: pool.stride, :: pool.stride].sum(axis=(3, 4)).reshape(-1)


def _conv_received(
    topology: Conv2d, nonzero: np.ndarray | None, values: np.ndarray
) -> np.ndarray:
    border, stride = topology.padding, topology.stride
    padded = np.pad(
        values.reshape(topology.input_shape),
        ((border, border), (border, border), (0, 0)),
    )
    height, width, channels = topology.output_shape
    if nonzero is None:  # all channels alike
        padded = padded.sum(axis=2, keepdims=True)
    arrived = np.zeros((height, width, 1 if nonzero is None else channels))
    for ky in range(topology.kernel[0]):
        for kx in range(topology.kernel[1]):
            seen = padded[
                ky : ky + (height - 1) * stride + 1 : stride,
                kx : kx + (width - 1) * stride + 1 : stride,
            ]
            arrived += seen if nonzero is None else seen @ nonzero[ky, kx]
    return np.broadcast_to(arrived, (height, width, channels))
