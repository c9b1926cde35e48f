"""Sweep engine: layer after layer, each sample's spikes in time order.

It runs both thresholds of the `relpsp` neuron. With the static one, neurons fire
at the first time at which their potential reaches theta, at any time up to the
end of the run, the network's ``duration``. With the dynamic one,
the layer collects its inputs up to the start of its window; the result is that of
the window engine, by other means. The equations and derivatives are in
`eventsim.neurons.relpsp`.
"""

from __future__ import annotations

import math

import numpy as np

from eventsim.encode import activations_to_times
from eventsim.engine import pool_kernels
from eventsim.engine.buffers import Buffers
from eventsim.engine.fan_out import fan_out
from eventsim.engine.first_spike import sweep_kernels
from eventsim.engine.first_spike.check import require_runnable
from eventsim.engine.first_spike.recording import Events, SweepRecording
from eventsim.engine.gradients import Gradients
from eventsim.engine.input_check import check_activations, check_shape_and_type
from eventsim.errors import ShapeError
from eventsim.network import Layer, Network
from eventsim.topology import Conv2d, Dense, EarliestPool

N_CHUNKS = 8


def forward(
    network: Network, activation: np.ndarray, buffers: Buffers | None = None
) -> SweepRecording:
    """Find every spike of a batch.

    Parameters
    ----------
    network : Network
        Static thresholds, dynamic ones, or dynamic ones followed by static ones.
    activation : ndarray, shape (batch, *input shape), dimensionless, in [0, 1]
        Input spikes as activations ``1 - t / T_w``, of the weights' float type.
    buffers : Buffers, optional
        Reuse arrays between batches; the recording is then valid until the next
        call with the same buffers.

    Returns
    -------
    SweepRecording
        Spike times of every layer and what `backward` needs.

    Raises
    ------
    ShapeError
        If the network cannot be run, or the input does not fit it or is outside
        [0, 1].
    """
    require_runnable(network)
    check_activations("sweep engine", network, activation)
    times = activations_to_times(activation, activation.dtype.type(network.time_window))
    return _run(network, times, buffers)


def forward_times(
    network: Network, times: np.ndarray, buffers: Buffers | None = None
) -> SweepRecording:
    """Find every spike of a batch whose input is given as spike times.

    Parameters
    ----------
    network : Network
        As in `forward`.
    times : ndarray, shape (batch, *input shape), network time units
        Input spike times in ``[0, T_w)``, ``inf`` = never, of the weights' float
        type.
    buffers : Buffers, optional
        As in `forward`.

    Returns
    -------
    SweepRecording
        As in `forward`.

    Raises
    ------
    ShapeError
        If the network cannot be run, or the input does not fit it or is outside
        its window.
    """
    require_runnable(network)
    check_shape_and_type("sweep engine", network, times)
    if not np.all(((times >= 0) & (times < network.time_window)) | (times == np.inf)):
        raise ShapeError(
            f"sweep engine: input times run from {times.min()} to "
            f"{times[times < np.inf].max(initial=0)}; expected 0 up to, but not "
            f"including, the time window {network.time_window}; 'inf' means never"
        )
    return _run(network, times, buffers)


def _run(
    network: Network, times: np.ndarray, buffers: Buffers | None
) -> SweepRecording:
    buffers = Buffers() if buffers is None else buffers
    # Any other layout would compile every kernel once more.
    first_spikes = [np.ascontiguousarray(times)]
    gains: list[np.ndarray | None] = [None]
    n_causal: list[np.ndarray | None] = [None]
    winners: list[np.ndarray | None] = [None]
    events: list[Events | None] = [None]
    traces = None
    for k, layer in enumerate(network.layers, start=1):
        before = first_spikes[-1]
        shape = (before.shape[0], *layer.topology.output_shape)
        gain = causal = winner = arriving = None
        match layer.topology:
            case EarliestPool(size=size, stride=stride):
                after = buffers.get(f"times {k}", shape, before.dtype)
                winner = buffers.get(f"winner {k}", shape, np.int32)
                pool_kernels.pool_earliest(-before, size, stride, after, winner)
                np.negative(after, out=after)
            case Dense() | Conv2d():
                after = buffers.get(f"times {k}", shape, before.dtype)
                gain, causal, arriving, traces = _fire(
                    network, k, before, after, buffers
                )
            case _:
                after = before.reshape(shape)
        first_spikes.append(after)
        gains.append(gain)
        n_causal.append(causal)
        winners.append(winner)
        events.append(arriving)
    return SweepRecording(
        tuple(first_spikes),
        tuple(gains),
        tuple(n_causal),
        tuple(winners),
        tuple(events),
        *(traces or (None, None)),
    )


