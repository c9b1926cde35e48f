"""From the section ``loss`` to the loss on all output spikes."""

from __future__ import annotations

import numpy as np

from eventsim.config.loss_schema import (
    CountingConfig,
    EnhancedCountingConfig,
    LossConfig,
    SpikemaxConfig,
    SpikemaxGConfig,
    SpikemaxSConfig,
    SpikeRateConfig,
    SpikeTimingConfig,
    TemporalEfficientConfig,
    TimeCrossEntropyConfig,
    VanRossumConfig,
)
from eventsim.errors import ConfigError
from eventsim.losses import (
    CountTargets,
    LossValue,
    counting,
    enhanced_counting,
    regular_times,
    spike_rate,
    spike_timing,
    spikemax,
    spikemax_g,
    spikemax_s,
    temporal_efficient,
    time_cross_entropy,
    van_rossum,
)
from eventsim.spikes import SpikeTrains

STEP = 1 / 5
"""A time step of the published runs on MNIST, as a share of the run: the interval of
targets and the window of `temporal_efficient` if none is given."""
VAN_ROSSUM_FIRST = 2.0
"""First target of the released code, in intervals: all steps but the first, each at its
end."""
TIMING_FIRST = 1.5
"""First target of `spike_timing` in the released code, in intervals."""
VAN_ROSSUM_TAU = 1 / 2
"""The published kernel on MNIST decays in 2.47 of 5 steps."""
SPIKEMAX_WINDOW = 1 / 10
"""The published window on N-MNIST is 30 of 300 ms."""


def has_true_gradient(loss: LossConfig) -> bool:
    """Return whether a loss's gradient is the derivative of its value by spike times.

    If not it is that of Theorem 4.1 of Zhu et al. 2023, by spike masses.
    """
    if isinstance(loss, VanRossumConfig):
        return loss.gradient == "exact"
    names = ("time_cross_entropy", "potential_cross_entropy", "spike_timing")
    return loss.name in names


def loss_of_trains(
    spikes: SpikeTrains, labels: np.ndarray, loss: LossConfig, duration: float
) -> LossValue:
    """Return the configured loss of all output spikes and its derivatives.

    Parameters
    ----------
    spikes : SpikeTrains
        Output spikes.
    labels : ndarray, shape (batch,), int
        True classes.
    loss : LossConfig
        Loss and its constants; one that goes with spikes.
    duration : float, network time units
        Length of the run.

    Returns
    -------
    LossValue
        ``d_output`` has shape (n_spikes,).

    Raises
    ------
    ConfigError
        If the loss does not go with spikes.
    """
    match loss:
        case TimeCrossEntropyConfig():
            t_unfired = unfired_time(loss, duration)
            return time_cross_entropy(
                spikes, labels, t_unfired=t_unfired, beta=loss.beta
            )
        case CountingConfig() | EnhancedCountingConfig() | SpikeRateConfig():
            return _against_numbers(spikes, labels, loss, duration)
        case VanRossumConfig() | SpikeTimingConfig():
            return _against_times(spikes, labels, loss, duration)
        case TemporalEfficientConfig():
            return temporal_efficient(
                spikes,
                labels,
                duration=duration,
                window=_given(loss.window, STEP * duration),
                reduction=loss.reduction,
            )
        case SpikemaxConfig() | SpikemaxGConfig() | SpikemaxSConfig():
            return _as_votes(spikes, labels, loss, duration)
        case _:
            raise ConfigError(
                f"loss: '{loss.name}' does not go with output spikes; expected any "
                "other loss"
            )


