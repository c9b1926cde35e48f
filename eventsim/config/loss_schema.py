"""The section ``loss`` of a configuration: one section for each loss, by its name."""

from __future__ import annotations

import typing
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from eventsim.config.section import Section


class TimeCrossEntropyConfig(Section):
    """Cross-entropy on minus first spike times (Wei et al. 2023, Eq. 8)."""

    name: Literal["time_cross_entropy"] = Field(
        default="time_cross_entropy", description="This loss, also if name is absent."
    )
    beta: float = Field(
        default=1.0,
        gt=0,
        description="Factor in front of the times inside the softmax.",
    )
    t_unfired: float | None = Field(
        default=None,
        gt=0,
        description="Time given to silent output neurons, network time units; null is "
        "the end of the run.",
    )
    silence_penalty: float = Field(
        default=0.0,
        ge=0,
        description="Weight of a hinge on the label neuron's potential while it is "
        "silent; wakes dead outputs. Spike-time readout, dynamic threshold.",
    )


class PotentialCrossEntropyConfig(Section):
    """Cross-entropy on output potentials."""

    name: Literal["potential_cross_entropy"] = Field(description="This loss.")
    beta: float = Field(
        default=1.0,
        gt=0,
        description="Factor in front of the potentials inside the softmax.",
    )


class SpikesLossConfig(Section):
    """What all losses on all output spikes have."""

    name: str
    reduction: Literal["mean", "sum"] = Field(
        default="mean",
        description="Mean over the batch or sum. Reports show the mean. The released "
        "code of Zhu et al. sums, but for temporal_efficient; so does lava-dl.",
    )


class CountTargetsConfig(SpikesLossConfig):
    """Targets of the losses on spike counts."""

    target_label: float = Field(
        default=5.0, gt=0, description="Spikes that the label's neuron should fire."
    )
    target_other: float = Field(
        default=1.0, ge=0, description="Spikes that each other neuron should fire."
    )
    clip: bool = Field(
        default=True,
        description="Take more than the target (label), or fewer (others), for the "
        "target, as published.",
    )
    scale_labels: bool = Field(
        default=False,
        description="Scale label gradients up by max(1, ratio / 10), ratio of the "
        "others' spikes in the batch to the labels' (released code of Zhu et al.).",
    )


class CountingConfig(CountTargetsConfig):
    """Squared error of spike counts (Zhu et al. 2023, Eq. 9)."""

    name: Literal["counting"] = Field(description="This loss.")


class EnhancedCountingConfig(CountTargetsConfig):
    """Enhanced counting loss (Zhu et al. 2023, Eq. 13)."""

    name: Literal["enhanced_counting"] = Field(description="This loss.")


class VanRossumConfig(SpikesLossConfig):
    """Difference of spike trains under an exponential kernel (Zhu et al., Eq. 11)."""

    name: Literal["van_rossum"] = Field(description="This loss.")
    tau: float | None = Field(
        default=None,
        gt=0,
        description="Time constant of the kernel, network time units; null is half the "
        "run.",
    )
    interval: float | None = Field(
        default=None,
        gt=0,
        description="Time between targets of the label's neuron, network time units; "
        "null is a fifth of the run.",
    )
    first_target: float | None = Field(
        default=None,
        gt=0,
        description="First target of the label's neuron, network time units; null is "
        "two intervals.",
    )
    gradient: Literal["linearised", "exact"] = Field(
        default="linearised",
        description="Minus the derivative by spike masses, as published, or the "
        "derivative by spike times.",
    )
    until: Literal["end", "infinity"] = Field(
        default="end",
        description="Integrate over the run, as published: a spike counts for less the "
        "later it is. Or without end, as van Rossum does: all spikes count alike.",
    )


class TemporalEfficientConfig(SpikesLossConfig):
    """Cross-entropy of recent spike counts, mean over time (TET)."""

    name: Literal["temporal_efficient"] = Field(description="This loss.")
    window: float | None = Field(
        default=None,
        gt=0,
        description="Length of the sliding window, network time units; null is a fifth "
        "of the run.",
    )


