"""What the spikes of a layer cause on a chip, and how much later.

A spike is paid in parts: when its neuron fires, when its packet leaves, when the
packet reaches each core, and when its synapses act.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eventsim.network import Layer, Network
from hwmodel.chip.casting import Casting
from hwmodel.chip.chip import Chip
from hwmodel.early_exit.flows import LayerFlows, layer_flows
from hwmodel.mapping.groups import LayerPartition
from hwmodel.mapping.placement import Mapping
from hwmodel.traffic.senders import LayerInputs, inputs_of_layers
from hwmodel.workload.synapse_list import synapse_list
from hwmodel.workload.workload import LayerGeometry, layers_of

COLUMNS = (
    "sop",
    "spike",
    "axon_in",
    "axon_out",
    "router",
    "hop",
    "hop_y",
    "chip_crossing",
    "sent",
)
"""What is counted: actions that spikes cause, and the packets to cores that were sent,
each of which is an ``axon_in`` once it has arrived."""

_SENDING = ("axon_out", "router", "hop", "hop_y", "chip_crossing", "sent")


@dataclass(frozen=True)
class Effects:
    """What each spike of a layer causes, at one or several times after it.

    Parameters
    ----------
    layer : int
        Number of the layer that fires; 0 is the input.
    columns : tuple of int
        Places in `COLUMNS` of what is counted.
    offsets : ndarray, shape (n_neurons + 1,), int64
        Effects of neuron i are ``offsets[i]:offsets[i + 1]``.
    delay : ndarray, shape (n_effects,), network time units
        How long after the spike.
    amount : ndarray, shape (n_effects, n_columns), int64
        How much of each column.
    """

    layer: int
    columns: tuple[int, ...]
    offsets: np.ndarray
    delay: np.ndarray
    amount: np.ndarray

    @property
    def is_prompt(self) -> bool:
        """Whether every spike has one effect, at its own time."""
        return self.delay.size == self.offsets.size - 1 and not self.delay.any()


def effects_of(
    network: Network,
    mapping: Mapping,
    chip: Chip,
    casting: Casting,
    input_port: tuple[int, int],
    units_per_second: float | None,
) -> list[Effects]:
    """List what the spikes of every layer cause.

    Parameters
    ----------
    network : Network
        The model that fires; its delays count.
    mapping : Mapping
        Where its neurons live.
    chip : Chip
        Says how long hops take, and whether those that change the row have a price of
        their own.
    casting : {"multicast", "unicast"}
        Whose packets and hops are paid.
    input_port : tuple of int
        (x, y) of the router where input spikes enter.
    units_per_second : float or None
        Network time units that pass in a second; ``None``: packets travel in no time.

    Returns
    -------
    list of Effects
        The order has no meaning.
    """
    seconds = hop_seconds(chip) if units_per_second is not None else None
    layers, found = layers_of(network), []
    all_inputs = inputs_of_layers(layers, network.input_shape, mapping.partition)
    for k, inputs in enumerate(all_inputs):
        layer, part = layers[k], mapping.partition.layers[k]
        flows = layer_flows(
            inputs, mapping, part.cores, casting, input_port, seconds or (0.0, 0.0)
        )
        travel = flows.travel * (units_per_second or 0.0)
        axonal = _axonal_delay(network, layer, inputs.owner.size)
        synaptic = network.layers[layer.number - 1].synaptic_delay
        found += [
            _fired(layer, part),
            _sent(layer, inputs, flows, axonal, k == 0, chip),
            *_arrived(layer, part, inputs, travel[flows.flow], axonal, synaptic),
        ]
    return found


def hop_seconds(chip: Chip) -> tuple[float, float] | None:
    """Return how long hops take, if that is known.

    Parameters
    ----------
    chip : Chip
        Durations.

    Returns
    -------
    tuple of float or None, s
        A hop inside a row, and one that changes the row.
    """
    hop = chip.timing.hop.value
    hop_y = hop if chip.timing.hop_y is None else chip.timing.hop_y.value
    return None if hop is None or hop_y is None else (hop, hop_y)


def _axonal_delay(network: Network, layer: LayerGeometry, n_in: int) -> np.ndarray:
    """Return how long after firing each input sends, network time units."""
    source = layer.source_number
    before: Layer | None = network.layers[source - 1] if source > 0 else None
    if before is None or before.delay is None:
        return np.zeros(n_in)
    delay = np.asarray(before.delay, np.float64)
    return delay[np.arange(n_in) % delay.size]


def _effects(
    layer: int, names: tuple[str, ...], delay: np.ndarray, amount: np.ndarray
) -> Effects:
    """Build effects of which every neuron has one."""
    columns = tuple(COLUMNS.index(name) for name in names)
    return Effects(layer, columns, np.arange(delay.size + 1), delay, amount)


def _fired(layer: LayerGeometry, part: LayerPartition) -> Effects:
    """Count spikes; copies of a neuron fire with it."""
    n = layer.n_neurons
    times = part.times_on_core
    return _effects(layer.number, ("spike",), np.zeros(n), times[:, None])


def _sent(
    layer: LayerGeometry,
    inputs: LayerInputs,
    flows: LayerFlows,
    axonal: np.ndarray,
    is_from_host: bool,
    chip: Chip,
) -> Effects:
    """Pay for the way of packets when they leave; those of the host leave no core."""
    hops_y = flows.hops_y if chip.energy.hop_y is not None else 0 * flows.hops_y
    n_targets = (inputs.synapses.counts > 0).sum(axis=1)[inputs.synapses.kind]
    by_flow = [
        0 * flows.packets if is_from_host else flows.packets,
        flows.packets + flows.hops,
        flows.hops - hops_y,
        hops_y,
        flows.chip_crossings,
    ]
    amount = np.stack([*(column[flows.flow] for column in by_flow), n_targets], axis=1)
    return _effects(layer.source_number, _SENDING, axonal, amount)


def _arrived(
    layer: LayerGeometry,
    part: LayerPartition,
    inputs: LayerInputs,
    travel: np.ndarray,
    axonal: np.ndarray,
    synaptic: np.ndarray | None,
) -> Iterator[Effects]:
    """Count packets and operations when they arrive; `travel` is (n_in, n_cores)."""
    n_in, source = axonal.size, layer.source_number
    counts = inputs.synapses.per_input
    pre, into = np.nonzero(counts)
    delay = axonal[pre] + travel[pre, into]
    one = np.ones(pre.size, dtype=np.int64)
    if synaptic is None and part.copies is None:
        amount = np.stack([counts[pre, into], one], axis=1)
        yield _merged(source, ("sop", "axon_in"), n_in, pre, delay, amount)
        return
    yield _merged(source, ("axon_in",), n_in, pre, delay, one[:, None])
    pre, post, slot = synapse_list(layer)
    delay = axonal[pre]
    if synaptic is not None:
        # Both delays are added first, as where the network runs.
        delay = delay + np.asarray(synaptic, np.float64).ravel()[slot]
    delay = delay + travel[pre, part.core_of_neuron[post] - part.first_core]
    times = part.times_on_core[post]
    yield _merged(source, ("sop",), n_in, pre, delay, times[:, None])


def _merged(
    layer: int,
    names: tuple[str, ...],
    n_neurons: int,
    neuron: np.ndarray,
    delay: np.ndarray,
    amount: np.ndarray,
) -> Effects:
    """Add up what a neuron causes at one time."""
    order = np.lexsort((delay, neuron))
    neuron, delay = neuron[order], delay[order]
    is_new = np.ones(neuron.size, dtype=bool)
    is_new[1:] = (neuron[1:] != neuron[:-1]) | (delay[1:] != delay[:-1])
    first = np.flatnonzero(is_new)
    if first.size:
        amount = np.add.reduceat(amount[order], first, axis=0)
    columns = tuple(COLUMNS.index(name) for name in names)
    offsets = np.searchsorted(neuron[first], np.arange(n_neurons + 1))
    return Effects(layer, columns, offsets, delay[first], amount)
