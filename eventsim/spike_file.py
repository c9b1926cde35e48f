"""Read and write spike trains as ``.npz`` files.

A file holds one entry per spike in the arrays ``time``, ``neuron`` and ``sample``, and
for graded events ``value``. Files that are written also say the ``layer``. Plain
arrays only: no pickle, no code.
"""

from __future__ import annotations

import difflib
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eventsim.atomic_write import replacing
from eventsim.errors import DataError
from eventsim.spikes import SpikeTrains

REQUIRED = ("time", "neuron", "sample")
OPTIONAL = ("value", "layer")

MAX_SAMPLES = 10_000_000
"""A larger sample number is taken for an error unless the caller says how many."""

_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
)


def save_npz(
    path: str | Path, layers: Sequence[SpikeTrains], first_layer: int = 0
) -> None:
    """Write the spikes of layers into one file, atomically.

    Parameters
    ----------
    path : str or Path
        File to write; an old one is replaced only when the new one is complete.
    layers : sequence of SpikeTrains
        One for each layer, as `eventsim.simulate` returns them.
    first_layer : int, default 0
        Number of the first of them; 0 is the input.

    Raises
    ------
    RunError
        If the file cannot be written.

    Notes
    -----
    Arrays ``time``, ``neuron``, ``sample`` and ``layer``, one entry per spike: layer
    by layer, inside a layer sample by sample, inside a sample in order of time.
    ``value`` is added if any layer's spikes carry values.
    """
    sizes = [trains.time.size for trains in layers]
    arrays = {
        "time": _joined([trains.time for trains in layers], np.float64),
        "neuron": _joined([trains.neuron for trains in layers], np.int32),
        "sample": _joined([trains.sample for trains in layers], np.int32),
        "layer": np.repeat(np.arange(len(layers), dtype=np.int32) + first_layer, sizes),
    }
    if any(trains.value is not None for trains in layers):
        values = [
            np.ones(size) if trains.value is None else trains.value
            for trains, size in zip(layers, sizes, strict=True)
        ]
        arrays["value"] = _joined(values, np.float64)
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_npz(
    path: str | Path,
    n_neurons: int,
    n_samples: int | None = None,
    layer: int | None = None,
) -> SpikeTrains:
    """Read spike trains, in any order, of one layer.

    Parameters
    ----------
    path : str or Path
        A file with the arrays ``time``, ``neuron`` and ``sample``, one entry per
        spike; ``value`` (default 1) and ``layer`` may be there. Others are ignored.
    n_neurons : int
        Number of neurons that could have fired.
    n_samples : int, optional
        Number of samples; by default the largest sample number plus 1, at least 1.
    layer : int, optional
        Which layer to take from a file that holds several.

    Returns
    -------
    SpikeTrains
        In float64, sorted by sample, time and neuron; equal ones keep their order.

    Raises
    ------
    DataError
        If the file is missing, damaged, pickled or not npz, or an array is missing,
        of another length or type, or holds an impossible entry. The message names
        the array and the entry.
    """
    where = f"spike file '{path}'"
    arrays = read_arrays(path, where, REQUIRED, OPTIONAL)
    check_columns(where, arrays)
    is_chosen = _of_layer(where, arrays, layer)

    def column(name: str, expected: str, low: float, stop: float) -> np.ndarray:
        _check_entries(
            f"{where}: array '{name}'", arrays[name], is_chosen, low, stop, expected
        )
        return arrays[name][is_chosen]

    time = column("time", "a time, finite and not negative", 0, np.inf)
    neuron = column("neuron", f"0 to {n_neurons - 1}", 0, n_neurons)
    if n_samples is None:
        expected = f"0 to {MAX_SAMPLES - 1} if nothing says how many samples there are"
        sample = column("sample", expected, 0, MAX_SAMPLES)
        n_samples = max(int(sample.max(initial=0)) + 1, 1)
    else:
        sample = column("sample", f"0 to {n_samples - 1}", 0, n_samples)
    value = None
    if "value" in arrays:
        value = column("value", "a finite number", -np.inf, np.inf).astype(np.float64)
    time = time.astype(np.float64)
    order = np.lexsort((neuron, time, sample))
    counts = np.bincount(sample.astype(np.int64), minlength=n_samples)
    return SpikeTrains(
        time[order],
        neuron[order].astype(np.int32),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        n_neurons,
        None if value is None else value[order],
    )


