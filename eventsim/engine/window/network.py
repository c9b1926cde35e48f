"""Window engine: exact spike times of whole layers in closed form.

It runs networks in which every layer fires inside its own window (dynamic
threshold), so that a layer's inputs have all arrived before it can fire. Spikes
are kept as activations ``a = 1 - r``, with r the spike time relative to the
layer's window; 0 means silent. The equations and their derivatives are in
`eventsim.neurons.relpsp`.
"""

from __future__ import annotations

import math

import numpy as np

from eventsim.engine import pool_kernels
from eventsim.engine.buffers import Buffers
from eventsim.engine.gradients import Gradients
from eventsim.engine.input_check import check_activations
from eventsim.engine.window import conv_event_kernels, conv_kernels, dense_kernels
from eventsim.engine.window.events import group_by_neuron, list_events
from eventsim.engine.window.recording import Recording
from eventsim.errors import ShapeError
from eventsim.jit import single_threaded_blas
from eventsim.network import Network
from eventsim.topology import Conv2d, Dense, EarliestPool, Flatten


def forward(
    network: Network, activation: np.ndarray, buffers: Buffers | None = None
) -> Recording:
    """Find every spike of a batch.

    Parameters
    ----------
    network : Network
        All thresholds dynamic.
    activation : ndarray, shape (batch, *input shape), dimensionless, in [0, 1]
        Input spikes as activations, of the weights' float type.
    buffers : Buffers, optional
        Reuse arrays between batches; the recording is then valid until the next
        call with the same buffers.

    Returns
    -------
    Recording
        Activations of every layer and what `backward` needs.

    Raises
    ------
    ShapeError
        If the input does not fit the network or is outside [0, 1].
    """
    require_runnable(network)
    check_activations("window engine", network, activation)
    buffers = Buffers() if buffers is None else buffers
    # Any other layout would compile every kernel once more.
    activations = [np.ascontiguousarray(activation)]
    gains: list[np.ndarray | None] = [None]
    winners: list[np.ndarray | None] = [None]
    events = None
    potential = slope = activation
    with single_threaded_blas():
        for k, layer in enumerate(network.layers, start=1):
            before = activations[-1]
            shape = (before.shape[0], *layer.topology.output_shape)
            dtype = before.dtype
            gain = winner = None
            if isinstance(layer.topology, Flatten):
                after = before.reshape(shape)
            else:
                after = buffers.get(f"activation {k}", shape, dtype)
            if layer.neuron is not None:
                gain = buffers.get(f"gain {k}", shape, dtype)
            match layer.topology:
                case Dense():
                    potential = buffers.get(f"potential {k}", shape, dtype)
                    slope = buffers.get(f"slope {k}", shape, dtype)
                    flat = before.reshape(before.shape[0], -1)
                    if network.window_number(k - 1) > 0:
                        dense_kernels.dense_traces(flat, layer.weight, potential, slope)
                    else:
                        events = list_events(flat)
                        dense_kernels.events_traces(
                            events.offsets,
                            events.index,
                            events.value,
                            layer.weight,
                            potential,
                            slope,
                        )
                    dense_kernels.fire_layer(potential, slope, after, gain)
                case Conv2d():
                    _conv_forward(network, k, before, after, gain)
                case EarliestPool(size=size, stride=stride):
                    winner = buffers.get(f"winner {k}", shape, np.int32)
                    pool_kernels.pool_earliest(before, size, stride, after, winner)
            activations.append(after)
            gains.append(gain)
            winners.append(winner)
    return Recording(
        tuple(activations), tuple(gains), tuple(winners), potential, slope, events
    )


def backward(
    network: Network,
    recording: Recording,
    d_output: np.ndarray,
    *,
    d_potential_end: np.ndarray | None = None,
    derivative_clip: float = math.inf,
    with_input: bool = False,
    buffers: Buffers | None = None,
) -> Gradients:
    """Differentiate a loss through every spike of a recording.

    Parameters
    ----------
    network : Network
        The network that made the recording.
    recording : Recording
        What `forward` returned.
    d_output : ndarray, shape (batch, n_classes)
        dL/dt of the output spikes for the readout ``"spike_time"``, else dL/du of
        the output potentials.
    d_potential_end : ndarray, shape (batch, n_classes), optional
        Further dL/du of the output potentials at the end of the last window.
    derivative_clip : float, default inf
        Clip of the factors ``q`` and ``q r`` of each neuron; ``inf`` is exact.
    with_input : bool, default False
        Also return the derivative with respect to the input spike times.
    buffers : Buffers, optional
        Reuse arrays between batches.

    Returns
    -------
    Gradients
        Weight gradients, summed over the batch.
    """
    buffers = Buffers() if buffers is None else buffers
    dtype = recording.output_potential.dtype
    limit = dtype.type(derivative_clip)
    weights: list[np.ndarray] = []
    d_after = _output_adjoint(network, d_output).astype(dtype)
    d_input = None
    with single_threaded_blas():
        for k in range(len(network.layers), 0, -1):
            layer = network.layers[k - 1]
            before = recording.activations[k - 1]
            needs_input = with_input or network.window_number(k - 1) > 0
            d_before = buffers.get(f"d_activation {k}", before.shape, dtype)
            match layer.topology:
                case Dense():
                    d_potential, d_slope = _trace_adjoints(
                        network, recording, k, d_after, limit, buffers
                    )
                    if d_potential_end is not None and k == len(network.layers):
                        d_potential += network.time_window * d_potential_end
                        d_slope += network.time_window * d_potential_end
                    weights.append(
                        _dense_backward(
                            network,
                            recording,
                            k,
                            d_potential,
                            d_slope,
                            d_before if needs_input else d_before[:0],
                            buffers,
                        )
                    )
                case Conv2d():
                    weights.append(
                        _conv_backward(
                            network,
                            recording,
                            k,
                            d_after,
                            limit,
                            d_before if needs_input else d_before[:0],
                            buffers,
                        )
                    )
                case EarliestPool(size=size, stride=stride):
                    winner = recording.winners[k]
                    pool_kernels.pool_gradient(d_after, winner, size, stride, d_before)
                case _:
                    d_before = d_after.reshape(before.shape)
            d_after = d_before
        if with_input:
            silent = recording.activations[0] <= 0
            d_input = np.where(silent, 0, -d_after / network.time_window)
    return Gradients(weights[::-1], d_input)


