"""Spikes of the neurons of a row that reached the bound, solved one by one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.engine.sweep.row_coefficients import fade_of, rise_and_step
from eventsim.engine.sweep.row_lanes import lowest_bit, suspects_of
from eventsim.engine.sweep.row_vectors import LANES
from eventsim.jit import jit
from eventsim.neurons.crossing import crossing_until
from eventsim.neurons.dynamics import grazing_slope, pin, reset

# Quotients of smaller decays lose digits.
SMALLEST_DECAY = 1e-200
# Rounding in a bound must not hide a crossing.
SAFETY = 1e-5


class Found(NamedTuple):
    """Spikes of a row layer, each shape (room,).

    Parameters
    ----------
    time : ndarray, network time units
        Spike times.
    neuron : ndarray, int32
        Neurons.
    current : ndarray
        Synaptic current just before the spike, in the model's units.
    rank : ndarray, int32
        Number of input spikes before it that count.
    """

    time: np.ndarray
    neuron: np.ndarray
    current: np.ndarray
    rank: np.ndarray


@jit(inline=True, borrows=True)
def fire_one(d, t, i, theta, drive, n_left, t_last, until, leak, fade, found, out):
    """Let one neuron fire as often as it does within an interval.

    Parameters
    ----------
    d : Dynamics
        Constants.
    t : float, network time units
        Its first spike.
    i : float
        Current at the beginning, in the model's units.
    theta, drive : float
        Of the neuron.
    n_left : int
        Spikes that the neuron may have.
    t_last, until : float, network time units
        The interval.
    leak, fade : float
        ``exp(-alpha dt)`` and ``exp(-beta dt)`` of its length.
    found : int
        Spikes found before, of all neurons.
    out : Found
        Times and currents are written from `found` on.

    Returns
    -------
    v, i : float
        State at the end of the interval; ``v`` is -inf for an exhausted neuron.
    found : int
        Spikes found by now; ``room + 1`` if there was no room for all.
    n_grazing : int
        Crossings with nearly no slope.
    """
    now, first, n_grazing = t_last, found, 0
    height = d.factor * theta
    while True:
        if found == out.time.size:
            return 0.0, 0.0, found + 1, n_grazing
        wait, rest, now = t - now, until - t, t
        leak_wait = math.exp(-d.alpha * wait)
        fade_wait = fade_of(d, leak_wait, wait)
        i *= fade_wait
        out.time[found] = t
        out.current[found] = i
        found += 1
        n_grazing += i + drive - d.alpha * height < grazing_slope(d, theta)
        v, i, _, _ = reset(d, pin(d, 0.0, 0.0, theta), i, 0.0, 0.0, drive, theta)
        if found - first >= n_left:
            return -math.inf, i, found, n_grazing
        if min(leak, fade) > SMALLEST_DECAY:
            leak /= leak_wait
            fade = leak * leak if d.beta == 2 * d.alpha else fade / fade_wait
        else:
            leak = math.exp(-d.alpha * rest)
            fade = fade_of(d, leak, rest)
        rise, step = rise_and_step(d, rest, leak, fade)
        t = math.inf
        if v * leak + (max(i, 0.0) + max(drive, 0.0)) * step >= height * (1 - SAFETY):
            t = crossing_until(d, v, i, 0.0, 0.0, drive, height, now, until)
        if t == math.inf:
            return v * leak + i * rise + drive * step, i * fade, found, n_grazing


@jit(inline=True, borrows=True)
def list_suspects(d, block, row, mask, corners, since):
    """List the neurons whose bound reached the threshold, with their states.

    Without a drive, a neuron that does not rise at the beginning of a silence will
    not rise through its threshold later; it is not listed.

    Parameters
    ----------
    d, block, row, mask, corners, since
        As in `fire_suspects`. ``row.fired`` is written: lane, potential, current in
        the model's units.

    Returns
    -------
    int
        How many.
    """
    x, y, suspects = row.x, row.y, row.fired
    lift, _, down_a, _, down_b = since
    climb, sink = d.gain * down_b - d.alpha * lift * down_a, d.alpha * down_a
    numbers = (*corners, climb, sink)
    n_suspects = 0
    while mask != 0:
        group = lowest_bit(mask)
        mask &= mask - np.uint64(1)
        lanes = np.uint64(2**LANES - 1)
        if not block.is_driven:
            lanes = suspects_of(x, y, block.low, group * LANES, 1, numbers)
        while lanes != 0:
            c = group * LANES + lowest_bit(lanes)
            lanes &= lanes - np.uint64(1)
            suspects[0, n_suspects] = c
            suspects[1, n_suspects] = (x[c] + lift * y[c]) * down_a
            suspects[2, n_suspects] = y[c] * down_b * d.gain
            n_suspects += row.n_left[c] > 0
    return n_suspects


@jit(inline=True, borrows=True)
def solve_suspects(d, block, suspects, n_suspects, now, until):
    """Find who fires first when; return how many do, they alone stay in the list.

    One short loop, so that the processor works on several solutions at once.
    """
    n_firing = 0
    for n in range(n_suspects):
        c = int(suspects[0, n])
        v, i, j = suspects[1, n], suspects[2, n], float(block.drive[c])
        height = d.factor * float(block.theta[c])
        t = crossing_until(d, v, i, 0.0, 0.0, j, height, now, until)
        suspects[0, n_firing] = c
        suspects[1, n_firing] = t
        suspects[2, n_firing] = i
        n_firing += t < math.inf
    return n_firing


@jit(inline=True, borrows=True)
def fire_suspects(d, block, row, mask, corners, since, end, t_last, until, found, out):
    """Solve the neurons whose bound reached the threshold.

    Parameters
    ----------
    d : Dynamics
        Constants.
    block : Block
        The neurons.
    row : Row
        Their state; `fired` is written.
    mask : int
        Groups with suspects.
    corners : tuple of float
        From `add_and_bound`.
    since, end : tuple of float
        From `since_base`, at the beginning, and from `growth_since`, at the end.
    t_last, until, found
        As in `fire_one`.
    out : Found
        Times, currents and, instead of neurons, lanes are written from `found` on.

    Returns
    -------
    found, n_fired, n_grazing : int
        Spikes found by now, ``room + 1`` if there was no room for all, neurons that
        fired, crossings with nearly no slope.
    """
    fired, n_grazing = row.fired, 0
    n_suspects = list_suspects(d, block, row, mask, corners, since)
    n_fired = solve_suspects(d, block, fired, n_suspects, t_last, until)
    if n_fired == 0:
        return found, n_fired, n_grazing
    leak, fade = since[1] * end[1], since[3] * end[3]
    for m in range(n_fired):
        c, t, i = int(fired[0, m]), fired[1, m], fired[2, m]
        theta, j, n_left = float(block.theta[c]), float(block.drive[c]), row.n_left[c]
        before = found
        v, i, found, n = fire_one(
            d, t, i, theta, j, n_left, t_last, until, leak, fade, found, out
        )
        if found > out.time.size:
            break
        for place in range(before, found):
            out.neuron[place] = c
        row.n_left[c] -= found - before
        n_grazing += n
        fired[1, m] = v
        fired[2, m] = i / d.gain
    return found, n_fired, n_grazing
