"""Write rows as a CSV file, the same way for every report.

Heads are in lower case. A quantity with a unit ends in it (``energy_j``,
``latency_s``); a count that is a mean over the inferences ends in ``_per_inference``.
Numbers are written to the last bit.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from eventsim.atomic_write import replacing


def write_rows(path: Path, head: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write a table.

    Parameters
    ----------
    path : Path
        The file; its folder is made if it is missing.
    head : sequence of str
        Names of the columns.
    rows : iterable of dict
        A value for each column; ``None`` is left empty.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    with (
        replacing(Path(path)) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, head, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
