"""What a placement is judged by: traffic, casting rule, objective, prices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from hwmodel.chip.casting import Casting
from hwmodel.mesh.grid import Grid
from hwmodel.mesh.loads import LinkLoads
from hwmodel.mesh.routing import multicast_loads, unicast_loads
from hwmodel.traffic.flows import Flows
from hwmodel.traffic.senders import HOST

Objective = Literal["hops", "energy", "worst-link"]


@dataclass(frozen=True)
class Prices:
    """What of the energy depends on the places of cores. No price is negative.

    Parameters
    ----------
    x, y : float, J
        One hop along a row; one that changes the row; each with the router that it
        leads to.
    crossing : float, J
        What a hop from one chip to another costs on top.
    chip : float, J
        Static energy of a chip that holds cores, over all measured inferences; 0 if
        the number of these chips cannot change.
    """

    x: float
    y: float
    crossing: float = 0.0
    chip: float = 0.0


@dataclass(frozen=True)
class Sends:
    """Who sends how many packets to whom, under one casting rule.

    Entry i goes from core ``source[i]`` to cores ``targets[offsets[i]:offsets[i+1]]``.

    Parameters
    ----------
    source : ndarray, shape (n,), int64
        Cores; `HOST` for the input port.
    offsets : ndarray, shape (n + 1,), int64
        Where the targets of each entry start.
    targets : ndarray, shape (n_targets,), int64
        Cores, each once an entry.
    packets : ndarray, shape (n,), int64
        How often.
    """

    source: np.ndarray
    offsets: np.ndarray
    targets: np.ndarray
    packets: np.ndarray

    @property
    def n_targets(self) -> np.ndarray:
        """Number of targets of each entry, shape (n,), int64."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Problem:
    """Cores to place on a grid, and what makes a placement good.

    Parameters
    ----------
    grid : Grid
        Routers.
    n_cores : int
        Cores to place, at most ``grid.n_cores``.
    flows : tuple of Flows
        Packets between cores, layer by layer; a core is never a target of its own.
    casting : {"multicast", "unicast"}
        How packets travel.
    objective : {"hops", "energy", "worst-link"}
        What is to be small: links crossed by all packets; what they and the chips in
        use cost; packets on the busiest link and, among equals, hops.
    input_port : tuple of int
        (x, y) of the router where input spikes enter.
    prices : Prices
        For energy.
    """

    grid: Grid
    n_cores: int
    flows: tuple[Flows, ...]
    casting: Casting = "multicast"
    objective: Objective = "hops"
    input_port: tuple[int, int] = (0, 0)
    prices: Prices = Prices(1.0, 1.0)

    @property
    def paid(self) -> Prices:
        """Prices that the objective has: each hop counts 1 unless it is the energy."""
        return self.prices if self.objective == "energy" else Prices(1.0, 1.0)

    @cached_property
    def link_prices(self) -> np.ndarray:
        """Price of a packet on each link, (n_directions, height, width), float64.

        1, or J for the energy. Links over the border of a mesh, which do not exist,
        have a price too.
        """
        paid = self.paid
        prices = np.zeros((len(self.grid.directions), *self.grid.shape))
        prices += [[[paid.y if dy else paid.x]] for _, dy in self.grid.directions]
        if paid.crossing:
            prices += paid.crossing * LinkLoads.zeros(self.grid).leaves_chip
        return prices

    @cached_property
    def cheapest_links(self) -> np.ndarray:
        """Price of the cheapest link in each direction, (n_directions,), float64."""
        return self.link_prices.min(axis=(1, 2))

    @cached_property
    def sends(self) -> Sends:
        """The flows under the casting rule; unicast ones have one target each."""
        source, target, n_targets, packets = [], [], [], []
        for flow in self.flows:
            entry, reached = np.nonzero(flow.reaches)
            target.append(reached + flow.cores.start)
            unicast = self.casting == "unicast"
            source.append(flow.source[entry] if unicast else flow.source)
            packets.append(flow.packets[entry] if unicast else flow.packets)
            n_targets.append(flow.reaches.sum(axis=1))
        if self.casting == "unicast":
            return _pairs(_joined(source), _joined(target), _joined(packets))
        offsets = np.concatenate([[0], np.cumsum(_joined(n_targets))])
        return Sends(_joined(source), offsets, _joined(target), _joined(packets))

    def value(self, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        """Judge a placement.

        Parameters
        ----------
        x, y : ndarray, shape (n_cores,), int64
            Columns and rows of the cores.

        Returns
        -------
        value : float
            Hops, J or packets of the busiest link, over all measured inferences.
        tie_break : float
            Smaller is better among equal values: hops for the worst link, else 0.
        """
        loads, paid = self._loads(x, y), self.paid
        if self.objective == "worst-link":
            return float(loads.busiest), float(loads.total)
        value = (loads.total - loads.hops_y) * paid.x + loads.hops_y * paid.y
        if paid.crossing:
            value += loads.chip_crossings * paid.crossing
        if paid.chip:
            value += np.unique(self.grid.chip_of(x, y)).size * paid.chip
        return value, 0.0

    def value_of(self, slots: np.ndarray) -> tuple[float, float]:
        """Judge a placement by slots.

        Parameters
        ----------
        slots : ndarray, shape (n_cores,), int64
            ``router * cores_per_router + k`` of each core.

        Returns
        -------
        tuple of float
            See `value`.
        """
        router = slots // self.grid.cores_per_router
        return self.value(router % self.grid.width, router // self.grid.width)

    def _loads(self, x: np.ndarray, y: np.ndarray) -> LinkLoads:
        loads = LinkLoads.zeros(self.grid)
        for flow in self.flows:
            if flow.packets.size == 0:
                continue
            from_x, from_y = self._at(flow.source, x, y)
            cores = slice(flow.cores.start, flow.cores.stop)
            to_x, to_y = x[cores], y[cores]
            if self.casting == "unicast":
                entry, target = np.nonzero(flow.reaches)
                loads += unicast_loads(
                    self.grid,
                    from_x[entry],
                    from_y[entry],
                    to_x[target],
                    to_y[target],
                    flow.packets[entry],
                )
            else:
                loads += multicast_loads(
                    self.grid, from_x, from_y, to_x, to_y, flow.reaches, flow.packets
                )
        return loads

    def _at(
        self, source: np.ndarray, x: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Columns and rows of sources; the host's are those of the port."""
        from_host = source == HOST
        port_x, port_y = self.input_port
        return np.where(from_host, port_x, x[source]), np.where(
            from_host, port_y, y[source]
        )


def ways_from_origin(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Tabulate the ways from router (0, 0); on a torus others are these, moved.

    Parameters
    ----------
    problem : Problem
        Grid and prices.

    Returns
    -------
    cost : ndarray, shape (height, width), float64
        Hops, or J for the energy if every link costs what the cheapest in its
        direction does, as all do unless crossings between chips have a price.
    last_step : ndarray, shape (height, width), int64
        Direction of the last link, an index of ``grid.directions``; -1 at the origin.
    """
    grid = problem.grid
    cost = np.zeros((grid.height, grid.width))
    last_step = np.full((grid.height, grid.width), -1)
    start, one = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    for y, x in np.argwhere(last_step):
        loads = unicast_loads(grid, start, start, x * one, y * one, one)
        cost[y, x] = loads.packets.sum(axis=(1, 2)) @ problem.cheapest_links
        for step, (dx, dy) in enumerate(grid.directions):
            if loads.packets[step, (y - dy) % grid.height, (x - dx) % grid.width]:
                last_step[y, x] = step
    last_step[0, 0] = -1
    return cost, last_step


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _pairs(source: np.ndarray, target: np.ndarray, packets: np.ndarray) -> Sends:
    """Merge entries with one target each that have both ends in common."""
    key = np.stack([source, target])
    ends, entry = np.unique(key, axis=1, return_inverse=True)
    total = np.zeros(ends.shape[1], dtype=np.int64)
    np.add.at(total, entry.reshape(-1), packets)
    return Sends(ends[0], np.arange(total.size + 1), ends[1], total)
