"""How often everything happened in each sample by some times, exactly.

Effects are put in order of time, sample by sample, and added up; a time is then a
place in that order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.spikes import SpikeTrains
from hwmodel.early_exit.effects import COLUMNS, Effects
from hwmodel.ragged import rows_of

MOST_ENTRIES = 1 << 22
"""Effects, and counts, that are held at once, unless one sample alone has more."""


@dataclass(frozen=True)
class CountsUntil:
    """Counts of some samples by some times.

    Parameters
    ----------
    first, stop : int
        Samples.
    counts : ndarray, shape (n_times, stop - first, n_columns), int64
        Columns are those of `hwmodel.early_exit.effects.COLUMNS`.
    """

    first: int
    stop: int
    counts: np.ndarray


def counts_until(
    effects: Sequence[Effects],
    trains: Sequence[SpikeTrains],
    times: np.ndarray,
    duration: float,
    most_entries: int = MOST_ENTRIES,
) -> Iterator[CountsUntil]:
    """Count what has happened by some times, some samples at once.

    Parameters
    ----------
    effects : sequence of Effects
        What spikes cause.
    trains : sequence of SpikeTrains
        Spikes of the input, then of every layer.
    times : ndarray, shape (n_times, n_samples), network time units
        For each sample; what happens at a time counts.
    duration : float, network time units
        End of the run. What spikes cause later is counted there: a run that is not
        stopped pays for all that its spikes cause.
    most_entries : int
        Bound on the arrays that are made.

    Yields
    ------
    CountsUntil
        Samples in order.
    """
    offsets = [train.offsets for train in trains]
    per_sample = np.full(times.shape[1], len(times) * len(COLUMNS), dtype=np.int64)
    for one in effects:
        most = int(np.diff(one.offsets).max(initial=0))
        per_sample = np.maximum(per_sample, np.diff(offsets[one.layer]) * most)
    before = np.concatenate([[0], np.cumsum(per_sample)])
    first = 0
    while first < per_sample.size:
        fits = np.searchsorted(before, before[first] + most_entries, "right") - 1
        stop = max(first + 1, int(fits))
        counts = np.zeros((len(times), stop - first, len(COLUMNS)), dtype=np.int64)
        for one in effects:
            part = trains[one.layer].samples(first, stop)
            tally = _tally(one, part, duration)
            counts[:, :, list(one.columns)] += tally.until(times[:, first:stop])
        yield CountsUntil(first, stop, counts)
        first = stop


@dataclass(frozen=True)
class _Tally:
    """Times in order within each sample, and sums of all amounts before each entry."""

    time: np.ndarray
    total: np.ndarray
    offsets: np.ndarray

    def until(self, times: np.ndarray) -> np.ndarray:
        """Return sums of each sample, shape (n_times, n_samples, n_columns)."""
        place = np.empty(times.shape, dtype=np.int64)
        for b in range(times.shape[1]):
            own = self.time[self.offsets[b] : self.offsets[b + 1]]
            place[:, b] = np.searchsorted(own, times[:, b], "right")
        first = self.offsets[:-1]
        return self.total[first + place] - self.total[first]


def _tally(effects: Effects, train: SpikeTrains, duration: float) -> _Tally:
    if effects.is_prompt:
        time, entry, offsets = train.time, train.neuron, train.offsets
    else:
        entry, ends = rows_of(effects.offsets, train.neuron)
        offsets = ends[train.offsets]
        time = np.repeat(train.time, np.diff(ends)) + effects.delay[entry]
        time = np.minimum(time, duration)
        sample = np.repeat(np.arange(train.batch), np.diff(offsets))
        order = np.lexsort((time, sample))
        time, entry = time[order], entry[order]
    total = np.zeros((entry.size + 1, len(effects.columns)), dtype=np.int64)
    np.cumsum(effects.amount[entry], axis=0, out=total[1:])
    return _Tally(time, total, offsets)
