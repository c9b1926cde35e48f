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

from eventsim.engine.fan_out import fan_out
from eventsim.engine.sweep.gathered_recording import GatheredGradients
from eventsim.engine.sweep.row_adjoint_kernels import row_backward
from eventsim.engine.sweep.row_coefficients import (
    LARGEST_EXPONENT,
    tabulate_exponentials,
    tabulate_steps,
)
from eventsim.engine.sweep.row_firing_kernels import Found
from eventsim.engine.sweep.row_kernels import row_forward
from eventsim.engine.sweep.row_order_kernels import collect
from eventsim.engine.sweep.row_spike_adjoint_kernels import Sums
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.neurons.constants import RateGradient
from eventsim.neurons.dynamics import Dynamics, grazing_slope
from eventsim.spikes import SpikeTrains
from eventsim.topology import Conv2d, Dense

MAX_SPIKES = 50_000_000
CHUNK = 160
BLOCKS_OF_ONE_SAMPLE = 4
SAMPLE_GROUPS = 8
ROOM = 1000
SPIKES_PER_NEURON = 0.25


@dataclass(frozen=True, eq=False)
class RowLayer:
    """Neurons of a dense layer or convolution.

    Parameters
    ----------
    dynamics : Dynamics
        Constants of the model.
    topology : Dense or Conv2d
        Geometry.
    weight : ndarray, shape ``topology.weight_shape``
        Weights; their float type is the one of the run.
    theta, drive : ndarray, shape (n_features,)
        Threshold and constant drive of each unit or channel.

    Raises
    ------
    ShapeError
        If the model needs another engine.
    """

    dynamics: Dynamics
    topology: Dense | Conv2d
    weight: np.ndarray
    theta: np.ndarray
    drive: np.ndarray

    def __post_init__(self) -> None:
        if not runs(self.dynamics):
            raise ShapeError(
                "row sweep: a model with instantaneous synapses, a refractory period "
                "or a refractory kernel; expected one without; use the gathered sweep"
            )

    @property
    def n_channels(self) -> int:
        """Neurons of a position."""
        return self.topology.n_features

    @property
    def chunk(self) -> int:
        """Channels of a chunk; chunks are equal."""
        return next(
            self.n_channels // n
            for n in range(1, self.n_channels + 1)
            if self.n_channels % n == 0
            and (self.n_channels // n <= CHUNK or self.n_channels // n < 2 * n)
        )

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What all kernels take: fan-out, positions, weights, thresholds, drives."""
        table = fan_out(self.topology)
        chunk, dtype = self.chunk, self.weight.dtype
        weight = np.ascontiguousarray(self.weight).reshape(-1, self.n_channels)
        driven = self.drive if np.any(self.drive) else self.drive[:0]
        return (
            (table.offsets, table.position, table.row),
            table.n_positions,
            weight.reshape(len(weight), -1, chunk),
            np.ascontiguousarray(self.theta, dtype).reshape(-1, chunk),
            np.ascontiguousarray(driven, dtype).reshape(-1, chunk),
        )


@dataclass(frozen=True)
class RowRecording:
    """What a forward run of a row layer produced.

    Parameters
    ----------
    spikes : SpikeTrains
        Every spike, each sample in order of time, ties in order of the neurons.
    found : Found, each shape (n_spikes,)
        The same in the order found, see `row_firing_kernels.Found`.
    place : ndarray, shape (n_spikes,), int64
        Which found spike each of `spikes` is.
    tables : tuple of ndarrays
        Propagators between the input spikes.
    t_end : float, network time units
        End of the run.
    n_grazing : int
        Number of threshold crossings with nearly no slope.
    """

    spikes: SpikeTrains
    found: Found
    place: np.ndarray
    tables: tuple[np.ndarray, np.ndarray]
    t_end: float
    n_grazing: int


def runs(d: Dynamics) -> bool:
    """Tell whether rows of such neurons can be run."""
    return d.kick == 0 and d.recoil == 0 and d.refractory == 0


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
    dtype = layer.weight.dtype
    trains = _trains(layer, spikes)
    tables = _tables(layer, trains, t_end)
    arrays = layer.arrays
    n_chunks, batch = arrays[3].shape[0], spikes.batch
    n_blocks = 1 if batch >= BLOCKS_OF_ONE_SAMPLE else n_chunks
    n_neurons = layer.n_channels * arrays[1] // n_blocks
    room = min(n_neurons, ROOM) + int(SPIKES_PER_NEURON * n_neurons)
    counts = np.zeros((n_blocks, batch), np.int64)
    while True:
        shape = (n_blocks, batch, room)
        found = Found(*(np.empty(shape, kind) for kind in _types(dtype)))
        row_forward(
            layer.dynamics, trains, tables, *arrays, float(t_end), found, counts
        )
        if counts.clip(max=room).sum() > max_spikes:
            raise SimulationLimitError(
                f"sweep: a layer fired more than {max_spikes} times up to time "
                f"{t_end}; expected fewer; lower weights or currents, shorten the "
                "run, or raise max_spikes"
            )
        if counts.max(initial=0) <= room:
            break
        room *= 4
    return _collected(layer, found, counts, tables, t_end)


def _types(dtype: np.dtype) -> tuple[Any, ...]:
    return dtype, dtype, np.int32, np.int32, np.int32


def _collected(
    layer: RowLayer,
    found: Found,
    counts: np.ndarray,
    tables: tuple[np.ndarray, np.ndarray],
    t_end: float,
) -> RowRecording:
    n_blocks = len(counts)
    n_chunks = layer.n_channels // layer.chunk
    chunks = np.arange(n_blocks, dtype=np.int64) * n_chunks // n_blocks * layer.chunk
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=0))]).astype(np.int64)
    n_spikes = int(offsets[-1])
    dtype = layer.weight.dtype
    flat = Found(*(np.empty(n_spikes, kind) for kind in _types(dtype)))
    time, neuron = np.empty(n_spikes, dtype), np.empty(n_spikes, np.int32)
    place = np.empty(n_spikes, np.int64)
    collect(found, counts, chunks, layer.n_channels, offsets, flat, time, neuron, place)
    n_neurons = math.prod(layer.topology.output_shape)
    spikes = SpikeTrains(time, neuron, offsets, n_neurons)
    n_grazing = _n_grazing(layer, flat)
    return RowRecording(spikes, flat, place, tables, t_end, n_grazing)


def _n_grazing(layer: RowLayer, found: Found) -> int:
    d = layer.dynamics
    theta = layer.theta[found.channel]
    rise = found.current + layer.drive[found.channel] - d.alpha * d.factor * theta
    return int(np.count_nonzero(rise < grazing_slope(d, 1.0) * theta))


def backward(
    layer: RowLayer,
    spikes: SpikeTrains,
    recording: RowRecording,
    d_time: np.ndarray,
    *,
    slope_clip: float = math.inf,
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

    Returns
    -------
    GatheredGradients
        By weights, input times, thresholds and drives (both by feature). There is
        no derivative by values, rates or delays here: `value` and `rates` are NaN.

    Raises
    ------
    ShapeError
        If `d_time` does not fit.
    """
    if d_time.shape != recording.spikes.time.shape:
        raise ShapeError(
            f"row sweep: d_time has shape {d_time.shape}; expected "
            f"{recording.spikes.time.shape}, one number for each spike"
        )
    dtype = layer.weight.dtype
    arrays = layer.arrays
    is_dense = isinstance(layer.topology, Dense)
    n_chunks = arrays[3].shape[0]
    n_groups = 1 if is_dense else min(SAMPLE_GROUPS, max(spikes.batch, 1))
    n_blocks = n_chunks if is_dense else 1
    by_found = np.empty(d_time.size)
    by_found[recording.place] = d_time
    has_drive = arrays[4].shape[0] > 0
    sums = Sums(
        np.zeros((n_groups, *arrays[2].shape), dtype),
        np.zeros((n_blocks, spikes.time.size), dtype),
        np.zeros((n_groups, *arrays[3].shape)),
        np.zeros((n_groups, n_chunks if has_drive else 0, layer.chunk)),
        np.zeros(n_blocks * n_groups, np.int64),
    )
    row_backward(
        layer.dynamics,
        _trains(layer, spikes),
        recording.tables,
        *arrays,
        float(recording.t_end),
        recording.found,
        recording.spikes.offsets,
        by_found,
        float(slope_clip),
        sums,
    )
    drive = sums.drive.sum(axis=0).ravel() if has_drive else np.zeros(layer.n_channels)
    return GatheredGradients(
        weight=sums.weight.sum(axis=0).reshape(layer.weight.shape),
        delay=None,
        input_time=sums.arrival.sum(axis=0),
        value=np.full(spikes.time.size, np.nan),
        theta=sums.theta.sum(axis=0).ravel(),
        drive=drive,
        rates=RateGradient(*[math.nan] * len(RateGradient._fields)),
        refractory=math.nan,
        n_grazing=int(sums.n_grazing.sum()),
    )


def _trains(layer: RowLayer, spikes: SpikeTrains) -> tuple[np.ndarray, ...]:
    dtype = layer.weight.dtype
    value = np.empty(0) if spikes.value is None else spikes.value
    return (
        np.ascontiguousarray(spikes.time, dtype),
        np.ascontiguousarray(spikes.neuron, np.int32),
        np.ascontiguousarray(value, dtype),
        np.ascontiguousarray(spikes.offsets, np.int64),
    )


def _tables(
    layer: RowLayer, trains: tuple[np.ndarray, ...], t_end: float
) -> tuple[np.ndarray, np.ndarray]:
    d = layer.dynamics
    steps, exponentials = np.empty((0, 4)), np.empty((0, 2))
    if isinstance(layer.topology, Dense):
        steps = np.empty((trains[0].size, 4))
        tabulate_steps(d, trains[0], trains[3], steps)
    elif max(d.alpha, d.beta) * t_end < LARGEST_EXPONENT:
        exponentials = np.empty((trains[0].size + 2 * (trains[3].size - 1), 2))
        tabulate_exponentials(d, trains[0], trains[3], float(t_end), exponentials)
    return steps, exponentials


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
