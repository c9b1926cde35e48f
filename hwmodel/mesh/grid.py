"""The grid of routers that cores sit on: size, cores a router, chips, topology."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Topology = Literal["mesh", "triangular torus"]

DIRECTIONS: dict[Topology, tuple[tuple[int, int], ...]] = {
    "mesh": ((1, 0), (-1, 0), (0, 1), (0, -1)),
    "triangular torus": ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)),
}
"""Steps (dx, dy) of a router's outgoing links."""


def step_name(step: tuple[int, int]) -> str:
    """Name a direction.

    Parameters
    ----------
    step : tuple of int
        (dx, dy), each -1, 0 or 1.

    Returns
    -------
    str
        ``"+x"``, ``"-y"``, ``"+x+y"``, ...
    """
    return "".join(
        ("+" if change > 0 else "-") + axis
        for change, axis in zip(step, "xy", strict=True)
        if change
    )


@dataclass(frozen=True)
class Grid:
    """Routers in rows and columns, with the cores that hang on them.

    Parameters
    ----------
    width, height : int
        Columns and rows of routers.
    cores_per_router : int
        Cores on each router; a packet between two of them crosses no link.
    chip : tuple of int or None
        (width, height) of one chip in routers, if several chips make up the grid;
        ``None``: it is all one chip.
    topology : {"mesh", "triangular torus"}
        Links between routers: to the four neighbours; or to six (the diagonals
        (1, 1) and (-1, -1) too), with the borders joined.
    """

    width: int
    height: int
    cores_per_router: int = 1
    chip: tuple[int, int] | None = None
    topology: Topology = "mesh"

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), the shape of an array with an entry for each router."""
        return self.height, self.width

    @property
    def n_routers(self) -> int:
        """Number of routers."""
        return self.width * self.height

    @property
    def n_cores(self) -> int:
        """Number of cores it can hold."""
        return self.n_routers * self.cores_per_router

    @property
    def n_chips(self) -> int:
        """Number of chips that it is made of, begun ones included."""
        if self.chip is None:
            return 1
        width, height = self.chip
        return -(-self.width // width) * -(-self.height // height)

    @property
    def directions(self) -> tuple[tuple[int, int], ...]:
        """Steps (dx, dy) of a router's links, the order of `LinkLoads.packets`."""
        return DIRECTIONS[self.topology]

    def chip_of(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the number of the chip each router is on.

        Parameters
        ----------
        x, y : ndarray, shape (...), int64
            Columns and rows.

        Returns
        -------
        ndarray, shape (...), int64
            Chips are numbered row by row from 0.
        """
        if self.chip is None:
            return np.zeros(np.shape(x), dtype=np.int64)
        width, height = self.chip
        chips_in_row = -(-self.width // width)
        return (np.asarray(y) // height) * chips_in_row + np.asarray(x) // width

    def fewest_chips(self, n_cores: int) -> int:
        """Return how many chips some cores need at least.

        Parameters
        ----------
        n_cores : int
            Cores to place, at most those of the grid.

        Returns
        -------
        int
            The largest chips first; those at the border may be cut off.
        """
        y, x = np.indices(self.shape)
        holds = np.bincount(self.chip_of(x, y).ravel()) * self.cores_per_router
        held = np.cumsum(-np.sort(-holds))
        return int(np.searchsorted(held, n_cores)) + 1 if n_cores else 0

    def rectangle(
        self, n_cores: int, middle: tuple[int, int]
    ) -> tuple[int, int, int, int]:
        """Return the squarest and smallest rectangle of routers for some cores.

        Parameters
        ----------
        n_cores : int
            Cores to place, 1 to those of the grid.
        middle : tuple of int
            (x, y) of a router that it should lie around.

        Returns
        -------
        tuple of int
            Left column, top row, width and height. It lies on the grid, as near to
            the middle as that allows.
        """
        routers = -(-n_cores // self.cores_per_router)
        sizes = [
            (width, -(-routers // width))
            for width in range(1, self.width + 1)
            if -(-routers // width) <= self.height
        ]
        width, height = min(sizes, key=lambda s: (max(s), s[0] * s[1], s))
        left = min(max(middle[0] - width // 2, 0), self.width - width)
        top = min(max(middle[1] - height // 2, 0), self.height - height)
        return left, top, width, height

    @property
    def row_major(self) -> np.ndarray:
        """Routers ``y * width + x``, chip by chip and row by row, (n_routers,)."""
        router = np.arange(self.n_routers)
        chip = self.chip_of(router % self.width, router // self.width)
        return np.argsort(chip, kind="stable")

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"
