"""Sweep engine for layers of any topology: every neuron gathers its own arrivals.

It runs every model of the shared dynamics, with synaptic delays, graded inputs,
refractory periods and constant drives, and differentiates by all of them. Layers
whose neurons share their inputs have a faster kernel that works on whole rows.

Cost: proportional to arrivals (input spikes times synapses each), plus the
synapses once per sample. A neuron's arrivals exist only while it is its turn, so
memory is that of the spikes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engine.fan_in import FanIn
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
from eventsim.engine.sweep.gathered_adjoint_kernels import unrun_layer
from eventsim.engine.sweep.gathered_kernels import run_tasks
from eventsim.engine.sweep.gathered_recording import (
    GatheredGradients,
    GatheredRecording,
)
from eventsim.engine.sweep.spike_regions import Tasks, collect
from eventsim.errors import ShapeError
from eventsim.neurons.constants import RateGradient
from eventsim.neurons.dynamics import Dynamics
from eventsim.spikes import SpikeTrains

MAX_SPIKES = 50_000_000
N_CHUNKS = 8
N_TASKS = 16


@dataclass(frozen=True, eq=False)
class GatheredLayer:
    """Neurons of one layer and the synapses that end there.

    Parameters
    ----------
    dynamics : Dynamics
        Constants of the model.
    fan_in : FanIn
        Synapses of each neuron.
    weight : ndarray, shape (n_weights,)
        Flat weights.
    delay : ndarray, shape (n_weights,), network time units, or None
        Synaptic delays, not negative; ``None`` = none.
    theta : ndarray, shape (n_out,)
        Threshold of each neuron, positive.
    drive : ndarray, shape (n_out,), 1 / network time unit
        Constant drive of each neuron, current times the model's drive scale.

    Raises
    ------
    ShapeError
        If the arrays do not fit, or a threshold, weight, drive or delay is out of
        range.
    """

    dynamics: Dynamics
    fan_in: FanIn
    weight: np.ndarray
    delay: np.ndarray | None
    theta: np.ndarray
    drive: np.ndarray

    def __post_init__(self) -> None:
        synapses, neurons = (self.fan_in.n_weights,), (self.fan_in.n_out,)
        arrays = [
            ("weight", self.weight, synapses),
            ("theta", self.theta, neurons),
            ("drive", self.drive, neurons),
        ]
        if self.delay is not None:
            arrays.append(("delay", self.delay, synapses))
        for name, array, shape in arrays:
            if array.shape != shape:
                raise ShapeError(
                    f"layer: {name} has shape {array.shape}; expected {shape}"
                )
            if not np.all(np.isfinite(array)):
                raise ShapeError(f"layer: {name} has values that are not finite")
        if self.delay is not None and np.any(self.delay < 0):
            raise ShapeError(
                f"layer: a delay is {self.delay.min()}; expected a time, not negative"
            )
        require_thresholds("layer", self.theta)

    @property
    def arrays(self) -> tuple:
        """What all kernels take first, in types of which they are compiled once."""
        table = self.fan_in
        return (
            plain(self.dynamics),
            table.offsets,
            table.source,
            _double(self.weight)[table.slot],
            np.empty(0) if self.delay is None else _double(self.delay)[table.slot],
            table.n_in,
            table.is_multiple,
            _double(self.theta),
            _double(self.drive),
        )


def _double(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.float64)


def input_arrays(layer: GatheredLayer, spikes: SpikeTrains) -> tuple:
    """Return input spikes as kernels take them; `ShapeError` if they do not fit."""
    if spikes.n_neurons != layer.fan_in.n_in:
        raise ShapeError(
            f"layer: input spikes are of {spikes.n_neurons} neurons; expected "
            f"{layer.fan_in.n_in}"
        )
    if spikes.time.size and spikes.time.min() < 0:
        raise ShapeError(
            f"layer: an input spike is at {spikes.time.min()}; expected times from 0 on"
        )
    return (
        _double(spikes.time),
        np.ascontiguousarray(spikes.neuron, np.int32),
        _double(np.empty(0) if spikes.value is None else spikes.value),
        np.ascontiguousarray(spikes.offsets, np.int64),
    )


def gathered_forward(
    layer: GatheredLayer,
    spikes: SpikeTrains,
    t_end: float,
    max_spikes: int = MAX_SPIKES,
) -> GatheredRecording:
    """Find every spike of a layer, exactly.

    Parameters
    ----------
    layer : GatheredLayer
        Neurons and synapses.
    spikes : SpikeTrains
        Input of every sample, values included; times from 0 on.
    t_end : float, network time units
        End of the run; spikes there count.
    max_spikes : int, default 50 million
        Refuse to store more.

    Returns
    -------
    GatheredRecording
        Spikes and what `gathered_backward` needs.

    Raises
    ------
    ShapeError
        If the input does not fit the layer.
    SimulationLimitError
        If there are more than `max_spikes` spikes.
    """
    if not 0 <= t_end < math.inf:
        raise ShapeError(f"run: the end is at {t_end}; expected a time, not negative")
    inputs = (*layer.arrays, *input_arrays(layer, spikes), float(t_end))
    n_out = layer.fan_in.n_out
    # Small batches are cut further; the number of threads plays no part.
    n_blocks = max(1, min(-(-N_TASKS // max(spikes.batch, 1)), n_out // 32))
    bounds = np.arange(n_blocks + 1) * n_out // n_blocks
    tasks = Tasks(spikes.batch, n_out, np.diff(bounds))

    def run(todo: np.ndarray, *store: Any) -> None:
        run_tasks(*inputs, todo, *store)

    return collect(run, tasks, max_spikes)


def gathered_backward(
    layer: GatheredLayer,
    spikes: SpikeTrains,
    recording: GatheredRecording,
    d_time: np.ndarray,
    *,
    slope_clip: float = math.inf,
    exponential_slope: float | None = None,
    with_rates: bool = True,
) -> GatheredGradients:
    """Differentiate a loss through a layer, exactly unless an option says otherwise.

    Parameters
    ----------
    layer : GatheredLayer
        As in the forward run.
    spikes : SpikeTrains
        Input, as in the forward run.
    recording : GatheredRecording
        What the forward run returned.
    d_time : ndarray, shape (n_spikes,)
        dL/dT of each spike of the recording.
    slope_clip : float, default inf
        Largest value of 1/slope at a threshold crossing.
    exponential_slope : float or None, network time units
        Time constant tau_g: give the input at t_i the share
        ``w_i exp(-(T - t_i) / tau_g)`` of a spike's dL/dT instead of the share of
        its true slope, as in the code of [1]_; weights keep the true slope. Only for
        neurons whose spikes erase their whole state.
    with_rates : bool, default True
        Whether the derivatives by alpha, beta and rho are wanted; they cost extra.

    Returns
    -------
    GatheredGradients
        Derivatives.

    Raises
    ------
    ShapeError
        If the arrays do not fit, or an option does not fit the model.

    References
    ----------
    .. [1] Y. Zhu, W. Fang, X. Xie, T. Huang, Z. Yu, "Exploring loss functions for
       time-based training strategy in spiking neural networks", NeurIPS 2023.
    """
    d = layer.dynamics
    _check_options(d, recording, d_time, slope_clip, exponential_slope)
    tau_g = 0.0 if exponential_slope is None else float(exponential_slope)
    n_weights, n_out = layer.fan_in.n_weights, layer.fan_in.n_out
    n_delays = 0 if layer.delay is None else n_weights
    n_chunks = max(1, min(N_CHUNKS, spikes.batch))
    by_input = np.zeros(spikes.time.size), np.zeros(spikes.time.size)
    shared = [
        np.zeros((n_chunks, n)) for n in (n_weights, n_delays, n_out, n_out, N_SUMS)
    ]
    out = recording.spikes
    unrun_layer(
        *layer.arrays,
        *input_arrays(layer, spikes),
        out.time,
        out.neuron,
        recording.kind,
        recording.n_before,
        out.offsets,
        _double(d_time),
        layer.fan_in.slot,
        Rule(float(slope_clip), tau_g, bool(with_rates)),
        *shared,
        *by_input,
    )
    weight, delay, theta, drive, constants = (part.sum(axis=0) for part in shared)
    return GatheredGradients(
        weight=weight,
        delay=None if layer.delay is None else delay,
        input_time=by_input[0],
        value=by_input[1],
        theta=theta,
        drive=drive,
        rates=RateGradient(*constants[ALPHA : RECOIL + 1].tolist()),
        refractory=float(constants[REFRACTORY]) if d.refractory > 0 else 0.0,
        n_grazing=int(constants[GRAZING]),
    )


def _check_options(
    d: Dynamics,
    recording: GatheredRecording,
    d_time: np.ndarray,
    slope_clip: float,
    exponential_slope: float | None,
) -> None:
    if d_time.shape != recording.spikes.time.shape:
        raise ShapeError(
            f"layer: d_time has shape {d_time.shape}; expected one number for each of "
            f"the {recording.spikes.time.size} spikes"
        )
    check_slopes("layer", d, slope_clip, exponential_slope)
