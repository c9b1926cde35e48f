"""Backward run of a layer whose neurons gather their arrivals one by one.

Samples are split into chunks, whatever the number of threads; each chunk adds to
its own copy of the gradients that samples share, so that sums are always taken in
the same order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from eventsim.engine.neuron_adjoint_kernels import (
    Fired,
    Share,
    Trace,
    share_times,
    unrun_neuron,
)
from eventsim.engine.sweep.arrival_kernels import (
    Train,
    Wiring,
    chain,
    gather,
    most_arrivals,
    new_arrivals,
    new_sorting,
)
from eventsim.jit import jit


class Sums(NamedTuple):
    """Gradients that samples share, as far as one chunk has them.

    ``slot`` says where a synapse's share of weight and delay belongs.
    """

    slot: np.ndarray
    weight: np.ndarray
    delay: np.ndarray
    theta: np.ndarray
    drive: np.ndarray
    constants: np.ndarray


class InputSums(NamedTuple):
    """Gradients of one sample's input spikes."""

    time: np.ndarray
    value: np.ndarray


class Output(NamedTuple):
    """Output spikes of one sample, with the loss's derivative by their times."""

    time: np.ndarray
    neuron: np.ndarray
    kind: np.ndarray
    n_before: np.ndarray
    d_time: np.ndarray


@jit()
def new_fired(n_spikes):
    """Return room for the spikes of one neuron."""
    return Fired(
        np.empty(n_spikes),
        np.empty(n_spikes, np.int64),
        np.empty(n_spikes, np.int64),
        np.empty(n_spikes),
    )


@jit()
def new_trace(n_arrivals, n_spikes):
    """Return scratch for the events of one neuron."""
    return Trace(np.empty((n_arrivals + n_spikes + 1, 4)), np.empty((n_spikes, 4)))


@jit()
def take_spikes(output, head, following, neuron, fired):
    """Copy a neuron's spikes up to the last one that the loss depends on.

    Returns
    -------
    int
        Number of spikes copied.
    """
    k = head[neuron]
    n, n_needed = 0, 0
    while k >= 0:
        fired.time[n] = output.time[k]
        fired.kind[n] = output.kind[k]
        fired.n_before[n] = output.n_before[k]
        fired.d_time[n] = output.d_time[k]
        n += 1
        if output.d_time[k] != 0:
            n_needed = n
        k = following[k]
    return n_needed


@jit()
def add_shares(wiring, train, arrivals, n, share, sums, inputs):
    """Add what one neuron's arrivals contribute to the gradients."""
    spike, synapse = arrivals.spike, arrivals.synapse
    by_weight, by_time = share.weight, share.time
    slot, weight, value = sums.slot, wiring.weight, train.value
    d_weight, d_delay = sums.weight, sums.delay
    d_value, d_time = inputs.value, inputs.time
    for a in range(n):
        k, s = spike[a], synapse[a]
        d_value[k] += by_weight[a] * weight[s]
        d_time[k] += by_time[a]
        d_weight[slot[s]] += by_weight[a] * (value[k] if value.size > 0 else 1.0)
        if d_delay.size > 0:
            d_delay[slot[s]] += by_time[a]


