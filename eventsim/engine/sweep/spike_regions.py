"""Where tasks store spikes whose number is only known afterwards.

Each task has a region of its own. One whose region was too small only counts from
there on, and runs again with room for as many as it counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eventsim.engine.sweep.gathered_kernels import order_samples
from eventsim.engine.sweep.gathered_recording import GatheredRecording
from eventsim.errors import SimulationLimitError
from eventsim.spikes import SpikeTrains

# Room at first; memory that is not written to costs nothing.
SPIKES_PER_NEURON, RESERVE = 16, 64
FIRST_ROOM = 32_000_000


@dataclass(frozen=True)
class Tasks:
    """How the neurons of a layer are shared out.

    Parameters
    ----------
    batch : int
        Number of samples.
    n_neurons : int
        Neurons of the layer.
    sizes : ndarray, shape (n_blocks,), int
        Neurons of each block; task ``b * n_blocks + k`` is block k of sample b.
    """

    batch: int
    n_neurons: int
    sizes: np.ndarray


def collect(
    run: Callable[..., None], tasks: Tasks, max_spikes: int
) -> GatheredRecording:
    """Run tasks until every spike is stored, and put the spikes in order.

    Parameters
    ----------
    run : callable
        Takes todo, regions, the four arrays of `Found`, counts and stop, as the last
        arguments of `eventsim.engine.sweep.gathered_kernels.run_tasks`.
    tasks : Tasks
        Blocks of neurons.
    max_spikes : int
        Refuse to store more.

    Returns
    -------
    GatheredRecording
        Each sample in order of time, ties in order of the neurons.

    Raises
    ------
    SimulationLimitError
        If there are more than `max_spikes` spikes.
    """
    n_all = tasks.batch * tasks.n_neurons
    share = min(SPIKES_PER_NEURON, FIRST_ROOM // max(n_all, 1))
    room = np.tile(share * tasks.sizes + RESERVE, tasks.batch)
    counts = np.zeros(room.size, np.int64)
    regions, found = _regions(np.minimum(room, max_spikes))
    stop = np.array([max_spikes])
    run(np.ones(room.size, bool), regions, *found, counts, stop)
    if stop[0] < 0 or counts.sum() > max_spikes:
        raise SimulationLimitError(
            f"its neurons fire more than {max_spikes} times in this batch; "
            "expected fewer; run smaller batches or allow more, or look for weights "
            "or drives that are far too large"
        )
    todo = counts > np.diff(regions)
    if todo.any():
        old_regions, old_found = regions, found
        regions, found = _regions(np.where(todo, counts, np.diff(regions)))
        keep = _places(old_regions, np.where(todo, 0, counts))
        to = _places(regions, np.where(todo, 0, counts))
        for new, old in zip(found, old_found, strict=True):
            new[to] = old[keep]
        run(todo, regions, *found, counts, stop)
    return _ordered(_places(regions, counts), found, counts, tasks)


def _regions(room: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return where tasks store their spikes, and arrays to store them in."""
    regions = np.concatenate([[0], np.cumsum(room)]).astype(np.int64)
    n = int(regions[-1])
    return regions, (
        np.empty(n),
        np.empty(n, np.int32),
        np.empty(n, np.int8),
        np.empty(n, np.int64),
    )


def _places(regions: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the places of the first `counts` spikes of every region."""
    ends = np.cumsum(counts)
    shift = regions[:-1] - (ends - counts)
    return np.arange(ends[-1] if ends.size else 0) + np.repeat(shift, counts)


def _ordered(
    places: np.ndarray,
    found: tuple[np.ndarray, ...],
    counts: np.ndarray,
    tasks: Tasks,
) -> GatheredRecording:
    per_sample = counts.reshape(tasks.batch, -1).sum(axis=1)
    offsets = np.concatenate([[0], np.cumsum(per_sample)]).astype(np.int64)
    ordered = tuple(np.empty(places.size, array.dtype) for array in found)
    order_samples(places, offsets, *found, *ordered)
    time, neuron, kind, n_before = ordered
    spikes = SpikeTrains(time, neuron, offsets, tasks.n_neurons)
    return GatheredRecording(spikes, kind, n_before)
