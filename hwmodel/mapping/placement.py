"""Put cores on the mesh: row-major, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.errors import PlacementError
from hwmodel.mapping.partition import Partition


@dataclass(frozen=True)
class Mapping:
    """Neuron groups on the mesh.

    Parameters
    ----------
    partition : Partition
        Groups; group i is core i.
    mesh : tuple of int
        (width, height).
    x, y : ndarray, shape (n_cores,), int64
        Column and row of each core's router; (0, 0) is the first.
    """

    partition: Partition
    mesh: tuple[int, int]
    x: np.ndarray
    y: np.ndarray


def place_row_major(partition: Partition, mesh: tuple[int, int], chip: str) -> Mapping:
    """Fill the mesh row by row.

    Parameters
    ----------
    partition : Partition
        Groups to place.
    mesh : tuple of int
        (width, height) of the mesh.
    chip : str
        Name for messages.

    Returns
    -------
    Mapping
        Core i at column ``i % width``, row ``i // width``.

    Raises
    ------
    PlacementError
        If there are more groups than routers.
    """
    width, height = mesh
    n_cores = partition.n_cores
    if n_cores > width * height:
        raise PlacementError(
            f"the network needs {n_cores} cores, the {width}x{height} mesh of chip "
            f"{chip} has {width * height}; expected a mesh that holds them; pass a "
            "larger one, for example "
            f"--mesh {width}x{-(-n_cores // width)}"
        )
    core = np.arange(n_cores)
    return Mapping(partition, mesh, core % width, core // width)
