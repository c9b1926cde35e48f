"""Put cores on the mesh: row-major, layer by layer, chip by chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.errors import PlacementError
from hwmodel.mapping.groups import Partition
from hwmodel.mesh.grid import Grid


@dataclass(frozen=True)
class Mapping:
    """Neuron groups on the mesh.

    Parameters
    ----------
    partition : Partition
        Groups; group i is core i.
    grid : Grid
        Routers.
    x, y : ndarray, shape (n_cores,), int64
        Column and row of each core's router; (0, 0) is the first.
    """

    partition: Partition
    grid: Grid
    x: np.ndarray
    y: np.ndarray

    @property
    def n_chips(self) -> int:
        """Number of chips that hold cores."""
        return np.unique(self.grid.chip_of(self.x, self.y)).size


def place_row_major(partition: Partition, grid: Grid, chip: str) -> Mapping:
    """Fill the mesh row by row, one chip after the other.

    Parameters
    ----------
    partition : Partition
        Groups to place.
    grid : Grid
        Routers of the mesh.
    chip : str
        Name for messages.

    Returns
    -------
    Mapping
        Core i on router ``grid.row_major[i // cores_per_router]``.

    Raises
    ------
    PlacementError
        If there are more groups than routers.
    """
    require_room(partition.n_cores, grid, chip)
    return at_slots(partition, grid, fill(partition.n_cores, grid, grid.row_major))


def fill(n_cores: int, grid: Grid, order: np.ndarray) -> np.ndarray:
    """Fill the routers of a grid in an order, all cores of a router first.

    Parameters
    ----------
    n_cores : int
        Cores to place, at most those of the grid.
    grid : Grid
        Routers.
    order : ndarray, shape (n_routers,), int64
        Routers, each once.

    Returns
    -------
    ndarray, shape (n_cores,), int64
        Slot of each core, ``router * cores_per_router + k``.
    """
    turn, k = np.divmod(np.arange(n_cores), grid.cores_per_router)
    return order[turn] * grid.cores_per_router + k


def at_slots(partition: Partition, grid: Grid, slots: np.ndarray) -> Mapping:
    """Put groups into slots.

    Parameters
    ----------
    partition : Partition
        Groups to place.
    grid : Grid
        Routers.
    slots : ndarray, shape (n_cores,), int64
        ``router * cores_per_router + k`` of each core, all different.

    Returns
    -------
    Mapping
        Core i on the router of slot i.
    """
    router = slots // grid.cores_per_router
    return Mapping(partition, grid, router % grid.width, router // grid.width)


def require_room(n_cores: int, grid: Grid, chip: str) -> None:
    """Refuse a grid that cannot hold the cores.

    Parameters
    ----------
    n_cores : int
        Cores to place.
    grid : Grid
        Routers.
    chip : str
        Name for messages.

    Raises
    ------
    PlacementError
        If there are more cores than the grid has.
    """
    if n_cores > grid.n_cores:
        rows = -(-n_cores // (grid.width * grid.cores_per_router))
        raise PlacementError(
            f"the network needs {n_cores} cores, the {grid} mesh of chip {chip} has "
            f"{grid.n_cores}; expected a mesh that holds them; pass a larger one, for "
            f"example --mesh {grid.width}x{rows}"
        )
