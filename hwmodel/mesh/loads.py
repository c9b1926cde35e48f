"""Packets on every link of a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.mesh.grid import Grid

# A link with its load: from (x, y), to (x, y), packets.
Link = tuple[tuple[int, int], tuple[int, int], int]


@dataclass(frozen=True)
class LinkLoads:
    """Packets that crossed each link.

    Parameters
    ----------
    grid : Grid
        Where the links are.
    packets : ndarray, shape (n_directions, height, width), int64
        Entry ``[d, y, x]``: packets that left router (x, y) in direction
        ``grid.directions[d]``.
    """

    grid: Grid
    packets: np.ndarray

    @classmethod
    def zeros(cls, grid: Grid) -> LinkLoads:
        """Return idle links."""
        shape = (len(grid.directions), grid.height, grid.width)
        return cls(grid, np.zeros(shape, dtype=np.int64))

    def __add__(self, other: LinkLoads) -> LinkLoads:
        return LinkLoads(self.grid, self.packets + other.packets)

    @property
    def total(self) -> int:
        """Hops of all packets."""
        return int(self.packets.sum())

    @property
    def busiest(self) -> int:
        """Packets on the busiest link."""
        return int(self.packets.max(initial=0))

    @property
    def worst_link(self) -> Link | None:
        """The busiest link; ``None`` if all are idle.

        Of several, the first by direction (`Grid.directions`), then row, then column.
        """
        if not self.packets.any():
            return None
        d, y, x = np.unravel_index(self.packets.argmax(), self.packets.shape)
        return self._link(int(d), int(y), int(x))

    @property
    def hops_by_direction(self) -> dict[tuple[int, int], int]:
        """Hops of all packets by the step (dx, dy) of the link."""
        hops = self.packets.sum(axis=(1, 2)).tolist()
        return dict(zip(self.grid.directions, hops, strict=True))

    @property
    def hops_y(self) -> int:
        """Hops that change the row: along a column or a diagonal."""
        changes_row = [dy != 0 for _, dy in self.grid.directions]
        return int(self.packets[changes_row].sum())

    @property
    def chip_crossings(self) -> int:
        """Hops from one chip to another."""
        return int(self.packets[self.leaves_chip].sum())

    @property
    def leaves_chip(self) -> np.ndarray:
        """Which links go from one chip to another, shape of `packets`, bool."""
        grid = self.grid
        y, x = np.mgrid[: grid.height, : grid.width]
        here = grid.chip_of(x, y)
        return np.stack(
            [
                here != grid.chip_of((x + dx) % grid.width, (y + dy) % grid.height)
                for dx, dy in grid.directions
            ]
        )

    def links(self) -> list[Link]:
        """List the used links."""
        return [self._link(*link) for link in np.argwhere(self.packets).tolist()]

    def _link(self, d: int, y: int, x: int) -> Link:
        dx, dy = self.grid.directions[d]
        end = ((x + dx) % self.grid.width, (y + dy) % self.grid.height)
        return (x, y), end, int(self.packets[d, y, x])
