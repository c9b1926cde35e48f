"""Read a spike trace: every spike of every layer of a model, with its time.

The format is that of ``eventsim evaluate --trace`` and ``eventsim simulate``. A trace
is measured data, perhaps written by another program, so nothing is repaired: what
cannot be is an error that names the entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eventsim.network import Network
from eventsim.spike_file import check_columns, read_arrays
from eventsim.spikes import SpikeTrains
from eventsim.trace_file import COLUMNS, HEADER, network_digest
from hwmodel.errors import WorkloadError

_RECORD = "record one with 'eventsim evaluate MODEL --trace FILE'"


@dataclass(frozen=True)
class SpikeTrace:
    """Spikes of all layers of a model, sample by sample in order of time.

    Parameters
    ----------
    path : str
        The file, for reports.
    trains : tuple of SpikeTrains
        Spikes of the input, then of every layer. A pool or flattened map shows what
        it passes on, and when.
    duration : float, network time units
        When the run of each sample ends; no spike is later.
    labels : ndarray, shape (n_samples,), int64, or None
        True classes.
    """

    path: str
    trains: tuple[SpikeTrains, ...]
    duration: float
    labels: np.ndarray | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples (inferences)."""
        return self.trains[0].batch


def read_trace(path: str | Path, network: Network) -> SpikeTrace:
    """Read a trace and check it against its model.

    Parameters
    ----------
    path : str or Path
        An npz file; entries of different layers and samples may be in any order.
    network : Network
        The model that fired.

    Returns
    -------
    SpikeTrace
        Spikes that carry values (array ``value``, of any sign) count as one spike each.

    Raises
    ------
    DataError
        If the file is missing, damaged or no npz file, an array is missing, or is not
        a list of one number per spike.
    WorkloadError
        If the trace is of another model, a layer is missing or does not exist, a
        neuron or sample is out of range, a value is not finite, a time is NaN,
        infinite, negative or after the duration, or times within a layer and sample
        are not in order.
    """
    where = f"trace '{path}'"
    arrays = read_arrays(path, where, (*COLUMNS, *HEADER), ("value", "label"))
    columns = (*COLUMNS, "value") if "value" in arrays else COLUMNS
    check_columns(where, {name: arrays[name] for name in columns})
    _check_values(where, arrays.pop("value", None))
    _check_model(where, arrays["model"], network)
    sizes = [int(np.prod(network.input_shape)), *(x.n_neurons for x in network.layers)]
    n_samples = int(
        _positive(where, "n_samples", arrays["n_samples"], "iu", "whole number")
    )
    what = "number, the network time at which the run of a sample ends"
    duration = float(_positive(where, "duration", arrays["duration"], "iuf", what))
    _check_layers(where, arrays["layers"], network)
    _check_range(where, "layer", arrays["layer"], len(sizes), "the model's layers")
    _check_range(where, "sample", arrays["sample"], n_samples, f"{n_samples} samples")
    group = arrays.pop("layer").astype(np.int64)
    group *= n_samples
    group += arrays.pop("sample").astype(np.int64, copy=False)
    entry = None
    if np.any(group[1:] < group[:-1]):
        entry = np.argsort(group, kind="stable")
        group = group[entry]
    time, neuron = (arrays.pop(name) for name in ("time", "neuron"))
    if entry is not None:
        time, neuron = time[entry], neuron[entry]
    spikes = _Spikes(where, group, time, neuron, entry)
    spikes.check_times(duration, n_samples)
    trains = tuple(
        spikes.of_layer(k, n_samples, size, _layer_name(network, k))
        for k, size in enumerate(sizes)
    )
    return SpikeTrace(str(path), trains, duration, _labels(where, arrays, n_samples))