def _joined(parts: list[np.ndarray], dtype: type[np.generic]) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *(part.astype(dtype) for part in parts)])


def read_arrays(
    path: str | Path, where: str, required: Sequence[str], optional: Sequence[str]
) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file that are known by name; others stay unread.

    Parameters
    ----------
    path : str or Path
        The file.
    where : str
        What to call it in messages.
    required, optional : sequence of str
        Names; those of `optional` may be missing.

    Returns
    -------
    dict of str to ndarray
        What was found.

    Raises
    ------
    DataError
        If the file is missing, damaged, pickled or not npz, an array is missing, or
        the name of another one is nearly that of an optional one.
    """
    path = Path(path)
    listed = f"{', '.join(required[:-1])} and {required[-1]}"
    expected = f"expected an npz file with the arrays {listed}"
    if path.is_dir():
        raise DataError(f"{where} is a folder; {expected}{_npz_in(path)}")
    if not path.is_file():
        raise DataError(f"{where} does not exist; {expected}")
    try:
        if not zipfile.is_zipfile(path):
            raise DataError(f"{where} is not an npz file; {expected}")
        # np.load leaves a file open that it opened itself and cannot read.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            misspelt = _misspelt(file.files, (*required, *optional))
            if misspelt:
                raise DataError(f"{where} {misspelt}")
            for name in required:
                if name not in file.files:
                    raise DataError(f"{where} has no array '{name}'; expected {listed}")
            return {
                name: np.asarray(file[name])
                for name in file.files
                if name in (*required, *optional)
            }
    except DataError:
        raise
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{where} cannot be read ({reason}); {expected}") from error


def _npz_in(folder: Path) -> str:
    """Name a file of the folder that may be meant."""
    names = sorted(path.name for path in folder.glob("*.npz"))
    return f"; did you mean '{folder / names[0]}'?" if names else ""


def _misspelt(names: list[str], known: Sequence[str]) -> str:
    """Return a complaint about an array whose name is nearly right."""
    absent = sorted(set(known) - set(names))
    for name in sorted(set(names) - set(known)):
        if near := difflib.get_close_matches(name, absent, 1, 0.8):
            return f"has an array '{name}'; did you mean '{near[0]}'?"
    return ""


def check_columns(where: str, arrays: dict[str, np.ndarray]) -> None:
    """Refuse arrays that are not lists of numbers, all as long as ``time``.

    Parameters
    ----------
    where : str
        What to call the file in messages.
    arrays : dict of str to ndarray
        One entry per spike; ``time`` and ``value`` hold numbers, all others whole
        numbers.

    Raises
    ------
    DataError
        Naming the array.
    """
    for name, array in arrays.items():
        is_number = name in ("time", "value")
        allowed = "iuf" if is_number else "iu"
        if array.ndim != 1 or (array.size and array.dtype.kind not in allowed):
            raise DataError(
                f"{where}: array '{name}' has shape {array.shape} and type "
                f"{array.dtype}; expected a list of "
                f"{'numbers' if is_number else 'whole numbers (integer type)'}"
            )
        if array.size != arrays["time"].size:
            raise DataError(
                f"{where}: array '{name}' has {array.size} entries and 'time' "
                f"{arrays['time'].size}; expected one entry per spike"
            )


def _of_layer(
    where: str, arrays: dict[str, np.ndarray], layer: int | None
) -> np.ndarray:
    """Mark the entries of one layer."""
    if layer is None:
        present = np.unique(arrays.get("layer", np.empty(0, int)))
        if present.size > 1:
            raise DataError(
                f"{where} holds the layers {present[0]} to {present[-1]}; expected the "
                "spikes of one layer; choose one, 0 is the input"
            )
        return np.ones(arrays["time"].size, bool)
    if "layer" not in arrays:
        raise DataError(
            f"{where} has no array 'layer'; expected one to take layer {layer} from"
        )
    return arrays["layer"] == layer


def _check_entries(
    where: str,
    array: np.ndarray,
    is_chosen: np.ndarray,
    low: float,
    stop: float,
    expected: str,
) -> None:
    """Refuse the first entry outside ``[low, stop)``, NaN and infinity."""
    is_right = (array >= low) & (array < stop) & (array > -np.inf)
    wrong = np.flatnonzero(is_chosen & ~is_right)
    if wrong.size:
        raise DataError(
            f"{where}: entry {wrong[0]} is {array[wrong[0]]}; expected {expected}"
        )
