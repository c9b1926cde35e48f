"""The schema of workload files: layers and spike rates that somebody declares.

Rates are decimals and stay what was written: they are kept as fractions, never as
binary numbers. The first mistake is reported with its dotted path.
"""

from __future__ import annotations

import difflib
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

MOST_DECIMALS = 6
"""Decimals a declared rate may have: at most 10^6 virtual inferences."""

MOST_SPIKES = 10**6
"""Spikes of a neuron in one inference."""


def _rate(raw: Any) -> Fraction:
    if isinstance(raw, Fraction):
        return raw
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise ValueError("expected a number")
    if not 0 <= raw <= MOST_SPIKES:
        raise ValueError(f"expected a number from 0 to {MOST_SPIKES}")
    rate = Fraction(repr(raw))
    if rate * 10**MOST_DECIMALS % 1:
        raise ValueError(f"expected at most {MOST_DECIMALS} decimals; round it")
    return rate


def _kernel(raw: Any) -> Any:
    return [raw, raw] if isinstance(raw, int) and not isinstance(raw, bool) else raw


Rate = Annotated[Fraction, BeforeValidator(_rate)]
Size = Annotated[int, Field(ge=1)]
Density = Annotated[float, Field(gt=0, le=1)]
Text = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        arbitrary_types_allowed=True,
    )


class NeuronsSpec(_Section):
    """What layers with neurons may say; rates are spikes per neuron and inference."""

    name: Text | None = None
    spikes_per_neuron: Rate | None = None
    spikes_in_per_neuron: Rate | None = None
    density: Density | None = None
    note: str = ""


class DenseSpec(NeuronsSpec):
    """All-to-all layer."""

    type: Literal["dense"]
    units: Size


class ConvSpec(NeuronsSpec):
    """Two-dimensional convolution; the kernel is a side or [height, width]."""

    type: Literal["conv2d"]
    channels: Size
    kernel: Annotated[
        list[Size], Field(min_length=2, max_length=2), BeforeValidator(_kernel)
    ]
    stride: Size = 1
    padding: Annotated[int, Field(ge=0)] = 0


class PoolSpec(_Section):
    """Square windows; the step is the size unless said."""

    type: Literal["pool"]
    kind: Literal["earliest", "average"] = "earliest"
    size: Size = 2
    stride: Size | None = None


class FlattenSpec(_Section):
    """Read a map as a vector; dense layers do so by themselves."""

    type: Literal["flatten"]


LayerSpec = Annotated[
    DenseSpec | ConvSpec | PoolSpec | FlattenSpec, Field(discriminator="type")
]


class WorkloadSpec(_Section):
    """A whole workload file.

    ``spikes_per_neuron`` and ``density`` hold for every layer that has none of its
    own. Rates are spikes per neuron and inference, before pooling.
    """

    name: Text
    source: Text
    note: str = ""
    input_shape: Annotated[list[Size], Field(min_length=1, max_length=3)]
    input: Literal["spikes", "currents"] = "spikes"
    input_spikes_per_neuron: Rate | None = None
    windows: Annotated[float, Field(gt=0)]
    spikes_per_neuron: Rate | None = None
    density: Density = 1.0
    seed: Annotated[int, Field(ge=0)] = 0
    after_pool: Literal["any", "same"] = "any"
    layers: Annotated[list[LayerSpec], Field(min_length=1)]

    def rate_of(self, layer: NeuronsSpec) -> Fraction:
        """Return the spikes per neuron of a layer."""
        own = layer.spikes_per_neuron
        rate = self.spikes_per_neuron if own is None else own
        assert rate is not None  # the schema demands one of them
        return rate

    def density_of(self, layer: NeuronsSpec) -> float:
        """Return the share of a layer's weights that are not zero."""
        return self.density if layer.density is None else layer.density

    @model_validator(mode="after")
    def _complete(self) -> WorkloadSpec:
        if self.input == "spikes" and self.input_spikes_per_neuron is None:
            raise ValueError(
                "input_spikes_per_neuron is missing; add it, or 'input: currents' if "
                "the first layer is driven by values"
            )
        if self.input == "currents" and self.input_spikes_per_neuron is not None:
            raise ValueError(
                "input_spikes_per_neuron does not go with input: currents, which have "
                "no spikes; leave one of them out"
            )
        with_neurons = [x for x in self.layers if isinstance(x, NeuronsSpec)]
        if not with_neurons or self.layers[-1] is not with_neurons[-1]:
            raise ValueError(
                "layers must end with one that has neurons; expected dense or conv2d "
                "last"
            )
        for number, layer in enumerate(self.layers):
            if (
                isinstance(layer, NeuronsSpec)
                and layer.spikes_per_neuron is None
                and self.spikes_per_neuron is None
            ):
                raise ValueError(
                    f"layers.{number}.spikes_per_neuron is missing; add it, or one "
                    "spikes_per_neuron for all layers"
                )
        return self


SPECS: dict[str, type[BaseModel]] = {
    "dense": DenseSpec,
    "conv2d": ConvSpec,
    "pool": PoolSpec,
    "flatten": FlattenSpec,
}
"""Layers by the name of their type."""


def first_mistake(error: ValidationError) -> str:
    """Put the first mistake of a workload file into one line.

    Parameters
    ----------
    error : ValidationError
        From `WorkloadSpec`.

    Returns
    -------
    str
        Dotted path, what is wrong, what was expected.
    """
    mistakes = error.errors(include_url=False)
    mistakes.sort(key=lambda e: e["type"] != "extra_forbidden")
    first = mistakes[0]
    places, tag = list(first["loc"]), None
    if len(places) > 2 and places[0] == "layers":
        tag = str(places.pop(2))
    path = ".".join(map(str, places))
    match first["type"]:
        case "extra_forbidden":
            allowed = list((SPECS[tag] if tag else WorkloadSpec).model_fields)
            near = difflib.get_close_matches(str(places[-1]), allowed, n=1)
            known = f"expected {', '.join(allowed)}"
            hint = f"did you mean '{near[0]}'?" if near else known
            return f"{path} is not a known key; {hint}"
        case "missing":
            return f"{path} is missing; add it"
        case "union_tag_invalid" | "union_tag_not_found":
            given = first["input"].get("type")
            return f"{path}.type is {given!r}; expected one of {', '.join(SPECS)}"
        case "model_attributes_type":
            return (
                f"{path} is {first['input']!r}; expected keys, for example "
                "{type: dense, units: 10}"
            )
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    shown = f", got {first['input']!r}" if not _is_whole(first["input"]) else ""
    return (f"{path}: " if path else "") + message + shown


def _is_whole(given: Any) -> bool:
    return isinstance(given, dict | BaseModel)
