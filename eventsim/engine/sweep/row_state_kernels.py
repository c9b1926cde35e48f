"""A row of neurons, and what can be done with it besides adding an input."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eventsim.engine.sweep.row_bounds import peak_of
from eventsim.engine.sweep.row_coefficients import rise_and_step
from eventsim.engine.sweep.row_lanes import add_four_rows, add_row, move_row
from eventsim.engine.sweep.row_vectors import LANES
from eventsim.jit import jit
from eventsim.neurons.dynamics import kappa, phi, start


class Block(NamedTuple):
    """Constants of a block of channels; they are padded to whole groups.

    Parameters
    ----------
    weight : ndarray, shape (fan_in * n_lanes,)
        Weights of the layer, rows of `n_lanes`.
    n_lanes, n_channels : int
        Channels of the layer, with and without the padding.
    first : int
        First channel of the block.
    theta, low, drive : ndarray, shape (n,)
        Thresholds, firing heights less the safety margin, drives.
    is_driven : bool
        Whether there are drives.
    """

    weight: np.ndarray
    n_lanes: int
    n_channels: int
    first: int
    theta: np.ndarray
    low: np.ndarray
    drive: np.ndarray
    is_driven: bool


class Row(NamedTuple):
    """State of a block at one position.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        States as seen from the base, see `eventsim.engine.sweep.row_coefficients`.
    n_left : ndarray, shape (n,), int64
        Spikes that each neuron may still have; none for the padding.
    fired : ndarray, shape (3, n), float64
        Room for the neurons that fired in an interval: lane, potential and current
        (in units of gain) at its end.
    """

    x: np.ndarray
    y: np.ndarray
    n_left: np.ndarray
    fired: np.ndarray


class Inputs(NamedTuple):
    """What reaches one position of one sample.

    Parameters
    ----------
    event, row : ndarray, shape (n,), int32
        From `arrivals_by_position`: numbers of the input spikes, rows of weights.
    time, value : ndarray, shape (n_spikes,)
        Of the sample's input spikes; values are empty if all are 1.
    growth : ndarray
        From `tabulate_growth`, with a last row for the end, or empty.
    """

    event: np.ndarray
    row: np.ndarray
    time: np.ndarray
    value: np.ndarray
    growth: np.ndarray


@jit(inline=True, borrows=True)
def value_of(inputs, k):
    """Return the value of input `k`; -1 is the beginning of a driven row."""
    if k < 0:
        return 0.0
    return float(inputs.value[k]) if inputs.value.size > 0 else 1.0


@jit(inline=True, borrows=True)
def rest(d, block, row):
    """Set a row to rest at time 0."""
    for c in range(row.x.size):
        row.x[c] = 0
        row.y[c] = 0
        row.n_left[c] = d.max_spikes if block.first + c < block.n_channels else 0
    if block.is_driven:
        for c in range(row.x.size):
            row.y[c] = start(d, float(block.drive[c])) / d.gain


@jit(borrows=True)
def watch_driven(d, block, row, dt):
    """Return the groups of a driven row that may fire within `dt` of their base."""
    x, y, low, drive = row.x, row.y, block.low, block.drive
    real = x.dtype.type
    zero, one = real(0), real(1)
    time, height = peak_of(d)
    highest = height if dt >= time else kappa(d.alpha, d.beta, dt)
    highest = real(d.gain * highest)
    step = real(phi(d.alpha, dt))
    mask = np.uint64(0)
    for group in range(x.size // LANES):
        n = zero
        for c in range(group * LANES, group * LANES + LANES):
            bound = (x[c] if x[c] > zero else zero) + (
                y[c] if y[c] > zero else zero
            ) * highest
            bound += (drive[c] if drive[c] > zero else zero) * step
            n += one if bound >= low[c] else zero
        if n > zero:
            mask |= np.uint64(1) << np.uint64(group)
    return mask


@jit(inline=True, borrows=True)
def move_to(d, block, row, s, leak, fade):
    """Move the base of a row by `s`, in which it decays by `leak` and `fade`."""
    rise, step = rise_and_step(d, s, leak, fade)
    n = np.int64(row.x.size // LANES)
    move_row(row.x, row.y, n, (leak, rise * d.gain, fade))
    if block.is_driven:
        for c in range(row.x.size):
            row.x[c] += row.x.dtype.type(step) * block.drive[c]


@jit(inline=True, borrows=True)
def put_fired(row, n_fired, since):
    """Write the states of neurons that fired, as seen from the base."""
    real = row.x.dtype.type
    lift, up_a, _, up_b, _ = since
    for at in range(n_fired):
        c = int(row.fired[0, at])
        row.x[c] = real(up_a * row.fired[1, at] - lift * up_b * row.fired[2, at])
        row.y[c] = real(up_b * row.fired[2, at])


@jit(inline=True, borrows=True)
def add_ties(block, row, inputs, first, last, a, b):
    """Add inputs ``first:last`` of a position; nothing can fire between them."""
    n = np.int64(row.x.size // LANES)
    m = first
    while inputs.value.size == 0 and m + 4 <= last:
        at = (
            place_of_weights(block, inputs, m),
            place_of_weights(block, inputs, m + 1),
            place_of_weights(block, inputs, m + 2),
            place_of_weights(block, inputs, m + 3),
        )
        add_four_rows(row.x, row.y, block.weight, at[0], at[1], at[2], at[3], n, (a, b))
        m += 4
    while m < last:
        value = value_of(inputs, inputs.event[m])
        at_one = place_of_weights(block, inputs, m)
        add_row(row.x, row.y, block.weight, at_one, n, (a * value, b * value))
        m += 1


@jit(inline=True, borrows=True)
def place_of_weights(block, inputs, m):
    """Return where the weights of a position's input `m` begin."""
    return np.int64(inputs.row[m]) * block.n_lanes + block.first
