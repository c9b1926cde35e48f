"""From all images of a data set to its training, validation and test parts."""

from __future__ import annotations

from eventsim.datasets.cifar_files import CifarSource
from eventsim.datasets.image_files import Images, ImageSource
from eventsim.datasets.records import Dataset, Request
from eventsim.datasets.split import limit, take_validation


def as_dataset(
    source: ImageSource | CifarSource,
    images: Images,
    request: Request,
    default_n_validation: int,
    offline_note: str = "",
) -> Dataset:
    """Split images as asked.

    The validation part is taken first, so that it does not depend on the limit
    of the training part.

    Parameters
    ----------
    source : ImageSource or CifarSource
        Data set that the images belong to.
    images : Images
        All its samples.
    request : Request
        Sizes asked for.
    default_n_validation : int
        Size of the validation part if none was asked for.
    offline_note : str
        What to tell the user if the images are a stand-in; empty if they are not.

    Returns
    -------
    Dataset
        The three parts.

    Raises
    ------
    DataError
        If the validation part leaves nothing to train on.
    """
    n_validation = request.n_validation
    if n_validation is None:
        n_validation = default_n_validation
    train, validation = take_validation(images.train, n_validation, source.name)
    return Dataset(
        name=source.name,
        n_classes=source.n_classes,
        input_shape=images.train.inputs.shape[1:],
        train=limit(train, request.limit_train),
        validation=validation,
        test=limit(images.test, request.limit_test),
        source=images.source,
        offline_fallback=bool(offline_note),
        note=offline_note,
    )
