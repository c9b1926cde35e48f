"""Ways to cut a layer: along features, along space, both, or the best that fits.

A layer is cut into equal runs of features, of map rows and of map columns; a group is
one run of each. All rules are deterministic.
"""

from __future__ import annotations

from typing import Literal, get_args

from hwmodel.mapping.cut_search import Shape, cheapest_cut, cut, first_cut
from hwmodel.mapping.groups import LayerPartition
from hwmodel.mapping.needs import LayerNeeds
from hwmodel.workload.group_inputs import map_of

Split = Literal["features", "space", "both", "search"]
SPLITS: tuple[Split, ...] = get_args(Split)


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

        See `hwmodel.mapping.cut_search.cost` for what costs.

    Returns
    -------
    LayerPartition
        Its cores are numbered from 0.
    """
    height, width, features = map_of(needs.layer)
    if split == "both":
        return _cut_longest(needs)
    if split == "features":
        return _first(
            needs,
            [(f, 1, 1) for f in range(1, features + 1)],
            [(features, r, 1) for r in range(1, height + 1)],
            [(features, height, c) for c in range(1, width + 1)],
        )
    if split == "space":
        tiles = cheapest_cut(needs, most_feature_runs=1)
        of_features = [(f, height, width) for f in range(1, features + 1)]
        return tiles or _first(needs, of_features)
    best = cheapest_cut(needs)
    assert best is not None  # single neurons fit
    return best


def _first(needs: LayerNeeds, *stages: list[Shape]) -> LayerPartition:
    parts = (first_cut(needs, shapes) for shapes in stages)
    return next(part for part in parts if part is not None)


def _cut_longest(needs: LayerNeeds) -> LayerPartition:
    height, width, features = map_of(needs.layer)
    sizes = (features, height, width)
    counts = [1, 1, 1]
    while not needs.fits(part := cut(needs, (counts[0], counts[1], counts[2]))):
        lengths = [-(-size // n) for size, n in zip(sizes, counts, strict=True)]
        axis = lengths.index(max(lengths))
        counts[axis] = -(-sizes[axis] // (lengths[axis] - 1))
    return part
