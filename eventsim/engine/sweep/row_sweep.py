"""Sweep engine for dense layers and convolutions: spikes act on whole rows.

It runs the models with a continuous potential and at once-acting synapses: no
instantaneous synapse, refractory period, refractory kernel or synaptic delay, for
which `eventsim.engine.sweep.gathered_sweep` is there. Both give the same spikes.

Cost: proportional to synaptic operations (input spikes times fan-out), a few
vector operations each, plus a small constant for every output spike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engine.spike_gradients import check_slopes
from eventsim.engine.sweep.gathered_recording import GatheredGradients
from eventsim.engine.sweep.row_adjoint_kernels import row_backward
from eventsim.engine.sweep.row_adjoint_state_kernels import Sums
from eventsim.engine.sweep.row_coefficients import LARGEST_EXPONENT, tabulate_growth
from eventsim.engine.sweep.row_firing_kernels import Found
from eventsim.engine.sweep.row_kernels import row_forward
from eventsim.engine.sweep.row_layer import RowLayer
from eventsim.engine.sweep.row_order_kernels import collect
from eventsim.engine.sweep.row_share_kernels import share_rows
from eventsim.engine.sweep.row_vectors import LANES
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.neurons.constants import RateGradient
from eventsim.neurons.dynamics import Dynamics
from eventsim.spikes import SpikeTrains
from eventsim.topology import Dense

MAX_SPIKES = 50_000_000
# Smaller batches are cut into blocks of channels, so that all threads have work.
BATCH_OF_WHOLE_ROWS = 4
# Groups of neurons whose weights and weight gradients stay in a core's cache.
GROUPS_OF_A_READ = 12
MOST_BLOCKS = 8
# Groups of samples: each has its own spikes forward, its own sums backward.
SAMPLE_GROUPS_FORWARD, SAMPLE_GROUPS = 32, 8
ROOM = 1000
SPIKES_PER_NEURON, BURST_PER_NEURON = 0.25, 4


@dataclass(frozen=True)
class RowRecording:
    """What a forward run of a row layer produced.

    Parameters
    ----------
    spikes : SpikeTrains
        Every spike, each sample in order of time, ties in order of the neurons.
    current : ndarray, shape (n_spikes,)
        Synaptic current just before each, in the model's units.
    rank : ndarray, shape (n_spikes,), int32
        Number of input spikes before each that count.
    t_end : float, network time units
        End of the run.
    n_grazing : int
        Number of threshold crossings with nearly no slope.
    """

    spikes: SpikeTrains
    current: np.ndarray
    rank: np.ndarray
    t_end: float
    n_grazing: int


def forward(
    layer: RowLayer,
    spikes: SpikeTrains,
    t_end: float,
    *,
    max_spikes: int = MAX_SPIKES,
) -> RowRecording:
    """Find every spike of a layer up to `t_end`.

    Parameters
    ----------
    layer : RowLayer
        The neurons.
    spikes : SpikeTrains
        Input; times not negative.
    t_end : float, network time units
        End of the run, finite and positive.
    max_spikes : int
        Bound on the number of spikes of the batch.

    Returns
    -------
    RowRecording
        The spikes and what `backward` needs.

    Raises
    ------
    ShapeError
        If the input does not fit, or a time is out of range.
    SimulationLimitError
        If there are more spikes than `max_spikes`.
    """
    _check(layer, spikes, t_end)
    trains, batch = _trains(layer, spikes), spikes.batch
    t_end = _rounded_down(t_end, layer.weight.dtype)
    is_split = batch < BATCH_OF_WHOLE_ROWS and isinstance(layer.topology, Dense)
    blocks = layer.blocks(MOST_BLOCKS if is_split else 1)
    groups = _groups(batch, SAMPLE_GROUPS_FORWARD)
    positions, constants = layer.positions, layer.constants
    n_samples = -(-batch // max(groups.size - 1, 1))
    n_neurons = layer.n_channels * positions[1] * n_samples
    room = ROOM + int(SPIKES_PER_NEURON * n_neurons)
    counts = np.zeros((2, blocks.size - 1, batch), np.int64)
    while True:
        shape = (blocks.size - 1, groups.size - 1, room)
        found = _room_for(shape, layer.weight.dtype)
        row_forward(
            layer.dynamics,
            trains,
            _is_in_range(layer.dynamics, t_end),
            *positions,
            constants,
            blocks,
            groups,
            t_end,
            found,
            counts,
        )
        offsets = _ends(counts[0].sum(axis=0))
        if offsets[-1] > max_spikes:
            raise SimulationLimitError(
                f"its neurons fire more than {max_spikes} times up to time "
                f"{t_end}; expected fewer; lower weights or currents, shorten the "
                "run, or raise max_spikes"
            )
        if batch == 0 or np.add.reduceat(counts[0], groups[:-1], axis=1).max() <= room:
            break
        if room > BURST_PER_NEURON * n_neurons:
            # A few samples run away: let the others not ask for as much.
            groups = _groups(batch, (groups.size - 1) // 4)
        room = min(4 * room, max_spikes + 1)
    return _collected(layer, found, counts, groups, offsets, t_end)


def _ends(counts: np.ndarray) -> np.ndarray:
    """Return where each of some runs of the given lengths begins, and the last ends."""
    ends = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends


def _groups(batch: int, n: int) -> np.ndarray:
    """Return where each of `n` groups of samples begins, at most one per sample."""
    n = max(min(batch, n), min(batch, 1))
    return np.arange(n + 1) * batch // max(n, 1)


def _rounded_down(t: float, dtype: np.dtype) -> float:
    """Return the last number of a float type that is not after `t`."""
    rounded = dtype.type(t)
    return float(rounded if float(rounded) <= t else np.nextafter(rounded, rounded * 0))


def _room_for(shape: Any, dtype: np.dtype) -> Found:
    return Found(
        time=np.empty(shape, dtype),
        neuron=np.empty(shape, np.int32),
        current=np.empty(shape, dtype),
        rank=np.empty(shape, np.int32),
    )


def _collected(
    layer: RowLayer,
    found: Found,
    counts: np.ndarray,
    groups: np.ndarray,
    offsets: np.ndarray,
    t_end: float,
) -> RowRecording:
    joined = _room_for(int(offsets[-1]), layer.weight.dtype)
    collect(found, counts[0], groups, offsets, joined)
    n_neurons = math.prod(layer.topology.output_shape)
    spikes = SpikeTrains.unchecked(joined.time, joined.neuron, offsets, n_neurons)
    return RowRecording(
        spikes, joined.current, joined.rank, t_end, int(counts[1].sum())
    )


def backward(
    layer: RowLayer,
    spikes: SpikeTrains,
    recording: RowRecording,
    d_time: np.ndarray,
    *,
    slope_clip: float = math.inf,
    exponential_slope: float | None = None,
) -> GatheredGradients:
    """Differentiate a loss through every spike of a layer.

    Parameters
    ----------
    layer : RowLayer
        The neurons.
    spikes : SpikeTrains
        The input of the forward run.
    recording : RowRecording
        What `forward` returned.
    d_time : ndarray, shape (n_spikes,)
        dL/dT of each spike of ``recording.spikes``.
    slope_clip : float, default inf
        Largest ``1 / slope`` of a crossing; ``inf`` is exact.
    exponential_slope : float or None, network time units
        See `eventsim.engine.sweep.gathered_sweep.gathered_backward`; ``None`` is
        exact.

    Returns
    -------
    GatheredGradients
        By weights, input times, thresholds and drives (both by feature). There is
        no derivative by values, rates or delays here: `value` and `rates` are NaN.

    Raises
    ------
    ShapeError
        If `d_time` does not fit, or an option does not fit the model.
    """
    check_slopes("row sweep", layer.dynamics, slope_clip, exponential_slope)
    if d_time.shape != recording.spikes.time.shape:
        raise ShapeError(
            f"row sweep: d_time has shape {d_time.shape}; expected "
            f"{recording.spikes.time.shape}, one number for each spike"
        )
    dtype = layer.weight.dtype
    constants, n_lanes = layer.constants, layer.n_lanes
    is_dense = isinstance(layer.topology, Dense)
    blocks = layer.blocks(n_lanes // (LANES * GROUPS_OF_A_READ) if is_dense else 1)
    n_blocks = blocks.size - 1
    n_groups = 1 if n_blocks >= SAMPLE_GROUPS // 4 else min(SAMPLE_GROUPS, spikes.batch)
    n_driven = n_lanes if np.any(layer.drive) else 0
    sums = Sums(
        np.zeros((max(n_groups, 1), constants[0].size), dtype),
        np.zeros((n_blocks, spikes.time.size), dtype),
        np.zeros((max(n_groups, 1), n_lanes)),
        np.zeros((max(n_groups, 1), n_driven)),
        np.zeros(n_blocks * max(n_groups, 1), np.int64),
    )
    row_backward(
        layer.dynamics,
        _trains(layer, spikes),
        _growth(layer.dynamics, spikes.time, recording.t_end),
        *layer.positions,
        constants,
        blocks,
        float(recording.t_end),
        Found(
            recording.spikes.time,
            recording.spikes.neuron,
            recording.current,
            recording.rank,
        ),
        recording.spikes.offsets,
        np.ascontiguousarray(d_time, np.float64),
        float(slope_clip),
        sums,
    )
    n = layer.n_channels
    weight = sums.weight[0] if len(sums.weight) == 1 else sums.weight.sum(axis=0)
    weight = weight.reshape(-1, n_lanes)[:, :n]
    drive = sums.drive.sum(axis=0)[:n] if n_driven else np.zeros(n)
    return GatheredGradients(
        weight=weight.reshape(layer.weight.shape),
        delay=None,
        input_time=sums.arrival.sum(axis=0)
        if exponential_slope is None
        else _shares(layer, spikes, recording, d_time, exponential_slope),
        value=np.full(spikes.time.size, np.nan),
        theta=sums.theta.sum(axis=0)[:n],
        drive=drive,
        rates=RateGradient(*[math.nan] * len(RateGradient._fields)),
        refractory=math.nan,
        n_grazing=int(sums.n_grazing.sum()),
    )


def _shares(
    layer: RowLayer,
    spikes: SpikeTrains,
    recording: RowRecording,
    d_time: np.ndarray,
    tau_g: float,
) -> np.ndarray:
    """Return what the exponential slope makes of dL/dT for each input spike."""
    found = np.zeros(spikes.time.size)
    weight, n_lanes = layer.constants[:2]
    share_rows(
        _trains(layer, spikes),
        *layer.positions,
        weight,
        n_lanes,
        np.ascontiguousarray(layer.drive, np.float64),
        float(recording.t_end),
        Found(
            recording.spikes.time,
            recording.spikes.neuron,
            recording.current,
            recording.rank,
        ),
        recording.spikes.offsets,
        np.ascontiguousarray(d_time, np.float64),
        float(tau_g),
        found,
    )
    return found


def _trains(layer: RowLayer, spikes: SpikeTrains) -> tuple[np.ndarray, ...]:
    dtype = layer.weight.dtype
    value = np.empty(0) if spikes.value is None else spikes.value
    return (
        np.ascontiguousarray(spikes.time, dtype),
        np.ascontiguousarray(spikes.neuron, np.int32),
        np.ascontiguousarray(value, dtype),
        np.ascontiguousarray(spikes.offsets, np.int64),
    )


def _is_in_range(d: Dynamics, t_end: float) -> bool:
    return max(d.alpha, d.beta) * t_end < LARGEST_EXPONENT


def _growth(d: Dynamics, times: np.ndarray, t_end: float) -> np.ndarray:
    growth = np.empty((times.size if _is_in_range(d, t_end) else 0, 4))
    tabulate_growth(d, times[: len(growth)], growth)
    return growth


def _check(layer: RowLayer, spikes: SpikeTrains, t_end: float) -> None:
    if spikes.n_neurons != math.prod(layer.topology.input_shape):
        raise ShapeError(
            f"row sweep: input of {spikes.n_neurons} neurons; expected "
            f"{math.prod(layer.topology.input_shape)}"
        )
    if not 0 < t_end < math.inf:
        raise ShapeError(
            f"row sweep: t_end is {t_end}; expected a positive, finite time"
        )
    if spikes.time.size and spikes.time.min() < 0:
        raise ShapeError(
            f"row sweep: an input spike is at {spikes.time.min()}; expected times "
            "that are not negative"
        )
