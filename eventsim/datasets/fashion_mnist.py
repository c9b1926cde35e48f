"""Fashion-MNIST: 70,000 grey images of clothing, 28 x 28 pixels.

References
----------
Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking
machine learning algorithms", arXiv:1708.07747, 2017.
"""

from __future__ import annotations

from pathlib import Path

from eventsim.datasets.image_files import ImageSource, NotFound, find_images
from eventsim.datasets.image_set import as_dataset
from eventsim.datasets.records import Dataset, Request
from eventsim.errors import DataError

SOURCE = ImageSource(
    name="fashion-mnist",
    n_classes=10,
    sha256=(
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    foreign_labels={
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5": "mnist"
    },
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    system_folders=(Path("/usr/share/datasets/fashion-mnist"),),
)
N_VALIDATION = 5000


def load(request: Request) -> Dataset:
    """Load Fashion-MNIST.

    Parameters
    ----------
    request : Request
        What to load; there is no stand-in, so `offline_fallback` has no effect.

    Returns
    -------
    Dataset
        60,000 training images less the validation part, and 10,000 test images.

    Raises
    ------
    DataError
        If the files are not found or damaged.
    """
    found = find_images(SOURCE, request.data_dir)
    if isinstance(found, NotFound):
        raise DataError(
            f"fashion-mnist: the data set was not found, got "
            f"({'; '.join(found.tried)}); expected its four IDX files; give "
            "--data-dir, connect to a network, or on Debian run: apt install "
            "dataset-fashion-mnist"
        )
    return as_dataset(SOURCE, found, request, N_VALIDATION)
