"""What commands print: JSON on stdout, files that were written on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click


def print_json(data: Any) -> None:
    """Print plain data as JSON.

    Parameters
    ----------
    data : dict or list
        Of finite numbers, text, lists and dicts.
    """
    click.echo(json.dumps(data, indent=2, allow_nan=False))


def refuse_unwritable(*paths: Path | None) -> None:
    """Refuse what cannot be written before anything is computed.

    Parameters
    ----------
    *paths : Path or None
        Files that are to be written later; ``None`` is not asked for.

    Raises
    ------
    RunError
        If one of them cannot be written.
    """
    from eventsim.atomic_write import require_writable

    for path in paths:
        if path is not None:
            require_writable(path)


def say_written(paths: Iterable[Path]) -> None:
    """Name the files that were written, on stderr.

    Parameters
    ----------
    paths : iterable of Path
        Files.
    """
    for path in paths:
        click.echo(f"wrote {path}", err=True)