def require_fitting_loss(loss: LossConfig, duration: float) -> None:
    """Refuse constants of a loss that have no sense in a run of this length.

    Parameters
    ----------
    loss : LossConfig
        Any.
    duration : float, network time units
        Length of the run.

    Raises
    ------
    ConfigError
        If silence would count as an earlier spike than some the run can have, or the
        label's neuron would have no target times.
    """
    if isinstance(loss, TimeCrossEntropyConfig):
        if unfired_time(loss, duration) < duration:
            raise ConfigError(
                f"config: loss.t_unfired is {loss.t_unfired:g} in a run of "
                f"{duration:g}, so that silence would beat late spikes; expected at "
                "least the length of the run"
            )
    elif isinstance(loss, VanRossumConfig | SpikeTimingConfig):
        default = (
            VAN_ROSSUM_FIRST if isinstance(loss, VanRossumConfig) else TIMING_FIRST
        )
        first, interval = _first_and_interval(loss, default, duration)
        if regular_times(first, interval, duration).size == 0:
            raise ConfigError(
                f"config: loss.first_target is {first:g} in a run of {duration:g}, so "
                "that the label's neuron has no target; expected a time before the "
                "end; lower loss.first_target or loss.interval"
            )


def _first_and_interval(
    loss: VanRossumConfig | SpikeTimingConfig, default: float, duration: float
) -> tuple[float, float]:
    """Return the first target, by default some intervals, and the interval."""
    interval = _given(loss.interval, STEP * duration)
    return _given(loss.first_target, default * interval), interval


def unfired_time(loss: TimeCrossEntropyConfig, duration: float) -> float:
    """Return the time given to silent neurons, network time units."""
    return _given(loss.t_unfired, duration)


def _against_numbers(
    spikes: SpikeTrains,
    labels: np.ndarray,
    loss: CountingConfig | EnhancedCountingConfig | SpikeRateConfig,
    duration: float,
) -> LossValue:
    """Return a loss that compares counts or rates with targets."""
    if isinstance(loss, SpikeRateConfig):
        return spike_rate(
            spikes,
            labels,
            duration=duration,
            rate_label=loss.rate_label,
            rate_other=loss.rate_other,
            reduction=loss.reduction,
        )
    function = counting if isinstance(loss, CountingConfig) else enhanced_counting
    targets = CountTargets(
        loss.target_label, loss.target_other, loss.clip, loss.scale_labels
    )
    return function(
        spikes, labels, duration=duration, targets=targets, reduction=loss.reduction
    )


def _against_times(
    spikes: SpikeTrains,
    labels: np.ndarray,
    loss: VanRossumConfig | SpikeTimingConfig,
    duration: float,
) -> LossValue:
    """Return a loss that compares spike times with targets."""
    if isinstance(loss, SpikeTimingConfig):
        first, interval = _first_and_interval(loss, TIMING_FIRST, duration)
        return spike_timing(
            spikes,
            labels,
            duration=duration,
            targets=regular_times(first, interval, duration),
            push=loss.push,
            reduction=loss.reduction,
        )
    first, interval = _first_and_interval(loss, VAN_ROSSUM_FIRST, duration)
    return van_rossum(
        spikes,
        labels,
        duration=duration,
        targets=regular_times(first, interval, duration),
        tau=_given(loss.tau, VAN_ROSSUM_TAU * duration),
        gradient=loss.gradient,
        until=loss.until,
        reduction=loss.reduction,
    )


def _as_votes(
    spikes: SpikeTrains,
    labels: np.ndarray,
    loss: SpikemaxConfig | SpikemaxGConfig | SpikemaxSConfig,
    duration: float,
) -> LossValue:
    """Return a loss that takes spikes for votes."""
    if isinstance(loss, SpikemaxSConfig):
        return spikemax_s(
            spikes,
            labels,
            duration=duration,
            scores=loss.scores,
            reduction=loss.reduction,
        )
    if isinstance(loss, SpikemaxGConfig):
        return spikemax_g(
            spikes, labels, epsilon=loss.epsilon, reduction=loss.reduction
        )
    return spikemax(
        spikes,
        labels,
        duration=duration,
        window=_given(loss.window, SPIKEMAX_WINDOW * duration),
        epsilon=loss.epsilon,
        reduction=loss.reduction,
    )


def _given(value: float | None, default: float) -> float:
    return default if value is None else value
