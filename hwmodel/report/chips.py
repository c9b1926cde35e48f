"""Write a chip as text and as plain JSON data, every constant with its origin."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hwmodel.chip.chip import Chip, CoreLimits, Mesh
from hwmodel.units import format_quantity


def chip_dict(chip: Chip) -> dict[str, Any]:
    """Turn a chip into plain data; numbers in SI, ``None`` is unknown or no limit.

    Parameters
    ----------
    chip : Chip
        From `hwmodel.chip.chip.load_chip`.

    Returns
    -------
    dict
        Fields as in the chip file, constants with value, unit, kind, source and note.
    """
    return asdict(chip)


def chip_text(chip: Chip) -> str:
    """Write every constant of a chip with unit, kind, source and note.

    Parameters
    ----------
    chip : Chip
        From `hwmodel.chip.chip.load_chip`.

    Returns
    -------
    str
        Several lines.
    """
    mesh, core, limits = chip.mesh, chip.core, chip.limits
    entries = [
        (
            "mesh",
            _mesh_text(mesh),
            mesh.source,
            mesh.note,
        ),
        ("core", _limits_text(core), core.source, core.note),
        ("limits", _limits_text(limits), limits.source, limits.note),
    ]
    for name, c in chip.constants.items():
        kind = f" ({c.kind})" if c.kind else ""
        entries.append(
            (name, price_text(c.value, c.unit, c.included_in) + kind, c.source, c.note)
        )
    if chip.normalised is not None:
        eq11 = chip.normalised
        value = (
            f"{eq11.static:g} x steps/{eq11.reference_steps:g} + {eq11.dynamic:g} x "
            f"spikes/{eq11.reference_spikes:g}"
        )
        entries.append(("normalised", value, eq11.source, eq11.note))
    lines = [f"{chip.name}: {chip.description}", f"technology: {chip.technology}", ""]
    for name, value, source, note in entries:
        lines.append(f"{name:<14} {value}")
        lines.append(f"{'':<14}   source: {source or 'not given'}")
        if note:
            lines.append(f"{'':<14}   note: {note}")
    return "\n".join(lines)


def _mesh_text(mesh: Mesh) -> str:
    chip = f", chips of {mesh.chip[0]}x{mesh.chip[1]} routers" if mesh.chip else ""
    cores = f", {mesh.cores_per_router} cores each" if mesh.cores_per_router > 1 else ""
    shape = "" if mesh.topology == "mesh" else f", {mesh.topology}"
    return f"{mesh.width}x{mesh.height} routers{cores}{chip}{shape}"


def _limits_text(limits: CoreLimits) -> str:
    fields = (
        "neurons",
        "axons",
        "fan_in",
        "synapses",
        "synapse_memory",
        "weight_bits",
        "axon_types",
        "target_cores",
        "out_axons",
    )
    known = [
        f"{getattr(limits, f)} {f}" for f in fields if getattr(limits, f) is not None
    ]
    if limits.mesh is not None:
        known.append(f"mesh {limits.mesh[0]}x{limits.mesh[1]}")
    return ", ".join(known).replace("_", " ") or "none given"


def price_text(value: float | None, unit: str, included_in: str | None) -> str:
    """Write a constant for people.

    Parameters
    ----------
    value : float or None, SI
        ``None`` is unknown.
    unit : str
        SI unit.
    included_in : str or None
        Name of the constant that contains it.

    Returns
    -------
    str
        With an SI prefix, or in words.
    """
    if included_in is not None:
        return f"included in {included_in}"
    return "unknown" if value is None else format_quantity(value, unit)