@jit()
def unrun_sample(d, wiring, theta, drive, train, output, rule, sums, inputs):
    """Differentiate a loss through the neurons of a layer, for one sample.

    Parameters
    ----------
    d : Dynamics
        Constants.
    wiring : Wiring
        Synapses.
    theta, drive : ndarray, shape (n_out,)
        Thresholds and drives.
    train : Train
        Input spikes.
    output : Output
        Output spikes.
    rule : Rule
        Options.
    sums : Sums
        Added to.
    inputs : InputSums
        Added to.
    """
    n_out, n_spikes = theta.size, output.time.size
    head, following = np.full(n_out, -1, np.int64), np.empty(n_spikes, np.int64)
    for k in range(n_spikes - 1, -1, -1):
        following[k] = head[output.neuron[k]]
        head[output.neuron[k]] = k
    count = np.zeros(max(wiring.n_in, n_out), np.int64)
    most_spikes = 0
    for k in range(n_spikes):
        count[output.neuron[k]] += 1
        most_spikes = max(most_spikes, count[output.neuron[k]])
    count[:] = 0
    room = most_arrivals(wiring, train, count, 0, n_out)
    arrivals, fired = new_arrivals(room), new_fired(most_spikes)
    sorting = new_sorting(wiring.n_in, train.time.size, room)
    trace = new_trace(room, most_spikes)
    share = Share(np.empty(room), np.empty(room))
    chain(train, sorting)
    for neuron in range(n_out):
        n = take_spikes(output, head, following, neuron, fired)
        if n == 0:
            continue
        gather(wiring, train, neuron, sorting, arrivals)
        j = drive[neuron]
        d_theta, d_drive = unrun_neuron(
            d, theta[neuron], j, arrivals, fired, n, trace, rule, share, sums.constants
        )
        if rule.tau_g > 0:
            share_times(d, j, arrivals, fired, n, rule.tau_g, share)
        sums.theta[neuron] += d_theta
        sums.drive[neuron] += d_drive
        n_before = fired.n_before[n - 1]
        add_shares(wiring, train, arrivals, n_before, share, sums, inputs)


@jit(parallel=True)
def unrun_layer(
    d,
    offsets,
    source,
    weight,
    delay,
    n_in,
    is_multiple,
    theta,
    drive,
    time,
    neuron,
    value,
    samples,
    out_time,
    out_neuron,
    out_kind,
    out_before,
    out_samples,
    d_time,
    slot,
    rule,
    d_weight,
    d_delay,
    d_theta,
    d_drive,
    d_constants,
    d_input_time,
    d_value,
):
    """Differentiate a loss through a layer.

    Parameters
    ----------
    d, offsets, source, weight, delay, n_in, is_multiple, theta, drive
        As in `eventsim.engine.sweep.gathered_kernels.run_tasks`.
    time, neuron, value, samples
        Input spikes, likewise.
    out_time, out_neuron, out_kind, out_before : ndarray, shape (n_out_spikes,)
        Output spikes, ordered.
    out_samples : ndarray, shape (batch + 1,), int64
        Output spikes of sample b are ``out_samples[b]:out_samples[b + 1]``.
    d_time : ndarray, shape (n_out_spikes,)
        dL/dT of each output spike.
    slot : ndarray, shape (n_synapses,), int64
        Where the gradients of each synapse belong.
    rule : Rule
        Options.
    d_weight, d_delay, d_theta, d_drive, d_constants : ndarray, (n_chunks, size)
        Added to; a row for each chunk of samples.
    d_input_time, d_value : ndarray, shape (n_spikes,)
        Added to.
    """
    batch, n_chunks = samples.size - 1, d_weight.shape[0]
    for chunk in prange(n_chunks):
        wiring = Wiring(offsets, source, weight, delay, n_in, is_multiple)
        sums = Sums(
            slot,
            d_weight[chunk],
            d_delay[chunk],
            d_theta[chunk],
            d_drive[chunk],
            d_constants[chunk],
        )
        for b in range(chunk * batch // n_chunks, (chunk + 1) * batch // n_chunks):
            first, last = samples[b], samples[b + 1]
            low, high = out_samples[b], out_samples[b + 1]
            values = value[first:last] if value.size else value
            unrun_sample(
                d,
                wiring,
                theta,
                drive,
                Train(time[first:last], neuron[first:last], values),
                Output(
                    out_time[low:high],
                    out_neuron[low:high],
                    out_kind[low:high],
                    out_before[low:high],
                    d_time[low:high],
                ),
                rule,
                sums,
                InputSums(d_input_time[first:last], d_value[first:last]),
            )
