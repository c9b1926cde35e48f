"""The section ``network`` of a configuration: layers, neurons, the end of a run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from eventsim.config.neuron_schema import NeuronConfig
from eventsim.config.section import Section
from eventsim.config.short_form import expand_layers


class DenseConfig(Section):
    """All-to-all layer."""

    type: Literal["dense"] = Field(default="dense", description="All-to-all.")
    units: int = Field(ge=1, description="Number of neurons.")


class Conv2dConfig(Section):
    """Two-dimensional convolution."""

    type: Literal["conv2d"] = Field(default="conv2d", description="Convolution.")
    channels: int = Field(ge=1, description="Number of feature maps.")
    kernel: int | list[int] = Field(description="Side, or [height, width].")
    stride: int = Field(default=1, ge=1, description="Step between kernel positions.")
    padding: int = Field(
        default=0, ge=0, description="Rows and columns of silence around."
    )

    @field_validator("kernel")
    @classmethod
    def _two_sides(cls, value: int | list[int]) -> int | list[int]:
        sides = [value, value] if isinstance(value, int) else value
        if len(sides) != 2 or min(sides) < 1:
            raise ValueError("expected a positive number or [height, width]")
        return value


class PoolConfig(Section):
    """Square windows of a map become one position each."""

    type: Literal["pool"] = Field(default="pool", description="Pooling.")
    kind: Literal["earliest", "average"] = Field(
        default="earliest",
        description="earliest: the first spike of each window passes; average: every "
        "spike passes with its value over the window's area (static threshold only).",
    )
    size: int = Field(default=2, ge=1, description="Side of the window.")
    stride: int | None = Field(
        default=None, ge=1, description="Step; the size by default."
    )


class FlattenConfig(Section):
    """Read a map as a vector (dense layers do so by themselves)."""

    type: Literal["flatten"] = Field(default="flatten", description="Map to vector.")


class DropoutConfig(Section):
    """In training, drop channels of maps or units of vectors, anew for each sample."""

    type: Literal["dropout"] = Field(default="dropout", description="Dropout.")
    rate: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="Probability to be dropped for a whole run; spikes of the others "
        "carry 1 / (1 - rate). Without effect outside training. Static threshold only.",
    )


LayerConfig = Annotated[
    DenseConfig | Conv2dConfig | PoolConfig | FlattenConfig | DropoutConfig,
    Field(discriminator="type"),
]


class NetworkConfig(Section):
    """Layers from input to output."""

    layers: list[LayerConfig] = Field(
        min_length=1,
        description="List of layers, or the usual short form such as "
        "'16C5-P2-32C5-P2-800-128-10' (A2 for an average pool, 32C5p2 for padding 2, "
        "32C5p2x3 for three such layers, D or D0.2 for dropout).",
    )
    time_window: float = Field(
        default=1.0, gt=0, description="T_w, network time units."
    )
    t_end: float | None = Field(
        default=None,
        gt=0,
        description="End of a run, network time units; null is the end of the last "
        "window. Static threshold only.",
    )
    neuron: NeuronConfig = Field(
        default_factory=NeuronConfig, description="Model and constants of the neurons."
    )
    current: float = Field(
        default=0.0,
        description="Constant input current of every neuron, in the model's units. "
        "Static threshold only.",
    )
    delay: float = Field(
        default=0.0,
        ge=0,
        description="Time a neuron's spike takes to leave, network time units. Static "
        "threshold only.",
    )
    readout: Literal[
        "spike_time",
        "spike_count",
        "weighted_count",
        "potential_start",
        "potential_end",
    ] = Field(
        default="spike_time",
        description="Class scores: first output spike; number of output spikes, or the "
        "same with earlier ones counting up to 1.1 (static threshold); output "
        "potential at the start or end of the last window (dynamic threshold).",
    )

    @field_validator(
        "layers", mode="before", json_schema_input_type=list[LayerConfig] | str | int
    )
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return expand_layers(value)

    @model_validator(mode="after")
    def _consistent(self) -> NetworkConfig:
        if self.neuron.threshold == "static":
            self._check_static()
        else:
            self._check_dynamic()
        return self

    def _check_static(self) -> None:
        neuron = self.neuron
        if neuron.theta is None:
            needs = (
                "neuron.threshold 'static'"
                if neuron.model == "relpsp"
                else f"neuron.model '{neuron.model}'"
            )
            raise ValueError(f"{needs} needs neuron.theta")
        if self.readout.startswith("potential"):
            raise ValueError(
                f"readout '{self.readout}' needs the dynamic threshold; "
                "use 'spike_time' or a count"
            )
        if neuron.derivative_clip is not None:
            raise ValueError("neuron.derivative_clip needs the dynamic threshold")

    def _check_dynamic(self) -> None:
        if self.readout.endswith("count"):
            raise ValueError(
                f"readout '{self.readout}' needs the static threshold, where neurons "
                "may fire more than once; use 'spike_time' or a potential"
            )
        if self.neuron.theta is not None:
            raise ValueError(
                "neuron.theta belongs to the static threshold; the dynamic one starts "
                "at time_window"
            )
        for name in ("t_end", "current", "delay"):
            if getattr(self, name):
                raise ValueError(
                    f"{name} is {getattr(self, name):g}; it belongs to the static "
                    "threshold, the dynamic one works in windows; leave it out"
                )
        for k, layer in enumerate(self.layers):
            if isinstance(layer, PoolConfig) and layer.kind == "average":
                raise ValueError(
                    f"layers.{k} is an average pool; it belongs to the static "
                    "threshold, with the dynamic one use kind 'earliest'"
                )
            if isinstance(layer, DropoutConfig):
                raise ValueError(
                    f"layers.{k} is dropout; it belongs to the static threshold, leave "
                    "it out"
                )
