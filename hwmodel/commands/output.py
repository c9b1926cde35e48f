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


def say_compiling(kernel: Any) -> None:
    """Say on stderr that a kernel will be compiled, if it will.

    Parameters
    ----------
    kernel : callable
        Compiled by Numba at its first call, or read from the cache on disk.
    """
    if kernel.signatures:
        return
    code = kernel.py_func.__code__
    source, folder = Path(code.co_filename), kernel.stats.cache_path
    name = f"{source.stem}.{code.co_qualname}-{code.co_firstlineno}.*.nbi"
    indices = [] if folder is None else Path(folder).glob(name)
    # Numba reads no machine code that is older than the source
    if not any(i.stat().st_mtime >= source.stat().st_mtime for i in indices):
        click.echo(
            "first start: compiling kernels, once, for some seconds ...", err=True
        )


def say_written(paths: Iterable[Path]) -> None:
    """Name the files that were written, on stderr.

    Parameters
    ----------
    paths : iterable of Path
        Files.
    """
    for path in paths:
        click.echo(f"wrote {path}", err=True)
