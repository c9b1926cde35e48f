"""The groups of neurons that a network is cut into, one group a core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.workload.connections import Span


@dataclass(frozen=True)
class LayerPartition:
    """The groups of one layer: every run of features, of rows and of columns.

    Parameters
    ----------
    first_core : int
        Number of the layer's first core.
    features : tuple of (start, stop)
        Runs of units or channels; sizes differ by one at most.
    rows, columns : tuple of (start, stop)
        Runs of map rows and columns; one run of one for dense and sparse layers.
    copies : ndarray, shape (n_neurons,), int64, or None
        How often each neuron is on its core: more than once if it has to reach more
        cores than one neuron may. ``None``: every neuron once.
    """

    first_core: int
    features: tuple[Span, ...]
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    copies: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Runs of features, rows and columns."""
        return len(self.features), len(self.rows), len(self.columns)

    @property
    def map_shape(self) -> tuple[int, int]:
        """(height, width) of a channel; (1, 1) for dense and sparse layers."""
        return self.rows[-1][1], self.columns[-1][1]

    @property
    def n_cores(self) -> int:
        """Number of cores."""
        return len(self.features) * len(self.rows) * len(self.columns)

    @property
    def cores(self) -> range:
        """Numbers of the layer's cores: feature runs, rows inside, columns inside."""
        return range(self.first_core, self.first_core + self.n_cores)

    @property
    def groups(self) -> list[tuple[Span, Span, Span]]:
        """Features, rows and columns of each core, in the order of `cores`."""
        return [
            (features, rows, columns)
            for features in self.features
            for rows in self.rows
            for columns in self.columns
        ]

    @property
    def neurons_per_core(self) -> np.ndarray:
        """Neurons of each core, copies not counted, shape (n_cores,), int64."""
        features, rows, columns = (
            np.array([stop - start for start, stop in runs])
            for runs in (self.features, self.rows, self.columns)
        )
        sizes = features[:, None, None] * rows[:, None] * columns
        return sizes.ravel()

    @property
    def times_on_core(self) -> np.ndarray:
        """How often each neuron is on its core, `copies` or ones, (n_neurons,)."""
        if self.copies is None:
            return np.ones(int(self.neurons_per_core.sum()), dtype=np.int64)
        return self.copies

    @property
    def copies_per_core(self) -> np.ndarray:
        """Neurons of each core beyond the first of their kind, (n_cores,), int64."""
        extra = np.zeros(self.n_cores, dtype=np.int64)
        if self.copies is not None:
            np.add.at(extra, self.core_of_neuron - self.first_core, self.copies - 1)
        return extra

    @property
    def occupied_per_core(self) -> np.ndarray:
        """Neurons of each core, copies counted, shape (n_cores,), int64."""
        return self.neurons_per_core + self.copies_per_core

    @property
    def core_of_neuron(self) -> np.ndarray:
        """Core number of each neuron in flat order, shape (n_neurons,), int64."""
        feature_run, row_run, column_run = (
            np.repeat(np.arange(len(runs)), [stop - start for start, stop in runs])
            for runs in (self.features, self.rows, self.columns)
        )
        tile = row_run[:, None] * len(self.columns) + column_run
        n_tiles = len(self.rows) * len(self.columns)
        core = feature_run * n_tiles + tile[:, :, None]
        return self.first_core + core.reshape(-1)


@dataclass(frozen=True)
class Partition:
    """The groups of all layers, cores numbered layer by layer.

    Parameters
    ----------
    layers : tuple of LayerPartition
        One for each layer with neurons.
    target_cores : int or None
        Most cores one neuron sends to; copies of it send to the others. ``None``: as
        many as it has to.
    """

    layers: tuple[LayerPartition, ...]
    target_cores: int | None = None

    @property
    def n_cores(self) -> int:
        """Number of cores in use."""
        return sum(layer.n_cores for layer in self.layers)

    @property
    def neurons_per_core(self) -> np.ndarray:
        """Neurons of each core, copies not counted, shape (n_cores,), int64."""
        return np.concatenate([layer.neurons_per_core for layer in self.layers])

    @property
    def copies_per_core(self) -> np.ndarray:
        """Copies of neurons on each core, shape (n_cores,), int64."""
        return np.concatenate([layer.copies_per_core for layer in self.layers])

    @property
    def occupied_per_core(self) -> np.ndarray:
        """Neurons of each core, copies counted, shape (n_cores,), int64."""
        return self.neurons_per_core + self.copies_per_core

    @property
    def layer_of_core(self) -> np.ndarray:
        """Index of each core's layer among the layers with neurons, (n_cores,)."""
        return np.repeat(
            np.arange(len(self.layers)), [layer.n_cores for layer in self.layers]
        )


def equal_runs(size: int, n_runs: int) -> tuple[Span, ...]:
    """Cut ``range(size)`` into runs whose lengths differ by one at most.

    Parameters
    ----------
    size : int
        How many items there are.
    n_runs : int
        How many runs, at most `size`; the longer ones come first.

    Returns
    -------
    tuple of (start, stop)
        In order, without gaps.
    """
    short, n_longer = divmod(size, n_runs)
    ends = [short * (i + 1) + min(i + 1, n_longer) for i in range(n_runs)]
    return tuple(zip([0, *ends[:-1]], ends, strict=True))
