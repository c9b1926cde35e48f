"""What a data set is once it has been read: plain arrays, split three ways."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Split:
    """One part of a data set.

    Parameters
    ----------
    inputs : ndarray
        Images: uint8, shape (n, height, width, channels). Features: float64,
        shape (n, d), in [0, 1].
    labels : ndarray, shape (n,), int64
        Class of each sample, from 0.
    """

    inputs: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> Split:
        """Return the samples at `indices`.

        Parameters
        ----------
        indices : ndarray, shape (k,), int64
            Positions to keep, in the order wanted.

        Returns
        -------
        Split
            A copy of those samples.
        """
        return Split(self.inputs[indices], self.labels[indices])


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test samples and where they come from.

    Parameters
    ----------
    name : str
        Name in the registry, for example ``"mnist"``.
    n_classes : int
        Number of classes, positive.
    input_shape : tuple of int
        Shape of one sample: (height, width, channels) or (d,).
    train, validation, test : Split
        The three parts; no sample is in two of them.
    source : str
        Where the samples really come from.
    offline_fallback : bool
        True if a smaller stand-in was used because the full set was out of reach.
    note : str
        One sentence that the user must see; empty if there is nothing to say.
    """

    name: str
    n_classes: int
    input_shape: tuple[int, ...]
    train: Split
    validation: Split
    test: Split
    source: str
    offline_fallback: bool = False
    note: str = ""


@dataclass(frozen=True)
class Request:
    """What the caller of :func:`eventsim.datasets.load` asked for.

    Parameters
    ----------
    data_dir : Path or None
        Folder named by the user; ``None`` leaves the choice to the search order.
    offline_fallback : bool
        Whether a smaller stand-in may be used.
    n_validation : int or None
        Size of the validation part; ``None`` is the default of the data set.
    limit_train, limit_test : int or None
        Upper bound of the number of samples; ``None`` keeps all.
    """

    data_dir: Path | None = None
    offline_fallback: bool = True
    n_validation: int | None = None
    limit_train: int | None = None
    limit_test: int | None = None
