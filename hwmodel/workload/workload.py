"""What a chip is asked to do: layers with neurons, their synapses, measured spikes.

This is the only module that reads model files. Pool, flatten and dropout layers
own no neurons; they are kept with the layer that receives their spikes. An average pool
passes every spike on, so it is folded into the synapses of that layer: its inputs
are the layer's axons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from eventsim.model_file import ModelFile
from eventsim.network import Input, Network
from eventsim.topology import (
    AveragePool,
    Conv2d,
    Dense,
    Dropout,
    EarliestPool,
    Flatten,
    Passage,
    Synapses,
)
from hwmodel.errors import WorkloadError
from hwmodel.workload.connections import (
    CoreSynapses,
    Span,
    average_pool_synapses,
    conv_synapses,
    dense_synapses,
    sparse_synapses,
)
from hwmodel.workload.trace import SpikeTrace


@dataclass(frozen=True)
class LayerGeometry:
    """A layer with neurons and the way spikes take to it.

    Parameters
    ----------
    name : str
        As in the model file.
    number : int
        Layer number from 1, pool and flatten layers counted.
    topology : Dense, Conv2d or Sparse
        Geometry.
    nonzero : ndarray, shape ``topology.weight_shape``, bool, or None
        Where the weights are not zero; ``None``: nowhere, every synapse exists.
    weight : ndarray, shape ``topology.weight_shape``, dimensionless, or None
        The weights, for checks of what a chip can store; ``None`` if unknown.
    passes : tuple of EarliestPool, AveragePool, Flatten or Dropout
        Layers between the layer before (or the input) and this one.
    weight_step : ndarray, shape (n_features,), dimensionless, or None
        Of quantised weights: each is a whole multiple of the step of its unit or
        channel. ``None``: not quantised.

    Raises
    ------
    WorkloadError
        If an average pool comes before an earliest-spike pool: which spike passes
        would depend on the values of the spikes.
    """

    name: str
    number: int
    topology: Synapses
    nonzero: np.ndarray | None = None
    weight: np.ndarray | None = None
    passes: tuple[Passage, ...] = ()
    weight_step: np.ndarray | None = None

    def __post_init__(self) -> None:
        if any(isinstance(topology, EarliestPool) for topology in self.folded):
            raise WorkloadError(
                f"{self.name}: an average pool is followed by an earliest-spike pool "
                "before it; expected a layer with neurons between them"
            )

    @property
    def folded(self) -> tuple[Passage, ...]:
        """Passes that are folded into the synapses: from an average pool on."""
        for i, topology in enumerate(self.passes):
            if isinstance(topology, AveragePool):
                return self.passes[i:]
        return ()

    @property
    def source_number(self) -> int:
        """Number of the layer whose spikes are this one's inputs; 0 is the input."""
        return self.number - 1 - len(self.folded)

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return int(np.prod(self.topology.output_shape))

    def synapses(
        self,
        features: Sequence[Span],
        rows: Sequence[Span],
        columns: Sequence[Span] | None = None,
    ) -> CoreSynapses:
        """Count the non-zero synapses from each input into each core of the layer.

        Parameters
        ----------
        features : sequence of (start, stop)
            Runs of units or channels.
        rows, columns : sequence of (start, stop)
            Runs of output rows and columns; ignored by dense layers. Without
            `columns`, one run of all.

        Returns
        -------
        CoreSynapses
            One row of counts for all inputs that reach the cores alike.
        """
        counts = self._own_synapses(features, rows, columns)
        for topology in reversed(self.folded):
            if isinstance(topology, AveragePool):
                counts = average_pool_synapses(topology, counts)
        return counts

    def _own_synapses(
        self,
        features: Sequence[Span],
        rows: Sequence[Span],
        columns: Sequence[Span] | None,
    ) -> CoreSynapses:
        if isinstance(self.topology, Dense):
            return dense_synapses(self.topology, self.nonzero, features)
        if isinstance(self.topology, Conv2d):
            return conv_synapses(self.topology, self.nonzero, features, rows, columns)
        return sparse_synapses(self.topology, self.nonzero, features)


