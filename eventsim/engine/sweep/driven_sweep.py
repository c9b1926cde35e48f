"""Sweep engine for neurons that are driven by constant currents and nothing else.

Every neuron of every sample has a drive of its own, from the start of the run, and is
run alone, exactly, by the same functions that run neurons with arrivals.

Cost: one comparison for a neuron that its drive cannot make fire, one search for each
spike; neurons that start again from rest at every spike are not searched but read from
a table, see `eventsim.engine.sweep.periodic_kernels`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engine.layer_dynamics import plain, require_thresholds
from eventsim.engine.neuron_adjoint_kernels import (
    ALPHA,
    GRAZING,
    N_SUMS,
    RECOIL,
    REFRACTORY,
    Rule,
)
from eventsim.engine.spike_gradients import check_slopes
from eventsim.engine.sweep.driven_kernels import run_driven, unrun_driven
from eventsim.engine.sweep.gathered_recording import GatheredRecording
from eventsim.engine.sweep.periodic_kernels import tabulate
from eventsim.engine.sweep.spike_regions import Tasks, collect
from eventsim.errors import ShapeError
from eventsim.neurons.constants import RateGradient
from eventsim.neurons.dynamics import Dynamics, kappa, phi, start

N_CHUNKS = 8
# Relative margin of the drive below which a neuron is not run: roundings are smaller.
MARGIN = 1e-9
TABLE_SIZE = 257


@dataclass(frozen=True, eq=False)
class DrivenNeurons:
    """Neurons of one layer and what drives them in each sample.

    Parameters
    ----------
    dynamics : Dynamics
        Constants of the model.
    theta : ndarray, shape (n,)
        Threshold of each neuron, positive.
    drive : ndarray, shape (batch, n), 1 / network time unit
        Current of each sample and neuron times the model's drive scale.

    Raises
    ------
    ShapeError
        If the arrays do not fit, or a number is out of range.
    """

    dynamics: Dynamics
    theta: np.ndarray
    drive: np.ndarray

    def __post_init__(self) -> None:
        if self.drive.ndim != 2 or self.drive.shape[1:] != self.theta.shape:
            raise ShapeError(
                f"layer: drive has shape {self.drive.shape}; expected (batch, "
                f"{self.theta.size})"
            )
        require_thresholds("layer", self.theta)
        if not np.all(np.isfinite(self.drive)):
            raise ShapeError(
                "layer: a drive is NaN or infinite; expected finite numbers; look for "
                "weights or input currents that are far too large"
            )

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What all kernels take first, in types of which they are compiled once."""
        return (
            plain(self.dynamics),
            np.ascontiguousarray(self.theta, np.float64),
            np.ascontiguousarray(self.drive, np.float64),
        )


@dataclass(frozen=True)
class DrivenGradients:
    """Derivatives of a loss by what drives neurons and by their constants.

    Parameters
    ----------
    theta : ndarray, shape (n,)
        By thresholds.
    drive : ndarray, shape (batch, n)
        By the drive of each sample and neuron.
    rates : RateGradient
        By the constants of the dynamics; ``drive_scale`` is left to the caller.
    refractory : float
        By the refractory period; 0 if there is none.
    n_grazing : int
        Crossings with nearly no slope that a derivative went through.
    """

    theta: np.ndarray
    drive: np.ndarray
    rates: RateGradient
    refractory: float
    n_grazing: int


def driven_forward(
    neurons: DrivenNeurons, t_end: float, max_spikes: int
) -> GatheredRecording:
    """Find every spike, exactly.

    Parameters
    ----------
    neurons : DrivenNeurons
        What to run.
    t_end : float, network time units
        End of the run; spikes there count.
    max_spikes : int
        Refuse to store more.

    Returns
    -------
    GatheredRecording
        Spikes; no neuron has arrivals.

    Raises
    ------
    ShapeError
        If the end of the run is negative or not finite.
    SimulationLimitError
        If there are more than `max_spikes` spikes.
    """
    if not 0 <= t_end < math.inf:
        raise ShapeError(f"run: the end is at {t_end}; expected a time, not negative")
    d, theta, drive = neurons.arrays
    batch, n = drive.shape
    end = float(t_end)
    reach, table = _reach(d, end), _table(d, end)

    def run(todo: np.ndarray, *store: Any) -> None:
        run_driven(d, theta, drive, reach, table, end, todo, *store)

    return collect(run, Tasks(batch, n, np.array([n])), max_spikes)


