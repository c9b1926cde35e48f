"""Output spikes counted over time: what every exit policy looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eventsim.spikes import SpikeTrains

MOST_ENTRIES = 1 << 22
"""Largest array of counts that is made at once."""


@dataclass(frozen=True)
class CountChanges:
    """Spikes of each class after every change, padded to the longest sample.

    Parameters
    ----------
    first : int
        Number of the first sample in the batch.
    time : ndarray, shape (n, m), network time units
        When something changes, in order; ``inf`` behind the last change.
    counts : ndarray, shape (n, m, n_classes), int64
        Spikes that count after the change.
    is_settled : ndarray, shape (n, m), bool
        Whether it is the last change of its time: between two of one time nobody
        looks.
    """

    first: int
    time: np.ndarray
    counts: np.ndarray
    is_settled: np.ndarray


def count_changes(
    output: SpikeTrains, window: float | None = None, most_entries: int = MOST_ENTRIES
) -> Iterator[CountChanges]:
    """Count the output spikes of each class over time, some samples at once.

    Parameters
    ----------
    output : SpikeTrains
        Spikes of the output layer.
    window : float or None, network time units
        A spike at s counts from s on and no more from ``s + window`` (rounded) on:
        in the window ``(t - W, t]``. ``None``: for ever.
    most_entries : int
        Bound on the size of `CountChanges.counts`, unless one sample alone has more.

    Yields
    ------
    CountChanges
        Samples in order.
    """
    sizes = np.diff(output.offsets) * (1 if window is None else 2)
    at_once = max(1, most_entries // max(1, int(sizes.max(initial=0)) *
                                         output.n_neurons))  # fmt: skip
    for first in range(0, output.batch, at_once):
        stop = min(first + at_once, output.batch)
        yield _changes(output.samples(first, stop), window, first)


def _changes(output: SpikeTrains, window: float | None, first: int) -> CountChanges:
    time, neuron, sample = output.time.astype(np.float64), output.neuron, output.sample
    step = np.ones(time.size, np.int64)
    if window is not None:
        time = np.concatenate([time, time + window])
        neuron, sample = np.tile(neuron, 2), np.tile(sample, 2)
        step = np.concatenate([step, -step])
        order = np.lexsort((time, sample))
        time, neuron = time[order], neuron[order]
        sample, step = sample[order], step[order]
    sizes = np.bincount(sample, minlength=output.batch)
    rank = np.arange(time.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    shape = (output.batch, int(sizes.max(initial=0)))
    counts = np.zeros((*shape, output.n_neurons), np.int64)
    counts[sample, rank, neuron] = step
    np.cumsum(counts, axis=1, out=counts)
    padded = np.full(shape, np.inf)
    padded[sample, rank] = time
    return CountChanges(first, padded, counts, _settled(padded))


def _settled(time: np.ndarray) -> np.ndarray:
    is_settled = np.isfinite(time)
    is_settled[:, :-1] &= time[:, :-1] != time[:, 1:]
    return is_settled


def lead_of(counts: np.ndarray) -> np.ndarray:
    """Return by how much the largest count exceeds the next one.

    Parameters
    ----------
    counts : ndarray, shape (..., n_classes)
        Counts; one class alone leads by its count.

    Returns
    -------
    ndarray, shape (...)
        0 where two classes share the largest count.
    """
    if counts.shape[-1] == 1:
        return counts[..., 0]
    top = np.partition(counts, -2, axis=-1)
    return top[..., -1] - top[..., -2]


def first_settled(
    changes: CountChanges, is_met: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first settled change of each sample at which something is met.

    Parameters
    ----------
    changes : CountChanges
        Changes.
    is_met : ndarray, shape (n, m), bool
        Condition after each of them.

    Returns
    -------
    place : ndarray, shape (n,), int64
        Which change; 0 where there is none.
    time : ndarray, shape (n,), network time units
        When; ``inf`` where there is none.
    """
    n, m = changes.time.shape
    if m == 0:
        return np.zeros(n, np.int64), np.full(n, np.inf)
    is_first = changes.is_settled & is_met
    place = is_first.argmax(axis=1)
    rows = np.arange(n)
    return place, np.where(is_first[rows, place], changes.time[rows, place], np.inf)


def until(trains: SpikeTrains, t: float) -> SpikeTrains:
    """Return the spikes up to a time, that time included."""
    is_in = trains.time <= t
    before = np.concatenate([[0], np.cumsum(is_in)])
    return SpikeTrains.unchecked(
        trains.time[is_in],
        trains.neuron[is_in],
        before[trains.offsets],
        trains.n_neurons,
    )
