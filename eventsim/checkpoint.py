"""Save and load the state of a training run, without pickle."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from eventsim.atomic_write import replacing_hdf5
from eventsim.config.schema import Config
from eventsim.datasets.records import Dataset
from eventsim.errors import RunError
from eventsim.training import TrainingState, fresh_state

CHECKPOINT = "checkpoint.h5"
FORMAT = "eventsim-checkpoint-2"


def save_checkpoint(folder: Path, state: TrainingState) -> None:
    """Write the state after an epoch; an older checkpoint is replaced atomically.

    Parameters
    ----------
    folder : Path
        Run directory.
    state : TrainingState
        What to save. Order and augmentation of later epochs depend on the seed and
        the epoch alone, so there is no random state to save.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    with replacing_hdf5(folder / CHECKPOINT) as file:
        file.attrs["format"] = FORMAT
        file.attrs["data"] = state.data
        file.attrs["epoch"] = state.epoch
        file.attrs["n_updates"] = state.optimizer.n_updates
        file.attrs["best_epoch"] = state.best_epoch
        file.attrs["best_score"] = state.best_score
        file["history"] = json.dumps(state.history)
        _write_arrays(file, "network", state.network.trained_arrays)
        _write_arrays(file, "parameters", state.parameters.arrays)
        _write_arrays(file, "best", state.best)
        for name, arrays in state.optimizer.slots.items():
            _write_arrays(file, f"slots/{name}", arrays)


def require_checkpoint(folder: Path) -> Path:
    """Return the path of a run's checkpoint; `RunError` if there is none."""
    path = folder / CHECKPOINT
    if not path.is_file():
        raise RunError(
            f"resume: '{path}' does not exist; expected the folder of a run that "
            "'eventsim train' started"
        )
    return path


def saved_epoch(folder: Path) -> int:
    """Return the number of finished epochs in the checkpoint of a run directory."""
    with h5py.File(require_checkpoint(folder), "r") as file:
        return int(file.attrs["epoch"])


def load_checkpoint(folder: Path, config: Config, dataset: Dataset) -> TrainingState:
    """Read the state of a run that stopped.

    Parameters
    ----------
    folder : Path
        Run directory.
    config : Config
        The run's configuration.
    dataset : Dataset
        Its data set.

    Returns
    -------
    TrainingState
        Training goes on from here as if it had never stopped.

    Raises
    ------
    RunError
        If there is no checkpoint, or it is damaged, or of another network, another
        optimiser or other data.
    """
    path = require_checkpoint(folder)
    state = fresh_state(config, dataset)
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise RunError(
                    f"resume: '{path}' is not a checkpoint; expected the format "
                    f"'{FORMAT}'; start the run again"
                )
            _require_same_run(path, file, state)
            _read_arrays(path, file, "network", state.network.trained_arrays)
            _read_arrays(path, file, "parameters", state.parameters.arrays)
            state.parameters.settle()
            for name, arrays in state.optimizer.slots.items():
                _read_arrays(path, file, f"slots/{name}", arrays)
            if len(file["best"]):
                state.best = [array.copy() for array in state.network.trained_arrays]
                _read_arrays(path, file, "best", state.best)
            state.epoch = int(file.attrs["epoch"])
            state.optimizer.n_updates = int(file.attrs["n_updates"])
            state.best_epoch = int(file.attrs["best_epoch"])
            state.best_score = float(file.attrs["best_score"])
            state.history = json.loads(file["history"][()])
    except RunError:
        raise
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise RunError(
            f"resume: '{path}' is damaged ({' '.join(str(error).split())}); start the "
            "run again"
        ) from error
    return state


def _require_same_run(path: Path, file: h5py.File, state: TrainingState) -> None:
    stored = str(file.attrs["data"])
    if stored != state.data:
        raise RunError(
            f"resume: the run of '{path}' was started on other data, got {state.data}; "
            f"expected {stored}; give the same data, for example with --data-dir"
        )
    if set(file["slots"]) != set(state.optimizer.slots):
        raise RunError(
            f"resume: '{path}' holds the optimiser state {sorted(file['slots'])}; the "
            f"configuration needs {sorted(state.optimizer.slots)}; resume with the "
            "run's own optimizer.name"
        )


def _write_arrays(file: h5py.File, name: str, arrays: list[np.ndarray]) -> None:
    group = file.create_group(name)
    for k, array in enumerate(arrays):
        group.create_dataset(str(k), data=array)


def _read_arrays(
    path: Path, file: h5py.File, name: str, targets: list[np.ndarray]
) -> None:
    """Read arrays into existing ones of the same shape and type."""
    group = file[name]
    for k, target in enumerate(targets):
        stored = group[str(k)]
        if stored.shape != target.shape or stored.dtype != target.dtype:
            raise RunError(
                f"resume: '{path}' holds {name}/{k} of shape {stored.shape} and type "
                f"{stored.dtype}; the configuration needs {target.shape} and "
                f"{target.dtype}; resume with the run's own configuration"
            )
        target[...] = stored[()]