def _reach(d: Dynamics, t_end: float) -> float:
    """Return the largest potential up to `t_end` of a neuron of drive 1.

    From rest a constant drive lets the potential of every model rise, or be 0 for ever,
    until it fires; so the largest one is the last.
    """
    last = phi(d.alpha, t_end) + kappa(d.alpha, d.beta, t_end) * start(d, 1.0)
    return float(last) * (1 + MARGIN)


def restarts(d: Dynamics) -> bool:
    """Tell whether neurons are at rest after every spike, but for their drive."""
    erases_v = d.keep_v == 0 and d.drop == 0 and d.recoil == 0
    erases_i = d.keep_i == 0 or not d.filters_drive
    return erases_v and erases_i and d.refractory == 0


def _table(d: Dynamics, t_end: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the table of `run_sample`."""
    if not restarts(d) or t_end == 0:
        return np.empty(0), np.empty(0), 0.0
    times, rates = np.empty(TABLE_SIZE), np.empty(TABLE_SIZE)
    return times, rates, tabulate(d, t_end, times, rates)


def driven_backward(
    neurons: DrivenNeurons,
    recording: GatheredRecording,
    d_time: np.ndarray,
    *,
    slope_clip: float = math.inf,
    exponential_slope: float | None = None,
    with_rates: bool = True,
) -> DrivenGradients:
    """Differentiate a loss, exactly unless an option says otherwise.

    Parameters
    ----------
    neurons : DrivenNeurons
        As in the forward run.
    recording : GatheredRecording
        What the forward run returned.
    d_time : ndarray, shape (n_spikes,)
        dL/dT of each spike of the recording.
    slope_clip : float, default inf
        Largest value of 1/slope at a threshold crossing.
    exponential_slope : float or None, network time units
        Checked, and without effect: it changes what input times get, and constant
        currents have none.
    with_rates : bool, default True
        Whether the derivatives by alpha, beta and rho are wanted; they cost extra.

    Returns
    -------
    DrivenGradients
        Derivatives.

    Raises
    ------
    ShapeError
        If the arrays do not fit, or an option does not fit the model.
    """
    out = recording.spikes
    if d_time.shape != out.time.shape:
        raise ShapeError(
            f"layer: d_time has shape {d_time.shape}; expected one number for each of "
            f"the {out.time.size} spikes"
        )
    check_slopes("layer", neurons.dynamics, slope_clip, exponential_slope)
    d, theta, drive = neurons.arrays
    batch, n = drive.shape
    n_chunks = max(1, min(N_CHUNKS, batch))
    d_theta, d_constants = np.zeros((n_chunks, n)), np.zeros((n_chunks, N_SUMS))
    d_drive = np.zeros((batch, n))
    unrun_driven(
        d,
        theta,
        drive,
        out.time,
        out.neuron,
        recording.kind,
        recording.n_before,
        out.offsets,
        np.ascontiguousarray(d_time, np.float64),
        Rule(float(slope_clip), 0.0, bool(with_rates)),
        restarts(d) and not with_rates,
        d_theta,
        d_drive,
        d_constants,
    )
    constants = d_constants.sum(axis=0)
    return DrivenGradients(
        theta=d_theta.sum(axis=0),
        drive=d_drive,
        rates=RateGradient(*constants[ALPHA : RECOIL + 1].tolist()),
        refractory=float(constants[REFRACTORY]) if d.refractory > 0 else 0.0,
        n_grazing=int(constants[GRAZING]),
    )
