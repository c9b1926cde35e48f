"""What one packet pays on its way, and how long it travels over an empty grid."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hwmodel.chip.casting import Casting
from hwmodel.mapping.placement import Mapping
from hwmodel.mesh.grid import Grid
from hwmodel.mesh.routing import route
from hwmodel.traffic.copies import share_targets
from hwmodel.traffic.senders import HOST, LayerInputs, target_sets

Place = tuple[int, int]
Link = tuple[Place, Place]
Way = tuple[Link, ...]


@dataclass(frozen=True)
class LayerFlows:
    """The ways of packets to one layer; every input takes one of them.

    Parameters
    ----------
    flow : ndarray, shape (n_in,), int64
        Way of each input.
    packets, hops, hops_y, chip_crossings : ndarray, shape (n_flows,), int64
        Transport of one spike under a casting rule; 0 where no core is reached.
    travel : ndarray, shape (n_flows, n_cores), s
        From the source to each core of the layer; 0 for those that are not reached.
    """

    flow: np.ndarray
    packets: np.ndarray
    hops: np.ndarray
    hops_y: np.ndarray
    chip_crossings: np.ndarray
    travel: np.ndarray


def layer_flows(
    inputs: LayerInputs,
    mapping: Mapping,
    cores: range,
    casting: Casting,
    input_port: Place,
    hop_seconds: tuple[float, float],
) -> LayerFlows:
    """Route one spike of every input of a layer.

    Parameters
    ----------
    inputs : LayerInputs
        Who sends, and where to.
    mapping : Mapping
        Where the cores are.
    cores : range
        Cores of the layer.
    casting : {"multicast", "unicast"}
        Whether a spike is one packet that is copied on its way, or one to each core.
    input_port : tuple of int
        (x, y) of the router where input spikes enter.
    hop_seconds : tuple of float, s
        Time of a hop inside a row, and of one that changes the row.

    Returns
    -------
    LayerFlows
        Inputs of one core that reach the same cores share a way. Where a neuron may
        send to few cores only, its copies send a packet each; the host has no copies.
    """
    reaches, target_set = target_sets(inputs.synapses)
    key = (inputs.owner - HOST) * len(reaches) + target_set  # owners begin at HOST = -1
    distinct, flow = np.unique(key, return_inverse=True)
    source, chosen = np.divmod(distinct, len(reaches))
    places = list(zip(mapping.x.tolist(), mapping.y.tolist(), strict=True))
    legs = _Legs(mapping.grid)
    transport = np.zeros((distinct.size, 4), dtype=np.int64)
    travel = np.zeros((distinct.size, len(cores)))
    for i, (core, targets) in enumerate(
        zip((source + HOST).tolist(), reaches[chosen], strict=True)
    ):
        start = input_port if core == HOST else places[core]
        reached = np.flatnonzero(targets).tolist()
        ways = {target: legs.of(start, places[cores[target]]) for target in reached}
        for target, way in ways.items():
            n_y = sum(map(_changes_row, way))
            travel[i, target] = (len(way) - n_y) * hop_seconds[0] + n_y * hop_seconds[1]
        most = 1 if casting == "unicast" else len(cores)
        if core != HOST:
            most = min(most, mapping.partition.target_cores or most)
        shares = [
            [ways[target] for target in np.flatnonzero(share).tolist()]
            for share in share_targets(targets[None], most)[1]
        ]
        paid = [link for share in shares for link in _tree(share)]
        n_y, n_crossings = sum(map(_changes_row, paid)), sum(map(legs.crosses, paid))
        transport[i] = len(shares), len(paid), n_y, n_crossings
    packets, hops, hops_y, crossings = transport.T
    return LayerFlows(flow.reshape(-1), packets, hops, hops_y, crossings, travel)


def _tree(ways: list[Way]) -> list[Link]:
    """List the links that a multicast packet crosses, each once."""
    return list(dict.fromkeys(link for way in ways for link in way))


def _changes_row(link: Link) -> bool:
    return link[0][1] != link[1][1]


class _Legs:
    """Routes between two routers, each worked out once."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._links: dict[Link, Way] = {}
        y, x = np.mgrid[: grid.height, : grid.width]
        self._chip = grid.chip_of(x, y).tolist()

    def of(self, start: Place, end: Place) -> Way:
        """Return the links of a route."""
        if (start, end) not in self._links:
            way = route(self._grid, start, end)
            self._links[start, end] = tuple(pairwise(way))
        return self._links[start, end]

    def crosses(self, link: Link) -> bool:
        """Tell whether a link leads to another chip."""
        (x, y), (to_x, to_y) = link
        return bool(self._chip[y][x] != self._chip[to_y][to_x])
