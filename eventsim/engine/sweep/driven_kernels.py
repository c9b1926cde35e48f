"""Neurons that nothing arrives at: constant drives, one for each sample and neuron.

A task is one sample. It stores its spikes in its own region, neuron after neuron, as
in `eventsim.engine.sweep.gathered_kernels`.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from eventsim.engine.neuron_adjoint_kernels import GRAZING, Share, unrun_neuron
from eventsim.engine.neuron_run_kernels import Found, Room, run_neuron
from eventsim.engine.sweep.arrival_kernels import new_arrivals
from eventsim.engine.sweep.gathered_adjoint_kernels import (
    Output,
    new_fired,
    new_trace,
    take_spikes,
)
from eventsim.engine.sweep.periodic_kernels import run_periodic, unrun_periodic
from eventsim.jit import jit


@jit()
def run_sample(d, theta, drive, reach, table, t_end, found, at, end, allowed):
    """Find all spikes of one sample.

    Parameters
    ----------
    d : Dynamics
        Constants.
    theta, drive : ndarray, shape (n,)
        Thresholds and drives.
    reach : float, network time units
        The potential of a neuron of drive 1 that has not fired is at most this.
    table : tuple
        Of `eventsim.engine.sweep.periodic_kernels.tabulate`: times, rates, largest
        argument. Empty arrays where neurons do not start again from rest.
    t_end : float, network time units
        End of the run.
    found : Found
        Written from `at` to `end`.
    at, end : int
        Region of the sample.
    allowed : int
        Spikes after which the run is given up.

    Returns
    -------
    int
        Number of spikes, stored or not.
    """
    times, rates, largest = table
    nothing = new_arrivals(0)
    total = 0
    for neuron in range(theta.size):
        j = drive[neuron]
        if j * reach < d.factor * theta[neuron]:
            continue
        limit = min(d.max_spikes, allowed - total + 1)
        place = Room(neuron, at + total, end, limit)
        if times.size > 0:
            total += run_periodic(
                d, times, rates, largest, theta[neuron], j, t_end, found, place
            )
        else:
            total += run_neuron(d, theta[neuron], j, nothing, 0, t_end, found, place)
        if total > allowed:
            break
    return total


@jit(parallel=True)
def run_driven(
    d,
    theta,
    drive,
    reach,
    table,
    t_end,
    todo,
    regions,
    found_time,
    found_neuron,
    found_kind,
    found_before,
    counts,
    stop,
):
    """Find all spikes of a layer.

    Parameters
    ----------
    d : Dynamics
        Constants.
    theta : ndarray, shape (n,)
        Thresholds.
    drive : ndarray, shape (batch, n)
        Drives.
    reach, table, t_end
        See `run_sample`.
    todo : ndarray, shape (batch,), bool
        Which samples to run.
    regions : ndarray, shape (batch + 1,), int64
        Where each sample stores its spikes.
    found_time, found_neuron, found_kind, found_before : ndarray, shape (n_places,)
        Written: fields of `Found`.
    counts : ndarray, shape (batch,), int64
        Written: spikes of each sample, stored or not.
    stop : ndarray, shape (1,), int64
        Spikes that a sample may have; set to -1 if one has more.
    """
    for b in prange(todo.size):
        allowed = stop[0]
        if todo[b] and allowed >= 0:
            counts[b] = run_sample(
                d,
                theta,
                drive[b],
                reach,
                table,
                t_end,
                Found(found_time, found_neuron, found_kind, found_before),
                regions[b],
                regions[b + 1],
                allowed,
            )
            if counts[b] > allowed:
                stop[0] = -1


@jit()
def unrun_sample(
    d, theta, drive, output, rule, is_periodic, d_theta, d_drive, d_constants
):
    """Differentiate a loss through the neurons of one sample.

    Parameters
    ----------
    d : Dynamics
        Constants.
    theta, drive : ndarray, shape (n,)
        Thresholds and drives.
    output : Output
        Spikes.
    rule : Rule
        Options.
    is_periodic : bool
        Whether neurons start again from rest at every spike.
    d_theta, d_constants : ndarray, shape (n,) and (N_SUMS,)
        Added to.
    d_drive : ndarray, shape (n,)
        Written where a neuron fired.
    """
    n, n_spikes = theta.size, output.time.size
    head, following = np.full(n, -1, np.int64), np.empty(n_spikes, np.int64)
    count = np.zeros(n, np.int64)
    most = 0
    for k in range(n_spikes - 1, -1, -1):
        neuron = output.neuron[k]
        following[k] = head[neuron]
        head[neuron] = k
        count[neuron] += 1
        most = max(most, count[neuron])
    nothing, fired = new_arrivals(0), new_fired(most)
    trace = new_trace(0, most)
    share = Share(np.empty(0), np.empty(0))
    for neuron in range(n):
        n_needed = take_spikes(output, head, following, neuron, fired)
        if n_needed > 0 and is_periodic:
            by_theta, by_drive, n_grazing = unrun_periodic(
                d, theta[neuron], drive[neuron], fired, n_needed, rule.clip
            )
            d_constants[GRAZING] += n_grazing
            d_theta[neuron] += by_theta
            d_drive[neuron] = by_drive
        elif n_needed > 0:
            by_theta, by_drive = unrun_neuron(
                d,
                theta[neuron],
                drive[neuron],
                nothing,
                fired,
                n_needed,
                trace,
                rule,
                share,
                d_constants,
            )
            d_theta[neuron] += by_theta
            d_drive[neuron] = by_drive


@jit(parallel=True)
def unrun_driven(
    d,
    theta,
    drive,
    time,
    neuron,
    kind,
    n_before,
    samples,
    d_time,
    rule,
    is_periodic,
    d_theta,
    d_drive,
    d_constants,
):
    """Differentiate a loss through a layer.

    Parameters
    ----------
    d, theta, drive
        As in `run_driven`.
    time, neuron, kind, n_before : ndarray, shape (n_spikes,)
        Spikes, each sample in order of time.
    samples : ndarray, shape (batch + 1,), int64
        Spikes of sample b are ``samples[b]:samples[b + 1]``.
    d_time : ndarray, shape (n_spikes,)
        dL/dT of each spike.
    rule : Rule
        Options.
    is_periodic : bool
        See `unrun_sample`.
    d_theta, d_constants : ndarray, shape (n_chunks, n) and (n_chunks, N_SUMS)
        Added to; a row for each chunk of samples.
    d_drive : ndarray, shape (batch, n)
        Written where a neuron fired.
    """
    batch, n_chunks = samples.size - 1, d_theta.shape[0]
    for chunk in prange(n_chunks):
        for b in range(chunk * batch // n_chunks, (chunk + 1) * batch // n_chunks):
            low, high = samples[b], samples[b + 1]
            unrun_sample(
                d,
                theta,
                drive[b],
                Output(
                    time[low:high],
                    neuron[low:high],
                    kind[low:high],
                    n_before[low:high],
                    d_time[low:high],
                ),
                rule,
                is_periodic,
                d_theta[chunk],
                d_drive[b],
                d_constants[chunk],
            )
