"""Lists of spike events: the silent majority of an input is never visited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.engine.window.event_kernels import (
    count_events,
    fill_events,
    regroup_events,
)


@dataclass(frozen=True)
class EventList:
    """Events of a batch, grouped by sample or by neuron.

    Parameters
    ----------
    offsets : ndarray, shape (n_groups + 1,), int64
        Events of group g are ``offsets[g]:offsets[g + 1]``.
    index : ndarray, shape (n_events,), int32
        The neuron, or the sample when grouped by neuron.
    value : ndarray, shape (n_events,)
        Activation of the event.
    """

    offsets: np.ndarray
    index: np.ndarray
    value: np.ndarray


def list_events(activation: np.ndarray) -> EventList:
    """List the neurons that spike, grouped by sample, in order of neuron.

    Parameters
    ----------
    activation : ndarray, shape (batch, n), dimensionless
        Activations; 0 = silent.

    Returns
    -------
    EventList
        Grouped by sample.
    """
    counts = np.empty(activation.shape[0] + 1, np.int64)
    count_events(activation, counts)
    offsets = np.cumsum(counts)
    index = np.empty(offsets[-1], np.int32)
    value = np.empty(offsets[-1], activation.dtype)
    fill_events(activation, offsets, index, value)
    return EventList(offsets, index, value)


def group_by_neuron(events: EventList, n_neurons: int) -> EventList:
    """Regroup events by neuron, in order of sample.

    Parameters
    ----------
    events : EventList
        Grouped by sample.
    n_neurons : int
        Number of neurons.

    Returns
    -------
    EventList
        Grouped by neuron; `index` holds samples.
    """
    counts = np.bincount(events.index, minlength=n_neurons)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sample = np.empty_like(events.index)
    value = np.empty_like(events.value)
    regroup_events(
        events.offsets, events.index, events.value, offsets.copy(), sample, value
    )
    return EventList(offsets, sample, value)