def _fire(
    network: Network, k: int, before: np.ndarray, after: np.ndarray, buffers: Buffers
) -> tuple[np.ndarray, np.ndarray, Events, tuple[np.ndarray, np.ndarray] | None]:
    """Write the spike times of layer `k`; return what its backward run needs.

    Last come potential and slope at the start of the window, of layers that have one.
    """
    layer = network.layers[k - 1]
    assert isinstance(layer.topology, Dense | Conv2d)
    assert layer.weight is not None
    real = before.dtype.type
    flat = before.reshape(before.shape[0], -1)
    order = buffers.get(f"order {k}", flat.shape, np.int32)
    counts = buffers.get(f"counts {k}", flat.shape[:1], np.int64)
    sweep_kernels.order_events(flat, order, counts)
    table = fan_out(layer.topology)
    shape = (flat.shape[0], table.n_positions, table.n_channels)
    gain = buffers.get(f"gain {k}", shape, before.dtype)
    n_causal = buffers.get(f"n_causal {k}", shape, np.int32)
    weight = layer.weight.reshape(-1, table.n_channels)
    inputs = (flat, order, counts, table.offsets, table.position, table.row, weight)
    outputs = (after.reshape(shape), gain, n_causal)
    traces = None
    if _is_static(layer):
        t_end = real(network.duration)
        sweep_kernels.static_forward(*inputs, layer.theta, t_end, *outputs)
    else:
        start = real(network.window_number(k) * network.time_window)
        window = real(network.time_window)
        potential = buffers.get(f"potential {k}", shape, before.dtype)
        slope = buffers.get(f"slope {k}", shape, before.dtype)
        sweep_kernels.dynamic_forward(
            *inputs, start, window, *outputs, potential, slope
        )
        traces = (potential.reshape(len(flat), -1), slope.reshape(len(flat), -1))
    return gain, n_causal, Events(order, counts), traces


def backward(
    network: Network,
    recording: SweepRecording,
    d_output: np.ndarray,
    *,
    d_potential_end: np.ndarray | None = None,
    derivative_clip: float = math.inf,
    slope_clip: float = math.inf,
    with_input: bool = False,
    buffers: Buffers | None = None,
) -> Gradients:
    """Differentiate a loss through every spike of a recording.

    Parameters
    ----------
    network : Network
        The network that made the recording.
    recording : SweepRecording
        What `forward` returned.
    d_output : ndarray, shape (batch, n_classes)
        dL/dt of the output spikes; ignored where the output is silent.
    d_potential_end : None
        Derivatives of output potentials are the window engine's.
    derivative_clip : float, default inf
        Clip of the factors ``q`` and ``q r`` of neurons with the dynamic
        threshold; ``inf`` is exact.
    slope_clip : float, default inf
        Largest 1/slope of a potential that crosses the static threshold; ``inf`` is
        exact.
    with_input : bool, default False
        Also return the derivative with respect to the input spike times.
    buffers : Buffers, optional
        Reuse arrays between batches.

    Returns
    -------
    Gradients
        Weight gradients, summed over the batch.

    Raises
    ------
    ShapeError
        If `derivative_clip` is given and a threshold is static, or the loss
        differentiates output potentials.
    """
    if network.readout != "spike_time" or d_potential_end is not None:
        raise ShapeError(
            f"sweep engine: readout '{network.readout}' or loss.silence_penalty "
            "differentiates output potentials; expected a loss on spike times alone; "
            "use the window engine"
        )
    buffers = Buffers() if buffers is None else buffers
    weights: list[np.ndarray] = []
    dtype = recording.first_spikes[-1].dtype
    d_after = d_output.astype(dtype).reshape(recording.first_spikes[-1].shape)
    for k in range(len(network.layers), 0, -1):
        layer = network.layers[k - 1]
        before = recording.first_spikes[k - 1]
        d_before = buffers.get(f"d_times {k}", before.shape, dtype)
        match layer.topology:
            case EarliestPool(size=size, stride=stride):
                winner = recording.winners[k]
                pool_kernels.pool_gradient(d_after, winner, size, stride, d_before)
            case Dense() | Conv2d():
                needs_input = with_input or network.window_number(k - 1) > 0
                factor, reference = _factors(
                    network, recording, k, d_after, derivative_clip, slope_clip
                )
                target = d_before if needs_input else d_before[:0]
                weights.append(
                    _layer_backward(
                        layer, recording, k, factor, reference, target, buffers
                    )
                )
            case _:
                d_before = d_after.reshape(before.shape)
        d_after = d_before
    return Gradients(weights[::-1], d_after.copy() if with_input else None)


