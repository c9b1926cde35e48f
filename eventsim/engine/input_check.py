"""What every engine asks of its input."""

from __future__ import annotations

from math import prod

import numpy as np

from eventsim.errors import ShapeError
from eventsim.network import Network
from eventsim.spikes import SpikeTrains


def check_shape_and_type(where: str, network: Network, values: np.ndarray) -> None:
    """Refuse a batch that does not fit the network.

    Parameters
    ----------
    where : str
        Start of the message.
    network : Network
        What the batch is for.
    values : ndarray, shape (batch, *input shape)
        Activations or times of the input.

    Raises
    ------
    ShapeError
        If the shape or the float type is not that of the network.
    """
    if values.shape[1:] != network.input_shape or values.shape[:1] in ((), (0,)):
        raise ShapeError(
            f"{where}: input has shape {values.shape}; expected (batch, "
            f"{', '.join(map(str, network.input_shape))}), at least one sample"
        )
    for _, layer in network.spiking_layers:
        if layer.weight is not None and layer.weight.dtype != values.dtype:
            raise ShapeError(
                f"{where}: {layer.name} has {layer.weight.dtype} weights, the input is "
                f"{values.dtype}; expected the same type"
            )


def check_activations(where: str, network: Network, activation: np.ndarray) -> None:
    """Refuse activations that are no input spikes of the network.

    Parameters
    ----------
    where : str
        Start of the message.
    network : Network
        What the batch is for.
    activation : ndarray, shape (batch, *input shape), dimensionless
        Activations.

    Raises
    ------
    ShapeError
        If the shape or type does not fit, or a value is NaN or outside [0, 1].
    """
    check_shape_and_type(where, network, activation)
    low, high = activation.min(), activation.max()
    if not (low >= 0 and high <= 1):
        raise ShapeError(
            f"{where}: activations run from {low} to {high}; expected numbers from 0 "
            "to 1, that is spike times inside the input window"
        )


def check_size(network: Network, spikes: SpikeTrains) -> None:
    """Refuse input that has no sample or another number of neurons."""
    n_in = prod(network.input_shape)
    if spikes.n_neurons != n_in or spikes.batch == 0:
        raise ShapeError(
            f"simulate: the spikes hold {spikes.batch} samples of {spikes.n_neurons} "
            f"neurons; expected at least one sample of {n_in} neurons"
        )


def check_spikes(network: Network, spikes: SpikeTrains) -> None:
    """Refuse input that does not fit a network of static thresholds.

    Raises
    ------
    ShapeError
        If the number of neurons is another one, there is no sample, or a spike comes
        before 0.
    """
    check_size(network, spikes)
    if spikes.time.size and spikes.time.min() < 0:
        raise ShapeError(
            f"simulate: an input spike comes at {spikes.time.min()}; expected times "
            "from 0 on; shift the input"
        )
