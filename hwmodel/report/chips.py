"""Write chips as text and as plain JSON data, every constant with its origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from hwmodel.chip.chip import Chip, CoreLimits, Mesh
from hwmodel.chip.constants import ACTIONS, Constant
from hwmodel.report.lines import wrapped
from hwmodel.units import format_quantity

EXECUTION = {
    "time-stepped": "every neuron is updated in every time step",
    "event-driven": "a neuron is updated by each synaptic operation",
}


def unknown_prices(chip: Chip) -> tuple[str, ...]:
    """List what an estimate of energy may stop at.

    Parameters
    ----------
    chip : Chip
        From `hwmodel.chip.chip.load_chip`.

    Returns
    -------
    tuple of str
        Dotted names of unknown prices, and the step if a static power needs it.
    """
    unknown = [
        name
        for name, constant in chip.constants.items()
        if name.startswith("energy.") and constant.value is None
    ]
    if chip.energy.static.unit == "W" and chip.timing.step.value is None:
        unknown.append("timing.step")
    return tuple(unknown)


def what_is_priced(chip: Chip) -> str:
    """Say whether a chip's energy is known.

    Parameters
    ----------
    chip : Chip
        From `hwmodel.chip.chip.load_chip`.

    Returns
    -------
    str
        ``"energy"``, ``"energy, but not ..."`` or ``"structure only"``.
    """
    unknown = unknown_prices(chip)
    if chip.energy.sop.value is None:
        return "structure only"
    names = [name.removeprefix("energy.") for name in unknown]
    return f"energy, but not {', '.join(names)}" if names else "energy"


def chip_dict(chip: Chip) -> dict[str, Any]:
    """Turn a chip into plain data; numbers in SI, ``None`` is unknown or no limit.

    Parameters
    ----------
    chip : Chip
        From `hwmodel.chip.chip.load_chip`.

    Returns
    -------
    dict
        Fields as in the chip file, constants with all that `Constant` holds; what is
        priced, the prices that are unknown, and the actions that are not charged.
    """
    return {
        **asdict(chip),
        "priced": what_is_priced(chip),
        "unknown": list(unknown_prices(chip)),
        "not_charged": list(chip.not_charged),
    }


def chip_list(chips: Sequence[Chip]) -> str:
    """Write one line a chip.

    Parameters
    ----------
    chips : sequence of Chip
        From `hwmodel.chip.chip.load_chip`.

    Returns
    -------
    str
        A table.
    """
    rows = []
    for chip in chips:
        sop = chip.energy.sop
        price = "-"
        if sop.value is not None:
            price = f"{format_quantity(sop.value, sop.unit)} {sop.kind}"
        rows.append([chip.name, chip.technology, price, what_is_priced(chip)])
    heads = ["chip", "technology", "SOP", "priced"]
    return tabulate(rows, heads, tablefmt="simple", disable_numparse=True)


def chip_text(chip: Chip) -> str:
    """Write every constant of a chip with its unit, bounds and origin.

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
        ("mesh", _mesh_text(mesh), mesh.source, mesh.note),
        ("core", _limits_text(core), core.source, core.note),
        ("limits", _limits_text(limits), limits.source, limits.note),
    ]
    if chip.casting is not None:
        of_chip = chip.casting
        entries.append(("casting", of_chip.value, of_chip.source, of_chip.note))
    else:
        unsaid = "unknown; multicast unless --casting says otherwise"
        entries.append(("casting", unsaid, "left out of the chip file", ""))
    left_out: dict[str, list[str]] = {}
    for name, c in chip.constants.items():
        if c.value is None and c.kind is None:
            left_out.setdefault(c.source, []).append(name)
        else:
            entries.append((name, constant_text(c), c.source, c.note))
    if chip.not_charged:
        actions = ", ".join(ACTIONS[name] for name in chip.not_charged)
        entries.append(("not charged", actions, chip.energy.not_charged_source, ""))
    for source, names in left_out.items():
        entries.append(("unknown", ", ".join(names), source, ""))
    if chip.normalised is not None:
        eq11 = chip.normalised
        value = (
            f"{eq11.static:g} x steps/{eq11.reference_steps:g} + {eq11.dynamic:g} x "
            f"spikes/{eq11.reference_spikes:g}"
        )
        entries.append(("normalised", value, eq11.source, eq11.note))
    width = max(len(name) for name, *_ in entries) + 1
    lines = [
        f"{chip.name}: {chip.description}",
        f"technology: {chip.technology}",
        f"execution: {chip.execution}, {EXECUTION[chip.execution]}",
        f"priced: {what_is_priced(chip)}",
        "",
    ]
    for name, value, source, note in entries:
        lines += wrapped(value, width + 1, f"{name:<{width}} ")
        origin = {"source: ": source or "not given", "note: ": note}
        for label, text in origin.items():
            if text:
                lines += wrapped(text, width + 5, " " * (width + 3) + label)
    return "\n".join(lines)


def constant_text(constant: Constant) -> str:
    """Write a constant with its kind, bounds, evidence and voltage.

    Parameters
    ----------
    constant : Constant
        Any.

    Returns
    -------
    str
        One line, for example ``"26 pJ (average), 21.7 pJ to 28.1 pJ, measured at
        0.775 V"``.
    """
    c = constant
    parts = [price_text(c.value, c.unit, c.included_in)]
    if c.kind:
        parts[0] += f" ({c.kind})"
    bounds = bounds_text(c)
    if bounds:
        parts.append(bounds)
    at = f"at {c.voltage:g} V" if c.voltage is not None else ""
    origin = " ".join(word for word in (c.evidence or "", at) if word)
    if origin:
        parts.append(origin)
    return ", ".join(parts)


def bounds_text(constant: Constant) -> str:
    """Write the bounds of a constant.

    Parameters
    ----------
    constant : Constant
        Any.

    Returns
    -------
    str
        For example ``"8 nJ to 43 nJ"``; empty if no bound is known.
    """
    low, high = (
        None if bound is None else format_quantity(bound, constant.unit)
        for bound in (constant.low, constant.high)
    )
    if low is None:
        return "" if high is None else f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


def _mesh_text(mesh: Mesh) -> str:
    chip = f", chips of {mesh.chip[0]}x{mesh.chip[1]} routers" if mesh.chip else ""
    cores = f", {mesh.cores_per_router} cores each" if mesh.cores_per_router > 1 else ""
    buffer = f", buffers of {mesh.buffer} packets" if mesh.buffer else ""
    shape = "" if mesh.topology == "mesh" else f", {mesh.topology}"
    return f"{mesh.width}x{mesh.height} routers{cores}{chip}{shape}{buffer}"


def _limits_text(limits: CoreLimits) -> str:
    units = {
        "neurons": "neurons",
        "axons": "axons",
        "fan_in": "inputs of a neuron (fan_in)",
        "synapses": "synapses",
        "synapse_memory": "bits of synapse memory",
        "weight_bits": "weight bits",
        "axon_types": "axon types",
        "target_cores": "target cores",
        "out_axons": "routes out of a core (out_axons)",
    }
    known = [
        f"{getattr(limits, field)} {unit}"
        for field, unit in units.items()
        if getattr(limits, field) is not None
    ]
    if limits.mesh is not None:
        known.append(f"mesh {limits.mesh[0]}x{limits.mesh[1]}")
    return ", ".join(known) or "none given"


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
