"""Which neurons dropout leaves in, drawn for one batch.

In training a dropout layer drops whole channels of a map, or neurons of a vector, for
the whole run of a sample, and the spikes of the others carry ``1 / (1 - rate)``. The
choice depends on the seed, the epoch and the number of the batch alone, so that a
resumed run drops the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eventsim.errors import ShapeError
from eventsim.network import Network
from eventsim.topology import Dropout

DROPOUT_STREAM = 3

Masks = Sequence[np.ndarray | None]
"""One entry for each layer of a network: for dropout layers what is kept, bool of shape
(batch, n_features); None for the others."""


def draw_masks(network: Network, batch: int, rng: np.random.Generator) -> Masks:
    """Draw what the dropout layers of a network keep.

    Parameters
    ----------
    network : Network
        Any.
    batch : int
        Number of samples.
    rng : numpy.random.Generator
        Advanced by one number for each sample and feature.

    Returns
    -------
    list of ndarray or None
        Masks of all layers.
    """
    return [
        rng.random((batch, layer.topology.output_shape[-1])) >= layer.topology.rate
        if isinstance(layer.topology, Dropout)
        else None
        for layer in network.layers
    ]


def masks_of(network: Network, dropout: Masks | None) -> Masks:
    """Return one entry for each layer, None where nothing is dropped.

    Parameters
    ----------
    network : Network
        Any.
    dropout : sequence of ndarray or None
        What was handed to an engine.

    Returns
    -------
    sequence of ndarray or None
        The same, or None for every layer.

    Raises
    ------
    ShapeError
        If there is not one entry for each layer, or a mask for one that drops nothing.
    """
    if dropout is None:
        return [None] * len(network.layers)
    if len(dropout) != len(network.layers):
        raise ShapeError(
            f"dropout: {len(dropout)} masks for a network of {len(network.layers)} "
            "layers; expected one for each, None for all but dropout layers"
        )
    for layer, kept in zip(network.layers, dropout, strict=True):
        if kept is not None and not isinstance(layer.topology, Dropout):
            raise ShapeError(
                f"dropout: there is a mask for {layer.name}, which is of the kind "
                f"'{layer.topology.kind}'; expected None"
            )
    return dropout


def training_masks(
    network: Network, batch: int, *, seed: int, epoch: int, number: int
) -> dict[str, Masks]:
    """Return what an engine's ``forward`` needs in training.

    Parameters
    ----------
    network : Network
        Any.
    batch : int
        Number of samples.
    seed, epoch, number : int
        Of the run, of its epoch from 1, of the batch in it from 1.

    Returns
    -------
    dict
        ``dropout``, the masks; empty if the network has no dropout layer.
    """
    if not any(isinstance(layer.topology, Dropout) for layer in network.layers):
        return {}
    rng = np.random.default_rng([seed, DROPOUT_STREAM, epoch, number])
    return {"dropout": draw_masks(network, batch, rng)}
