"""What one silent interval does to every neuron of a row, as four numbers.

Neurons that are touched by the same events share their propagator. In a dense
layer all neurons are touched by all events, so it is tabulated for each event. In
a convolution the exponentials are quotients of tabulated ones, ``exp(-rate t)`` at
each event, as long as the run is short against the rates; over longer runs they
are computed.
"""

from __future__ import annotations

import math

from numba import prange

from eventsim.jit import jit
from eventsim.neurons.dynamics import kappa, phi

LARGEST_EXPONENT = 300.0
SERIES_BELOW = 0.01


@jit(inline=True)
def mean_decay(x):
    """Return ``(1 - exp(-x)) / x`` for small ``x``."""
    return 1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6))))


@jit(inline=True)
def rise_and_step(d, dt, leak, fade):
    """Return kappa and phi of an interval from its two decays.

    Parameters
    ----------
    d : Dynamics
        Constants.
    dt : float, network time units
        Length of the interval.
    leak, fade : float
        ``exp(-alpha dt)`` and ``exp(-beta dt)``.

    Returns
    -------
    kappa, phi : float
        See `eventsim.neurons.dynamics`.
    """
    x = abs(d.beta - d.alpha) * dt
    if x > SERIES_BELOW:
        rise = (leak - fade) / (d.beta - d.alpha)
    else:
        rise = max(leak, fade) * dt * mean_decay(x)
    y = d.alpha * dt
    step = (1 - leak) / d.alpha if y > SERIES_BELOW else dt * mean_decay(y)
    return rise, step


@jit(inline=True)
def coefficients(d, dt, exponentials, now, last):
    """Return leak, fade, kappa and phi of an interval.

    Parameters
    ----------
    d : Dynamics
        Constants.
    dt : float, network time units
        Length of the interval.
    exponentials : ndarray, shape (n, 2), or (0, 2)
        ``exp(-alpha t)`` and ``exp(-beta t)`` at the events; empty: not tabulated.
    now, last : int
        Events at its end and at its beginning.

    Returns
    -------
    leak, fade, kappa, phi : float
        Of the interval.
    """
    if exponentials.shape[0] > 0:
        leak = exponentials[now, 0] / exponentials[last, 0]
        fade = exponentials[now, 1] / exponentials[last, 1]
        rise, step = rise_and_step(d, dt, leak, fade)
        return leak, fade, rise, step
    leak, fade = math.exp(-d.alpha * dt), math.exp(-d.beta * dt)
    return leak, fade, kappa(d.alpha, d.beta, dt), phi(d.alpha, dt)


@jit(parallel=True)
def tabulate_steps(d, times, offsets, steps):
    """Tabulate the intervals before each event.

    Parameters
    ----------
    d : Dynamics
        Constants.
    times : ndarray, shape (n_spikes,), network time units
        Event times, sample after sample.
    offsets : ndarray, shape (batch + 1,), int64
        Where each sample begins.
    steps : ndarray, shape (n_spikes, 4), float64
        Written: leak, fade, kappa, phi since the event before, or since 0.
    """
    for b in prange(offsets.size - 1):
        last = 0.0
        for k in range(offsets[b], offsets[b + 1]):
            dt = times[k] - last
            last = times[k]
            if dt == 0:
                steps[k, :2] = 1.0
                steps[k, 2:] = 0.0
                continue
            leak, fade = math.exp(-d.alpha * dt), math.exp(-d.beta * dt)
            rise, step = rise_and_step(d, dt, leak, fade)
            steps[k, 0] = leak
            steps[k, 1] = fade
            steps[k, 2] = rise
            steps[k, 3] = step


@jit(parallel=True)
def tabulate_exponentials(d, times, offsets, t_end, exponentials):
    """Tabulate ``exp(-alpha t)`` and ``exp(-beta t)``.

    Parameters
    ----------
    d : Dynamics
        Constants.
    times : ndarray, shape (n_spikes,), network time units
        Event times, sample after sample.
    offsets : ndarray, shape (batch + 1,), int64
        Where each sample begins.
    t_end : float, network time units
        End of the run.
    exponentials : ndarray, shape (n_spikes + 2 * batch, 2), float64
        Written: sample b has its start, its events and the end from
        ``offsets[b] + 2 b`` on.
    """
    for b in prange(offsets.size - 1):
        row = offsets[b] + 2 * b
        exponentials[row] = 1.0
        for k in range(offsets[b], offsets[b + 1]):
            row += 1
            exponentials[row, 0] = math.exp(-d.alpha * times[k])
            exponentials[row, 1] = math.exp(-d.beta * times[k])
        exponentials[row + 1, 0] = math.exp(-d.alpha * t_end)
        exponentials[row + 1, 1] = math.exp(-d.beta * t_end)
