"""Write files so that a crash never leaves half of one behind."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventsim.errors import RunError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and rename it over `path` at the end.

    Parameters
    ----------
    path : Path
        The file to write. Its folder is made if it is missing.

    Yields
    ------
    Path
        A temporary file in the same folder; it is removed if the block fails.

    Raises
    ------
    RunError
        If the folder cannot be made or the file cannot be written, for example
        because the disk is full.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Refuse a place where no file can be written, before work is done for it.

    Parameters
    ----------
    path : Path
        File that is to be written later. Nothing is left there and no folder is made.

    Raises
    ------
    RunError
        If it is a folder, or a folder above it is a file or cannot be written to.
    """
    path = Path(path)
    folder = next((p for p in path.absolute().parents if p.exists()), Path("/"))
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: OSError) -> RunError:
    return RunError(
        f"cannot write '{path}': {error.strerror or error}; expected a file in a "
        "folder that can be written to, on a disk with free space"
    )


@contextmanager
def replacing_hdf5(path: Path) -> Iterator[Any]:
    """Yield an HDF5 file in memory and write it to `path` at the end.

    HDF5 itself leaves its objects half closed when the disk is full, and says so in
    several lines from places that cannot be caught; plain writing does not.

    Parameters
    ----------
    path : Path
        The file to write; see `replacing`.

    Yields
    ------
    h5py.File
        An empty file, open for writing.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    import h5py

    with h5py.File(Path(path).name, "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    with replacing(path) as temporary:
        temporary.write_bytes(image)
