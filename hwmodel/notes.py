"""Remarks on a mapping: rules that were applied and are worth knowing."""

from __future__ import annotations

from hwmodel.chip.chip import Chip
from hwmodel.mapping.placement import Mapping
from hwmodel.traffic.counts import ActionCounts


def mapping_notes(chip: Chip, mapping: Mapping, counts: ActionCounts) -> list[str]:
    """List what a mapping did beyond one core a group of features.

    Parameters
    ----------
    chip : Chip
        Its mesh.
    mapping : Mapping
        Groups on the mesh.
    counts : ActionCounts
        What copies of neurons add.

    Returns
    -------
    list of str
        One line each: more chips than the file's mesh, maps that are cut, neurons that
        are copied.
    """
    notes = []
    part, grid = mapping.partition, mapping.grid
    if grid.chip is not None and part.n_cores > chip.mesh.grid().n_cores:
        width, height = grid.chip
        notes.append(
            f"the network needs {part.n_cores} cores, more than the "
            f"{chip.mesh.grid()} mesh of chip {chip.name}; laid on "
            f"{-(-grid.width // width)}x{-(-grid.height // height)} chips of "
            f"{width}x{height} routers"
        )
    for layer, cut in zip(counts.layers, part.layers, strict=True):
        _, n_rows, n_columns = cut.shape
        if n_rows * n_columns > 1:
            notes.append(
                f"{layer.name}: its maps of {cut.map_shape[0]}x{cut.map_shape[1]} are "
                f"cut into {n_rows} runs of rows and {n_columns} of columns"
            )
        if layer.copies:
            notes.append(
                f"{layer.name}: {layer.copies} copies of its {layer.neurons} neurons, "
                f"since a neuron sends to {part.target_cores} "
                f"core{'s' * (part.target_cores != 1)} at most; per inference they add "
                f"{layer.copy_sops / counts.n_samples:g} SOPs and "
                f"{layer.copy_spikes / counts.n_samples:g} spikes"
            )
    return notes
