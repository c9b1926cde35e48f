"""Fixed, stratified choices of samples.

The choices depend on the labels alone, never on the seed of a run, so that two
runs are always compared on the same validation samples.
"""

from __future__ import annotations

import numpy as np

from eventsim.datasets.records import Request, Split
from eventsim.errors import DataError

_SPLIT_SEED = 20230


def stratified_order(labels: np.ndarray) -> np.ndarray:
    """Order the samples so that every prefix has the class shares of the whole.

    Each class is shuffled and its members are laid out at equal distances on
    [0, 1]; the order is read off that line. Among the first k samples, a class
    that holds the share s of all n has ``k s`` samples within (1 + C s) / 2, for
    C classes: within one sample where the classes are balanced.

    Parameters
    ----------
    labels : ndarray, shape (n,), int64
        Class of each sample, from 0.

    Returns
    -------
    ndarray, shape (n,), int64
        A permutation of ``0 .. n - 1``, the same at every call.
    """
    # Raw numbers, because NumPy promises to keep these between its versions.
    raw = np.random.PCG64(_SPLIT_SEED).random_raw(len(labels))
    shuffled = np.argsort(raw, kind="stable")
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    rank_in_class = np.arange(len(labels)) - np.repeat(
        np.cumsum(counts) - counts, counts
    )
    position = (rank_in_class + 0.5) / np.repeat(counts, counts)
    return by_class[np.argsort(position, kind="stable")]


def limit(split: Split, n_most: int | None) -> Split:
    """Keep at most `n_most` samples, the first ones of the stratified order.

    Parameters
    ----------
    split : Split
        Samples to choose from.
    n_most : int or None
        Upper bound, positive; ``None`` keeps all.

    Returns
    -------
    Split
        The chosen samples in their original order.
    """
    if n_most is None or n_most >= len(split):
        return split
    return split.take(np.sort(stratified_order(split.labels)[:n_most]))


def take_validation(split: Split, n_validation: int, where: str) -> tuple[Split, Split]:
    """Set samples aside for validation.

    Parameters
    ----------
    split : Split
        All training samples.
    n_validation : int
        Number of samples to set aside, not negative.
    where : str
        Name of the data set, for the error message.

    Returns
    -------
    train, validation : Split
        Two parts without a common sample, each in the original order.

    Raises
    ------
    DataError
        If nothing would be left to train on.
    """
    if n_validation >= len(split):
        raise DataError(
            f"{where}: the validation split leaves nothing to train on, got "
            f"n_validation {n_validation}; expected less than the {len(split)} "
            "training samples; lower n_validation"
        )
    order = stratified_order(split.labels)
    validation, train = np.sort(order[:n_validation]), np.sort(order[n_validation:])
    return split.take(train), split.take(validation)


def check_numbers(request: Request, where: str) -> None:
    """Refuse sizes that no data set can have.

    Parameters
    ----------
    request : Request
        Sizes asked for.
    where : str
        Name of the data set, for the error message.

    Raises
    ------
    DataError
        If `n_validation` is negative or a limit is not positive.
    """
    least = {"n_validation": 0, "limit_train": 1, "limit_test": 1}
    for name, smallest in least.items():
        value = getattr(request, name)
        if value is not None and value < smallest:
            raise DataError(
                f"{where}: {name} is too small, got {value}; expected {smallest} or "
                "more; leave it out for the default"
            )
