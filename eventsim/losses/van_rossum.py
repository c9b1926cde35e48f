"""Spike-train difference: output and target trains, seen through a kernel.

``L = 1/2 sum_i int_0^T (kappa * (s_i - target_i))^2 dt`` with the kernel
``kappa(t) = exp(-t / tau) / tau``, t >= 0 [1]_. The targets of the label's neuron are
given times, the other neurons have none [2]_. The integral is a closed form: with the
spikes of a neuron and its targets as events of masses a_j = m_j or -1 at times x_j,

    L = 1/2 sum_jk a_j a_k K(x_j, x_k),
    K(x, y) = (exp(-|x - y| / tau) - exp(-(2 T - x - y) / tau)) / (2 tau).

A late spike thus counts for little and one at T for nothing. Without end, as van Rossum
integrates, the second exponential is 0 and every spike counts alike.

Two gradients are offered. ``"linearised"``, as published, is minus the derivative by
the mass of each spike (the factor -1 of Theorem 4.1 of [2]_, though the loss does see
times). ``"exact"`` is the derivative by the time of each spike. It has a kink where a
spike meets a target or another spike of its neuron; there it is the mean of both sides.

References
----------
.. [1] M. C. W. van Rossum, "A novel spike distance", Neural Computation 13(4), 2001.
.. [2] Y. Zhu et al., "Exploring loss functions for time-based training strategy in
   spiking neural networks", NeurIPS 2023, Eq. 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from eventsim.losses.output_trains import (
    Reduction,
    reduced,
    spike_masses,
)
from eventsim.losses.softmax import LossValue
from eventsim.spikes import SpikeTrains

Until = Literal["end", "infinity"]


def van_rossum(
    spikes: SpikeTrains,
    labels: np.ndarray,
    *,
    duration: float,
    targets: np.ndarray,
    tau: float,
    gradient: Literal["linearised", "exact"] = "linearised",
    until: Until = "end",
    reduction: Reduction = "mean",
) -> LossValue:
    """Return the spike-train difference and a gradient by spike times.

    Parameters
    ----------
    spikes : SpikeTrains
        Output spikes from 0 to `duration`; their values, if any, are their masses.
    labels : ndarray, shape (batch,), int
        True classes.
    duration : float, network time units
        Length T of the run.
    targets : ndarray, shape (n_targets,), network time units
        Target times of the label's neuron, from 0 to `duration`.
    tau : float, network time units, positive
        Time constant of the kernel.
    gradient : {"linearised", "exact"}
        Minus the derivative by masses, or the derivative by times.
    until : {"end", "infinity"}
        Where the integral ends: with the run, as published, or not at all.
    reduction : {"mean", "sum"}
        Over the batch; the released code sums.

    Returns
    -------
    LossValue
        The value has the unit 1 / network time units. ``d_output`` is dL/dt of each
        spike, shape (n_spikes,).
    """
    n = spikes.time.size
    is_target_of = np.arange(spikes.batch) * spikes.n_neurons + labels
    events = _Events.sorted(
        np.concatenate([spikes.key, np.repeat(is_target_of, targets.size)]),
        np.concatenate([spikes.time, np.tile(targets, spikes.batch)]),
        np.concatenate([spike_masses(spikes), -np.ones(targets.size * spikes.batch)]),
    )
    before, after = events.filtered(tau)
    end = duration if until == "end" else np.inf
    to_end = np.exp((events.time - end) / tau)
    at_end = events.at_last(before + events.mass) * events.at_last(to_end)

    level = (before + events.mass) / tau
    gap = np.where(events.is_last, end, np.roll(events.time, -1)) - events.time
    total = -np.sum(level**2 * np.expm1(-2 * gap / tau)) * tau / 4

    if gradient == "exact":
        earlier, later = events.at_first_tied(before), events.at_last_tied(after)
        d_time = events.mass * (later - earlier - at_end * to_end) / (2 * tau**2)
    else:
        d_time = -(before + events.mass + after - at_end * to_end) / (2 * tau)
    of_event = np.empty(d_time.size)
    of_event[events.order] = d_time
    return reduced(total, of_event[:n], spikes.batch, reduction)


@dataclass(frozen=True)
class _Events:
    """Spikes and targets, sorted by output neuron and time.

    Parameters
    ----------
    time, mass : ndarray, shape (n_events,)
        Time and mass of each event.
    is_first, is_last : ndarray, shape (n_events,), bool
        Whether an event is the first or the last one of its neuron.
    order : ndarray, shape (n_events,), int64
        Where each event was before it was sorted.
    """

    time: np.ndarray
    mass: np.ndarray
    is_first: np.ndarray
    is_last: np.ndarray
    order: np.ndarray

    @classmethod
    def sorted(cls, output: np.ndarray, time: np.ndarray, mass: np.ndarray) -> _Events:
        order = np.lexsort((time, output))
        output = output[order]
        changes = output[1:] != output[:-1]
        is_first = np.append(np.ones(min(1, output.size), bool), changes)
        is_last = np.append(changes, np.ones(min(1, output.size), bool))
        time = time[order].astype(np.float64)
        return cls(time, mass[order], is_first, is_last, order)

    def filtered(self, tau: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of ``a_j exp(-|x_j - x_k| / tau)`` over events before, after.

        *Before* and *after* are places in the list; of tied events one is before the
        other. Events of one rank among their neurons' are worked on together.
        """
        before, after = np.zeros(self.time.size), np.zeros(self.time.size)
        place = np.arange(self.time.size)
        rank = place - np.maximum.accumulate(np.where(self.is_first, place, 0))
        decay = np.exp(-np.diff(self.time, prepend=0.0)[rank > 0] / tau)
        fading = np.zeros(self.time.size)
        fading[rank > 0] = decay
        by_rank = np.argsort(rank, kind="stable")
        levels = np.split(by_rank, np.flatnonzero(np.diff(rank[by_rank])) + 1)
        for k in levels[1:]:
            before[k] = (before[k - 1] + self.mass[k - 1]) * fading[k]
        for k in reversed(levels[1:]):
            after[k - 1] = (after[k] + self.mass[k]) * fading[k]
        return before, after

    def at_last(self, values: np.ndarray) -> np.ndarray:
        """Return the value at the last event of each event's neuron."""
        last = np.flatnonzero(self.is_last)
        return values[last[np.searchsorted(last, np.arange(values.size))]]

    def at_first_tied(self, values: np.ndarray) -> np.ndarray:
        """Return the value at the first event of the same neuron and time."""
        place = np.arange(values.size)
        return values[np.maximum.accumulate(np.where(self._opens_tie(), place, 0))]

    def at_last_tied(self, values: np.ndarray) -> np.ndarray:
        """Return the value at the last event of the same neuron and time."""
        closes = np.append(self._opens_tie()[1:], np.ones(min(1, values.size), bool))
        last = np.flatnonzero(closes)
        return values[last[np.searchsorted(last, np.arange(values.size))]]

    def _opens_tie(self) -> np.ndarray:
        return self.is_first | (np.diff(self.time, prepend=-np.inf) > 0)
