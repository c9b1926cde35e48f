"""Fetch published files into the user cache with pooch."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NO_DOWNLOAD_VARIABLE = "EVENTSIM_NO_DOWNLOAD"
PROBE_SECONDS = 3.0
CONNECT_AND_READ_SECONDS = (3.0, 15.0)


@dataclass(frozen=True)
class Failed:
    """Why nothing was downloaded.

    Parameters
    ----------
    reason : str
        One phrase.
    """

    reason: str


def cache_folder(name: str) -> Path:
    """Return the folder of a data set in the user's cache.

    Parameters
    ----------
    name : str
        Name of the data set.

    Returns
    -------
    Path
        The folder; it need not exist.
    """
    import pooch

    return Path(pooch.os_cache("eventsim")) / name


def fetch(
    mirrors: tuple[str, ...], files: dict[str, str], folder: Path
) -> tuple[Path, ...] | Failed:
    """Download files, trying one mirror after the other.

    All mirrors are asked first, at the same time and for a few seconds at most,
    so that a machine without a network is not kept waiting.

    Parameters
    ----------
    mirrors : tuple of str
        URLs of folders, best first; each ends in ``/``.
    files : dict of str to str
        File name to SHA-256 of the file.
    folder : Path
        Where to put the files.

    Returns
    -------
    tuple of Path or Failed
        The files in the order of `files`, or the reason why there are none.
    """
    if os.environ.get(NO_DOWNLOAD_VARIABLE, "0") not in ("", "0"):
        return Failed(f"download: switched off by {NO_DOWNLOAD_VARIABLE}")
    answering = _answering(mirrors, next(iter(files)))
    if not answering:
        return Failed(f"download: none of {len(mirrors)} mirrors answered")
    paths = []
    for file_name, digest in files.items():
        problem = _fetch_file(answering, file_name, digest, folder)
        if problem:
            return Failed(f"download: {file_name} failed ({problem})")
        paths.append(folder / file_name)
    return tuple(paths)


def _answering(mirrors: tuple[str, ...], file_name: str) -> tuple[str, ...]:
    """Return the mirrors that say within a few seconds that they have a file."""
    import requests

    has_file: dict[str, bool] = {}

    def ask(mirror: str) -> None:
        try:
            answer = requests.head(
                mirror + file_name, timeout=PROBE_SECONDS, allow_redirects=True
            )
        except (requests.RequestException, OSError, ValueError):
            return
        has_file[mirror] = answer.ok

    threads = [
        threading.Thread(target=ask, args=(mirror,), daemon=True) for mirror in mirrors
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PROBE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return tuple(mirror for mirror in mirrors if has_file.get(mirror))


def _fetch_file(
    mirrors: tuple[str, ...], file_name: str, digest: str, folder: Path
) -> str:
    """Download one file; return why it failed on each mirror, or nothing."""
    import pooch

    download = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), timeout=CONNECT_AND_READ_SECONDS
    )
    problems = []
    for mirror in mirrors:
        try:
            with _silenced(pooch.get_logger()):
                pooch.retrieve(
                    mirror + file_name,
                    known_hash=f"sha256:{digest}",
                    fname=file_name,
                    path=folder,
                    downloader=download,
                )
        except (OSError, ValueError) as error:
            problems.append(f"{mirror}: {_first_line(error)}")
        else:
            return ""
    return "; ".join(problems)


@contextmanager
def _silenced(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _first_line(error: Exception) -> str:
    text = f"{type(error).__name__} {error}".strip().splitlines()[0]
    return text if len(text) <= 120 else text[:117] + "..."
