"""CIFAR-100: 60,000 colour images of a hundred kinds of things, 32 x 32 pixels.

The labels are the hundred fine ones; the twenty coarse ones are checked and left.

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
    name="cifar100",
    n_classes=100,
    label_sizes=(20, 100),
    train_files=("train.bin",),
    test_file="test.bin",
    folder="cifar-100-binary",
    archive="cifar-100-binary.tar.gz",
    sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    python_version=("cifar-100-python.tar.gz", "cifar-100-python"),
)
N_VALIDATION = 5000


def load(request: Request) -> Dataset:
    """Load CIFAR-100.

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
