"""Write spike traces: the spikes of every layer of a model, with their origin.

A trace is a spike file (`eventsim.spike_file`) that also says which model fired, how
many samples ran, for how long, and which class each sample has. It is written batch
by batch, so memory holds one batch.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import numpy as np

from eventsim.atomic_write import replacing
from eventsim.layer import LAYER_ARRAYS
from eventsim.network import Network
from eventsim.spikes import SpikeTrains

COLUMNS = ("time", "neuron", "sample", "layer")
"""Arrays of one entry per spike that every trace has."""

HEADER = ("n_samples", "duration", "layers", "model")
"""Arrays that every trace has besides."""

BYTES_PER_SPIKE = 20
"""Size on disk of one entry of the four columns."""


def network_digest(network: Network) -> str:
    """Name what a network's spikes follow from: geometry, constants and arrays.

    Parameters
    ----------
    network : Network
        Of any float type; the file it comes from does not matter.

    Returns
    -------
    str
        32 hexadecimal digits. The readout, the end of a run and the names of layers
        have no part in it: they do not change spikes.
    """
    digest = blake2b(digest_size=16)

    def add(name: str, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, str):
            array = np.ascontiguousarray(value, dtype="<f8")
            digest.update(f"{name} {np.shape(value)} ".encode())
            digest.update(array.tobytes())
            return
        digest.update(f"{name} {value} ".encode())

    add("input_shape", network.input_shape)
    add("time_window", network.time_window)
    add("input", network.input)
    for layer in network.layers:
        add("kind", layer.topology.kind)
        for part in (layer.topology, layer.neuron):
            for field in fields(part) if part is not None else ():
                add(field.name, getattr(part, field.name))
        for name in LAYER_ARRAYS:
            add(name, getattr(layer, name))
    return digest.hexdigest()


@contextmanager
def writing_trace(
    path: str | Path, network: Network, duration: float
) -> Iterator[TraceWriter]:
    """Open a trace to which batches of samples are added; it is written at the end.

    Parameters
    ----------
    path : str or Path
        File to write; an old one is replaced only when the new one is complete, and
        nothing is written if the block fails.
    network : Network
        Whose spikes they are.
    duration : float, network time units
        Time at which the run of each sample ends.

    Yields
    ------
    TraceWriter
        Its method `add` takes the batches in order.

    Raises
    ------
    RunError
        If the file cannot be written.

    Notes
    -----
    Until the end the spikes lie in a nameless file in the same folder, 12 bytes each.
    """
    with (
        replacing(Path(path)) as temporary,
        tempfile.TemporaryFile(dir=temporary.parent) as spool,
    ):
        writer = TraceWriter(spool, len(network.layers) + 1)
        yield writer
        writer.save(temporary, network_digest(network), duration)


@dataclass(frozen=True)
class _Chunk:
    """Where the spikes of one layer and batch lie in the spool.

    ``counts`` are the spikes of each sample, ``value`` is -1 if all values are 1.
    """

    first_sample: int
    counts: np.ndarray
    time: int
    neuron: int
    value: int

    @property
    def n_spikes(self) -> int:
        return int(self.counts.sum())

    @property
    def sample(self) -> np.ndarray:
        samples = self.first_sample + np.arange(self.counts.size, dtype=np.int32)
        return np.repeat(samples, self.counts)


class TraceWriter:
    """Collects the spikes of all layers, batch by batch; see `writing_trace`."""

    def __init__(self, spool: IO[bytes], n_layers: int) -> None:
        self.n_samples = 0
        self.n_spikes = 0
        self._spool = spool
        self._chunks: list[list[_Chunk]] = [[] for _ in range(n_layers)]
        self._labels: list[np.ndarray] = []

    def add(
        self, trains: Sequence[SpikeTrains], labels: np.ndarray | None = None
    ) -> None:
        """Add the samples of one batch.

        Parameters
        ----------
        trains : sequence of SpikeTrains
            Spikes of the input, then of every layer.
        labels : ndarray, shape (batch,), int, or None
            True classes; given with every batch or with none.
        """
        for chunks, train in zip(self._chunks, trains, strict=True):
            time = self._keep(train.time, "<f8")
            neuron = self._keep(train.neuron, "<i4")
            value = -1 if train.value is None else self._keep(train.value, "<f8")
            counts = np.diff(train.offsets)
            chunks.append(_Chunk(self.n_samples, counts, time, neuron, value))
            self.n_spikes += train.time.size
        self.n_samples += trains[0].batch
        if labels is not None:
            self._labels.append(np.asarray(labels, np.int64))

    def save(self, path: Path, model: str, duration: float) -> None:
        """Write what was added as an npz file: by layer, then sample, then time."""
        parts = [
            (k, chunk) for k, chunks in enumerate(self._chunks) for chunk in chunks
        ]
        columns: dict[str, tuple[str, Callable[[int, _Chunk], np.ndarray]]] = {
            "time": ("<f8", lambda _, chunk: self._kept(chunk.time, chunk, "<f8")),
            "neuron": ("<i4", lambda _, chunk: self._kept(chunk.neuron, chunk, "<i4")),
            "sample": ("<i4", lambda _, chunk: chunk.sample),
            "layer": ("<i4", lambda k, chunk: np.full(chunk.n_spikes, k, np.int32)),
        }
        if any(chunk.value >= 0 for _, chunk in parts):
            columns["value"] = ("<f8", lambda _, chunk: self._values(chunk))
        with zipfile.ZipFile(path, "w") as archive:
            for name, (kind, column) in columns.items():
                with _member(archive, name) as file:
                    shape = (self.n_spikes,)
                    header = {"descr": kind, "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                    for k, chunk in parts:
                        file.write(np.asarray(column(k, chunk), kind).tobytes())
            layers = np.arange(len(self._chunks), dtype=np.int32)
            facts = (self.n_samples, float(duration), layers, model)
            single: dict[str, Any] = dict(zip(HEADER, facts, strict=True))
            if self._labels:
                single["label"] = np.concatenate(self._labels)
            for name, value in single.items():
                with _member(archive, name) as file:
                    np.lib.format.write_array(file, np.asarray(value))

    def _keep(self, array: np.ndarray, kind: str) -> int:
        place = self._spool.tell()
        self._spool.write(np.asarray(array, kind).tobytes())
        return place

    def _kept(self, place: int, chunk: _Chunk, kind: str) -> np.ndarray:
        self._spool.seek(place)
        size = chunk.n_spikes * np.dtype(kind).itemsize
        return np.frombuffer(self._spool.read(size), kind)

    def _values(self, chunk: _Chunk) -> np.ndarray:
        if chunk.value < 0:
            return np.ones(chunk.n_spikes)
        return self._kept(chunk.value, chunk, "<f8")


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    return archive.open(f"{name}.npy", "w", force_zip64=True)
