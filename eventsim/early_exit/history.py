"""Early exit over the epochs of a run, from its ``metrics.jsonl``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from eventsim.errors import ModelFileError

MEASURED = ("exit_accuracy", "exit_time")


def read_history(folder: Path) -> list[dict[str, Any]]:
    """Return the epochs of a run.

    Parameters
    ----------
    folder : Path
        Run directory; or a model file, which has no epochs.

    Returns
    -------
    list of dict
        Lines of ``metrics.jsonl``; none if there is no such file. Where early exit was
        measured, `MEASURED` are numbers and ``epoch`` is a whole one.

    Raises
    ------
    ModelFileError
        If the file is damaged.
    """
    file = folder / "metrics.jsonl"
    if not file.is_file():
        return []
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _damaged(file, " ".join(str(error).split())) from error
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise _damaged(file, f"line {number}: {error}") from error
        problem = _problem(entry)
        if problem:
            raise _damaged(file, f"line {number}: {problem}")
        found.append(entry)
    return found


def _problem(entry: Any) -> str:
    """Return what is wrong with a line, nothing if it is right."""
    if not isinstance(entry, dict):
        return f"{json.dumps(entry)[:40]} instead of keys and values"
    given = [name for name in MEASURED if entry.get(name) is not None]
    for name in given:
        value = entry[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            return f"{name} is {json.dumps(value)[:40]}, not a number"
    epoch = entry.get("epoch")
    if given and (not isinstance(epoch, int) or isinstance(epoch, bool)):
        return f"epoch is {json.dumps(epoch)[:40]}, not a whole number"
    return ""


def _damaged(file: Path, problem: str) -> ModelFileError:
    return ModelFileError(
        f"early exit: '{file}' cannot be read: {problem}; expected one JSON object in "
        "each line, as eventsim train writes it; remove the file to go on without it"
    )