def require_runnable(network: Network) -> None:
    """Refuse a network that this engine cannot run.

    Parameters
    ----------
    network : Network
        Any.

    Raises
    ------
    ShapeError
        If a threshold is static, or potentials are read from a layer that is not
        dense.
    """
    for _, layer in network.spiking_layers:
        if layer.neuron is None or layer.neuron.threshold != "dynamic":
            raise ShapeError(
                f"window engine: {layer.name} has a static threshold; expected "
                "'dynamic' in every layer; use the sweep engine"
            )
    last = network.layers[-1]
    if network.readout != "spike_time" and not isinstance(last.topology, Dense):
        raise ShapeError(
            f"window engine: readout '{network.readout}' of {last.name}; expected a "
            "'dense' output layer; use the readout 'spike_time'"
        )


def _is_event_driven(network: Network, k: int) -> bool:
    """Tell whether convolution `k` runs spike by spike (see `conv_event_kernels`)."""
    topology = network.layers[k - 1].topology
    return (
        isinstance(topology, Conv2d)
        and topology.stride == 1
        and topology.input_shape[2] == 1
        and network.window_number(k - 1) == 0
    )


def _conv_forward(
    network: Network,
    k: int,
    before: np.ndarray,
    after: np.ndarray,
    gain: np.ndarray | None,
) -> None:
    layer = network.layers[k - 1]
    topology = layer.topology
    assert isinstance(topology, Conv2d)
    if _is_event_driven(network, k):
        conv_event_kernels.conv_events_forward(
            before, layer.weight, topology.padding, after, gain
        )
    else:
        conv_kernels.conv_forward(
            before, layer.weight, topology.stride, topology.padding, after, gain
        )


def _output_adjoint(network: Network, d_output: np.ndarray) -> np.ndarray:
    """Return dL/da for spike times, dL/dA for potentials."""
    if network.readout == "spike_time":
        return -network.time_window * d_output
    return network.time_window * d_output


def _trace_adjoints(
    network: Network,
    recording: Recording,
    k: int,
    d_after: np.ndarray,
    limit: np.floating,
    buffers: Buffers,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the adjoints of potential and slope of a dense layer."""
    after = recording.activations[k]
    d_potential = buffers.get(f"d_potential {k}", after.shape, after.dtype)
    d_slope = buffers.get(f"d_slope {k}", after.shape, after.dtype)
    if k == len(network.layers) and network.readout != "spike_time":
        d_potential[:] = d_after
        d_slope[:] = d_after if network.readout == "potential_end" else 0
    else:
        dense_kernels.adjoint_of_traces(
            d_after, after, recording.gains[k], limit, d_potential, d_slope
        )
    return d_potential, d_slope


def _dense_backward(
    network: Network,
    recording: Recording,
    k: int,
    d_potential: np.ndarray,
    d_slope: np.ndarray,
    d_before: np.ndarray,
    buffers: Buffers,
) -> np.ndarray:
    layer = network.layers[k - 1]
    topology = layer.topology
    assert isinstance(topology, Dense)
    before = recording.activations[k - 1]
    flat = before.reshape(before.shape[0], -1)
    d_weight = buffers.get(f"d_weight {k}", topology.weight_shape, before.dtype)
    if recording.events is not None and network.window_number(k - 1) == 0:
        grouped = group_by_neuron(recording.events, flat.shape[1])
        dense_kernels.events_weight_gradient(
            grouped.offsets,
            grouped.index,
            grouped.value,
            d_potential,
            d_slope,
            d_weight,
        )
    else:
        dense_kernels.dense_weight_gradient(flat, d_potential, d_slope, d_weight)
    if d_before.shape[0] > 0:
        dense_kernels.dense_input_gradient(
            flat, layer.weight, d_potential, d_before.reshape(flat.shape)
        )
    return d_weight


def _conv_backward(
    network: Network,
    recording: Recording,
    k: int,
    d_after: np.ndarray,
    limit: np.floating,
    d_before: np.ndarray,
    buffers: Buffers,
) -> np.ndarray:
    layer = network.layers[k - 1]
    topology = layer.topology
    assert isinstance(topology, Conv2d)
    assert layer.weight is not None
    before, after = recording.activations[k - 1], recording.activations[k]
    n_chunks = math.ceil(before.shape[0] / conv_kernels.SAMPLES)
    partial = buffers.get(
        f"partial {k}", (n_chunks, *topology.weight_shape), after.dtype
    )
    if _is_event_driven(network, k) and d_before.shape[0] == 0:
        conv_event_kernels.conv_events_weight_gradient(
            before,
            topology.padding,
            after,
            recording.gains[k],
            d_after.reshape(after.shape),
            limit,
            partial,
        )
        return partial.sum(axis=0)
    conv_kernels.conv_backward(
        before,
        layer.weight,
        topology.stride,
        topology.padding,
        after,
        recording.gains[k],
        d_after.reshape(after.shape),
        limit,
        partial.reshape(n_chunks, topology.fan_in, topology.channels),
        d_before,
    )
    return partial.sum(axis=0)
