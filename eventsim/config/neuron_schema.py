"""The section ``network.neuron`` of a configuration: a neuron model's constants.

Each model's file in ``eventsim.neurons`` says what its constants mean. They are named
here again because these files load Numba, which a configuration does not need.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from eventsim.config.section import Section


class ModelConstants(NamedTuple):
    """Names of the constants that a model needs and of those it may be given."""

    required: tuple[str, ...]
    optional: tuple[str, ...]


CONSTANTS = {
    "relpsp": ModelConstants((), ("max_spikes",)),
    "srm_lif": ModelConstants(("tau_m", "tau_s"), ("max_spikes", "refractory")),
    "lif": ModelConstants(("tau_m", "tau_s", "reset"), ("max_spikes", "refractory")),
    "non_leaky_if": ModelConstants(("tau_s",), ("reset", "max_spikes", "refractory")),
    "alpha_synapse": ModelConstants(("tau_s",), ("reset", "max_spikes", "refractory")),
    "slayer_srm": ModelConstants(
        ("tau_s", "tau_r"), ("refractory_scale", "max_spikes")
    ),
    "if_delta": ModelConstants((), ("refractory", "threshold_factor", "max_spikes")),
    "lif_delta": ModelConstants(
        ("tau_m",), ("refractory", "threshold_factor", "max_spikes")
    ),
}

CONSTANT_FIELDS = (
    "tau_m",
    "tau_s",
    "tau_r",
    "reset",
    "max_spikes",
    "refractory",
    "threshold_factor",
    "refractory_scale",
)
"""Fields of `NeuronConfig` that some model has and another has not."""


class NeuronConfig(Section):
    """Neuron model of every layer."""

    model: Literal[
        "relpsp",
        "srm_lif",
        "lif",
        "non_leaky_if",
        "alpha_synapse",
        "slayer_srm",
        "if_delta",
        "lif_delta",
    ] = Field(
        default="relpsp",
        description="relpsp: rectified-linear PSP, one spike per neuron; srm_lif: "
        "double-exponential kernel, full reset; lif: leaky, exponential synapse; "
        "non_leaky_if: the same without leak; alpha_synapse: alpha-shaped PSP; "
        "slayer_srm: alpha PSP and refractory kernel; if_delta, lif_delta: "
        "instantaneous synapses, soft reset.",
    )
    threshold: Literal["dynamic", "static"] = Field(
        default="dynamic",
        description="dynamic: falls from T_w to 0 in the layer's window; "
        "static: theta. All models but relpsp are static.",
    )
    theta: float | None = Field(
        default=None,
        gt=0,
        description="Height of the static threshold; for relpsp in network time units.",
    )
    tau_m: float | None = Field(
        default=None,
        gt=0,
        description="Time constant of the membrane, network time units (srm_lif, lif, "
        "lif_delta).",
    )
    tau_s: float | None = Field(
        default=None,
        gt=0,
        description="Time constant of the synapse, network time units (srm_lif, lif, "
        "non_leaky_if, alpha_synapse, slayer_srm).",
    )
    tau_r: float | None = Field(
        default=None,
        gt=0,
        description="Time constant of the refractory kernel, network time units "
        "(slayer_srm).",
    )
    reset: Literal["zero", "subtract"] | None = Field(
        default=None,
        description="A spike sets the potential to 0 or takes theta off it; lif needs "
        "it, non_leaky_if and alpha_synapse have zero by default.",
    )
    max_spikes: int | None = Field(
        default=None,
        ge=1,
        description="Spikes after which a neuron stays silent; null: 1 for relpsp, "
        "non_leaky_if and alpha_synapse, else no limit. Static threshold only.",
    )
    refractory: float = Field(
        default=0.0,
        ge=0,
        description="Absolute refractory period, network time units (all but relpsp "
        "and slayer_srm).",
    )
    threshold_factor: float = Field(
        default=1.0,
        gt=0,
        description="The neuron fires at this multiple of theta, the reset takes theta "
        "off (if_delta, lif_delta).",
    )
    refractory_scale: float | None = Field(
        default=None,
        gt=0,
        description="Height of the refractory kernel in units of theta; null is 2 "
        "(slayer_srm).",
    )
    derivative_clip: float | None = Field(
        default=None,
        gt=0,
        description="Clip the derivative factors 1/(1+S) and r/(1+S) (released recipe "
        "of Wei et al. 2023: 11); null is the exact gradient. Dynamic threshold only.",
    )

    slope_clip: float | None = Field(
        default=None,
        gt=0,
        description="Largest 1/slope of a potential at the threshold, in the backward "
        "pass; null is the exact gradient. Static threshold only.",
    )
    exponential_slope: float | None = Field(
        default=None,
        gt=0,
        description="Time constant with which earlier inputs count less for a spike's "
        "derivative by input times (code of Zhu et al. 2023), network time units; "
        "null is the exact gradient. srm_lif only.",
    )

    @model_validator(mode="before")
    @classmethod
    def _static_by_default(cls, value: Any) -> Any:
        """Only relpsp has the dynamic threshold, so the others need not say static."""
        if isinstance(value, dict) and value.get("model", "relpsp") != "relpsp":
            return {"threshold": "static", **value}
        return value

    @model_validator(mode="after")
    def _fits_the_model(self) -> NeuronConfig:
        if self.model != "relpsp" and self.threshold == "dynamic":
            raise ValueError(
                f"model '{self.model}' with threshold 'dynamic'; expected 'static', "
                "only relpsp has the dynamic one; leave threshold out"
            )
        if self.slope_clip is not None and self.threshold == "dynamic":
            raise ValueError(
                f"slope_clip is {self.slope_clip:g} with the dynamic threshold; "
                "expected none, there derivative_clip does the same"
            )
        if self.exponential_slope is not None and self.model != "srm_lif":
            raise ValueError(
                f"exponential_slope is {self.exponential_slope:g}, but model "
                f"'{self.model}' has no such option; leave it out or use srm_lif"
            )
        needed, allowed = CONSTANTS[self.model]
        if self.threshold == "dynamic":
            allowed = ()
        for name in CONSTANT_FIELDS:
            value = getattr(self, name)
            is_default = value == type(self).model_fields[name].default
            if name in needed and is_default:
                raise ValueError(f"model '{self.model}' needs {name}; add it")
            if name not in needed + allowed and not is_default:
                has = ", ".join(needed + allowed) or "none"
                dynamic = " with the dynamic threshold"
                raise ValueError(
                    f"{name} is {value}, but model '{self.model}'"
                    f"{dynamic if self.threshold == 'dynamic' else ''} has no such "
                    f"constant; leave it out (it has: {has})"
                )
        return self
