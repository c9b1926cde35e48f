"""Find the four IDX files of an image data set, in a fixed order of places."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from eventsim.datasets import download, idx
from eventsim.datasets.records import Split
from eventsim.errors import DataError

DATA_DIR_VARIABLE = "EVENTSIM_DATA_DIR"
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class ImageSource:
    """Where the files of one data set may be, and how to know them.

    Parameters
    ----------
    name : str
        Name of the data set and of its folder.
    n_classes : int
        Number of classes.
    sha256 : tuple of str, length 4
        SHA-256 of the published gzip files, in the order of `FILES`.
    foreign_labels : dict of str to str
        SHA-256 of the decompressed training labels of data sets whose files
        have the same names, to tell them apart: digest -> name.
    mirrors : tuple of str
        URLs of folders that hold the gzip files, best first; each ends in ``/``.
    system_folders : tuple of Path
        Where a package of the operating system puts the files.
    """

    name: str
    n_classes: int
    sha256: tuple[str, str, str, str]
    foreign_labels: dict[str, str]
    mirrors: tuple[str, ...]
    system_folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Images:
    """All samples of an image data set, before any split.

    Parameters
    ----------
    train, test : Split
        The two published parts.
    source : str
        Where they were found.
    """

    train: Split
    test: Split
    source: str


@dataclass(frozen=True)
class NotFound:
    """What was tried, if no place had the files.

    Parameters
    ----------
    tried : tuple of str
        One phrase for each place.
    """

    tried: tuple[str, ...]


def find_images(source: ImageSource, data_dir: Path | None) -> Images | NotFound:
    """Look for a data set in every place it may be, best first.

    The order is: `data_dir` or else the folder in ``EVENTSIM_DATA_DIR``, the
    user cache, the folders of system packages, download into the user cache.

    Parameters
    ----------
    source : ImageSource
        Data set to look for.
    data_dir : Path or None
        Folder named by the user. If given, no other place is tried.

    Returns
    -------
    Images or NotFound
        The samples, or the list of places without them.

    Raises
    ------
    DataError
        If `data_dir` does not hold the data set, the folder in
        ``EVENTSIM_DATA_DIR`` does not exist, or files that were found are
        incomplete or damaged.
    """
    if data_dir is not None:
        return _from_named_folder(source, data_dir)
    tried = []
    variable = os.environ.get(DATA_DIR_VARIABLE)
    if variable:
        paths = _in_data_dir(source, folder_of_variable(variable))
        if paths and _foreign_name(source, paths) is None:
            return read_images(source, paths)
        tried.append(f"{DATA_DIR_VARIABLE} '{variable}': no such files")
    else:
        tried.append(f"{DATA_DIR_VARIABLE}: not set")
    cache = download.cache_folder(source.name)
    paths = _from_cache(source, cache)
    if paths:
        return read_images(source, paths)
    tried.append(f"cache '{cache}': no such files")
    for folder in source.system_folders:
        paths = _complete_set(folder)
        if paths:
            return read_images(source, paths)
        tried.append(f"system package '{folder}': not installed")
    fetched = download.fetch(source.mirrors, published_files(source), cache)
    if isinstance(fetched, download.Failed):
        return NotFound((*tried, fetched.reason))
    return read_images(source, fetched)


def published_files(source: ImageSource) -> dict[str, str]:
    """Return the SHA-256 of each published file by its name.

    Parameters
    ----------
    source : ImageSource
        Data set in question.

    Returns
    -------
    dict of str to str
        File name, with ``.gz``, to hexadecimal digest.
    """
    return {f"{name}.gz": d for name, d in zip(FILES, source.sha256, strict=True)}


def read_images(source: ImageSource, paths: tuple[Path, ...]) -> Images:
    """Read the four files and check that they belong together.

    Parameters
    ----------
    source : ImageSource
        Data set that the files hold.
    paths : tuple of Path, length 4
        Files in the order of `FILES`.

    Returns
    -------
    Images
        The samples.

    Raises
    ------
    DataError
        If a file is damaged, or images and labels do not fit together.
    """
    train = _read_pair(paths[0], paths[1], source.n_classes)
    test = _read_pair(paths[2], paths[3], source.n_classes)
    if train.inputs.shape[1:] != test.inputs.shape[1:]:
        raise DataError(
            f"{paths[2]}: test images differ in size from the training images, got "
            f"{test.inputs.shape[1:3]}; expected {train.inputs.shape[1:3]}; give "
            "files of one data set"
        )
    return Images(train, test, f"IDX files in '{paths[0].parent}'")


def _read_pair(image_path: Path, label_path: Path, n_classes: int) -> Split:
    images = idx.read_images(image_path)
    labels = idx.read_labels(label_path, n_classes)
    if len(images) != len(labels):
        raise DataError(
            f"{label_path}: labels do not match the images, got {len(labels)} labels; "
            f"expected {len(images)} as in '{image_path.name}'; give files of one set"
        )
    return Split(images, labels)


def _from_named_folder(source: ImageSource, data_dir: Path) -> Images:
    paths = _in_data_dir(source, data_dir)
    if paths is None:
        what = "no files in it" if data_dir.is_dir() else "no such folder"
        raise DataError(
            f"data_dir: '{data_dir}' does not hold {source.name}, got {what}; expected "
            f"{', '.join(FILES)} (plain or .gz) in '{data_dir / source.name}' or "
            f"'{data_dir}'; correct --data-dir or leave it out"
        )
    foreign = _foreign_name(source, paths)
    if foreign is not None:
        raise DataError(
            f"data_dir: the files in '{paths[0].parent}' are another data set, got "
            f"{foreign}; expected {source.name}; correct --data-dir or the name"
        )
    return read_images(source, paths)


def folder_of_variable(value: str) -> Path:
    """Return the folder that ``EVENTSIM_DATA_DIR`` names.

    Parameters
    ----------
    value : str
        Value of the variable, not empty.

    Returns
    -------
    Path
        A folder that exists.

    Raises
    ------
    DataError
        If there is no such folder.
    """
    folder = Path(os.path.expanduser(value))  # leaves an unknown ~user as it is
    if not folder.is_dir():
        what = "something that is no folder" if folder.exists() else "no such folder"
        raise DataError(
            f"{DATA_DIR_VARIABLE}: '{value}' cannot be searched, got {what}; expected "
            "a folder that exists, with or without the data set in it; correct or "
            f"unset {DATA_DIR_VARIABLE}, or pass --data-dir"
        )
    return folder


def _in_data_dir(source: ImageSource, data_dir: Path) -> tuple[Path, ...] | None:
    """Return the files of the most specific folder that has any of them."""
    for folder in (data_dir / source.name, data_dir):
        paths = _complete_set(folder)
        if paths:
            return paths
    return None


def _complete_set(folder: Path) -> tuple[Path, ...] | None:
    """Return the four files of a folder, or None if it has none of them."""
    found = {name: _existing(folder, name) for name in FILES}
    missing = [name for name, path in found.items() if path is None]
    if len(missing) == len(FILES):
        return None
    if missing:
        raise DataError(
            f"{folder}: the data set is not complete, got {len(FILES) - len(missing)} "
            f"of {len(FILES)} files; expected also {', '.join(missing)} (plain or "
            ".gz); add what is missing"
        )
    return tuple(path for path in found.values() if path is not None)


def _existing(folder: Path, name: str) -> Path | None:
    dotted = name.replace("-idx", ".idx")
    for file_name in (f"{name}.gz", name, f"{dotted}.gz", dotted):
        if (folder / file_name).is_file():
            return folder / file_name
    return None


def _from_cache(source: ImageSource, cache: Path) -> tuple[Path, ...] | None:
    """Return the cached files if all are there and are the published ones."""
    paths = []
    for file_name, digest in published_files(source).items():
        path = cache / file_name
        if not path.is_file() or _sha256(path.read_bytes()) != digest:
            return None
        paths.append(path)
    return tuple(paths)


def _foreign_name(source: ImageSource, paths: tuple[Path, ...]) -> str | None:
    """Return the name of the other data set that these files are, if any."""
    if not source.foreign_labels:
        return None
    labels = idx.read_idx(paths[1], 1)
    content = b"\0\0\x08\x01" + len(labels).to_bytes(4, "big") + labels.tobytes()
    return source.foreign_labels.get(_sha256(content))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
