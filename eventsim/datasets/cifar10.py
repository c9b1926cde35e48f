"""CIFAR-10: 60,000 colour images of ten kinds of things, 32 x 32 pixels.

References
----------
Krizhevsky, "Learning multiple layers of features from tiny images", technical
report, University of Toronto, 2009.
"""

from __future__ import annotations

from eventsim.datasets.cifar_files import CifarSource, find_cifar
from eventsim.datasets.image_set import as_dataset
from eventsim.datasets.records import Dataset, Request

SOURCE = CifarSource(
    name="cifar10",
    n_classes=10,
    label_sizes=(10,),
    train_files=tuple(f"data_batch_{k}.bin" for k in range(1, 6)),
    test_file="test_batch.bin",
    folder="cifar-10-batches-bin",
    archive="cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    python_version=("cifar-10-python.tar.gz", "cifar-10-batches-py"),
)
N_VALIDATION = 5000


def load(request: Request) -> Dataset:
    """Load CIFAR-10.

    Parameters
    ----------
    request : Request
        What to load; there is no stand-in, so `offline_fallback` has no effect.

    Returns
    -------
    Dataset
        50,000 training images less the validation part, and 10,000 test images.

    Raises
    ------
    DataError
        If the files are not found or damaged.
    """
    images = find_cifar(SOURCE, request.data_dir)
    return as_dataset(SOURCE, images, request, N_VALIDATION)
