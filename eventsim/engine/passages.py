"""Spikes between layers with neurons: axonal delays, pools, flattened maps.

None of these has a state of its own, so all of them are index arithmetic: every
spike that goes on comes from one spike before, later by a delay, weaker by a factor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

import numpy as np

from eventsim.engine.fan_out import pool_members
from eventsim.errors import ShapeError
from eventsim.network import Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Dropout, EarliestPool


@dataclass(frozen=True)
class Wave:
    """Spikes on their way to the next layer with neurons.

    Parameters
    ----------
    spikes : SpikeTrains
        Times at which their neurons fired; neuron numbers are places in the output
        of the last layer passed.
    delay : ndarray, shape (n_features,), network time units, or None
        How much later the spikes of each feature arrive. Features are counted by
        the last axis of a map, so the feature of place p is ``p % n_features``.
    """

    spikes: SpikeTrains
    delay: np.ndarray | None = None


@dataclass(frozen=True)
class Passed:
    """Spikes that were let through.

    Parameters
    ----------
    spikes : SpikeTrains
        The spikes that go on.
    origin : ndarray, shape (n_spikes,), int64
        Which spike before each of them comes from.
    """

    spikes: SpikeTrains
    origin: np.ndarray


@dataclass(frozen=True)
class PoolWindows:
    """Which windows of a pool an input neuron lies in.

    Parameters
    ----------
    offsets : ndarray, shape (n_in + 1,), int64
        Windows of neuron i are ``offsets[i]:offsets[i + 1]``.
    window : ndarray, shape (n_entries,), int64
        Flat index of the output position.
    """

    offsets: np.ndarray
    window: np.ndarray


@lru_cache(maxsize=64)
def pool_windows(topology: EarliestPool | AveragePool) -> PoolWindows:
    """Build the table of a pool; the same topology gets the same table.

    Parameters
    ----------
    topology : EarliestPool or AveragePool
        Geometry.

    Returns
    -------
    PoolWindows
        Windows of each neuron in ascending order.
    """
    inside, window = pool_members(topology)
    order = np.argsort(inside, kind="stable")
    counts = np.bincount(inside, minlength=prod(topology.input_shape))
    return PoolWindows(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        window[order].astype(np.int64),
    )


def arrive(wave: Wave, t_end: float) -> Passed:
    """Let a wave's delays pass and drop what would come after the end of the run.

    Parameters
    ----------
    wave : Wave
        Spikes as they were fired.
    t_end : float, network time units
        End of the run; what arrives there still counts.

    Returns
    -------
    Passed
        Times are those of arrival; each sample in order of time, then of neuron.
    """
    spikes = wave.spikes
    time = spikes.time
    if wave.delay is None and _all_arrive(spikes, t_end):
        return Passed(spikes, np.arange(time.size))
    if wave.delay is not None:
        delay = np.asarray(wave.delay)
        time = (time + delay[spikes.neuron % delay.size]).astype(time.dtype)
    origin = np.flatnonzero(time <= t_end)
    return _passed(
        spikes, time[origin], spikes.neuron[origin], origin, spikes.n_neurons
    )


def _all_arrive(spikes: SpikeTrains, t_end: float) -> bool:
    """Tell whether spikes can be passed as they are."""
    is_in_time = bool(np.all(spikes.time <= t_end))
    return is_in_time and _is_sorted(spikes.time, spikes.neuron, spikes.sample)


def average(wave: Wave, topology: AveragePool) -> tuple[Wave, np.ndarray]:
    """Let every spike through all windows it lies in, weaker by their size.

    Parameters
    ----------
    wave : Wave
        Spikes of the layer before.
    topology : AveragePool
        Geometry.

    Returns
    -------
    wave : Wave
        With values; delays are still to come.
    origin : ndarray, shape (n_spikes,), int64
        Which spike before each comes from.
    """
    spikes = wave.spikes
    through = _through(spikes, topology)
    one = np.ones(spikes.time.size) if spikes.value is None else spikes.value
    weaker = replace(spikes, value=one / topology.size**2)
    passed = _passed(
        weaker,
        spikes.time[through.origin],
        through.place,
        through.origin,
        prod(topology.output_shape),
    )
    return Wave(passed.spikes, wave.delay), passed.origin


def drop(
    wave: Wave, topology: Dropout, kept: np.ndarray | None
) -> tuple[Wave, np.ndarray]:
    """Let the spikes of features that are kept through, stronger by the others' share.

    Parameters
    ----------
    wave : Wave
        Spikes of the layer before.
    topology : Dropout
        Geometry and rate.
    kept : ndarray, shape (batch, n_features), bool, or None
        Features of each sample that are not dropped; None lets all through as they are.

    Returns
    -------
    wave : Wave
        With values ``1 / (1 - rate)`` times those before; delays are still to come.
    origin : ndarray, shape (n_spikes,), int64
        Which spike before each comes from.

    Raises
    ------
    ShapeError
        If there is not one number for each sample and feature.
    """
    spikes = wave.spikes
    if kept is None:
        return wave, np.arange(spikes.time.size)
    shape = spikes.batch, topology.output_shape[-1]
    if kept.shape != shape or kept.dtype != bool:
        raise ShapeError(
            f"dropout: the mask has shape {kept.shape} and type {kept.dtype}; expected "
            f"{shape}, bool, one entry for each sample and channel or unit"
        )
    origin = np.flatnonzero(kept[spikes.sample, spikes.neuron % shape[1]])
    one = np.ones(spikes.time.size) if spikes.value is None else spikes.value
    stronger = replace(spikes, value=one * scale_of(topology))
    passed = _passed(
        stronger, spikes.time[origin], spikes.neuron[origin], origin, spikes.n_neurons
    )
    return Wave(passed.spikes, wave.delay), passed.origin


def scale_of(topology: AveragePool | Dropout) -> float:
    """Return what a pool, or a dropout layer in training, multiplies values by."""
    if isinstance(topology, Dropout):
        return 1 / (1 - topology.rate)
    return 1 / topology.size**2


def require_whole_spikes(where: str, network: Network) -> None:
    """Refuse an earliest pool behind a layer that changes the values of spikes.

    Parameters
    ----------
    where : str
        Start of the message.
    network : Network
        Any.

    Raises
    ------
    ShapeError
        If there is no layer with neurons between the two.
    """
    before = None
    for layer in network.layers:
        if layer.neuron is not None:
            before = None
        elif isinstance(layer.topology, AveragePool | Dropout):
            before = layer
        elif isinstance(layer.topology, EarliestPool) and before is not None:
            does = "averages" if before.topology.kind == "average_pool" else "drops"
            raise ShapeError(
                f"{where}: {layer.name} passes the earliest spike of a window, behind "
                f"{before.name}, which {does}; expected a layer with neurons in between"
            )


def earliest(arrived: SpikeTrains, topology: EarliestPool) -> Passed:
    """Let the first spike of every window through.

    Parameters
    ----------
    arrived : SpikeTrains
        What arrives, in order of time, then of neuron.
    topology : EarliestPool
        Geometry.

    Returns
    -------
    Passed
        At most one spike for each window; of several at one time the one of the
        lowest neuron.

    Raises
    ------
    ShapeError
        If a spike carries a value other than 1: then the first is not all there is.
    """
    if arrived.value is not None and np.any(arrived.value != 1):
        raise ShapeError(
            "pool: it passes the earliest spike of a window and gets spikes of value "
            f"{arrived.value[arrived.value != 1][0]:g}; expected spikes of value 1; "
            "put a layer with neurons in between, or average"
        )
    n_windows = prod(topology.output_shape)
    through = _through(arrived, topology)
    key = arrived.sample[through.origin] * n_windows + through.place
    first = np.full(arrived.batch * n_windows, key.size, np.int64)
    np.minimum.at(first, key, np.arange(key.size))
    entry = np.sort(first[first < key.size])
    origin = through.origin[entry]
    return _passed(
        replace(arrived, value=None),
        arrived.time[origin],
        through.place[entry],
        origin,
        n_windows,
    )


@dataclass(frozen=True)
class _Through:
    """Every pair of a spike and a window it lies in, in order of spikes."""

    origin: np.ndarray
    place: np.ndarray


def _through(spikes: SpikeTrains, topology: EarliestPool | AveragePool) -> _Through:
    table = pool_windows(topology)
    start = table.offsets[spikes.neuron]
    counts = table.offsets[spikes.neuron + np.int64(1)] - start
    origin = np.repeat(np.arange(spikes.time.size), counts)
    before = np.cumsum(counts) - counts
    entry = np.arange(origin.size) + np.repeat(start - before, counts)
    return _Through(origin, table.window[entry])


def _passed(
    spikes: SpikeTrains,
    time: np.ndarray,
    neuron: np.ndarray,
    origin: np.ndarray,
    n_neurons: int,
) -> Passed:
    """Return spikes that come from `origin`, sorted by time, then by neuron."""
    counts = np.bincount(spikes.sample[origin], minlength=spikes.batch)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sample = np.repeat(np.arange(spikes.batch), counts)
    if not _is_sorted(time, neuron, sample):
        order = np.lexsort((neuron, time, sample))
        time, neuron, origin = time[order], neuron[order], origin[order]
    value = None if spikes.value is None else spikes.value[origin]
    trains = SpikeTrains(
        time,
        neuron.astype(np.int32, copy=False),
        offsets,
        n_neurons,
        value,
    )
    return Passed(trains, origin)


def _is_sorted(time: np.ndarray, neuron: np.ndarray, sample: np.ndarray) -> bool:
    is_later = time[1:] > time[:-1]
    is_tied = (time[1:] == time[:-1]) & (neuron[1:] >= neuron[:-1])
    return bool(np.all(is_later | is_tied | (sample[1:] != sample[:-1])))
