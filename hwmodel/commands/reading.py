"""Read what a command is told to price: a model, its trace, or declared spikes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from eventsim.model_file import ModelFile
    from hwmodel.workload.trace import SpikeTrace
    from hwmodel.workload.workload import Workload


def read_workload(
    path: Path, trace: Path | None = None
) -> tuple[Workload, tuple[ModelFile, SpikeTrace] | None]:
    """Read a workload, and the model with its trace if there is one.

    Parameters
    ----------
    path : Path
        Model file, run directory or declared workload.
    trace : Path, optional
        Spikes of the model; without it those in the model file are counted.

    Returns
    -------
    workload : Workload
        Layers and their spikes.
    traced : tuple of (ModelFile, SpikeTrace), or None
        What they were counted from, if that is a trace.

    Raises
    ------
    click.UsageError
        If there is a trace of a declared workload.
    EventsimError, HwmodelError
        If a file is missing or wrong.
    """
    from eventsim.model_file import read_model
    from hwmodel.workload.declared import is_declared, read_declared
    from hwmodel.workload.workload import from_model, from_trace

    if trace is not None:
        if is_declared(path):
            raise click.UsageError(
                f"--trace goes with a model.h5; '{path}' declares its spikes"
            )
        traced = read_traced(path, trace)
        return from_trace(*traced), traced
    if is_declared(path):
        return read_declared(path), None
    return from_model(read_model(path)), None


def read_traced(path: Path, trace: Path) -> tuple[ModelFile, SpikeTrace]:
    """Read a model and a trace of its spikes.

    Parameters
    ----------
    path : Path
        Model file or run directory.
    trace : Path
        Spikes of the model.

    Returns
    -------
    model : ModelFile
        The network.
    spikes : SpikeTrace
        What it fired.

    Raises
    ------
    EventsimError, HwmodelError
        If a file is missing or wrong, or the trace is of another model.
    """
    from eventsim.model_file import read_model
    from hwmodel.workload.trace import read_trace

    model = read_model(path)
    return model, read_trace(trace, model.network)


def require_measured(path: Path) -> None:
    """Refuse a file that declares its spikes where a trace is needed.

    Parameters
    ----------
    path : Path
        Model file, run directory or declared workload.

    Raises
    ------
    click.UsageError
        If it is a declared workload.
    """
    from hwmodel.workload.declared import is_declared

    if is_declared(path):
        raise click.UsageError(
            f"'{path}' declares its spikes; expected a model.h5, whose trace says when "
            "they were fired"
        )
