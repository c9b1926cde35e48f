"""Kernels of the sweep engine: events in time order, all their targets at once.

Neurons are ``(position, channel)``, see `eventsim.engine.fan_out`; the inner loops
run over channels, whose weights lie side by side. State is the membrane potential
``u`` and its slope at a position's last event. All events of one time stamp act
before any later test: at equal times the step is 0, the potential has not moved
and nothing can fire. Each sample is worked by one thread, so results depend
neither on threads nor on batching; weight gradients are summed over chunks of
samples fixed by the batch size.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.jit import jit
from eventsim.neurons.relpsp import fire_in_window, time_to_threshold


@jit(parallel=True)
def order_events(times, order, counts):
    """Sort each sample's spikes by time, ties by neuron.

    Parameters
    ----------
    times : ndarray, shape (batch, n), network time units
        First spike times; ``inf`` = never.
    order : ndarray, shape (batch, n), int32
        Written: neurons in order of their spikes; silent ones are left out.
    counts : ndarray, shape (batch,), int64
        Written: number of spikes of each sample.
    """
    for b in prange(times.shape[0]):
        n = 0
        for i in range(times.shape[1]):
            if times[b, i] < np.inf:
                order[b, n] = i
                n += 1
        fired = order[b, :n].copy()
        rank = np.argsort(times[b][fired], kind="mergesort")
        for k in range(n):
            order[b, k] = fired[rank[k]]
        counts[b] = n


@jit(inline=True)
def look_ahead(u, slope, dt, theta, ahead):
    """Write the potentials after `dt` and return how many reach their threshold."""
    n_fired = 0
    for c in range(u.size):
        value = u[c] + slope[c] * dt
        ahead[c] = value
        n_fired += value >= theta[c]
    return n_fired


@jit(inline=True)
def record_spikes(u, slope, ahead, theta, t_last, t, rank, times, gain, n_causal):
    """Write the spikes between two events; fired neurons get an infinite threshold.

    A neuron below its threshold at `t_last` that reaches it by `t` has a positive
    slope, in floating-point numbers too.
    """
    for c in range(u.size):
        if ahead[c] >= theta[c]:
            wait = time_to_threshold(u[c], slope[c], theta[c])
            times[c] = min(t_last + wait, t)
            gain[c] = 1 / slope[c]
            n_causal[c] = rank
            theta[c] = np.inf


@jit(parallel=True)
def static_forward(
    times,
    order,
    counts,
    offsets,
    position,
    row,
    weight,
    theta,
    t_end,
    out_times,
    out_gain,
    out_n_causal,
):
    """Fire a layer with constant thresholds, one spike per neuron.

    Parameters
    ----------
    times, order, counts
        Input spikes, as written by `order_events`.
    offsets, position, row : ndarray
        Table of `eventsim.engine.fan_out.FanOut`.
    weight : ndarray, shape (fan_in, n_channels)
        Synaptic weights.
    theta : ndarray, shape (n_channels,), network time units
        Thresholds, positive.
    t_end : float, network time units
        No spikes after this time.
    out_times, out_gain : ndarray, shape (batch, n_positions, n_channels)
        Written: spike times, ``inf`` = never; 1/slope at the spike, 0 = silent.
    out_n_causal : ndarray, same shape, int32
        Written: rank of the first input that came too late to matter.
    """
    batch, n_positions, n_channels = out_times.shape
    for b in prange(batch):
        u = np.zeros((n_positions, n_channels), weight.dtype)
        slope = np.zeros((n_positions, n_channels), weight.dtype)
        ahead = np.empty(n_channels, weight.dtype)
        pending = np.empty((n_positions, n_channels), weight.dtype)
        t_last = np.zeros(n_positions, weight.dtype)
        n_pending = np.full(n_positions, n_channels)
        for p in range(n_positions):
            pending[p] = theta
        out_times[b] = np.inf
        out_gain[b] = 0
        out_n_causal[b] = 0
        for k in range(counts[b] + 1):
            is_end = k == counts[b]
            i = 0 if is_end else order[b, k]
            t = t_end if is_end else times[b, i]
            first = 0 if is_end else offsets[i]
            last = n_positions if is_end else offsets[i + 1]
            for e in range(first, last):
                p = e if is_end else position[e]
                if n_pending[p] == 0:
                    continue
                n_fired = look_ahead(u[p], slope[p], t - t_last[p], pending[p], ahead)
                if n_fired > 0:
                    record_spikes(
                        u[p],
                        slope[p],
                        ahead,
                        pending[p],
                        t_last[p],
                        t,
                        k,
                        out_times[b, p],
                        out_gain[b, p],
                        out_n_causal[b, p],
                    )
                    n_pending[p] -= n_fired
                if not is_end:
                    w = weight[row[e]]
                    for c in range(n_channels):
                        u[p, c] = ahead[c]
                        slope[p, c] += w[c]
                    t_last[p] = t


@jit(parallel=True)
def dynamic_forward(
    times,
    order,
    counts,
    offsets,
    position,
    row,
    weight,
    start,
    time_window,
    out_times,
    out_gain,
    out_n_causal,
    out_potential,
    out_slope,
):
    """Fire a layer with the dynamic threshold, whose inputs all come by `start`.

    Parameters
    ----------
    times, order, counts, offsets, position, row, weight
        As in `static_forward`.
    start, time_window : float, network time units
        Start and length of the layer's firing window.
    out_times, out_gain, out_n_causal : ndarray, shape (batch, n_positions, n_channels)
        Written, see `static_forward` and `eventsim.neurons.relpsp.fire_in_window`.
    out_potential, out_slope : ndarray, same shape, dimensionless
        Written: both traces at `start`.
    """
    batch, n_positions, n_channels = out_times.shape
    for b in prange(batch):
        u = np.zeros((n_positions, n_channels), weight.dtype)
        slope = np.zeros((n_positions, n_channels), weight.dtype)
        t_last = np.zeros(n_positions, weight.dtype)
        for k in range(counts[b]):
            i = order[b, k]
            t = times[b, i]
            for e in range(offsets[i], offsets[i + 1]):
                p = position[e]
                dt = t - t_last[p]
                w = weight[row[e]]
                for c in range(n_channels):
                    u[p, c] += slope[p, c] * dt
                    slope[p, c] += w[c]
                t_last[p] = t
        for p in range(n_positions):
            rest = start - t_last[p]
            for c in range(n_channels):
                potential = (u[p, c] + slope[p, c] * rest) / time_window
                out_potential[b, p, c] = potential
                out_slope[b, p, c] = slope[p, c]
                activation, gain = fire_in_window(potential, slope[p, c])
                is_fired = activation > 0
                wait = (1 - activation) * time_window
                out_times[b, p, c] = start + wait if is_fired else np.inf
                out_gain[b, p, c] = gain
                out_n_causal[b, p, c] = counts[b] if gain > 0 else 0


@jit(inline=True)
def add_weight_gradient(rank, n_causal, factor, reference, t, d_weight):
    """Add one input's share to the gradient of the weights it went through."""
    for c in range(factor.size):
        share = factor[c] * (t - reference[c])
        d_weight[c] += share if rank < n_causal[c] else share - share