class SpikeTimingConfig(SpikesLossConfig):
    """Squared lateness of the label's spikes; other spikes are pushed to the end."""

    name: Literal["spike_timing"] = Field(description="This loss.")
    interval: float | None = Field(
        default=None,
        gt=0,
        description="Time between targets of the label's neuron, network time units; "
        "null is a fifth of the run.",
    )
    first_target: float | None = Field(
        default=None,
        gt=0,
        description="First target of the label's neuron, network time units; null is "
        "1.5 intervals (released code of Zhu et al.; their paper: 0.5).",
    )
    push: float | None = Field(
        default=None,
        ge=0,
        description="Gradient, with opposite sign, of spikes of other neurons; null is "
        "1 over the root of the number of classes.",
    )


class SpikeRateConfig(SpikesLossConfig):
    """Squared error of spike rates (Shrestha et al. 2022, Eq. 4)."""

    name: Literal["spike_rate"] = Field(description="This loss.")
    rate_label: float = Field(
        default=0.2,
        gt=0,
        description="Target of the label's neuron, spikes per network time unit.",
    )
    rate_other: float = Field(
        default=0.04,
        ge=0,
        description="Target of each other neuron, spikes per network time unit.",
    )


class SpikemaxConfig(SpikesLossConfig):
    """Spikes as votes in a sliding window (Shrestha et al. 2022, Eq. 8)."""

    name: Literal["spikemax"] = Field(description="This loss.")
    window: float | None = Field(
        default=None,
        gt=0,
        description="Length of the sliding window, network time units; null is a tenth "
        "of the run.",
    )
    epsilon: float | None = Field(
        default=None,
        gt=0,
        description="Votes added for every class, so that the loss is finite while the "
        "label's neuron is silent; null is 1 / number of classes, one vote in all.",
    )


class SpikemaxGConfig(SpikesLossConfig):
    """Spikes of the whole run as votes (Shrestha et al. 2022, Eq. 12)."""

    name: Literal["spikemax_g"] = Field(description="This loss.")
    epsilon: float = Field(
        default=1e-2,
        gt=0,
        description="Votes added for every class; keeps the loss finite while the "
        "label's neuron is silent.",
    )


class SpikemaxSConfig(SpikesLossConfig):
    """Softmax of the spike counts of the whole run (Shrestha et al. 2022, Eq. 14)."""

    name: Literal["spikemax_s"] = Field(description="This loss.")
    scores: Literal["count", "rate"] = Field(
        default="count",
        description="Softmax of counts, or of counts over the length of the run.",
    )


def _name_of(value: Any) -> str:
    """Return which loss a section describes; what is no section is left to fail."""
    if isinstance(value, dict):
        return str(value.get("name", "time_cross_entropy"))
    return getattr(value, "name", "time_cross_entropy")


LossConfig = Annotated[
    Annotated[TimeCrossEntropyConfig, Tag("time_cross_entropy")]
    | Annotated[PotentialCrossEntropyConfig, Tag("potential_cross_entropy")]
    | Annotated[CountingConfig, Tag("counting")]
    | Annotated[EnhancedCountingConfig, Tag("enhanced_counting")]
    | Annotated[VanRossumConfig, Tag("van_rossum")]
    | Annotated[TemporalEfficientConfig, Tag("temporal_efficient")]
    | Annotated[SpikeTimingConfig, Tag("spike_timing")]
    | Annotated[SpikeRateConfig, Tag("spike_rate")]
    | Annotated[SpikemaxConfig, Tag("spikemax")]
    | Annotated[SpikemaxGConfig, Tag("spikemax_g")]
    | Annotated[SpikemaxSConfig, Tag("spikemax_s")],
    Discriminator(_name_of),
]
"""The section ``loss``; its ``name`` says which."""

LOSS_NAMES = tuple(
    tag.tag
    for member in typing.get_args(typing.get_args(LossConfig)[0])
    for tag in typing.get_args(member)[1:]
)
"""Names of all losses."""
