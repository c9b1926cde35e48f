"""Write a mapping as text and as plain JSON data: which neurons are on which core."""

from __future__ import annotations

from typing import Any

import numpy as np
from tabulate import tabulate

from hwmodel.mapping.groups import LayerPartition
from hwmodel.mapping.placement import Mapping
from hwmodel.mesh.grid import Grid
from hwmodel.workload.workload import LayerGeometry


def grid_text(grid: Grid) -> str:
    """Name a grid by size, topology and, if there are several, chips.

    Parameters
    ----------
    grid : Grid
        Routers.

    Returns
    -------
    str
        For example ``"a 128x64 mesh of 2 chips"`` or ``"an 8x4 mesh"``.
    """
    width = str(grid.width)  # eight, eighty, 11 and 18, but not 110 or 1,800
    vowel = width.startswith("8") or width in ("11", "18")
    chips = "" if grid.n_chips == 1 else f" of {grid.n_chips} chips"
    return f"{'an' if vowel else 'a'} {grid} {grid.topology}{chips}"


def cores_text(part: LayerPartition) -> str:
    """Name the cores of a layer, as a product if its maps are cut.

    Parameters
    ----------
    part : LayerPartition
        The layer's groups.

    Returns
    -------
    str
        Their number, or runs of features, rows and columns such as ``"2x3x4"``.
    """
    n_features, n_rows, n_columns = part.shape
    if n_rows * n_columns == 1:
        return str(part.n_cores)
    return f"{n_features}x{n_rows}x{n_columns}"


def map_rows(
    mapping: Mapping, layers: tuple[LayerGeometry, ...]
) -> list[dict[str, Any]]:
    """List every core with its group of neurons and its place.

    Parameters
    ----------
    mapping : Mapping
        Groups on the mesh.
    layers : tuple of LayerGeometry
        For their names.

    Returns
    -------
    list of dict
        Keys core, layer, features, rows, columns, neurons, copies, x, y; ranges are
        [start, stop).
    """
    table = []
    for layer, part in zip(layers, mapping.partition.layers, strict=True):
        for core, (features, rows, columns), neurons, copies in zip(
            part.cores,
            part.groups,
            part.neurons_per_core,
            part.copies_per_core,
            strict=True,
        ):
            table.append(
                {
                    "core": core,
                    "layer": layer.name,
                    "features": list(features),
                    "rows": list(rows),
                    "columns": list(columns),
                    "neurons": int(neurons),
                    "copies": int(copies),
                    "x": int(mapping.x[core]),
                    "y": int(mapping.y[core]),
                }
            )
    return table


def map_text(mapping: Mapping, layers: tuple[LayerGeometry, ...]) -> str:
    """Write a mapping as a table, one row a core.

    Parameters
    ----------
    mapping : Mapping
        Groups on the mesh.
    layers : tuple of LayerGeometry
        For their names.

    Returns
    -------
    str
        Several lines.
    """
    n_copies = int(mapping.partition.copies_per_core.sum())
    rows = [
        [
            row["core"],
            row["layer"],
            "{}-{}".format(row["features"][0], row["features"][1] - 1),
            "{}-{}".format(row["rows"][0], row["rows"][1] - 1),
            "{}-{}".format(row["columns"][0], row["columns"][1] - 1),
            row["neurons"],
            *([row["copies"]] if n_copies else []),
            f"({row['x']}, {row['y']})",
        ]
        for row in map_rows(mapping, layers)
    ]
    fill = float(np.mean(mapping.partition.neurons_per_core))
    head = (
        f"{len(rows)} core{'s' * (len(rows) != 1)} on {grid_text(mapping.grid)}, "
        f"{fill:.0f} neurons a core on average"
    )
    if n_copies:
        head += f", {n_copies} copies of neurons besides"
    heads = ["core", "layer", "features", "rows", "columns", "neurons"]
    heads += [*["copies"] * bool(n_copies), "(x, y)"]
    table = tabulate(rows, heads, "simple")
    return f"{head}\n\n{table}"
