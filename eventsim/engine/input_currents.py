"""Direct coding: the constant currents that real inputs give to the first neurons.

Input neuron i injects ``x_i w_ij`` into every neuron j of the first layer with
neurons, for the whole run. Between the input and that layer there may be layers that
are linear: flattened maps, average pools and dropout. So the currents are one linear
map of the inputs, and all engines take them from here, to the last bit.
"""

from __future__ import annotations

import numpy as np

from eventsim.dropout import Masks, masks_of
from eventsim.engine.input_check import check_shape_and_type
from eventsim.engine.weighted_sum_kernels import (
    SAMPLES,
    conv_by_input,
    conv_by_weight,
    conv_sums,
    dense_by_input,
    dense_by_weight,
    dense_sums,
)
from eventsim.errors import ShapeError
from eventsim.jit import single_threaded_blas
from eventsim.network import Layer, Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Conv2d, Dense, Dropout, Flatten, Topology


def first_driven(network: Network) -> int:
    """Return the number, from 1, of the first layer with neurons."""
    return next(k for k, _ in network.spiking_layers)


def require_drivable(where: str, network: Network) -> None:
    """Refuse a network that asks for input currents which it cannot pass on.

    Parameters
    ----------
    where : str
        Start of the message.
    network : Network
        Any; one whose input are spikes passes.

    Raises
    ------
    ShapeError
        If the first layer with neurons is neither dense nor a convolution, has
        synaptic delays, or stands behind a layer that passes single spikes.
    """
    if network.input != "currents":
        return
    k = first_driven(network)
    for layer in network.layers[: k - 1]:
        if not isinstance(layer.topology, AveragePool | Flatten | Dropout):
            raise ShapeError(
                f"{where}: {layer.name} passes single spikes and gets input currents; "
                "expected 'average_pool', 'flatten', 'dropout' or none before the "
                "first neurons"
            )
    layer = network.layers[k - 1]
    if not isinstance(layer.topology, Dense | Conv2d):
        raise ShapeError(
            f"{where}: {layer.name} gets input currents; expected 'dense' or 'conv2d'"
        )
    if layer.synaptic_delay is not None:
        raise ShapeError(
            f"{where}: {layer.name} gets input currents, which act from the start of "
            "the run, and has synaptic delays; expected none; leave them out"
        )


def check_input(
    where: str,
    network: Network,
    spikes: SpikeTrains | None,
    currents: np.ndarray | None,
) -> None:
    """Refuse spikes where currents are the input, and currents where spikes are.

    Parameters
    ----------
    where : str
        Start of the message.
    network : Network
        What the input is for.
    spikes : SpikeTrains or None
        Input spikes.
    currents : ndarray, shape (batch, *input shape), or None
        Input currents.

    Raises
    ------
    ShapeError
        If it is not what ``network.input`` says, or the currents do not fit: shape,
        float type, or a number that is not finite.
    """
    if network.input == "spikes":
        if spikes is None or currents is not None:
            raise ShapeError(
                f"{where}: the input of this network are spikes; expected spikes and "
                "no currents"
            )
        return
    if currents is None:
        raise ShapeError(
            f"{where}: the input of this network are currents, not spikes, and none "
            "are given; expected an array (batch, "
            f"{', '.join(map(str, network.input_shape))}) as 'currents', from Python; "
            "the commands evaluate and gradcheck make it from the data"
        )
    if spikes is not None and spikes.time.size:
        raise ShapeError(
            f"{where}: the input of this network are currents, got "
            f"{spikes.time.size} spikes; expected none"
        )
    check_shape_and_type(where, network, currents)
    if not np.all(np.isfinite(currents)):
        raise ShapeError(
            f"{where}: an input current is NaN or infinite; expected finite numbers"
        )


def no_spikes(batch: int, n_neurons: int) -> SpikeTrains:
    """Return the trains of neurons that never fire."""
    offsets = np.zeros(batch + 1, np.int64)
    return SpikeTrains(np.empty(0), np.empty(0, np.int32), offsets, n_neurons)


def before_first_neurons(
    network: Network, currents: np.ndarray, masks: Masks | None = None
) -> np.ndarray:
    """Return what linear layers make of the inputs.

    Parameters
    ----------
    network : Network
        Its input are currents.
    currents : ndarray, shape (batch, *input shape)
        Inputs.
    masks : sequence of ndarray or None
        What dropout layers keep; None: everything, as it is.

    Returns
    -------
    ndarray, shape (batch, *shape before the first neurons)
        Inputs of the first layer with neurons.
    """
    values = currents
    for layer, kept in _linear_layers(network, masks):
        values = _passed(layer.topology, values, kept)
    return np.ascontiguousarray(values)


def to_network_input(
    network: Network, d_values: np.ndarray, masks: Masks | None = None
) -> np.ndarray:
    """Return derivatives by the network's inputs from those by the first layer's.

    Parameters
    ----------
    network : Network
        Its input are currents.
    d_values : ndarray, shape (batch, *shape before the first neurons)
        By what `before_first_neurons` returned.
    masks : sequence of ndarray or None
        As it was given them.

    Returns
    -------
    ndarray, shape (batch, *input shape)
        By what it was given.
    """
    for layer, kept in reversed(_linear_layers(network, masks)):
        d_values = _unpassed(layer.topology, d_values, kept)
    return d_values


