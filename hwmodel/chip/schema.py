"""Read and check chip files: YAML text in, `hwmodel.chip.chip.Chip` out.

The schema forbids unknown keys, wants every number with unit, kind and source, and
reports the first mistake with its dotted path.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from hwmodel.chip.chip import (
    Chip,
    Constant,
    CoreLimits,
    EnergyConstants,
    Mesh,
    Normalised,
    TimingConstants,
)
from hwmodel.chip.files import ChipText, read_chip
from hwmodel.chip.yaml_reader import Loader
from hwmodel.errors import ChipError
from hwmodel.units import parse_quantity, parse_unit, to_si

CONSTANTS: dict[str, tuple[str, ...]] = {
    "energy.sop": ("J",),
    "energy.hop": ("J",),
    "energy.static": ("W", "J/frame"),
    "timing.step": ("s",),
    "timing.hop": ("s",),
}
"""Units each constant may have."""


def _none(raw: Any) -> Any:
    return None if raw == "none" else raw


def _number(raw: Any) -> Any:
    if raw == "unknown":
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise ValueError("expected a number or the word unknown")
    if not math.isfinite(raw):
        raise ValueError("expected a finite number")
    if raw < 0:
        raise ValueError("a cost must not be negative")
    return raw


Count = Annotated[int, Field(strict=True, ge=1)]
Limit = Annotated[Count | None, BeforeValidator(_none)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Share = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Reference = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PricedSpec(_Strict):
    """A number of its own."""

    value: Annotated[float | None, BeforeValidator(_number)]
    unit: Text
    kind: Literal["marginal", "average", "static"]
    source: Text
    note: str = ""

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        parse_unit(unit)
        return unit


class EventSpec(PricedSpec):
    """The cost of an event."""

    kind: Literal["marginal", "average"]


class StaticSpec(PricedSpec):
    """A cost that does not depend on events."""

    kind: Literal["static"]


class IncludedSpec(_Strict):
    """A cost that an average constant already contains."""

    included_in: Literal["sop"]
    source: Text
    note: str = ""


def _which(raw: Any) -> str:
    return "included" if isinstance(raw, dict) and "included_in" in raw else "priced"


Included = Annotated[IncludedSpec, Tag("included")]
HopSpec = Annotated[
    Annotated[EventSpec, Tag("priced")] | Included, Discriminator(_which)
]
IdleSpec = Annotated[
    Annotated[StaticSpec, Tag("priced")] | Included, Discriminator(_which)
]


class MeshSizeSpec(_Strict):
    """Columns and rows of routers."""

    width: Count
    height: Count

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height


class MeshSpec(_Strict):
    """Routers available to the mapping."""

    width: Count
    height: Count
    cores_per_router: Count = 1
    chip: Annotated[MeshSizeSpec | None, BeforeValidator(_none)] = None
    topology: Literal["mesh", "triangular torus"] = "mesh"
    source: Text
    note: str = ""


class CoreSpec(_Strict):
    """What the mapping puts on a core."""

    neurons: Count
    axons: Limit
    fan_in: Limit = None
    synapses: Limit
    synapse_memory: Limit = None
    weight_bits: Limit
    out_axons: Limit = None
    source: Text
    note: str = ""


class LimitsSpec(_Strict):
    """What the silicon can hold."""

    neurons: Limit = None
    axons: Limit = None
    fan_in: Limit = None
    synapses: Limit = None
    synapse_memory: Limit = None
    weight_bits: Limit = None
    axon_types: Limit = None
    target_cores: Limit = None
    out_axons: Limit = None
    mesh: Annotated[MeshSizeSpec | None, BeforeValidator(_none)] = None
    source: Text
    note: str = ""


class EnergySpec(_Strict):
    """Prices."""

    sop: EventSpec
    hop: HopSpec
    static: IdleSpec

    @model_validator(mode="after")
    def _only_averages_include(self) -> EnergySpec:
        for name in ("hop", "static"):
            if isinstance(getattr(self, name), IncludedSpec) and (
                self.sop.kind != "average"
            ):
                raise ValueError(
                    f"{name} is included_in sop, but sop is {self.sop.kind}; expected "
                    f"an average sop, or a number for {name} (--set energy.{name}=...)"
                )
        return self


class TimingSpec(_Strict):
    """Durations."""

    step: PricedSpec
    hop: PricedSpec | None = None

    @field_validator("step")
    @classmethod
    def _positive(cls, step: PricedSpec) -> PricedSpec:
        if step.value == 0:
            raise ValueError("a time step must be longer than 0 s")
        return step


class NormalisedSpec(_Strict):
    """Coefficients of Eq. 11."""

    static: Share
    dynamic: Share
    reference_steps: Reference
    reference_spikes: Reference
    source: Text
    note: str = ""


class ChipSpec(_Strict):
    """A whole chip file."""

    name: Text
    description: Text
    technology: Text
    mesh: MeshSpec
    core: CoreSpec
    limits: Annotated[LimitsSpec | None, BeforeValidator(_none)] = None
    energy: EnergySpec
    timing: TimingSpec
    normalised: Annotated[NormalisedSpec | None, BeforeValidator(_none)] = None


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
    *parents, last = path.split(".")
    section = raw
    for parent in parents:
        if not isinstance(section.setdefault(parent, {}), dict):
            raise ChipError(f"--set {item}: '{parent}' holds a value, not fields")
        section = section[parent]
    if path not in CONSTANTS:
        section[last] = yaml.load(text, Loader=Loader)
        return
    old = section.get(last)
    old = old if isinstance(old, dict) else {}
    text, colon, kind = (part.strip() for part in text.partition(":"))
    if not colon:
        usual = "static" if path in ("energy.static", "timing.step") else "marginal"
        kind = old.get("kind", usual)
    new: dict[str, Any] = {"kind": kind, "source": f"set by the user: {item}"}
    if text == "unknown":
        new |= {"value": "unknown", "unit": old.get("unit", CONSTANTS[path][0])}
    else:
        try:
            value, unit = parse_quantity(text)
        except ValueError as error:
            raise ChipError(f"--set {item}: {error}") from error
        new |= {"value": value, "unit": unit}
    section[last] = new


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
    message = first["msg"].removeprefix("Value error, ")
    given = first["input"]
    shown = f", got {given!r}" if not isinstance(given, dict | BaseModel) else ""
    return f"{path}: {message}{shown}"


def _keys_beside(names: list[str]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "": ChipSpec,
        "mesh": MeshSpec,
        "core": CoreSpec,
        "limits": LimitsSpec,
        "mesh.chip": MeshSizeSpec,
        "limits.mesh": MeshSizeSpec,
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
    return Chip(
        name=spec.name,
        description=spec.description,
        technology=spec.technology,
        mesh=Mesh(
            **spec.mesh.model_dump(exclude={"chip"}),
            chip=None if spec.mesh.chip is None else spec.mesh.chip.size,
        ),
        core=CoreLimits(**spec.core.model_dump()),
        limits=CoreLimits()
        if spec.limits is None
        else CoreLimits(
            **spec.limits.model_dump(exclude={"mesh"}),
            mesh=None if spec.limits.mesh is None else spec.limits.mesh.size,
        ),
        energy=EnergyConstants(
            _to_constant(spec.energy.sop, "J"),
            _to_constant(spec.energy.hop, "J"),
            _to_constant(spec.energy.static, "J/frame"),
        ),
        timing=TimingConstants(
            _to_constant(spec.timing.step, "s"), _to_constant(spec.timing.hop, "s")
        ),
        normalised=None
        if spec.normalised is None
        else Normalised(**spec.normalised.model_dump()),
    )


def _to_constant(spec: PricedSpec | IncludedSpec | None, unit: str) -> Constant:
    if spec is None:
        return Constant(None, unit, None, "left out of the chip file")
    if isinstance(spec, IncludedSpec):
        return Constant(0.0, unit, None, spec.source, spec.note, spec.included_in)
    unit, _ = parse_unit(spec.unit)
    value = None if spec.value is None else to_si(spec.value, spec.unit)
    return Constant(value, unit, spec.kind, spec.source, spec.note)
