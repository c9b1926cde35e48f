"""Spikes of the neurons of a row that reached the bound, solved one by one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.engine.sweep.row_coefficients import rise_and_step
from eventsim.jit import jit
from eventsim.neurons.crossing import crossing_until
from eventsim.neurons.dynamics import pin, reset

SMALLEST_DECAY = 1e-200
# Rounding in a bound must not hide a crossing.
SAFETY = 1e-5


class Found(NamedTuple):
    """Spikes in the order in which they are found, each shape (room,).

    Parameters
    ----------
    time : ndarray, network time units
        Spike times.
    current : ndarray
        Synaptic current just before the spike, in the model's units.
    channel, position : ndarray, int32
        The neuron; channels are counted from the start of the block.
    rank : ndarray, int32
        Number of input spikes before it that count.
    """

    time: np.ndarray
    current: np.ndarray
    channel: np.ndarray
    position: np.ndarray
    rank: np.ndarray


@jit(inline=True)
def fade_of(d, leak, dt):
    """Return ``exp(-beta dt)``, from ``exp(-alpha dt)`` where it is a power of it."""
    if d.beta == 2 * d.alpha:
        return leak * leak
    if d.beta == d.alpha:
        return leak
    return math.exp(-d.beta * dt)


@jit()
def fire_one(d, v, i, theta, drive, n_before, t_last, dt, leak, fade, found, out):
    """Let one neuron fire as often as it does within an interval.

    Parameters
    ----------
    d : Dynamics
        Constants.
    v, i : float
        State at the beginning, current in the model's units.
    theta, drive : float
        Of the neuron.
    n_before : int
        Spikes of the neuron so far.
    t_last, dt : float, network time units
        Beginning and length of the interval.
    leak, fade : float
        ``exp(-alpha dt)`` and ``exp(-beta dt)``.
    found : int
        Spikes found before, of all neurons.
    out : Found
        Times and currents are written from `found` on; the search stops when there
        is no room.

    Returns
    -------
    v, i : float
        State at the end of the interval; ``v`` is -inf for an exhausted neuron.
    found : int
        Spikes found by now; ``room + 1`` if there was no room.
    """
    rest, now, until, n = dt, t_last, t_last + dt, 0
    height = d.factor * theta
    while True:
        t = crossing_until(d, v, i, 0.0, 0.0, drive, height, now, until)
        if t == math.inf:
            rise, step = rise_and_step(d, rest, leak, fade)
            break
        if found == out.time.size:
            return v, i, found + 1
        wait, rest, now = t - now, until - t, t
        leak_wait = math.exp(-d.alpha * wait)
        fade_wait = fade_of(d, leak_wait, wait)
        i *= fade_wait
        out.time[found] = t
        out.current[found] = i
        found += 1
        n += 1
        v, i, _, _ = reset(d, pin(d, v, 0.0, theta), i, 0.0, 0.0, drive, theta)
        if n_before + n >= d.max_spikes:
            return -math.inf, i, found
        if min(leak, fade) > SMALLEST_DECAY:
            leak, fade = leak / leak_wait, fade / fade_wait
        else:
            leak = math.exp(-d.alpha * rest)
            fade = fade_of(d, leak, rest)
        rise, step = rise_and_step(d, rest, leak, fade)
        if v * leak + (max(i, 0.0) + max(drive, 0.0)) * step < height * (1 - SAFETY):
            break
    return v * leak + i * rise + drive * step, i * fade, found


@jit()
def fire_suspects(
    d, row, state, p, q, r, value, t_last, dt, leak, fade, bound, found, out
):
    """Solve the neurons of a chunk whose bound reached the threshold.

    Parameters
    ----------
    d : Dynamics
        Constants.
    row : Row
        The block.
    state : State
        Its state; the newer side is mended for neurons that fired.
    p, q : int
        Position and chunk.
    r, value : int, float
        Row of the input's weights, and its value.
    t_last, dt, leak, fade : float
        Beginning, length and decays of the interval, see `fire_one`.
    bound : float
        ``phi - kappa`` in units of gain.
    found : int
        Spikes found so far.
    out : Found
        Written from `found` on.

    Returns
    -------
    int
        Spikes found by now; ``room + 1`` if there was no room for all.
    """
    chunk = row.low.shape[1]
    zero = bound - bound
    s = state.side[p]
    for c in range(chunk):
        current = max(state.x[s, p, 1, q, c], zero)
        excess = state.x[1 - s, p, 0, q, c] + current * bound - row.low[q, c]
        state.excess[c] = excess
    for c in range(chunk):
        if not state.excess[c] >= zero:
            continue
        v_end, i_end, n = fire_one(
            d,
            float(state.x[s, p, 0, q, c]),
            float(state.x[s, p, 1, q, c]) * d.gain,
            float(row.theta[q, c]),
            float(row.drive[q, c]),
            state.n_fired[p, q, c],
            t_last,
            dt,
            leak,
            fade,
            found,
            out,
        )
        if n > out.time.size:
            return n
        if n > found:
            state.n_fired[p, q, c] += n - found
            state.x[1 - s, p, 0, q, c] = v_end
            i_end = i_end / d.gain + value * row.weight[r, row.first + q, c]
            state.x[1 - s, p, 1, q, c] = i_end
            for m in range(found, n):
                out.channel[m] = q * chunk + c
            found = n
    return found
