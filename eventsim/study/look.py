"""How far a run of a study is, from what lies in its folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import h5py

from eventsim.checkpoint import CHECKPOINT
from eventsim.config import Config, changed_keys, load_config
from eventsim.config.study_schema import Metric
from eventsim.errors import RunError
from eventsim.study.runs import ERROR_FILE, StudyRun

KEYS_WITHOUT_EFFECT = {"name", "description", "data.dir"}
"""Settings in which a run may differ from the study that it is a part of."""
METRICS = get_args(Metric)
TEXTS = ("dataset_note", "version")
"""Entries of a summary that are shown as they are; METRICS are numbers."""


def look(case: str, config: Config, folder: Path) -> StudyRun:
    """Find out how far a run is.

    Parameters
    ----------
    case : str
        Name of the case.
    config : Config
        What is to be run, with the seed.
    folder : Path
        Run directory; need not exist.

    Returns
    -------
    StudyRun
        New, started, failed or finished.

    Raises
    ------
    EventsimError
        If the folder holds a run with other settings, or its files are damaged.
    """
    run = StudyRun(case, config, folder, "new")
    summary, failure = folder / "summary.json", folder / ERROR_FILE
    if summary.exists() or (folder / CHECKPOINT).exists():
        _require_same(load_config(folder / "config.yaml"), config, folder)
        if summary.exists():
            return replace(run, status="finished", summary=_read_summary(summary))
        run = replace(run, status="started")
    if failure.exists():
        try:
            error = " ".join(failure.read_text("utf-8").split())
        except (OSError, UnicodeDecodeError):
            error = f"'{failure}' cannot be read"
        return replace(run, status="failed", error=error)
    return run


def require_trained_on(run: StudyRun, data: str) -> None:
    """Refuse a finished run that was trained on other data.

    Parameters
    ----------
    run : StudyRun
        Finished.
    data : str
        What a checkpoint would say of the data that are there now.

    Raises
    ------
    RunError
        If the run's checkpoint says something else, or is damaged. A run without one
        is taken as it is.
    """
    path = run.folder / CHECKPOINT
    if not path.exists():
        return
    try:
        with h5py.File(path, "r") as file:
            stored = str(file.attrs["data"])
    except (OSError, KeyError) as error:
        raise RunError(
            f"'{path}' is damaged ({' '.join(str(error).split())}); expected the "
            "checkpoint of a finished run; remove the folder to train it again"
        ) from error
    if stored != data:
        raise RunError(
            f"'{run.folder}' holds a run that was trained on other data, got {data}; "
            f"expected {stored}; give the same data, for example with --data-dir, or "
            "choose another --out"
        )


def _require_same(before: Config, config: Config, folder: Path) -> None:
    """Refuse a folder that holds another run."""
    for key in changed_keys(before, config):
        if key not in KEYS_WITHOUT_EFFECT:
            raise RunError(
                f"study: '{folder}' holds a run with another '{key}', got "
                f"{_value(config, key)}; expected {_value(before, key)} as in its "
                "config.yaml; choose another --out, or remove that folder to train it "
                "anew"
            )


def _value(config: Config, key: str) -> str:
    """Return what stands at a dotted name; it may be missing in one of two configs."""
    at: Any = config.model_dump()
    for part in key.split("."):
        at = at.get(part) if isinstance(at, dict) else None
    text = repr(at)
    return text if len(text) <= 60 else text[:57] + "..."


def _read_summary(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
        problem = _problem(found)
    except (OSError, ValueError) as error:
        problem = " ".join(str(error).split())
    if problem:
        raise RunError(
            f"study: '{path}' cannot be read ({problem}); expected what a finished "
            "run wrote; remove it to finish that run again"
        )
    return found


def _problem(summary: Any) -> str:
    """Return what is wrong with a summary, nothing if it is right."""
    if not isinstance(summary, dict):
        return f"it holds {json.dumps(summary)[:40]}, not keys and values"
    if "test_accuracy" not in summary:
        return "it has no test_accuracy"
    for metric in METRICS:
        value = summary.get(metric)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not is_number:
            return f"{metric} is {json.dumps(value)[:40]}, not a number"
    for name in TEXTS:
        if not isinstance(summary.get(name, ""), str):
            return f"{name} is {json.dumps(summary[name])[:40]}, not text"
    return ""
