r"""Yin-yang: points in the plane, told apart by the yin-yang symbol they lie on.

The symbol is a disk of radius :math:`R = 1/2` around (1/2, 1/2), so it fills the
unit square. Two dots of radius :math:`R/5` sit at (1/4, 1/2) and (3/4, 1/2); a
lobe of radius :math:`R/2` surrounds each. Outside the dots, yin is the left lobe
and the upper half of the disk less the right lobe; yang is the rest, which is
yin turned by half a turn. A sample is (x, y, 1 - x, 1 - y): with the mirrored
coordinates, a network without biases has a spike early for small values too.

References
----------
Kriener, Goeltz, Petrovici, "The Yin-Yang dataset", NICE 2022, arXiv:2102.08211.
"""

from __future__ import annotations

import numpy as np

from eventsim.datasets.records import Dataset, Request, Split

YIN, YANG, DOT = 0, 1, 2
N_CLASSES = 3
RADIUS = 0.5
DOT_RADIUS = 0.1
DEFAULT_SIZES = {"train": 5000, "validation": 1000, "test": 1000}
_SEEDS = {"train": 42, "validation": 41, "test": 40}
_BLOCK = 4096


def load(request: Request) -> Dataset:
    """Generate the data set; it is the same at every call.

    Parameters
    ----------
    request : Request
        The sizes in it are the sizes of the parts, and may exceed the defaults
        of 5,000, 1,000 and 1,000; a smaller part is the beginning of a larger one.

    Returns
    -------
    Dataset
        Three parts generated from different seeds.
    """
    return Dataset(
        name="yin-yang",
        n_classes=N_CLASSES,
        input_shape=(4,),
        source="generated",
        train=_part("train", request.limit_train),
        validation=_part("validation", request.n_validation),
        test=_part("test", request.limit_test),
    )


def _part(name: str, size: int | None) -> Split:
    return generate(DEFAULT_SIZES[name] if size is None else size, _SEEDS[name])


def generate(n: int, seed: int) -> Split:
    """Draw points on the symbol, each class equally often.

    Points are drawn uniformly in the square and sorted into one queue per class;
    the samples take from these queues in a random order of classes.

    Parameters
    ----------
    n : int
        Number of samples, not negative.
    seed : int
        Seed of the random generators.

    Returns
    -------
    Split
        Inputs of shape (n, 4), float64, in [0, 1]; labels yin 0, yang 1, dot 2.
        The counts of two classes differ by at most one, in every beginning too.
    """
    class_stream, point_stream = (
        np.random.PCG64(child) for child in np.random.SeedSequence(seed).spawn(2)
    )
    n_rounds = -(-n // N_CLASSES)
    rounds = np.argsort(_uniform(class_stream, n_rounds, N_CLASSES), axis=1)
    labels = rounds.reshape(-1)[:n].astype(np.int64)
    points = np.empty((n, 2))
    queues: list[np.ndarray] = [np.empty((0, 2))] * N_CLASSES
    while min(len(queue) for queue in queues) < n_rounds:
        drawn = _uniform(point_stream, _BLOCK, 2)
        classes = classify(drawn[:, 0], drawn[:, 1])
        for label in range(N_CLASSES):
            queues[label] = np.concatenate([queues[label], drawn[classes == label]])
    for label in range(N_CLASSES):
        members = np.flatnonzero(labels == label)
        points[members] = queues[label][: len(members)]
    return Split(np.hstack([points, 1 - points]), labels)


def _uniform(stream: np.random.PCG64, n_rows: int, n_columns: int) -> np.ndarray:
    """Return numbers in [0, 1) that are the same in every version of NumPy."""
    raw = stream.random_raw(n_rows * n_columns)
    return (raw >> np.uint64(11)).reshape(n_rows, n_columns) * 2.0**-53


def classify(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Say which part of the symbol each point lies on.

    Parameters
    ----------
    x, y : ndarray, shape (n,), dimensionless
        Coordinates; the symbol fills the square from 0 to 1.

    Returns
    -------
    ndarray, shape (n,), int64
        `YIN`, `YANG` or `DOT`, and -1 outside the disk.
    """
    u, v = x - RADIUS, y - RADIUS
    to_left = np.hypot(u + RADIUS / 2, v)
    to_right = np.hypot(u - RADIUS / 2, v)
    in_left_lobe = to_left <= RADIUS / 2
    in_right_lobe = to_right < RADIUS / 2
    in_yin = in_left_lobe | ((v > 0) & ~in_right_lobe)
    part = np.where(in_yin, YIN, YANG)
    part = np.where(np.minimum(to_left, to_right) <= DOT_RADIUS, DOT, part)
    return np.where(np.hypot(u, v) <= RADIUS, part, -1).astype(np.int64)