def _is_static(layer: Layer) -> bool:
    return layer.neuron is not None and layer.neuron.threshold == "static"


def _factors(
    network: Network,
    recording: SweepRecording,
    k: int,
    d_after: np.ndarray,
    derivative_clip: float,
    slope_clip: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return dL/dt times gain, and the time a weight's derivative is counted from.

    For the exact gradient that time is the spike itself. The clipped derivative of
    the dynamic threshold, ``-(a_i min(q, limit) + min(q r, limit))``, is the same
    form about another time.
    """
    layer = network.layers[k - 1]
    gain = recording.gains[k]
    assert gain is not None
    real = gain.dtype.type
    has_gradient = gain > 0
    reference = recording.first_spikes[k].reshape(gain.shape)
    reference = np.where(has_gradient, reference, real(0))
    if slope_clip < math.inf and _is_static(layer):
        gain = np.minimum(gain, real(slope_clip))
    if derivative_clip < math.inf:
        if _is_static(layer):
            raise ShapeError(
                f"sweep engine: derivative_clip {derivative_clip} with the static "
                f"threshold of {layer.name}; expected no clip"
            )
        start = real(network.window_number(k) * network.time_window)
        limit = real(derivative_clip)
        slope_factor = np.minimum(
            gain * (reference - start), limit * network.time_window
        )
        gain = np.minimum(gain, limit)
        shift = slope_factor / np.where(has_gradient, gain, real(1))
        reference = np.where(has_gradient, start + shift, real(0))
    # A silent neuron may come with any d_after: it has no time to move.
    factor = np.where(has_gradient, d_after.reshape(gain.shape), real(0)) * gain
    return factor, reference.astype(gain.dtype)


def _layer_backward(
    layer: Layer,
    recording: SweepRecording,
    k: int,
    factor: np.ndarray,
    reference: np.ndarray,
    d_before: np.ndarray,
    buffers: Buffers,
) -> np.ndarray:
    """Write dL/dt of the inputs and return dL/dw of layer `k`."""
    assert isinstance(layer.topology, Dense | Conv2d)
    assert layer.weight is not None
    events = recording.events[k]
    assert events is not None
    table = fan_out(layer.topology)
    weight = layer.weight.reshape(-1, table.n_channels)
    before = recording.first_spikes[k - 1]
    batch = before.shape[0]
    n_chunks = min(batch, N_CHUNKS)
    partial = buffers.get(f"partial {k}", (n_chunks, *weight.shape), weight.dtype)
    sweep_kernels.sweep_backward(
        before.reshape(batch, -1),
        events.order,
        events.counts,
        table.offsets,
        table.position,
        table.row,
        weight,
        factor,
        reference,
        recording.n_causal[k],
        partial,
        d_before.reshape(d_before.shape[0], math.prod(before.shape[1:])),
    )
    return partial.sum(axis=0).reshape(layer.weight.shape)