@dataclass(frozen=True)
class _Spikes:
    """All spikes by layer and sample; ``group`` is layer * n_samples + sample.

    ``entry`` says where each stood in the file; ``None``: in this order.
    """

    where: str
    group: np.ndarray
    time: np.ndarray
    neuron: np.ndarray
    entry: np.ndarray | None

    def check_times(self, duration: float, n_samples: int) -> None:
        """Refuse times that are no times of a run, or not in order."""
        time = self.time
        wrong = np.flatnonzero(~((time >= 0) & (time < np.inf)))
        if wrong.size:
            raise self._error(wrong, "time", time, "finite times that are not negative")
        wrong = np.flatnonzero(time > duration)
        if wrong.size:
            text = f"no time after the duration {duration:g}"
            raise self._error(wrong, "time", time, text)
        is_earlier = time[1:] < time[:-1]
        wrong = 1 + np.flatnonzero(is_earlier & (self.group[1:] == self.group[:-1]))
        if wrong.size:
            layer, sample = divmod(int(self.group[wrong[0]]), n_samples)
            raise self._error(
                wrong,
                "time",
                time,
                f"at least {time[wrong[0] - 1]}, the time before it in layer {layer}, "
                f"sample {sample}; sort the spikes of each layer and sample by time",
            )

    def of_layer(self, k: int, n_samples: int, size: int, name: str) -> SpikeTrains:
        """Return the spikes of one layer; refuse neurons that it does not have."""
        groups = np.arange(k * n_samples, (k + 1) * n_samples + 1)
        offsets = np.searchsorted(self.group, groups).astype(np.int64)
        part = slice(offsets[0], offsets[-1])
        neuron = self.neuron[part]
        wrong = offsets[0] + np.flatnonzero((neuron < 0) | (neuron >= size))
        if wrong.size:
            text = f"0 to {size - 1}, the neurons of {name}"
            raise self._error(wrong, "neuron", self.neuron, text)
        return SpikeTrains.unchecked(
            self.time[part].astype(np.float64, copy=False),
            neuron.astype(np.int32, copy=False),
            offsets - offsets[0],
            size,
        )

    def _error(
        self, wrong: np.ndarray, name: str, array: np.ndarray, expected: str
    ) -> WorkloadError:
        at = int(wrong[0])
        entry = at if self.entry is None else int(self.entry[at])
        return _entry_error(self.where, name, entry, array[at], expected)


def _entry_error(
    where: str, name: str, entry: int, value: object, expected: str
) -> WorkloadError:
    return WorkloadError(
        f"{where}: array '{name}': entry {entry} is {value}; expected {expected}"
    )


def _check_range(
    where: str, name: str, array: np.ndarray, stop: int, what: str
) -> None:
    wrong = np.flatnonzero((array < 0) | (array >= stop))
    if wrong.size:
        expected = f"0 to {stop - 1}, {what}"
        raise _entry_error(where, name, int(wrong[0]), array[wrong[0]], expected)


def _check_values(where: str, values: np.ndarray | None) -> None:
    """Refuse what no spike can carry; a value may be negative."""
    if values is None:
        return
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        at = int(wrong[0])
        text = "a finite number, what the spike carries"
        raise _entry_error(where, "value", at, values[at], text)


def _layer_name(network: Network, k: int) -> str:
    return "the input" if k == 0 else network.layers[k - 1].name


def _check_model(where: str, model: np.ndarray, network: Network) -> None:
    found, expected = str(model), network_digest(network)
    if found != expected:
        raise WorkloadError(
            f"{where} is of another model, got digest {found}; expected {expected}, "
            f"a trace of this model as it is; {_RECORD}"
        )


def _check_layers(where: str, layers: np.ndarray, network: Network) -> None:
    """Refuse a trace that was not recorded of every layer of the model."""
    n_layers = len(network.layers)
    if layers.ndim != 1 or layers.dtype.kind not in "iu":
        raise WorkloadError(
            f"{where}: array 'layers' has shape {layers.shape} and type "
            f"{layers.dtype}; expected the numbers 0 to {n_layers}, 0 is the input"
        )
    recorded = set(layers.tolist())
    for k in range(n_layers + 1):
        if k not in recorded:
            raise WorkloadError(
                f"{where}: layer {k} ({_layer_name(network, k)}) is missing from its "
                f"array 'layers'; expected the layers 0 to {n_layers}, 0 is the input; "
                f"{_RECORD}"
            )
    for k in recorded:
        if not 0 <= k <= n_layers:
            raise WorkloadError(
                f"{where}: array 'layers' names layer {k}, which the model does not "
                f"have; expected 0 to {n_layers}, 0 is the input"
            )


def _positive(where: str, name: str, array: np.ndarray, kinds: str, what: str) -> float:
    if array.size == 1 and array.dtype.kind in kinds and 0 < array.item() < np.inf:
        return array.item()
    value = " ".join(str(array).split())
    raise WorkloadError(
        f"{where}: array '{name}' is {value}; expected one positive {what}"
    )


def _labels(
    where: str, arrays: dict[str, np.ndarray], n_samples: int
) -> np.ndarray | None:
    if "label" not in arrays:
        return None
    labels = arrays["label"]
    if labels.shape != (n_samples,) or labels.dtype.kind not in "iu":
        raise WorkloadError(
            f"{where}: array 'label' has shape {labels.shape} and type {labels.dtype}; "
            f"expected {n_samples} whole numbers, one class for each sample"
        )
    return labels.astype(np.int64)
