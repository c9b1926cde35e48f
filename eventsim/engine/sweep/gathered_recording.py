"""What a forward run of a gathered layer leaves for the backward run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.engine.neuron_run_kernels import GRAZED
from eventsim.neurons.constants import RateGradient
from eventsim.spikes import SpikeTrains


@dataclass(frozen=True)
class GatheredRecording:
    """What a forward run of a gathered layer produced.

    Parameters
    ----------
    spikes : SpikeTrains
        Every spike, each sample in order of time, ties in order of the neurons.
    kind : ndarray, shape (n_spikes,), int8
        What made the neuron fire, see `eventsim.engine.neuron_run_kernels`.
    n_before : ndarray, shape (n_spikes,), int64
        How many of the neuron's arrivals, in order, acted before the spike; the
        last of them set off a triggered spike.
    """

    spikes: SpikeTrains
    kind: np.ndarray
    n_before: np.ndarray

    @property
    def n_grazing(self) -> int:
        """Number of threshold crossings with nearly no slope."""
        return int(np.count_nonzero(self.kind == GRAZED))


@dataclass(frozen=True)
class GatheredGradients:
    """Exact derivatives of a loss by everything that spike times depend on.

    Parameters
    ----------
    weight : ndarray, shape (n_weights,)
        By the flat weights.
    delay : ndarray, shape (n_weights,), or None
        By the delays, if the layer has them.
    input_time, value : ndarray, shape (n_input_spikes,)
        By the times and values of the input spikes; 0 where they cause nothing.
    theta, drive : ndarray, shape (n_out,)
        By thresholds and drives.
    rates : RateGradient
        By the constants of the dynamics; ``drive_scale`` is left to the caller.
    refractory : float
        By the refractory period; 0 if there is none.
    n_grazing : int
        Crossings with nearly no slope that a derivative went through.
    """

    weight: np.ndarray
    delay: np.ndarray | None
    input_time: np.ndarray
    value: np.ndarray
    theta: np.ndarray
    drive: np.ndarray
    rates: RateGradient
    refractory: float
    n_grazing: int
