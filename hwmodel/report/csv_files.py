"""Write an estimate or a mapping as CSV files, means per inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hwmodel.estimate import Estimate
from hwmodel.mapping.placement import Mapping
from hwmodel.report.csv_table import write_rows
from hwmodel.report.mapping import map_rows
from hwmodel.report.text import to_dict
from hwmodel.workload.workload import LayerGeometry

_ENERGY = "energy_j"
_SIZES = {"neurons", "cores", "synapses"}


def write_csv(estimate: Estimate, folder: Path) -> list[Path]:
    """Write ``layers.csv``, ``cores.csv`` and ``links.csv``.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_workload`.
    folder : Path
        Made if it is missing.

    Returns
    -------
    list of Path
        The files written. Links are those that were used; energies of cores and links
        are those of `hwmodel.cost.places`.

    Raises
    ------
    RunError
        If a file cannot be written.
    """
    data = to_dict(estimate)
    tables = {
        "layers.csv": [_layer_row(layer) for layer in data["layers"]],
        "cores.csv": _core_rows(estimate, data["core_load"]),
        "links.csv": _link_rows(estimate, data["links"]),
    }
    heads = {"links.csv": _LINK_HEAD}
    for name, rows in tables.items():
        write_rows(Path(folder) / name, heads.get(name) or list(rows[0]), rows)
    return [Path(folder) / name for name in tables]


def write_map_csv(
    mapping: Mapping, layers: tuple[LayerGeometry, ...], path: Path
) -> None:
    """Write a mapping, one row a core.

    Parameters
    ----------
    mapping : Mapping
        Groups on the mesh.
    layers : tuple of LayerGeometry
        For their names.
    path : Path
        The file. Columns are those of `hwmodel.report.mapping.map_rows`; a range has
        two, ``_start`` and ``_stop`` (not included).

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    rows = []
    for row in map_rows(mapping, layers):
        flat: dict[str, Any] = {}
        for key, value in row.items():
            if isinstance(value, list):
                flat |= {f"{key}_start": value[0], f"{key}_stop": value[1]}
            else:
                flat[key] = value
        rows.append(flat)
    write_rows(path, list(rows[0]), rows)


def _layer_row(layer: dict[str, Any]) -> dict[str, Any]:
    row = {"layer": layer["name"], "kind": layer["kind"]}
    for key, value in layer.items():
        if key in _SIZES:
            row[key] = value
        elif key == "energy_j":
            row |= {f"energy_{term}_j": j for term, j in value.items()}
        elif isinstance(value, int | float):
            row[f"{key}_per_inference"] = value
    return row


def _core_rows(
    estimate: Estimate, core_load: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    return [
        {
            "core": core["core"],
            "x": core["position"][0],
            "y": core["position"][1],
            "layer": core["layer"],
            "neurons": core["neurons"],
            "copies": core["copies"],
            "spikes_per_inference": core["spikes"],
            "sops_per_inference": core["sops"],
            _ENERGY: energy,
        }
        for core, energy in zip(core_load, estimate.core_energy.tolist(), strict=True)
    ]


_LINK_HEAD = ["from_x", "from_y", "to_x", "to_y", "packets_per_inference", _ENERGY]


def _link_rows(estimate: Estimate, links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    used = estimate.used_link_energy.tolist()
    return [
        dict(
            zip(
                _LINK_HEAD,
                [*link["from"], *link["to"], link["packets"], energy],
                strict=True,
            )
        )
        for link, energy in zip(links, used, strict=True)
    ]