@dataclass(frozen=True)
class Workload:
    """Layers and measured spikes.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of the network's input.
    layers : tuple of LayerGeometry
        Layers with neurons, from the input.
    spikes_in : tuple of ndarray, each shape (n_in,), int64
        Spikes of each layer's inputs, summed over the samples: after pool and flatten,
        but before an average pool.
    spikes_out : tuple of ndarray, each shape (n_neurons,), int64
        Spikes each layer fires, before pooling, summed over the samples.
    n_input_spikes : int
        Spikes of the network's input, before any pooling, summed over the samples.
    n_samples : int
        Inferences measured.
    windows : float
        Firing windows until the decision (decision time over window length).
    provenance : dict of str to str, int, float or bool
        Where the model comes from.
    input : {"spikes", "currents"}
        What the first layer is given. Currents cost no spikes: `spikes_in` of the
        first layer and `n_input_spikes` are 0.
    spikes_from : str
        Where the spikes come from, for reports.
    """

    input_shape: tuple[int, ...]
    layers: tuple[LayerGeometry, ...]
    spikes_in: tuple[np.ndarray, ...]
    spikes_out: tuple[np.ndarray, ...]
    n_input_spikes: int
    n_samples: int
    windows: float
    provenance: dict[str, str | int | float | bool] = field(default_factory=dict)
    input: Input = "spikes"
    spikes_from: str = ""


def layers_of(network: Network) -> tuple[LayerGeometry, ...]:
    """List the layers with neurons.

    Parameters
    ----------
    network : Network
        From a model file.

    Returns
    -------
    tuple of LayerGeometry
        In order from the input.

    Raises
    ------
    WorkloadError
        If the passes before a layer cannot be priced.
    """
    layers: list[LayerGeometry] = []
    passes: list[Passage] = []
    for number, layer in enumerate(network.layers, start=1):
        topology = layer.topology
        if isinstance(topology, EarliestPool | AveragePool | Flatten | Dropout):
            passes.append(topology)
            continue
        assert layer.weight is not None  # Network has checked it
        layers.append(
            LayerGeometry(
                layer.name,
                number,
                topology,
                layer.weight != 0,
                layer.weight,
                tuple(passes),
                layer.weight_step,
            )
        )
        passes = []
    return tuple(layers)


def from_model(model: ModelFile) -> Workload:
    """Take the workload out of a model file.

    Parameters
    ----------
    model : ModelFile
        With measured activity.

    Returns
    -------
    Workload
        Layers, synapses and spikes.

    Raises
    ------
    WorkloadError
        If no activity was measured, or its decision time is not a positive number.

    Notes
    -----
    A layer's input is counted as the layer receives it: a spike that a pool layer
    drops costs nothing downstream. An average pool drops none: every spike of its
    inputs travels and acts by itself.
    """
    activity = model.activity
    if activity is None:
        raise WorkloadError(
            "the model holds no measured spikes; expected an 'activity' group or a "
            "trace; measure it with 'eventsim evaluate MODEL --write' ('eventsim "
            "train' writes it too), or record a trace with 'eventsim evaluate MODEL "
            "--trace FILE' and give it with --trace FILE"
        )
    windows = activity.decision_time / model.network.time_window
    if not (np.isfinite(windows) and windows > 0):
        raise WorkloadError(
            f"the model's activity has decision_time {activity.decision_time:g} and "
            f"the network time_window {model.network.time_window:g}; expected two "
            "positive numbers; measure again with 'eventsim evaluate MODEL --write'"
        )
    counts = [c.astype(np.int64) for c in activity.spike_counts]
    origin = "activity of the model file"
    return _measured(model, counts, activity.n_samples, windows, origin)


def from_trace(model: ModelFile, trace: SpikeTrace) -> Workload:
    """Take layers and synapses out of a model file, and spikes out of a trace.

    Parameters
    ----------
    model : ModelFile
        With or without measured activity, which is not looked at.
    trace : SpikeTrace
        Of this model, from `hwmodel.workload.trace.read_trace`.

    Returns
    -------
    Workload
        What `from_model` returns if the activity was measured on the same samples.
        The decision is at the end of the trace.

    Raises
    ------
    WorkloadError
        If the layers of the trace are not those of the model.
    """
    network = model.network
    sizes = [int(np.prod(network.input_shape)), *(x.n_neurons for x in network.layers)]
    found = [train.n_neurons for train in trace.trains]
    if found != sizes:
        raise WorkloadError(
            f"trace '{trace.path}' has layers of {found} neurons; expected {sizes}, "
            "those of the model"
        )
    counts = [train.counts().astype(np.int64) for train in trace.trains]
    windows = trace.duration / network.time_window
    origin = f"trace '{trace.path}'"
    return _measured(model, counts, trace.n_samples, windows, origin)


def _measured(
    model: ModelFile,
    counts: list[np.ndarray],
    n_samples: int,
    windows: float,
    spikes_from: str,
) -> Workload:
    layers = layers_of(model.network)
    return Workload(
        input_shape=tuple(model.network.input_shape),
        layers=layers,
        spikes_in=tuple(counts[layer.source_number] for layer in layers),
        spikes_out=tuple(counts[layer.number] for layer in layers),
        n_input_spikes=int(counts[0].sum()),
        n_samples=n_samples,
        windows=float(windows),
        provenance=dict(model.provenance),
        input=model.network.input,
        spikes_from=spikes_from,
    )
