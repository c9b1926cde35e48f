"""The cheapest of all cuts of a layer into equal runs, without trying them all.

For each pair of numbers of runs of rows and of columns the numbers of runs of features
are tried in ascending order, the pair whose next cut could cost least first. The search
ends when no cut that is left can cost as little as the best one that fits, so that the
result is that of trying all.

A cut that does not fit has groups that break a limit. Groups need more the larger they
are, so these also rule out every other cut with a group around them: few cuts are
worked out.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from math import prod

import numpy as np

from hwmodel.mapping.groups import LayerPartition, equal_runs
from hwmodel.mapping.needs import LayerNeeds, inputs_of
from hwmodel.workload.group_inputs import map_of

# numbers of runs of features, rows and columns
Shape = tuple[int, int, int]
Cost = tuple[int, int, int, int, int]

UNKNOWN = -1
"""Inputs of tiles that are not worked out; 0 if no weight is other than zero."""


def cost(needs: LayerNeeds, part: LayerPartition) -> Cost:
    """Return what a search minimises, the most important first.

    Parameters
    ----------
    needs : LayerNeeds
        The layer.
    part : LayerPartition
        How it is cut.

    Returns
    -------
    tuple of int
        Cores; inputs of all cores (distinct presynaptic neurons, summed over cores:
        unicast packets if all neurons fire alike); runs of features, of rows, of
        columns. Where routes are limited, those cores count too that the layer before
        needs at least to send to these inputs, see `LayerNeeds.cores_before`.
    """
    n_inputs = int(inputs_of(needs.layer, part).sum())
    return part.n_cores + needs.cores_before(n_inputs), n_inputs, *part.shape


def cut(needs: LayerNeeds, shape: Shape) -> LayerPartition:
    """Cut a layer into equal runs.

    Parameters
    ----------
    needs : LayerNeeds
        The layer, its copies.
    shape : tuple of int
        Runs of features, rows and columns, at most as many as there are of each.

    Returns
    -------
    LayerPartition
        Its cores are numbered from 0.
    """
    height, width, features = map_of(needs.layer)
    return LayerPartition(
        0,
        equal_runs(features, shape[0]),
        equal_runs(height, shape[1]),
        equal_runs(width, shape[2]),
        needs.copies,
    )


def cheapest_cut(
    needs: LayerNeeds, most_feature_runs: int | None = None
) -> LayerPartition | None:
    """Find the cut with the least cost.

    Parameters
    ----------
    needs : LayerNeeds
        The layer and what a core holds.
    most_feature_runs : int, optional
        Runs of features that are allowed, all by default.

    Returns
    -------
    LayerPartition or None
        The cut with the least `cost` of all that fit; ``None`` if none does.
    """
    most_runs = most_feature_runs or map_of(needs.layer)[2]
    best: tuple[Cost, LayerPartition] | None = None
    known = np.zeros((0, 3, 2), dtype=np.int64)
    heap = _first_cuts(needs, most_runs)
    heapq.heapify(heap)
    while heap and (best is None or heap[0][0] <= best[0][0]):
        _, shape, of_tiles = heapq.heappop(heap)
        if needs.limits_routes and of_tiles == UNKNOWN:
            whole = cut(needs, (1, *shape[1:]))
            of_tiles = int(inputs_of(needs.layer, whole).sum())
            heapq.heappush(heap, _entry(needs, shape, of_tiles))
            continue
        part = cut(needs, shape)
        fits = not _holds_any(part, known)
        if fits:
            too_large = needs.too_large(part)
            known = np.concatenate([known, too_large])
            fits = not len(too_large)
        if fits:
            of_part = cost(needs, part)
            if best is None or of_part < best[0]:
                best = of_part, part
        if shape[0] < most_runs and not (fits and not needs.limits_routes):
            more = shape[0] + 1, *shape[1:]
            heapq.heappush(heap, _entry(needs, more, of_tiles))
    return None if best is None else best[1]


def first_cut(needs: LayerNeeds, shapes: Sequence[Shape]) -> LayerPartition | None:
    """Find the first cut that fits, of cuts that differ in one number of runs.

    Parameters
    ----------
    needs : LayerNeeds
        The layer and what a core holds.
    shapes : sequence of tuple of int
        Runs of features, rows and columns, ascending. In the last cut one axis is cut
        into single items: each group of another holds one of its groups.

    Returns
    -------
    LayerPartition or None
        ``None`` if none fits.
    """
    if not needs.fits(cut(needs, shapes[-1])):
        return None
    known = np.zeros((0, 3, 2), dtype=np.int64)
    for shape in shapes:
        part = cut(needs, shape)
        if needs.too_many_neurons(part) or _holds_any(part, known):
            continue
        too_large = needs.too_large(part)
        if not len(too_large):
            return part
        known = np.concatenate([known, too_large])
    return None


# least that a cut and those with more runs of features can cost; the cut; what its
# tiles receive if features are not cut, or UNKNOWN
_Entry = tuple[int, Shape, int]


def _entry(needs: LayerNeeds, shape: Shape, of_tiles: int) -> _Entry:
    inputs = of_tiles * shape[0] if needs.features_alike else of_tiles
    return prod(shape) + needs.cores_before(inputs), shape, of_tiles


def _first_cuts(needs: LayerNeeds, most_runs: int) -> list[_Entry]:
    """List the tiles, each with the fewest runs of features that its neurons allow."""
    height, width, features = map_of(needs.layer)
    rows, columns = np.arange(1, height + 1)[:, None], np.arange(1, width + 1)
    longest = needs.neurons // (-(-height // rows) * -(-width // columns))
    runs = -(-features // np.clip(longest, 1, features))
    runs = np.maximum(runs, -(-needs.fewest_cores // (rows * columns)))
    before = needs.cores_before(0)
    entries = []
    for r, c in np.argwhere((longest > 0) & (runs <= most_runs)).tolist():
        shape = int(runs[r, c]), r + 1, c + 1
        entries.append((prod(shape) + before, shape, UNKNOWN))
    return entries


def _holds_any(part: LayerPartition, boxes: np.ndarray) -> bool:
    """Tell whether a group of a cut holds one of some boxes, shape (n, 3, 2)."""
    for axis, runs in enumerate((part.features, part.rows, part.columns)):
        ends = np.array([end for _, end in runs])
        run = np.searchsorted(ends, boxes[:, axis, 0], side="right")
        boxes = boxes[ends[run] >= boxes[:, axis, 1]]
    return len(boxes) > 0
