"""Spike counts in a sliding window (t - W, t], exact in continuous time.

The counts of a sample change only where a spike enters the window, at its time, and
where it leaves, W later. Between two such times they are constant, so the time
integral of any function of them is a finite sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.losses.output_trains import spike_masses
from eventsim.spikes import SpikeTrains


@dataclass(frozen=True)
class SlidingCounts:
    """Pieces of time on which all counts are constant, sample by sample.

    Parameters
    ----------
    length : ndarray, shape (n_pieces,), network time units
        Length of each piece; those of a sample add up to the duration. May be 0.
    sample : ndarray, shape (n_pieces,), int64
        Sample of each piece; not decreasing.
    counts : ndarray, shape (n_pieces, n_neurons)
        Mass of each neuron's spikes in the window.
    enters, leaves : ndarray, shape (n_spikes,), int64
        First piece in which a spike counts and first one in which it no longer does.
    """

    length: np.ndarray
    sample: np.ndarray
    counts: np.ndarray
    enters: np.ndarray
    leaves: np.ndarray

    def by_masses(self, d_counts: np.ndarray, neuron: np.ndarray) -> np.ndarray:
        """Return the derivative of a time integral by the mass of each spike.

        Parameters
        ----------
        d_counts : ndarray, shape (n_pieces, n_neurons)
            Derivative of the integrand by the counts, in each piece.
        neuron : ndarray, shape (n_spikes,), int
            Neuron of each spike.

        Returns
        -------
        ndarray, shape (n_spikes,)
            Integral of `d_counts` of the spike's neuron while it is in the window.
        """
        before = _sums_before(self.length[:, None] * d_counts, self.sample)
        return before[self.leaves, neuron] - before[self.enters, neuron]


def sliding_counts(
    spikes: SpikeTrains, *, window: float, duration: float
) -> SlidingCounts:
    """Count the spikes in (t - window, t] for all t from 0 to `duration`.

    Parameters
    ----------
    spikes : SpikeTrains
        Spikes from 0 to `duration`. One at t counts from t on, until just before
        t + window; one at `duration` counts for no time at all.
    window : float, network time units, positive
        Length of the window; may be longer than the run, and infinite.
    duration : float, network time units, positive
        Length of the run.

    Returns
    -------
    SlidingCounts
        ``2 n_spikes + batch`` pieces.
    """
    n, batch = spikes.time.size, spikes.batch
    enter = np.minimum(spikes.time.astype(np.float64), duration)
    leave = np.minimum(enter + window, duration)
    time = np.concatenate([np.zeros(batch), enter, leave])
    sample = np.concatenate([np.arange(batch), spikes.sample, spikes.sample])
    order = np.lexsort((time, sample))
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    enters, leaves = place[batch : batch + n], place[batch + n :]

    change = np.zeros((order.size, spikes.n_neurons))
    masses = spike_masses(spikes)
    change[enters, spikes.neuron] = masses
    change[leaves, spikes.neuron] = -masses
    time, sample = time[order], sample[order]
    counts = _sums_before(change, sample) + change
    end = np.append(time[1:], duration)
    is_last = np.append(sample[1:] != sample[:-1], True)
    length = np.where(is_last, duration, end) - time
    return SlidingCounts(length, sample, counts, enters, leaves)


def _sums_before(values: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return the sums over the earlier rows of the same sample.

    Each sample is summed by itself, so that no bit depends on the rest of the batch.
    """
    sums = np.empty_like(values)
    borders = np.flatnonzero(np.diff(sample)) + 1
    for first, stop in zip(
        [0, *borders], [*borders, sample.size], strict=True
    ):  # a sample
        sums[first] = 0
        np.cumsum(values[first : stop - 1], axis=0, out=sums[first + 1 : stop])
    return sums
