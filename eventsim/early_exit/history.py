"""Early exit over the epochs of a run, from its ``metrics.jsonl``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from eventsim.errors import ModelFileError

MEASURED = ("accuracy", "time", "time_from_zero")
"""What of each protocol is read."""


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
        measured, ``exit`` has `MEASURED` for each protocol, numbers, and ``epoch`` is a
        whole one.

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
    given = entry.get("exit")
    if given is None:
        return ""
    if not isinstance(given, dict):
        return f"exit is {json.dumps(given)[:40]}, not an entry for each protocol"
    for protocol, seen in given.items():
        for name in MEASURED:
            value = seen.get(name) if isinstance(seen, dict) else None
            if not _is_number(value):
                return (
                    f"{name} of '{protocol}' is {json.dumps(value)[:40]}, not a number"
                )
    epoch = entry.get("epoch")
    if not isinstance(epoch, int) or isinstance(epoch, bool):
        return f"epoch is {json.dumps(epoch)[:40]}, not a whole number"
    return ""


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _damaged(file: Path, problem: str) -> ModelFileError:
    return ModelFileError(
        f"early exit: '{file}' cannot be read: {problem}; expected one JSON object in "
        "each line, as eventsim train writes it; remove the file to go on without it"
    )
