"""Read and check chip files: YAML text in, `hwmodel.chip.chip.Chip` out.

The schema forbids unknown keys, wants every number with unit, kind and source, and
reports the first mistake with its dotted path.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hwmodel.chip.casting import ChipCasting
from hwmodel.chip.chip import (
    Chip,
    EnergyConstants,
    Mesh,
    Normalised,
    TimingConstants,
)
from hwmodel.chip.constants import ACTIONS, CONSTANTS, DURATIONS, Constant
from hwmodel.chip.core import CoreLimits
from hwmodel.chip.files import ChipText, read_chip
from hwmodel.chip.schema import (
    CastingSpec,
    ChipSpec,
    CoreSpec,
    EnergySpec,
    IncludedSpec,
    LimitsSpec,
    MeshSizeSpec,
    MeshSpec,
    NormalisedSpec,
    NotChargedSpec,
    PricedSpec,
    TimingSpec,
)
from hwmodel.chip.yaml_reader import Loader
from hwmodel.errors import ChipError
from hwmodel.units import convert, parse_quantity, parse_unit, to_si


def parse_chip(file: ChipText, overrides: Sequence[str] = ()) -> Chip:
    """Turn the text of a chip file into a chip.

    Parameters
    ----------
    file : ChipText
        YAML, and what to call it in messages.
    overrides : sequence of str
        ``"path=value"`` items, see `hwmodel.chip.chip.load_chip`.

    Returns
    -------
    Chip
        Checked, in SI units.

    Raises
    ------
    ChipError
        If the text is not YAML or does not follow the schema, or its base is wrong.
    """
    where = file.where
    raw = read_chip(file, CONSTANTS)
    for item in overrides:
        _override(raw, item)
    try:
        spec = ChipSpec.model_validate(raw)
    except ValidationError as error:
        raise ChipError(f"{where}: {_first_mistake(error)}") from error
    _check_dimensions(spec, where)
    return _to_chip(spec)


def _override(raw: dict[str, Any], item: str) -> None:
    path, sign, text = item.partition("=")
    path, text = path.strip(), text.strip()
    if not sign or not path or not text:
        raise ChipError(
            f"--set {item}: expected path=value, for example energy.hop=2.3pJ or "
            "energy.hop=2.3pJ:marginal"
        )
    if path == "base":
        raise ChipError(
            f"--set {item}: a base is not a field; expected it in the chip file; pass "
            "another --chip instead"
        )
    if path in ("casting", "casting.value"):
        # the word alone, as for --casting: it loses the source of the old one
        source = f"set by the user: {item}"
        raw["casting"] = text if text == "none" else {"value": text, "source": source}
        return
    *parents, last = path.split(".")
    section = raw
    for parent in parents:
        if not isinstance(section.setdefault(parent, {}), dict):
            raise ChipError(f"--set {item}: '{parent}' holds a value, not fields")
        # a copy, because constants of a file may share one mapping (a YAML alias)
        section[parent] = dict(section[parent])
        section = section[parent]
    if path in CONSTANTS:
        section[last] = _constant(path, section.get(last), item, text)
    elif ".".join(parents) in CONSTANTS and last in ("low", "high"):
        section[last] = _bound(".".join(parents), section, item, text)
    else:
        section[last] = yaml.load(text, Loader=Loader)


def _constant(path: str, old: Any, item: str, text: str) -> dict[str, Any]:
    old = old if isinstance(old, dict) else {}
    text, colon, kind = (part.strip() for part in text.partition(":"))
    if not colon:
        usual = "static" if path in ("energy.static", "timing.step") else "marginal"
        kind = old.get("kind", usual)
    new: dict[str, Any] = {"kind": kind, "source": f"set by the user: {item}"}
    if text == "unknown":
        new |= {"value": "unknown", "unit": old.get("unit", CONSTANTS[path][0])}
    else:
        value, unit = _quantity(item, text)
        new |= {"value": value, "unit": unit}
    return new


def _bound(path: str, section: dict[str, Any], item: str, text: str) -> float:
    """Return a bound in the unit its constant is written in."""
    if "unit" not in section:
        raise ChipError(
            f"--set {item}: {path} has no number of its own; expected one before its "
            f"bounds; write --set {path}=... first"
        )
    value, unit = _quantity(item, text)
    try:
        return convert(value, unit, section["unit"])
    except ValueError as error:
        raise ChipError(f"--set {item}: {error}") from error


def _quantity(item: str, text: str) -> tuple[float, str]:
    try:
        return parse_quantity(text)
    except ValueError as error:
        raise ChipError(f"--set {item}: {error}") from error


def _first_mistake(error: ValidationError) -> str:
    mistakes = error.errors(include_url=False)
    mistakes.sort(key=lambda e: e["type"] != "extra_forbidden")
    first = mistakes[0]
    names = [str(n) for n in first["loc"] if n not in ("priced", "included")]
    path = ".".join(names)
    if first["type"] == "extra_forbidden":
        allowed = _keys_beside(names)
        near = difflib.get_close_matches(names[-1], allowed, n=1, cutoff=0.5)
        hint = (
            f"did you mean '{near[0]}'?" if near else f"expected {', '.join(allowed)}"
        )
        return f"{path} is not a known key; {hint}"
    if first["type"] == "missing":
        fix = "a constant that is not published is written as value: unknown"
        return f"{path} is missing; {fix if 'value' in names else 'add it'}" + (
            f"; {fix}" if path in CONSTANTS else ""
        )
    message = _expectation(first)
    given = first["input"]
    shown = f", got {given!r}" if not isinstance(given, dict | BaseModel) else ""
    return f"{path}: {message}{shown}"


def _expectation(mistake: ErrorDetails) -> str:
    """Say what a field may hold in the words of this package."""
    match mistake["type"]:
        case "model_type" | "model_attributes_type" | "dict_type":
            return "expected keys with values"
        case "greater_than_equal":
            return f"expected at least {mistake['ctx']['ge']:g}"
        case "int_type" | "int_from_float":
            return "expected a whole number"
        case "string_type":
            return "expected text"
    message = mistake["msg"].removeprefix("Value error, ")
    return message.replace("Input should be", "expected")


def _keys_beside(names: list[str]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "": ChipSpec,
        "mesh": MeshSpec,
        "core": CoreSpec,
        "limits": LimitsSpec,
        "mesh.chip": MeshSizeSpec,
        "limits.mesh": MeshSizeSpec,
        "casting": CastingSpec,
        "energy.not_charged": NotChargedSpec,
        "energy": EnergySpec,
        "timing": TimingSpec,
        "normalised": NormalisedSpec,
    }
    parent = models.get(".".join(names[:-1]), PricedSpec)
    return list(parent.model_fields)


def _check_dimensions(spec: ChipSpec, where: str) -> None:
    for path, allowed in CONSTANTS.items():
        section, name = path.split(".")
        constant = getattr(getattr(spec, section), name)
        if constant is None or isinstance(constant, IncludedSpec):
            continue
        if parse_unit(constant.unit)[0] not in allowed:
            raise ChipError(
                f"{where}: {path}.unit has the wrong dimension, got "
                f"'{constant.unit}'; expected {' or '.join(allowed)} with an SI prefix"
            )


def _to_chip(spec: ChipSpec) -> Chip:
    limits = spec.limits
    return Chip(
        name=spec.name,
        description=spec.description,
        technology=spec.technology,
        mesh=_to_mesh(spec.mesh),
        core=CoreLimits(**spec.core.model_dump()),
        limits=CoreLimits()
        if limits is None
        else CoreLimits(
            **limits.model_dump(exclude={"mesh"}),
            mesh=None if limits.mesh is None else limits.mesh.size,
        ),
        energy=_to_energy(spec.energy),
        timing=_to_timing(spec.timing),
        execution=spec.execution,
        normalised=None
        if spec.normalised is None
        else Normalised(**spec.normalised.model_dump()),
        casting=None
        if spec.casting is None
        else ChipCasting(**spec.casting.model_dump()),
    )


def _to_mesh(spec: MeshSpec) -> Mesh:
    return Mesh(
        **spec.model_dump(exclude={"chip"}),
        chip=None if spec.chip is None else spec.chip.size,
    )


def _to_energy(spec: EnergySpec) -> EnergyConstants:
    given = {name: getattr(spec, name) for name in ACTIONS}
    return EnergyConstants(
        **{n: _to_constant(c, "J") for n, c in given.items() if c is not None},
        static=_to_constant(spec.static, "J/frame"),
        not_charged_source="" if spec.not_charged is None else spec.not_charged.source,
    )


def _to_timing(spec: TimingSpec) -> TimingConstants:
    durations = {n: _to_constant(getattr(spec, n), "s") for n in DURATIONS}
    if spec.hop_y is None:
        del durations["hop_y"]
    return TimingConstants(**durations)


def _to_constant(spec: PricedSpec | IncludedSpec | None, unit: str) -> Constant:
    if spec is None:
        return Constant(None, unit, None, "left out of the chip file")
    if isinstance(spec, IncludedSpec):
        return Constant(0.0, unit, None, spec.source, spec.note, spec.included_in)
    unit, _ = parse_unit(spec.unit)

    def in_si(number: float | None) -> float | None:
        return None if number is None else to_si(number, spec.unit)

    return Constant(
        in_si(spec.value),
        unit,
        spec.kind,
        spec.source,
        spec.note,
        low=in_si(spec.low),
        high=in_si(spec.high),
        evidence=None if spec.value is None else spec.evidence or "user",
        voltage=spec.voltage,
    )
