"""One command at a time in the folder of a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsim.errors import RunError

try:
    import fcntl
except ImportError:  # Windows has no such locks; there nobody is kept out
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = ".lock"


@contextmanager
def only_command_in(folder: Path) -> Iterator[None]:
    """Keep other commands out of a study's folder for the time of the block.

    Parameters
    ----------
    folder : Path
        Must exist. A file `LOCK_FILE` is made in it and stays; what counts is who has
        locked it, and the system unlocks it when a process ends, however it ends.

    Raises
    ------
    RunError
        If another process trains there.
    """
    try:
        file = (folder / LOCK_FILE).open("a")
    except OSError as error:
        raise RunError(
            f"study: cannot write '{folder / LOCK_FILE}': {error.strerror}; expected a "
            "folder that can be written to; choose another with --out"
        ) from error
    with file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(
                f"study: another 'eventsim study' trains in '{folder}'; expected one "
                "at a time; wait until it has ended, or choose another folder with "
                "--out"
            ) from error
        except OSError:
            pass  # a file system without locks
        yield
