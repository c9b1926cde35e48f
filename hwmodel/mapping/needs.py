"""What the groups of a layer need of a core, and whether a core has it.

Neurons, synapses and routes of a group are sums over its neurons, so they are read off
cumulative sums over the layer. Inputs (axons) are shared inside a group and counted for
each way to cut the layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eventsim.topology import EarliestPool, Sparse
from hwmodel.chip.chip import CoreLimits
from hwmodel.errors import PlacementError
from hwmodel.mapping.groups import LayerPartition
from hwmodel.workload.connections import Span
from hwmodel.workload.group_inputs import (
    distinct_inputs,
    fan_in,
    map_of,
    reached_groups,
    received,
)
from hwmodel.workload.workload import LayerGeometry

MOST_LISTED = 32
"""Groups of one cut that are listed as too large."""


@dataclass(frozen=True)
class LayerNeeds:
    """What a layer needs, and what a core has.

    Parameters
    ----------
    layer : LayerGeometry
        The layer.
    capacity : CoreLimits
        What a core holds; `neurons` is given.
    copies : ndarray, shape (n_neurons,), int64, or None
        How often each neuron has to be on its core; ``None``: once.
    sums : tuple of (ndarray, int)
        Cumulative needs, shape (height + 1, width + 1, features + 1), and the limit
        that a group has to keep.
    senders : int
        Neurons of the layer before; 0 if the network's input comes before.
    """

    layer: LayerGeometry
    capacity: CoreLimits
    copies: np.ndarray | None
    sums: tuple[tuple[np.ndarray, int], ...]
    senders: int

    @property
    def fewest_cores(self) -> int:
        """Cores that the sums alone ask for."""
        neurons = -(-self.layer.n_neurons // _neurons(self.capacity))
        return max(
            [neurons, *(-(-int(s[-1, -1, -1]) // limit) for s, limit in self.sums)]
        )

    def cores_before(self, n_inputs: int) -> int:
        """Return the cores that the layer before needs to send to this one.

        Parameters
        ----------
        n_inputs : int
            Inputs of all cores of this layer, summed.

        Returns
        -------
        int
            0 unless routes are limited (target_cores, out_axons). Every neuron of an
            earliest-spike pool's window is taken to send alike.
        """
        target_cores, out_axons = self.capacity.target_cores, self.capacity.out_axons
        if not self.senders or target_cores is out_axons is None:
            return 0
        routes = n_inputs
        for passage in self.layer.passes:
            if isinstance(passage, EarliestPool):
                routes *= passage.size**2
        room = _neurons(self.capacity)
        cores = -(-self.senders // room)
        if target_cores is not None:
            cores = max(cores, -(-routes // (target_cores * room)))
        if out_axons is not None:
            cores = max(cores, -(-routes // out_axons))
        return cores

    @property
    def neurons(self) -> int:
        """Neurons that a core holds."""
        return _neurons(self.capacity)

    @property
    def limits_routes(self) -> bool:
        """Whether the layer before pays for what this one receives."""
        return self.cores_before(0) > 0

    @cached_property
    def features_alike(self) -> bool:
        """Whether every feature has the same inputs: no synapse is missing."""
        if isinstance(self.layer.topology, Sparse):
            return False
        return self.layer.nonzero is None or bool(self.layer.nonzero.all())

    def fits(self, part: LayerPartition) -> bool:
        """Tell whether every group of a cut fits on a core.

        Parameters
        ----------
        part : LayerPartition
            Runs of features, rows and columns.

        Returns
        -------
        bool
            ``True`` if no limit is broken.
        """
        return not (self.too_many_neurons(part) or len(self.too_large(part)))

    def too_many_neurons(self, part: LayerPartition) -> bool:
        """Tell whether a group of a cut has more neurons than a core holds.

        Parameters
        ----------
        part : LayerPartition
            Runs of features, rows and columns.

        Returns
        -------
        bool
            Copies are not counted here.
        """
        longest = [
            max(stop - start for start, stop in runs)
            for runs in (part.features, part.rows, part.columns)
        ]
        return int(np.prod(longest)) > self.neurons

    def too_large(self, part: LayerPartition) -> np.ndarray:
        """List groups of a cut that need more than a core holds, but for neurons.

        Parameters
        ----------
        part : LayerPartition
            Runs of features, rows and columns.

        Returns
        -------
        ndarray, shape (n, 3, 2), int64
            (start, stop) of their features, rows and columns; none if every group
            fits, else up to `MOST_LISTED`, those that need most. Features that are
            not needed to break the limit are left out where that is easy to tell.
        """
        for cumulative, limit in self.sums:
            needed = _group_sums(cumulative, part).transpose(2, 0, 1)
            if needed.max() > limit:
                boxes = _worst(part, needed, limit)
                return _fewest_features(boxes, cumulative, limit)
        axons = self.capacity.axons
        if axons is None:
            return np.zeros((0, 3, 2), dtype=np.int64)
        boxes = _worst(part, inputs_of(self.layer, part), axons)
        if self.features_alike:
            boxes[:, 0, 1] = boxes[:, 0, 0] + 1
        return boxes


def _worst(part: LayerPartition, needed: np.ndarray, limit: int) -> np.ndarray:
    """List the groups that need more than a limit, shape (n, 3, 2)."""
    broken = np.argwhere(needed > limit)
    order = np.argsort(-needed[tuple(broken.T)], kind="stable")[:MOST_LISTED]
    axes = map(np.array, (part.features, part.rows, part.columns))
    spans = [runs[i] for runs, i in zip(axes, broken[order].T, strict=True)]
    return np.stack(spans, axis=1)


def _fewest_features(
    boxes: np.ndarray, cumulative: np.ndarray, limit: int
) -> np.ndarray:
    """Keep of each box as many of its first features as break the limit."""
    for box in boxes:
        (first, _), (top, bottom), (left, right) = box
        line = cumulative[bottom, right] - cumulative[top, right]
        line = line - cumulative[bottom, left] + cumulative[top, left]
        box[0, 1] = np.searchsorted(line, line[first] + limit, side="right")
    return boxes


def _neurons(capacity: CoreLimits) -> int:
    assert capacity.neurons is not None  # every chip file gives it
    return capacity.neurons


def inputs_of(layer: LayerGeometry, part: LayerPartition) -> np.ndarray:
    """Count the inputs (axons) of each core of a layer.

    Parameters
    ----------
    layer : LayerGeometry
        The layer.
    part : LayerPartition
        How it is cut.

    Returns
    -------
    ndarray, shape (n_feature_runs, n_row_runs, n_column_runs), int64
        Distinct presynaptic neurons.
    """
    return distinct_inputs(layer, part.features, part.rows, part.columns)


def targets_of(layer: LayerGeometry, part: LayerPartition) -> np.ndarray:
    """Count the cores of a layer that each neuron before it has to reach.

    Parameters
    ----------
    layer : LayerGeometry
        The receiving layer.
    part : LayerPartition
        How it is cut.

    Returns
    -------
    ndarray, shape (n_source,), int64
        See `hwmodel.workload.group_inputs.reached_groups`.
    """
    return reached_groups(layer, part.features, part.rows, part.columns)


def needs_of(
    layer: LayerGeometry,
    capacity: CoreLimits,
    targets: np.ndarray | None = None,
    senders: int = 0,
) -> LayerNeeds:
    """Work out what a layer needs; refuse a neuron that no core can hold.

    Parameters
    ----------
    layer : LayerGeometry
        The layer.
    capacity : CoreLimits
        What a core holds.
    targets : ndarray, shape (n_neurons,), int64, or None
        Cores that each neuron has to reach; ``None``: nobody limits them.
    senders : int
        Neurons of the layer before; 0 if there is none.

    Returns
    -------
    LayerNeeds
        For `LayerNeeds.fits`.

    Raises
    ------
    PlacementError
        If a single neuron exceeds a core.
    """
    copies = None
    sums = []
    if capacity.most_inputs is not None:
        _require_inputs(layer, int(fan_in(layer).max()), capacity)
    if targets is not None and capacity.target_cores is not None:
        needed = np.maximum(-(-targets // capacity.target_cores), 1)
        if needed.max() > 1:
            copies = needed
            limit = _neurons(capacity)
            _require(
                layer,
                int(copies.max()),
                limit,
                f"has to reach {int(targets.max())} cores with "
                f"{capacity.target_cores} a neuron (target_cores) and so needs",
                "copies on its core (neurons)",
            )
            sums.append((_cumulative(layer, copies), limit))
    if capacity.most_synapses is not None:
        synapses = received(layer, np.ones(_n_inputs(layer), dtype=np.int64))
        if copies is not None:
            synapses = synapses * copies
        _require(
            layer,
            int(synapses.max()),
            capacity.most_synapses,
            "has" if copies is None else "has, copies included,",
            "synapses",
        )
        sums.append((_cumulative(layer, synapses), capacity.most_synapses))
    if targets is not None and capacity.out_axons is not None:
        _require(
            layer,
            int(targets.max()),
            capacity.out_axons,
            "needs",
            "routes to other cores (out_axons)",
        )
        sums.append((_cumulative(layer, targets), capacity.out_axons))
    return LayerNeeds(layer, capacity, copies, tuple(sums), senders)


def _n_inputs(layer: LayerGeometry) -> int:
    first = layer.folded[0] if layer.folded else layer.topology
    return int(np.prod(first.input_shape))


def _require_inputs(layer: LayerGeometry, inputs: int, capacity: CoreLimits) -> None:
    limit = capacity.most_inputs
    assert limit is not None
    if inputs > limit:
        name = "fan_in" if limit == capacity.fan_in else "axons"
        raise PlacementError(
            f"{layer.name}: a neuron has {inputs} inputs; expected at most {limit}, "
            f"what the chip allows ({name}); more would need partial sums of several "
            "cores, which chips that send spikes cannot pass on exactly; give the "
            "layer fewer inputs, take another chip, or drop --limits silicon, if "
            "given, to be warned only"
        )


def _require(layer: LayerGeometry, have: int, limit: int, does: str, what: str) -> None:
    if have > limit:
        raise PlacementError(
            f"{layer.name}: a neuron {does} {have} {what}; expected at most {limit}, "
            "what a core holds; make the layer or the one behind it smaller, take a "
            "chip with larger cores, or drop --limits silicon, if given, to be warned "
            "only"
        )


def _cumulative(layer: LayerGeometry, of_neuron: np.ndarray) -> np.ndarray:
    height, width, features = map_of(layer)
    sums = np.zeros((height + 1, width + 1, features + 1), dtype=np.int64)
    inner = of_neuron.reshape(height, width, features)
    sums[1:, 1:, 1:] = inner.cumsum(axis=0).cumsum(axis=1).cumsum(axis=2)
    return sums


def _group_sums(cumulative: np.ndarray, part: LayerPartition) -> np.ndarray:
    borders = np.ix_(_ends(part.rows), _ends(part.columns), _ends(part.features))
    at_borders = cumulative[borders]
    for axis in range(3):
        at_borders = np.diff(at_borders, axis=axis)
    return at_borders


def _ends(runs: tuple[Span, ...]) -> list[int]:
    return [0, *(stop for _, stop in runs)]
