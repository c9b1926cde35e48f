"""Supervisory spikes between the engine and the loss.

The engine says where the label's neuron could fire; the loss sees such spikes among
those that were fired; its derivatives by them go back to the engine apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.config.schema import Config
from eventsim.engine.sweep.forced_output import force_output
from eventsim.engine.sweep.forced_spikes import ForcedSpikes
from eventsim.network import READS_POTENTIALS, Network
from eventsim.spikes import SpikeTrains


@dataclass(frozen=True)
class Supervised:
    """An output as the loss is to see it.

    Parameters
    ----------
    output : ndarray, shape (batch, n_classes), or SpikeTrains
        First spike times, potentials, or all spikes.
    is_by_time : bool
        Whether it consists of spike times.
    forced : ForcedSpikes or None
        Spikes in it that training has put there.
    place : ndarray of int, or None
        Where in `output` each of these spikes is: number of the spike, or flat index
        of the first spike time; -1 = none.
    """

    output: np.ndarray | SpikeTrains
    is_by_time: bool
    forced: ForcedSpikes | None = None
    place: np.ndarray | None = None

    def split(self, d_output: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """Return derivatives by the network's own spikes, and the rest.

        Parameters
        ----------
        d_output : ndarray
            dL/dt as the loss returned it.

        Returns
        -------
        d_output : ndarray
            For ``backward``.
        options : dict
            ``forced``, if there are such spikes.
        """
        if self.forced is None:
            return d_output, {}
        assert self.place is not None
        has = self.place >= 0
        d_forced = np.zeros(self.place.size)
        d_forced[has] = d_output.ravel()[self.place[has]]
        if isinstance(self.output, SpikeTrains):
            d_own = np.delete(d_output, self.place[has])
        else:
            d_own = d_output.copy()
            d_own.ravel()[self.place[has]] = 0
        return d_own, {"forced": (self.forced, d_forced)}


def supervise(
    network: Network,
    recording: Any,
    output: np.ndarray | SpikeTrains,
    labels: np.ndarray,
    config: Config,
) -> Supervised:
    """Let the label's neuron fire, if the configuration says so.

    Parameters
    ----------
    network : Network
        The network.
    recording : Recording
        Of the forward run.
    output : ndarray or SpikeTrains
        What `eventsim.readout.read_output` returned.
    labels : ndarray, shape (batch,), int
        Right classes.
    config : Config
        Its ``training.supervisory_spike``.

    Returns
    -------
    Supervised
        The output with these spikes. A first spike time is changed only where the
        neuron is silent.
    """
    rule = config.training.supervisory_spike
    is_by_time = network.readout not in READS_POTENTIALS
    if rule is None:
        return Supervised(output, is_by_time)
    is_first = not isinstance(output, SpikeTrains)
    forced = force_output(
        network,
        recording,
        labels,
        least_rise=rule.rise,
        only_if_silent=is_first or rule.when == "if_silent",
    )
    if isinstance(output, SpikeTrains):
        joined, place = _join(output, forced)
        return Supervised(joined, is_by_time, forced, place)
    times = output.copy()
    rows = np.flatnonzero(np.isfinite(forced.time))
    place = np.full(labels.size, -1, np.int64)
    place[rows] = rows * output.shape[1] + forced.neuron[rows]
    times.ravel()[place[rows]] = forced.time[rows]
    return Supervised(times, is_by_time, forced, place)


def _join(spikes: SpikeTrains, forced: ForcedSpikes) -> tuple[SpikeTrains, np.ndarray]:
    """Put forced spikes among others; return where each is, -1 = there is none."""
    rows = np.flatnonzero(np.isfinite(forced.time))
    time = np.concatenate([spikes.time.astype(np.float64), forced.time[rows]])
    neuron = np.concatenate([spikes.neuron, forced.neuron[rows].astype(np.int32)])
    sample = np.concatenate([spikes.sample, rows])
    order = np.lexsort((neuron, time, sample))
    position = np.empty(order.size, np.int64)
    position[order] = np.arange(order.size)
    place = np.full(forced.time.size, -1, np.int64)
    place[rows] = position[spikes.time.size :]
    counts = np.bincount(sample, minlength=spikes.batch)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    joined = SpikeTrains(time[order], neuron[order], offsets, spikes.n_neurons)
    return joined, place
