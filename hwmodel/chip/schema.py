"""The schema of chip files: what each field may hold."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from hwmodel.chip.casting import Casting
from hwmodel.chip.chip import Execution
from hwmodel.chip.constants import Action, Evidence, Kind
from hwmodel.mesh.grid import Topology
from hwmodel.units import parse_unit

MOST = 1e100
"""Largest number in a chip file; sums of larger ones would not be finite."""


def _none(raw: Any) -> Any:
    return None if raw == "none" else raw


def _bound(raw: Any) -> Any:
    if raw == "unknown":
        raise ValueError("expected a number; leave a bound out that is not known")
    return raw if raw is None else _number(raw)


def _number(raw: Any) -> Any:
    if raw == "unknown":
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise ValueError("expected a number or the word unknown")
    if not math.isfinite(raw):
        raise ValueError("expected a finite number")
    if raw < 0:
        raise ValueError("a cost must not be negative")
    if raw > MOST:
        raise ValueError(f"expected a number of at most {MOST:g}")
    return raw


Value = Annotated[float | None, BeforeValidator(_number)]
Count = Annotated[int, Field(strict=True, ge=1)]
Limit = Annotated[Count | None, BeforeValidator(_none)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Share = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Reference = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PricedSpec(_Strict):
    """A number of its own."""

    value: Value
    unit: Text
    kind: Kind
    source: Text
    note: str = ""
    low: Annotated[float | None, BeforeValidator(_bound)] = None
    high: Annotated[float | None, BeforeValidator(_bound)] = None
    evidence: Evidence | None = None
    voltage: Reference | None = None

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        parse_unit(unit)
        return unit

    @model_validator(mode="after")
    def _bounds_hold_the_value(self) -> PricedSpec:
        if self.value is None and (self.low, self.high) != (None, None):
            raise ValueError(
                "low and high are given, but value is unknown; expected a value "
                "between them"
            )
        if self.value is not None and not (
            (self.low is None or self.low <= self.value)
            and (self.high is None or self.value <= self.high)
        ):
            bounds = {"low": self.low, "value": self.value, "high": self.high}
            got = [f"{name} {x}" for name, x in bounds.items() if x is not None]
            raise ValueError(f"expected low <= value <= high, got {', '.join(got)}")
        return self


class EventSpec(PricedSpec):
    """The cost of an event."""

    kind: Literal["marginal", "average"]


class StaticSpec(PricedSpec):
    """A cost that does not depend on events."""

    kind: Literal["static"]


class IncludedSpec(_Strict):
    """A cost that another constant already contains."""

    included_in: Literal[Action, "static"]
    source: Text
    note: str = ""


def _which(raw: Any) -> str:
    return "included" if isinstance(raw, dict) and "included_in" in raw else "priced"


Included = Annotated[IncludedSpec, Tag("included")]
OtherEventSpec = Annotated[
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
    topology: Topology = "mesh"
    buffer: Limit = None
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
    target_cores: Limit = None
    out_axons: Limit = None
    source: Text
    note: str = ""


class LimitsSpec(_Strict):
    """What the silicon holds."""

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


class CastingSpec(_Strict):
    """How the chip sends a spike to several cores."""

    value: Casting
    source: Text
    note: str = ""


class NotChargedSpec(_Strict):
    """Actions that the chip's energy law has no term for."""

    actions: list[Action]
    source: Text


class EnergySpec(_Strict):
    """Prices."""

    sop: EventSpec
    neuron_update: OtherEventSpec | None = None
    spike: OtherEventSpec | None = None
    axon_in: OtherEventSpec | None = None
    axon_out: OtherEventSpec | None = None
    router: OtherEventSpec | None = None
    hop: OtherEventSpec
    hop_y: OtherEventSpec | None = None
    chip_crossing: OtherEventSpec | None = None
    static: IdleSpec
    not_charged: NotChargedSpec | None = None

    @model_validator(mode="after")
    def _every_action_is_settled(self) -> EnergySpec:
        listed = () if self.not_charged is None else self.not_charged.actions
        missing = [
            name
            for name in get_args(Action)
            if name != "hop_y" and getattr(self, name) is None and name not in listed
        ]
        if missing:
            raise ValueError(
                f"no price of {', '.join(missing)}; expected one each; what is not "
                "published is written as value: unknown, and what the chip's energy "
                "law has no term for is listed in energy.not_charged.actions"
            )
        return self

    @model_validator(mode="after")
    def _included_constants_are_there(self) -> EnergySpec:
        for name in type(self).model_fields:
            spec = getattr(self, name)
            if not isinstance(spec, IncludedSpec):
                continue
            holder = getattr(self, spec.included_in)
            if not isinstance(holder, PricedSpec):
                raise ValueError(
                    f"{name} is included_in {spec.included_in}, which has no price of "
                    "its own; expected the name of a constant that has one"
                )
            if spec.included_in == "static" and name != "neuron_update":
                raise ValueError(
                    f"{name} is included_in static, but happens only if there are "
                    "spikes; expected neuron_update or another holder"
                )
            outside_cores = (name, spec.included_in) == ("hop", "sop")
            if (name == "static" or outside_cores) and holder.kind != "average":
                raise ValueError(
                    f"{name} is included_in {spec.included_in}, but "
                    f"{spec.included_in} is {holder.kind}; expected an average "
                    f"{spec.included_in}, or a number for {name} "
                    f"(--set energy.{name}=...)"
                )
        return self


class TimingSpec(_Strict):
    """Durations."""

    step: PricedSpec
    hop: PricedSpec | None = None
    hop_y: PricedSpec | None = None
    link: PricedSpec | None = None
    sop: PricedSpec | None = None
    neuron_update: PricedSpec | None = None
    axon_in: PricedSpec | None = None
    barrier: PricedSpec | None = None

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
    execution: Execution = "time-stepped"
    casting: Annotated[CastingSpec | None, BeforeValidator(_none)] = None
    normalised: Annotated[NormalisedSpec | None, BeforeValidator(_none)] = None
