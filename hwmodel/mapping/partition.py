"""Cut layers into groups of neurons, one group a core.

The rule of Wei et al. 2023, section 4.4.2: each layer is split into equal groups
along its features (units of a dense layer, channels of a convolution), with as many
neurons a core as allowed and therefore as few cores as possible. A channel whose map
is larger than a core is split into equal runs of rows as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eventsim.topology import Conv2d
from hwmodel.errors import PlacementError
from hwmodel.workload.connections import Span
from hwmodel.workload.workload import LayerGeometry


@dataclass(frozen=True)
class LayerPartition:
    """The groups of one layer: every run of features times every run of rows.

    Parameters
    ----------
    first_core : int
        Number of the layer's first core.
    features : tuple of (start, stop)
        Runs of units or channels; sizes differ by one at most.
    rows : tuple of (start, stop)
        Runs of map rows; one run that holds all rows unless a map exceeds a core.
    map_shape : tuple of int
        (height, width) of a channel; (1, 1) for dense and sparse layers.
    """

    first_core: int
    features: tuple[Span, ...]
    rows: tuple[Span, ...]
    map_shape: tuple[int, int]

    @property
    def n_cores(self) -> int:
        """Number of cores."""
        return len(self.features) * len(self.rows)

    @property
    def cores(self) -> range:
        """Numbers of the layer's cores: feature run by feature run, rows inside."""
        return range(self.first_core, self.first_core + self.n_cores)

    @property
    def neurons_per_core(self) -> np.ndarray:
        """Neurons of each core, shape (n_cores,), int64."""
        features = np.array([stop - start for start, stop in self.features])
        rows = np.array([stop - start for start, stop in self.rows])
        return (features[:, None] * rows[None, :] * self.map_shape[1]).ravel()

    @property
    def core_of_neuron(self) -> np.ndarray:
        """Core number of each neuron in flat order, shape (n_neurons,), int64."""
        feature_run = np.repeat(
            np.arange(len(self.features)),
            [stop - start for start, stop in self.features],
        )
        row_run = np.repeat(
            np.arange(len(self.rows)), [stop - start for start, stop in self.rows]
        )
        core = feature_run[None, None, :] * len(self.rows) + row_run[:, None, None]
        height, width = self.map_shape
        full = np.broadcast_to(core, (height, width, feature_run.size))
        return self.first_core + full.reshape(-1)


@dataclass(frozen=True)
class Partition:
    """The groups of all layers, cores numbered layer by layer.

    Parameters
    ----------
    layers : tuple of LayerPartition
        One for each layer with neurons.
    """

    layers: tuple[LayerPartition, ...]

    @property
    def n_cores(self) -> int:
        """Number of cores in use."""
        return sum(layer.n_cores for layer in self.layers)

    @property
    def neurons_per_core(self) -> np.ndarray:
        """Neurons of each core, shape (n_cores,), int64."""
        return np.concatenate([layer.neurons_per_core for layer in self.layers])

    @property
    def layer_of_core(self) -> np.ndarray:
        """Index of each core's layer among the layers with neurons, (n_cores,)."""
        return np.repeat(
            np.arange(len(self.layers)), [layer.n_cores for layer in self.layers]
        )


def partition(layers: Sequence[LayerGeometry], neurons_per_core: int) -> Partition:
    """Cut layers into groups.

    Parameters
    ----------
    layers : sequence of LayerGeometry
        Layers with neurons.
    neurons_per_core : int
        Most neurons a core may hold, positive.

    Returns
    -------
    Partition
        As few cores as the rule allows.

    Raises
    ------
    PlacementError
        If one row of one channel is larger than a core.

    References
    ----------
    .. [1] W. Wei et al., "Temporal-Coded Spiking Neural Networks with Dynamic Firing
       Threshold: Learning with Event-Driven Backpropagation", ICCV 2023, section 4.4.2.
    """
    first_core = 0
    parts = []
    for layer in layers:
        part = _partition_layer(layer, neurons_per_core, first_core)
        first_core += part.n_cores
        parts.append(part)
    return Partition(tuple(parts))


def _partition_layer(
    layer: LayerGeometry, neurons_per_core: int, first_core: int
) -> LayerPartition:
    if isinstance(layer.topology, Conv2d):
        height, width, n_features = layer.topology.output_shape
    else:
        height, width, n_features = 1, 1, layer.topology.units
    if width > neurons_per_core:
        raise PlacementError(
            f"{layer.name}: one row of a channel has {width} neurons; expected at most "
            f"{neurons_per_core}, what a core holds; use a chip with larger cores or "
            "--set core.neurons=N"
        )
    if height * width <= neurons_per_core:
        n_row_runs = 1
        n_feature_runs = -(-n_features // (neurons_per_core // (height * width)))
    else:
        n_row_runs = -(-height // (neurons_per_core // width))
        n_feature_runs = n_features
    return LayerPartition(
        first_core,
        equal_runs(n_features, n_feature_runs),
        equal_runs(height, n_row_runs),
        (height, width),
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
