"""The record that passes between layers, engines, losses and files: spike trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.errors import ShapeError


@dataclass(frozen=True)
class SpikeTrains:
    """A ragged batch of spikes, each sample in order of time.

    Spikes of one time act together; the engines list them by neuron, but their order
    is not checked.

    Parameters
    ----------
    time : ndarray, shape (n_spikes,), network time units
        Spike times; always finite.
    neuron : ndarray, shape (n_spikes,), int32
        Flat index of the neuron that fired.
    offsets : ndarray, shape (batch + 1,), int64
        Spikes of sample b are ``offsets[b]:offsets[b + 1]``.
    n_neurons : int
        Number of neurons that could have fired.
    value : ndarray, shape (n_spikes,), dimensionless, or None
        What each spike carries (graded events): it acts with its weight times this
        value. ``None`` = all 1.

    Raises
    ------
    ShapeError
        If the arrays do not fit together, a time or value is NaN or infinite, or
        spikes are out of order.
    """

    time: np.ndarray
    neuron: np.ndarray
    offsets: np.ndarray
    n_neurons: int
    value: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.time.shape != self.neuron.shape or self.time.ndim != 1:
            raise ShapeError(
                f"spikes: time has shape {self.time.shape} and neuron "
                f"{self.neuron.shape}; expected the same one-dimensional shape"
            )
        if self.offsets[0] != 0 or self.offsets[-1] != self.time.size:
            raise ShapeError(
                f"spikes: offsets run from {self.offsets[0]} to {self.offsets[-1]}; "
                f"expected 0 to {self.time.size}"
            )
        if np.any(np.diff(self.offsets) < 0):
            raise ShapeError("spikes: offsets must not decrease")
        if not np.all(np.isfinite(self.time)):
            raise ShapeError(
                "spikes: a spike time is NaN or infinite; leave neurons that never "
                "spike out of the list"
            )
        if self.neuron.size and not (
            self.neuron.min() >= 0 and self.neuron.max() < self.n_neurons
        ):
            raise ShapeError(
                f"spikes: neuron indices run from {self.neuron.min()} to "
                f"{self.neuron.max()}; expected 0 to {self.n_neurons - 1}"
            )
        is_later = np.diff(self.time) >= 0
        is_new_sample = np.zeros(max(self.time.size - 1, 0), bool)
        inner = self.offsets[(self.offsets > 0) & (self.offsets < self.time.size)]
        is_new_sample[inner - 1] = True
        if not np.all(is_later | is_new_sample):
            raise ShapeError("spikes: times of a sample must not decrease")
        if self.value is not None:
            self._check_values(self.value)

    def _check_values(self, value: np.ndarray) -> None:
        if value.shape != self.time.shape:
            raise ShapeError(
                f"spikes: value has shape {value.shape} and time {self.time.shape}; "
                "expected one value for every spike"
            )
        if not np.all(np.isfinite(value)):
            raise ShapeError("spikes: a spike's value is NaN or infinite")

    @classmethod
    def unchecked(
        cls, time: np.ndarray, neuron: np.ndarray, offsets: np.ndarray, n_neurons: int
    ) -> SpikeTrains:
        """Build trains from arrays that are known to fit, for engines."""
        trains = object.__new__(cls)
        fields = (time, neuron, offsets, n_neurons, None)
        for name, array in zip(cls.__dataclass_fields__, fields, strict=True):
            object.__setattr__(trains, name, array)
        return trains

    @property
    def batch(self) -> int:
        """Number of samples."""
        return self.offsets.size - 1

    @property
    def sample(self) -> np.ndarray:
        """Sample of each spike, shape (n_spikes,), int64."""
        return np.repeat(np.arange(self.batch), np.diff(self.offsets))

    @property
    def key(self) -> np.ndarray:
        """``sample * n_neurons + neuron`` of each spike, shape (n_spikes,), int64."""
        return self.sample * self.n_neurons + self.neuron

    def ranks(self) -> np.ndarray:
        """Return how many spikes of its neuron came before each in its sample.

        Returns
        -------
        ndarray, shape (n_spikes,), int64
            Spikes of one neuron at one time are ranked as they are listed.
        """
        key = self.key
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        ranks = np.empty(key.size, np.int64)
        ranks[order] = np.arange(key.size) - np.searchsorted(ordered, ordered)
        return ranks

    @classmethod
    def from_first_spikes(cls, times: np.ndarray) -> SpikeTrains:
        """Build trains of at most one spike per neuron.

        Parameters
        ----------
        times : ndarray, shape (batch, n), network time units
            First spike times; ``inf`` = never.

        Returns
        -------
        SpikeTrains
            Ties keep the order of the neurons.

        Raises
        ------
        ShapeError
            If a time is NaN.
        """
        if np.any(np.isnan(times)):
            raise ShapeError("spikes: a spike time is NaN; 'inf' means never")
        n_neurons = times.shape[1]
        place = np.flatnonzero(np.isfinite(times))
        sample, neuron = np.divmod(place, max(n_neurons, 1))
        time, sample, neuron = _sorted_by_time(times.ravel()[place], sample, neuron)
        offsets = np.searchsorted(sample, np.arange(len(times) + 1)).astype(np.int64)
        return cls(time, neuron.astype(np.int32), offsets, n_neurons)

    def samples(self, first: int, stop: int) -> SpikeTrains:
        """Return the samples from `first` up to, but not including, `stop`."""
        offsets = self.offsets[first : stop + 1]
        part = slice(offsets[0], offsets[-1])
        return SpikeTrains(
            self.time[part],
            self.neuron[part],
            offsets - offsets[0],
            self.n_neurons,
            None if self.value is None else self.value[part],
        )

    def first_spikes(self) -> np.ndarray:
        """Return first spike times, shape (batch, n_neurons), ``inf`` = never."""
        times = np.full((self.batch, self.n_neurons), np.inf, self.time.dtype)
        np.minimum.at(times, (self.sample, self.neuron), self.time)
        return times

    def counts(self) -> np.ndarray:
        """Return spikes per neuron summed over the batch, shape (n_neurons,)."""
        return np.bincount(self.neuron, minlength=self.n_neurons)


def join_samples(parts: Sequence[SpikeTrains]) -> SpikeTrains:
    """Put the samples of several trains of the same neurons one after the other."""
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    values = [
        np.ones(part.time.size) if part.value is None else part.value for part in parts
    ]
    return SpikeTrains(
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.neuron for part in parts]),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        parts[0].n_neurons,
        None if all(part.value is None for part in parts) else np.concatenate(values),
    )


def _sorted_by_time(
    time: np.ndarray, sample: np.ndarray, neuron: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort spikes by sample, time, neuron; given by sample and neuron.

    Times of 32 bits that are not negative are in the order of their bits. With sample
    and neuron they fit into one integer, which is sorted several times as fast.
    """
    n_bits = int(neuron.max(initial=0)).bit_length()
    n_all = 31 + n_bits + int(sample.max(initial=0)).bit_length()
    if time.dtype != np.float32 or n_all > 63 or np.any(np.signbit(time)):
        order = np.lexsort((time, sample))
        return time[order], sample[order], neuron[order]
    bits = time.view(np.int32).astype(np.int64)
    key = np.sort(((sample << 31 | bits) << n_bits) | neuron)
    rest, neuron = key >> n_bits, key & ((1 << n_bits) - 1)
    return (rest & 0x7FFFFFFF).astype(np.int32).view(np.float32), rest >> 31, neuron
