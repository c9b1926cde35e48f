"""Ways to cut a layer: along features, along space, both, or the best that fits.

A layer is cut into equal runs of features, of map rows and of map columns; a group is
one run of each. Only numbers of runs count that make the longest run shorter than fewer
runs would. All rules are deterministic.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Literal, get_args

from hwmodel.mapping.groups import LayerPartition, equal_runs
from hwmodel.mapping.needs import LayerNeeds, inputs_of
from hwmodel.workload.group_inputs import map_of

Split = Literal["features", "space", "both", "search"]
SPLITS: tuple[Split, ...] = get_args(Split)

# numbers of runs of features, rows and columns
Shape = tuple[int, int, int]


def cut_layer(needs: LayerNeeds, split: Split) -> LayerPartition:
    """Cut one layer into groups that fit on cores.

    Parameters
    ----------
    needs : LayerNeeds
        The layer and what a core holds; each single neuron fits.
    split : {"features", "space", "both", "search"}
        ``"features"``: the fewest runs of features that fit; if not even single
        features do, runs of rows as well, then of columns (Wei et al. 2023, section
        4.4.2).
        ``"space"``: the tiles of the map, all features together, with the least cost;
        if not even single positions fit, runs of features as well.
        ``"both"``: as long as the groups do not fit, cut the axis with the longest
        runs into more; features before rows before columns if equally long.
        ``"search"``: the cut with the least cost of all.

        See `cost` for what costs.

    Returns
    -------
    LayerPartition
        Its cores are numbered from 0.
    """
    height, width, features = map_of(needs.layer)
    of_features, of_rows, of_columns = map(run_counts, (features, height, width))
    if split == "features":
        shapes = [(f, 1, 1) for f in of_features]
        shapes += [(features, r, 1) for r in of_rows]
        shapes += [(features, height, k) for k in of_columns]
        return _first(needs, shapes)
    if split == "both":
        return _cut_longest(needs)
    if split == "space":
        tiles = _cheapest(needs, product([1], of_rows, of_columns))
        return tiles or _first(needs, [(f, height, width) for f in of_features])
    best = _cheapest(needs, product(of_features, of_rows, of_columns))
    assert best is not None  # single neurons fit
    return best


def run_counts(size: int) -> list[int]:
    """List the numbers of runs worth trying.

    Parameters
    ----------
    size : int
        Items to cut into runs.

    Returns
    -------
    list of int
        ``ceil(size / length)`` for every length, each once, from 1 to `size`.
    """
    return sorted({-(-size // length) for length in range(1, size + 1)})


Cost = tuple[int, int, int, int, int]


def cost(needs: LayerNeeds, part: LayerPartition) -> Cost:
    """Return what `cut_layer` minimises, the most important first.

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


def _cut(needs: LayerNeeds, shape: Shape) -> LayerPartition:
    height, width, features = map_of(needs.layer)
    return LayerPartition(
        0,
        equal_runs(features, shape[0]),
        equal_runs(height, shape[1]),
        equal_runs(width, shape[2]),
        needs.copies,
    )


def _first(needs: LayerNeeds, shapes: Iterable[Shape]) -> LayerPartition:
    parts = (_cut(needs, shape) for shape in shapes)
    return next(part for part in parts if needs.fits(part))


def _cheapest(needs: LayerNeeds, shapes: Iterable[Shape]) -> LayerPartition | None:
    def cores(shape: Shape) -> int:
        return shape[0] * shape[1] * shape[2]

    best: tuple[Cost, LayerPartition] | None = None
    enough = [shape for shape in shapes if cores(shape) >= needs.fewest_cores]
    for shape in sorted(enough, key=cores):
        if best is not None and cores(shape) + needs.cores_before(0) > best[0][0]:
            break  # shapes are sorted by cores: none that follows costs less
        part = _cut(needs, shape)
        if needs.fits(part):
            of_part = cost(needs, part)
            if best is None or of_part < best[0]:
                best = of_part, part
    return None if best is None else best[1]


def _cut_longest(needs: LayerNeeds) -> LayerPartition:
    height, width, features = map_of(needs.layer)
    sizes = (features, height, width)
    counts = [1, 1, 1]
    while not needs.fits(part := _cut(needs, (counts[0], counts[1], counts[2]))):
        lengths = [-(-size // n) for size, n in zip(sizes, counts, strict=True)]
        axis = lengths.index(max(lengths))
        counts[axis] = -(-sizes[axis] // (lengths[axis] - 1))
    return part