@jit(inline=True)
def input_gradient(rank, n_causal, factor, w):
    """Return the derivative with respect to one input's time."""
    total = factor[0] - factor[0]
    for c in range(factor.size):
        share = factor[c] * w[c]
        total += share if rank < n_causal[c] else share - share
    return total


@jit(parallel=True)
def sweep_backward(
    times,
    order,
    counts,
    offsets,
    position,
    row,
    weight,
    factor,
    reference,
    n_causal,
    partial,
    d_times,
):
    """Compute weight and input-time gradients of a layer.

    Parameters
    ----------
    times, order, counts, offsets, position, row, weight
        As in `static_forward`.
    factor : ndarray, shape (batch, n_positions, n_channels)
        dL/dt of each neuron times its gain.
    reference : ndarray, same shape, network time units
        A weight's derivative is `factor` times (input time - reference); finite.
    n_causal : ndarray, same shape, int32
        Only inputs of lower rank count; 0 for neurons without gradient.
    partial : ndarray, shape (n_chunks, fan_in, n_channels)
        Written: weight gradient of each chunk of samples.
    d_times : ndarray, shape (batch, n_in) or (0, n_in)
        Written unless empty: dL/dt of the inputs, 0 for silent ones.
    """
    batch, n_positions = factor.shape[:2]
    n_chunks = partial.shape[0]
    needs_input = d_times.shape[0] > 0
    for chunk in prange(n_chunks):
        d_weight = partial[chunk]
        d_weight[:] = 0
        latest = np.empty(n_positions, np.int64)
        for b in range(chunk * batch // n_chunks, (chunk + 1) * batch // n_chunks):
            if needs_input:
                d_times[b] = 0
            for p in range(n_positions):
                latest[p] = n_causal[b, p].max()
            for k in range(latest.max()):
                i = order[b, k]
                t = times[b, i]
                for e in range(offsets[i], offsets[i + 1]):
                    p = position[e]
                    if k >= latest[p]:
                        continue
                    add_weight_gradient(
                        k,
                        n_causal[b, p],
                        factor[b, p],
                        reference[b, p],
                        t,
                        d_weight[row[e]],
                    )
                    if needs_input:
                        d_times[b, i] += input_gradient(
                            k, n_causal[b, p], factor[b, p], weight[row[e]]
                        )


@jit(parallel=True)
def causal_sums(order, counts, offsets, position, keys, n_causal, sums):
    """Write a fingerprint of each neuron's causal set.

    Parameters
    ----------
    order, counts, offsets, position
        As in `static_forward`.
    keys : ndarray, shape (n_in,), int64
        A random number for each input neuron.
    n_causal : ndarray, shape (batch, n_positions, n_channels), int32
        As in `static_forward`.
    sums : ndarray, same shape, int64
        Written: sum of the keys of the inputs that came before the spike.
    """
    for b in prange(counts.size):
        sums[b] = 0
        latest = np.empty(sums.shape[1], np.int64)
        for p in range(latest.size):
            latest[p] = n_causal[b, p].max()
        for k in range(latest.max()):
            i = order[b, k]
            for e in range(offsets[i], offsets[i + 1]):
                p = position[e]
                if k < latest[p]:
                    total = sums[b, p]
                    rank = n_causal[b, p]
                    for c in range(total.size):
                        total[c] += keys[i] if k < rank[c] else 0
