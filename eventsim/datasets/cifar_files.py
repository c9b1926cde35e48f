"""Find the binary version of CIFAR-10 or CIFAR-100, in a fixed order of places.

The published archive is read as it is and never unpacked to disk. The Python version
is not read: it consists of pickles, which may run any code when they are loaded.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eventsim.datasets import download
from eventsim.datasets.cifar_records import read_records
from eventsim.datasets.image_files import (
    DATA_DIR_VARIABLE,
    Images,
    folder_of_variable,
)
from eventsim.datasets.records import Split
from eventsim.errors import DataError

MIRRORS = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")


@dataclass(frozen=True)
class CifarSource:
    """What the files of one data set are called, and how to know them.

    Parameters
    ----------
    name : str
        Name of the data set and of the user's folder for it.
    n_classes : int
        Number of classes.
    label_sizes : tuple of int
        For each label byte of a record, the number of classes it may name; the last
        is `n_classes`.
    train_files : tuple of str
        Files with training images, in order; each has the same number of images.
    test_file : str
        File with test images.
    folder : str
        Folder of the files in the published archive.
    archive : str
        Name of the published archive.
    sha256 : str
        SHA-256 of the published archive.
    python_version : tuple of str
        Archive and folder of the version that is not read.
    n_train, n_test : int
        Numbers of images as published.
    mirrors : tuple of str
        URLs of folders that hold the archive, best first; each ends in ``/``.
    """

    name: str
    n_classes: int
    label_sizes: tuple[int, ...]
    train_files: tuple[str, ...]
    test_file: str
    folder: str
    archive: str
    sha256: str
    python_version: tuple[str, ...]
    n_train: int = 50_000
    n_test: int = 10_000
    mirrors: tuple[str, ...] = MIRRORS


def find_cifar(source: CifarSource, data_dir: Path | None) -> Images:
    """Look for a data set in every place it may be, best first, and read it.

    The order is: `data_dir` or else the folder in ``EVENTSIM_DATA_DIR``, the user
    cache, download into the user cache.

    Parameters
    ----------
    source : CifarSource
        Data set to look for.
    data_dir : Path or None
        Folder named by the user. If given, no other place is tried.

    Returns
    -------
    Images
        The samples.

    Raises
    ------
    DataError
        If no place has the data set, the folder in ``EVENTSIM_DATA_DIR`` does not
        exist, or files that were found are incomplete or damaged.
    """
    if data_dir is not None:
        images = _in_data_dir(source, data_dir)
        if images is None:
            raise _not_in_data_dir(source, data_dir)
        return images
    tried = []
    variable = os.environ.get(DATA_DIR_VARIABLE)
    if variable:
        folder = folder_of_variable(variable)
        images = _in_data_dir(source, folder)
        if images is not None:
            return images
        pickled = _python_version(source, folder) is not None
        what = "only the Python version" if pickled else "no such files"
        tried.append(f"{DATA_DIR_VARIABLE} '{variable}': {what}")
    else:
        tried.append(f"{DATA_DIR_VARIABLE}: not set")
    cache = download.cache_folder(source.name)
    archive = cache / source.archive
    if archive.is_file() and _sha256(archive) == source.sha256:
        return _read_archive(source, archive)
    tried.append(f"cache '{cache}': no such file")
    fetched = download.fetch(source.mirrors, {source.archive: source.sha256}, cache)
    if isinstance(fetched, download.Failed):
        raise DataError(
            f"{source.name}: the data set was not found, got "
            f"({'; '.join((*tried, fetched.reason))}); expected {source.archive} or "
            f"its files; connect to a network, or get it from {source.mirrors[0]} and "
            "give its folder with --data-dir"
        )
    return _read_archive(source, fetched[0])


def _in_data_dir(source: CifarSource, data_dir: Path) -> Images | None:
    """Read the most specific place below a folder, or return None if none is there."""
    for base in (data_dir / source.name, data_dir):
        images = _read_folder(source, base / source.folder)
        if images is not None:
            return images
        archive = base / source.archive
        if archive.is_file():
            return _read_published_archive(source, archive)
        images = _read_folder(source, base)
        if images is not None:
            return images
    return None


def _not_in_data_dir(source: CifarSource, data_dir: Path) -> DataError:
    expected = (
        f"expected the binary version, {source.archive} or its folder "
        f"{source.folder}, in '{data_dir / source.name}' or '{data_dir}'"
    )
    pickled = _python_version(source, data_dir)
    if pickled is not None:
        return DataError(
            f"data_dir: '{data_dir}' holds {source.name} as pickles, which are not "
            f"read because they may run code, got '{pickled}'; {expected}; get it "
            f"from {source.mirrors[0]}"
        )
    what = "no files of it" if data_dir.is_dir() else "no such folder"
    return DataError(
        f"data_dir: '{data_dir}' does not hold {source.name}, got {what}; {expected}; "
        "correct --data-dir or leave it out"
    )


def _python_version(source: CifarSource, data_dir: Path) -> Path | None:
    """Return a path of the version in pickles, if there is one."""
    bases = (data_dir / source.name, data_dir)
    places = [base / name for base in bases for name in source.python_version]
    if data_dir.name in source.python_version:
        places.append(data_dir)
    return next((place for place in places if place.exists()), None)


def _read_folder(source: CifarSource, folder: Path) -> Images | None:
    """Read unpacked files, or return None if the folder has none of them.

    A folder with the published name must hold the published numbers of images; one
    with another name may hold images of the user's own, as many as there are.
    """
    paths = [folder / name for name in _file_names(source)]
    missing = [path.name for path in paths if not path.is_file()]
    if len(missing) == len(paths):
        return None
    if missing:
        raise DataError(
            f"{folder}: the data set is not complete, got {len(paths) - len(missing)} "
            f"of {len(paths)} files; expected also {', '.join(missing)}; add what is "
            "missing"
        )
    parts = []
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error
        parts.append(read_records(content, source.label_sizes, str(path)))
    if folder.resolve().name == source.folder:
        _check_published_sizes(source, paths, parts)
    return _images(parts, f"CIFAR files in '{folder}'")


def _check_published_sizes(
    source: CifarSource, paths: list[Path], parts: list[Split]
) -> None:
    expected = [source.n_train // len(source.train_files)] * len(source.train_files)
    for path, part, n_images in zip(
        paths, parts, (*expected, source.n_test), strict=True
    ):
        if len(part) != n_images:
            raise DataError(
                f"{path}: the number of images differs from the published file, got "
                f"{len(part)}; expected {n_images}; get the file again, or put images "
                f"of your own into a folder named '{source.name}'"
            )


def _read_published_archive(source: CifarSource, archive: Path) -> Images:
    """Read the archive after checking that it is the published one."""
    try:
        digest = _sha256(archive)
    except OSError as error:
        raise _unreadable(archive, error) from error
    if digest != source.sha256:
        raise DataError(
            f"{archive}: this is not the published archive, or not all of it, got "
            f"SHA-256 {digest}; expected {source.sha256}; get it again, or unpack it "
            "and give the folder if the change is meant"
        )
    return _read_archive(source, archive)


def _read_archive(source: CifarSource, archive: Path) -> Images:
    """Read an archive whose SHA-256 has been checked, in memory."""
    parts = []
    with tarfile.open(archive, "r:gz") as members:
        for name in _file_names(source):
            member = members.extractfile(f"{source.folder}/{name}")
            assert member is not None  # the SHA-256 says so
            where = f"{archive}: {name}"
            parts.append(read_records(member.read(), source.label_sizes, where))
    return _images(parts, f"'{archive}'")


def _file_names(source: CifarSource) -> tuple[str, ...]:
    return (*source.train_files, source.test_file)


def _images(parts: list[Split], source_phrase: str) -> Images:
    """Join the training files; the last part is the test file."""
    *train, test = parts
    return Images(
        train=Split(
            np.concatenate([part.inputs for part in train]),
            np.concatenate([part.labels for part in train]),
        ),
        test=test,
        source=source_phrase,
    )


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path}: cannot read the file, got '{error.strerror or error}'; expected a "
        "readable file; correct its permissions or get it again"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