def _linear_layers(
    network: Network, masks: Masks | None
) -> list[tuple[Layer, np.ndarray | None]]:
    """Return the layers before the first neurons, with their masks."""
    n = first_driven(network) - 1
    return list(zip(network.layers[:n], masks_of(network, masks)[:n], strict=True))


def _scaled(
    topology: Dropout, values: np.ndarray, kept: np.ndarray | None
) -> np.ndarray:
    if kept is None:
        return values
    if kept.shape != (len(values), topology.output_shape[-1]):
        raise ShapeError(
            f"dropout: the mask has shape {kept.shape}; expected (batch, n_features)"
        )
    scale = np.where(kept, 1 / (1 - topology.rate), 0).astype(values.dtype)
    return values * scale.reshape(len(values), *[1] * (values.ndim - 2), -1)


def _passed(
    topology: Topology, values: np.ndarray, kept: np.ndarray | None
) -> np.ndarray:
    if isinstance(topology, Dropout):
        return _scaled(topology, values, kept)
    if isinstance(topology, AveragePool):
        parts = [values[part] for part in _window_places(topology)]
        return sum(parts[1:], parts[0]) / values.dtype.type(topology.size**2)
    return values.reshape(len(values), *topology.output_shape)


def _unpassed(
    topology: Topology, d_values: np.ndarray, kept: np.ndarray | None
) -> np.ndarray:
    if isinstance(topology, Dropout):
        return _scaled(topology, d_values, kept)
    shape = (len(d_values), *topology.input_shape)
    if not isinstance(topology, AveragePool):
        return d_values.reshape(shape)
    found = np.zeros(shape, d_values.dtype)
    for part in _window_places(topology):
        found[part] += d_values / d_values.dtype.type(topology.size**2)
    return found


def _window_places(topology: AveragePool) -> list[tuple[slice, ...]]:
    """Return the places of each member of the windows in a batch of maps."""
    height, width, _ = topology.output_shape
    stride = topology.stride
    return [
        (
            slice(None),
            slice(y, y + (height - 1) * stride + 1, stride),
            slice(x, x + (width - 1) * stride + 1, stride),
        )
        for y in range(topology.size)
        for x in range(topology.size)
    ]


def currents_of(layer: Layer, values: np.ndarray) -> np.ndarray:
    """Return the current that its inputs give to every neuron of a layer.

    Parameters
    ----------
    layer : Layer
        Dense or a convolution.
    values : ndarray, shape (batch, *topology.input_shape)
        Inputs, of the weights' float type.

    Returns
    -------
    ndarray, shape (batch, n_neurons)
        ``sum_i x_i w_ij``, the layer's own currents not included. A sample's numbers
        do not depend on the samples beside it.
    """
    topology, weight = layer.topology, np.ascontiguousarray(layer.weight)
    batch = len(values)
    sums = np.empty((batch, *topology.output_shape), weight.dtype)
    with single_threaded_blas():
        if isinstance(topology, Conv2d):
            conv_sums(values, weight, topology.stride, topology.padding, sums)
        else:
            dense_sums(values.reshape(batch, -1), weight, sums)
    return sums.reshape(batch, -1)


def by_weights(layer: Layer, values: np.ndarray, d_currents: np.ndarray) -> np.ndarray:
    """Return derivatives by the weights, summed over the batch.

    Parameters
    ----------
    layer, values
        As in `currents_of`.
    d_currents : ndarray, shape (batch, n_neurons)
        By the currents that it returned.

    Returns
    -------
    ndarray, shape ``topology.weight_shape``
        In the type of the weights.
    """
    topology, batch = layer.topology, len(values)
    assert isinstance(topology, Dense | Conv2d)
    d_sums = _sums_of(topology, d_currents, values.dtype)
    with single_threaded_blas():
        if isinstance(topology, Conv2d):
            shape = (-(-batch // SAMPLES), topology.fan_in, topology.channels)
            partial = np.empty(shape, values.dtype)
            conv_by_weight(
                values,
                d_sums,
                topology.kernel,
                topology.stride,
                topology.padding,
                partial,
            )
            return partial.sum(axis=0).reshape(topology.weight_shape)
        d_weight = np.empty(topology.weight_shape, values.dtype)
        dense_by_weight(values.reshape(batch, -1), d_sums, d_weight)
    return d_weight


def by_values(layer: Layer, d_currents: np.ndarray) -> np.ndarray:
    """Return derivatives by the inputs of a layer, of shape (batch, *input shape)."""
    topology, weight = layer.topology, np.ascontiguousarray(layer.weight)
    d_sums = _sums_of(topology, d_currents, weight.dtype)
    d_values = np.empty((len(d_sums), *topology.input_shape), weight.dtype)
    with single_threaded_blas():
        if isinstance(topology, Conv2d):
            conv_by_input(d_sums, weight, topology.stride, topology.padding, d_values)
        else:
            dense_by_input(d_sums, weight, d_values.reshape(len(d_sums), -1))
    return d_values


def _sums_of(
    topology: Topology, d_currents: np.ndarray, dtype: np.typing.DTypeLike
) -> np.ndarray:
    shape = (len(d_currents), *topology.output_shape)
    return np.ascontiguousarray(d_currents, dtype).reshape(shape)
