"""Where a neuron could be made to fire, and what such a spike depends on.

One neuron of each sample, the label's, gathers its arrivals and is run once more.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from eventsim.engine.neuron_adjoint_kernels import (
    N_SUMS,
    Share,
    keep,
    kept,
    replay,
    share_times,
    unrun_neuron,
)
from eventsim.engine.neuron_run_kernels import CROSSED, FORCED, move
from eventsim.engine.sweep.arrival_kernels import (
    Train,
    Wiring,
    chain,
    gather,
    most_arrivals,
    new_arrivals,
    new_sorting,
)
from eventsim.engine.sweep.gathered_adjoint_kernels import (
    InputSums,
    Sums,
    add_shares,
    new_fired,
    new_trace,
)
from eventsim.engine.sweep.rise_kernels import last_rise
from eventsim.jit import jit
from eventsim.neurons.dynamics import receive


@jit()
def own_spikes(time, neuron, number, arrivals, n, fired):
    """Write the spikes of one neuron to `fired`, as far as they are its own.

    Returns
    -------
    int
        How many there are.
    """
    count, a = 0, 0
    for k in range(time.size):
        if neuron[k] == number:
            while a < n and arrivals.time[a] < time[k]:
                a += 1
            fired.time[count] = time[k]
            fired.kind[count] = CROSSED
            fired.n_before[count] = a
            fired.d_time[count] = 0.0
            count += 1
    return count


@jit()
def latest_rise(d, theta, j, arrivals, n, fired, count, trace, t_end, least):
    """Return the last time after a neuron's own spikes at which it rises so fast.

    Parameters
    ----------
    d : Dynamics
        Constants.
    theta, j : float
        Threshold and drive.
    arrivals : Arrivals
        What arrives, in order of time.
    n : int
        Number of arrivals.
    fired : Fired
        The neuron's own spikes.
    count : int
        How many of them.
    trace : Trace
        Scratch.
    t_end : float, network time units
        End of the run.
    least : float, 1 / network time unit
        Slope.

    Returns
    -------
    float, network time units
        ``inf`` if there is none.
    """
    replay(d, theta, j, arrivals, fired, count, trace)
    first = fired.n_before[count - 1] if count > 0 else 0
    begin = fired.time[count - 1] if count > 0 else 0.0
    free = begin + d.refractory if count > 0 else -math.inf
    event = first + count
    v, i, p, q = kept(trace.after, event)
    now, last = begin, first
    while last < n and arrivals.time[last] <= t_end:
        t = arrivals.time[last]
        v, i, p, q = move(d, v, i, p, q, j, now, t, free)
        v, i = receive(d, v, i, arrivals.weight[last])
        last += 1
        keep(trace.after, event + last - first, v, i, p, q)
        now = t
    until = t_end
    for a in range(last, first - 1, -1):
        now = arrivals.time[a - 1] if a > first else begin
        v, i, p, q = kept(trace.after, event + a - first)
        if until > max(now, free):
            start = max(now, free)
            v, i, p, q = move(d, v, i, p, q, j, now, start, free)
            dt = last_rise(d, v, i, j, least, until - start)
            if dt >= 0:
                return min(start + dt, until)
        until = now
    return math.inf


@jit()
def events_of(wiring, train, out_time, out_neuron, number):
    """Return all that arrives at one neuron of a sample, and its own spikes.

    Parameters
    ----------
    wiring, train
        As in `eventsim.engine.sweep.gathered_kernels.run_block`.
    out_time, out_neuron : ndarray, shape (n_spikes,)
        The layer's spikes in the sample.
    number : int
        The neuron.

    Returns
    -------
    arrivals : Arrivals
        What arrives, in order of time.
    n : int
        How much of it.
    fired : Fired
        Its own spikes, with room for one more.
    count : int
        How many of them.
    """
    count_in = np.zeros(wiring.n_in, np.int64)
    room = most_arrivals(wiring, train, count_in, number, number + 1)
    arrivals = new_arrivals(room)
    sorting = new_sorting(wiring.n_in, train.time.size, room)
    chain(train, sorting)
    n = gather(wiring, train, number, sorting, arrivals)
    fired = new_fired(out_time.size + 1)
    count = own_spikes(out_time, out_neuron, number, arrivals, n, fired)
    return arrivals, n, fired, count


@jit()
def force_neuron(
    d, wiring, theta, drive, train, out_time, out_neuron, number, t_end, rise, silent
):
    """Return when one neuron of a sample can be made to fire, ``inf`` = not at all.

    Parameters
    ----------
    d, wiring, theta, drive, train
        As in `eventsim.engine.sweep.gathered_kernels.run_block`.
    out_time, out_neuron : ndarray, shape (n_spikes,)
        The layer's spikes in the sample.
    number : int
        The neuron.
    t_end : float, network time units
        End of the run.
    rise : float, thresholds per run
        Least slope.
    silent : bool
        Whether only a silent neuron is to fire.
    """
    arrivals, n, fired, count = events_of(wiring, train, out_time, out_neuron, number)
    room = arrivals.time.size
    if count >= d.max_spikes or (silent and count > 0):
        return math.inf
    trace = new_trace(room, count + 1)
    least = rise * d.factor * theta[number] / t_end
    return latest_rise(
        d, theta[number], drive[number], arrivals, n, fired, count, trace, t_end, least
    )


@jit()
def unforce_neuron(
    d, wiring, theta, drive, train, out_time, out_neuron, number, forced, d_forced,
    rule, sums, inputs,
):  # fmt: skip
    """Differentiate a loss on one forced spike.

    Parameters
    ----------
    d, wiring, theta, drive, train, out_time, out_neuron, number
        As in `force_neuron`.
    forced, d_forced : float
        Time and dL/dT of the spike.
    rule : Rule
        Options.
    sums : Sums
        Weights and drives are added to.
    inputs : InputSums
        Added to.
    """
    arrivals, n, fired, count = events_of(wiring, train, out_time, out_neuron, number)
    room = arrivals.time.size
    before = fired.n_before[count - 1] if count > 0 else 0
    while before < n and arrivals.time[before] < forced:
        before += 1
    fired.time[count] = forced
    fired.kind[count] = FORCED
    fired.n_before[count] = before
    fired.d_time[count] = d_forced
    trace = new_trace(room, count + 1)
    share = Share(np.empty(room), np.empty(room))
    j = drive[number]
    _, by_drive = unrun_neuron(
        d, theta[number], j, arrivals, fired, count + 1, trace, rule, share,
        sums.constants,
    )  # fmt: skip
    if rule.tau_g > 0:
        share_times(d, j, arrivals, fired, count + 1, rule.tau_g, share)
    sums.drive[number] += by_drive
    add_shares(wiring, train, arrivals, before, share, sums, inputs)


@jit(parallel=True)
def find_forced(
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
    out_samples,
    chosen,
    t_end,
    rise,
    only_if_silent,
    forced,
):
    """Find where one neuron of each sample can be made to fire.

    Parameters
    ----------
    d, offsets, source, weight, delay, n_in, is_multiple, theta, drive
        As in `eventsim.engine.sweep.gathered_kernels.run_tasks`.
    time, neuron, value, samples
        Input spikes, likewise.
    out_time, out_neuron, out_samples
        Spikes of the layer.
    chosen : ndarray, shape (batch,), int64
        The neuron of each sample.
    t_end, rise : float
        As in `force_neuron`.
    only_if_silent : bool
        Leave neurons alone that fire.
    forced : ndarray, shape (batch,), network time units
        Written: times, ``inf`` = none.
    """
    for b in prange(samples.size - 1):
        first, last = samples[b], samples[b + 1]
        low, high = out_samples[b], out_samples[b + 1]
        values = value[first:last] if value.size else value
        wiring = Wiring(offsets, source, weight, delay, n_in, is_multiple)
        train = Train(time[first:last], neuron[first:last], values)
        forced[b] = force_neuron(
            d, wiring, theta, drive, train, out_time[low:high], out_neuron[low:high],
            chosen[b], t_end, rise, only_if_silent,
        )  # fmt: skip


@jit(parallel=True)
def unrun_forced(
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
    out_samples,
    chosen,
    forced,
    d_forced,
    slot,
    rule,
    d_weight,
    d_drive,
    d_input_time,
    d_value,
):
    """Differentiate a loss on forced spikes by weights, drives and input times.

    Parameters
    ----------
    d, offsets, source, weight, delay, n_in, is_multiple, theta, drive, time, neuron,
    value, samples, out_time, out_neuron, out_samples, chosen
        As in `find_forced`.
    forced, d_forced : ndarray, shape (batch,)
        Times and dL/dT of the forced spikes.
    slot : ndarray, shape (n_synapses,), int64
        Where the gradients of each synapse belong.
    rule : Rule
        Options.
    d_weight, d_drive : ndarray, shape (n_chunks, size)
        Added to; a row for each chunk of samples.
    d_input_time, d_value : ndarray, shape (n_spikes,)
        Added to.
    """
    batch, n_chunks = samples.size - 1, d_weight.shape[0]
    none, constants = np.zeros(0), np.zeros((n_chunks, N_SUMS))
    for chunk in prange(n_chunks):
        wiring = Wiring(offsets, source, weight, delay, n_in, is_multiple)
        sums = Sums(slot, d_weight[chunk], none, none, d_drive[chunk], constants[chunk])
        for b in range(chunk * batch // n_chunks, (chunk + 1) * batch // n_chunks):
            if forced[b] == math.inf or d_forced[b] == 0:
                continue
            first, last = samples[b], samples[b + 1]
            low, high = out_samples[b], out_samples[b + 1]
            values = value[first:last] if value.size else value
            unforce_neuron(
                d,
                wiring,
                theta,
                drive,
                Train(time[first:last], neuron[first:last], values),
                out_time[low:high],
                out_neuron[low:high],
                chosen[b],
                forced[b],
                d_forced[b],
                rule,
                sums,
                InputSums(d_input_time[first:last], d_value[first:last]),
            )
