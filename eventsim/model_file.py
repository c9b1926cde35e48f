"""Read and write ``model.h5``, the file that eventsim and hwmodel share.

The layout is documented in ``docs/reference/model-file.md`` and can be written
by hand with h5py. Only plain HDF5 types are used: no pickle, no code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from eventsim.atomic_write import replacing_hdf5
from eventsim.errors import EventsimError, ModelFileError
from eventsim.network import Network
from eventsim.network_file import (
    format_version_of,
    read_network,
    text_of,
    write_network,
)
from eventsim.quantisation import whole_numbers_of

FORMAT = "eventsim-model"
FORMAT_VERSION = 2
"""Newest version that can be read. Files are written in the lowest that suffices."""


@dataclass(frozen=True)
class Activity:
    """Spikes counted over a set of samples.

    Parameters
    ----------
    split : str
        What was measured, for example ``"test"``.
    n_samples : int
        Number of samples (inferences), positive.
    spike_counts : tuple of ndarray, each shape (n,), int64
        Spikes summed over the samples: entry 0 is the input, entry k is layer k
        (pool and flatten layers too: the spikes they pass on).
    decision_time : float, network time units
        Time at which every decision has been taken.
    """

    split: str
    n_samples: int
    spike_counts: tuple[np.ndarray, ...]
    decision_time: float

    @property
    def spikes_per_sample(self) -> tuple[float, ...]:
        """Mean number of spikes per sample of the input and of each layer."""
        return tuple(float(c.sum()) / self.n_samples for c in self.spike_counts)


@dataclass(frozen=True)
class ModelFile:
    """Everything a model file holds.

    Parameters
    ----------
    network : Network
        Geometry, constants, weights, thresholds.
    config : str
        The resolved configuration as YAML text; empty if there is none.
    provenance : dict of str to str, int, float or bool
        Where the model comes from: version, seed, data set, counts, accuracy.
    activity : Activity or None
        Measured spikes; ``None`` if nothing was measured.
    """

    network: Network
    config: str = ""
    provenance: dict[str, str | int | float | bool] = field(default_factory=dict)
    activity: Activity | None = None


def write_model(path: str | Path, model: ModelFile) -> None:
    """Write a model file atomically.

    Parameters
    ----------
    path : str or Path
        File to write; an old one is replaced only when the new one is complete.
    model : ModelFile
        What to write.

    Raises
    ------
    RunError
        If the file cannot be written.
    ModelFileError
        If the activity does not fit the network.
    """
    if model.activity is not None:
        _check_activity(Path(path), model.network, model.activity)
    with replacing_hdf5(Path(path)) as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = format_version_of(model.network)
        file["config"] = model.config
        provenance = file.create_group("provenance")
        for key, value in model.provenance.items():
            provenance.attrs[key] = value
        write_network(file.create_group("network"), model.network)
        if model.activity is not None:
            _write_activity(file.create_group("activity"), model.activity)


def read_model(path: str | Path) -> ModelFile:
    """Read a model file.

    Parameters
    ----------
    path : str or Path
        A file written by `write_model` or by hand.

    Returns
    -------
    ModelFile
        Its content, checked.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, not a model file, written in a newer
        format, or holds arrays that do not fit together.
    """
    given = Path(path)
    path = given / "model.h5" if given.is_dir() else given
    if not path.is_file():
        raise ModelFileError(
            f"model file '{path}' does not exist; expected a model.h5 written by "
            f"'eventsim train'{_runs_below(given)}"
        )
    try:
        with h5py.File(path, "r") as file:
            return _read(path, file)
    except EventsimError as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"model file '{path}': {error}") from error
    except (
        OSError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
    ) as error:
        reason = " ".join(str(error).split())
        raise ModelFileError(
            f"model file '{path}' is damaged or is not an HDF5 file ({reason}); "
            "expected a model.h5 written by 'eventsim train'"
        ) from error


def _runs_below(folder: Path) -> str:
    """Name some runs in a folder that is none itself, for a message."""
    runs = sorted(str(found.parent) for found in folder.rglob("model.h5"))
    if not runs:
        return ""
    return f"; runs below it: {', '.join(runs[:3])}" + (", ..." if runs[3:] else "")


def _read(path: Path, file: h5py.File) -> ModelFile:
    if text_of(file.attrs.get("format", "")) != FORMAT:
        raise ModelFileError(
            f"model file '{path}' is an HDF5 file but not a model; expected the "
            f"attribute format = '{FORMAT}'"
        )
    version = int(file.attrs["format_version"])
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"model file '{path}' has format version {version}, this eventsim reads "
            f"up to {FORMAT_VERSION}; install a newer eventsim"
        )
    network = read_network(path, file["network"], version)
    for _, layer in network.spiking_layers:
        if layer.weight_step is not None:
            whole_numbers_of(layer)
    activity = None
    if "activity" in file:
        activity = _read_activity(file["activity"], len(network.layers))
        _check_activity(path, network, activity)
    config = text_of(file["config"][()]) if "config" in file else ""
    provenance = {}
    if "provenance" in file:
        provenance = {k: _scalar(v) for k, v in file["provenance"].attrs.items()}
    return ModelFile(network, config, provenance, activity)


def _write_activity(group: h5py.Group, activity: Activity) -> None:
    group.attrs["split"] = activity.split
    group.attrs["n_samples"] = activity.n_samples
    group.attrs["decision_time"] = activity.decision_time
    for k, counts in enumerate(activity.spike_counts):
        group.create_dataset(_activity_name(k), data=counts, dtype=np.int64)


def _read_activity(group: h5py.Group, n_layers: int) -> Activity:
    return Activity(
        split=text_of(group.attrs["split"]),
        n_samples=int(group.attrs["n_samples"]),
        spike_counts=tuple(group[_activity_name(k)][()] for k in range(n_layers + 1)),
        decision_time=float(group.attrs["decision_time"]),
    )


def _activity_name(k: int) -> str:
    return "input" if k == 0 else f"layer_{k}"


def _check_activity(path: Path, network: Network, activity: Activity) -> None:
    sizes = [int(np.prod(network.input_shape)), *(x.n_neurons for x in network.layers)]
    if activity.n_samples < 1:
        raise ModelFileError(
            f"model file '{path}': activity has n_samples {activity.n_samples}; "
            "expected at least 1"
        )
    if len(activity.spike_counts) != len(sizes):
        raise ModelFileError(
            f"model file '{path}': activity of {len(activity.spike_counts)} layers; "
            f"expected {len(sizes)}, the input and every layer"
        )
    if not 0 <= activity.decision_time < float("inf"):
        raise ModelFileError(
            f"model file '{path}': activity has decision_time "
            f"{activity.decision_time}; expected a time, not negative"
        )
    for k, (counts, size) in enumerate(zip(activity.spike_counts, sizes, strict=True)):
        if counts.shape != (size,):
            raise ModelFileError(
                f"model file '{path}': activity of {_activity_name(k)} has shape "
                f"{counts.shape}; expected ({size},)"
            )
        if not np.issubdtype(counts.dtype, np.integer) or counts.min() < 0:
            raise ModelFileError(
                f"model file '{path}': activity of {_activity_name(k)} must hold "
                "whole spike counts that are not negative"
            )


def _scalar(value: Any) -> str | int | float | bool:
    if isinstance(value, np.generic):
        return value.item()
    return text_of(value)
