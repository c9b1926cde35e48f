"""A row of adjoint states, and what can be done with it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim.engine.sweep.row_coefficients import rise_and_step
from eventsim.engine.sweep.row_lanes import move_row, read_four_rows, read_row
from eventsim.engine.sweep.row_state_kernels import place_of_weights, value_of
from eventsim.engine.sweep.row_vectors import LANES
from eventsim.jit import jit


class AdjointRow(NamedTuple):
    """Adjoint state of a block of channels at one position.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        dL/dv and gain times dL/di at the base time.
    fired : ndarray, shape (4, n), float64
        Room for the neurons that fired in an interval: lane, dL/dv, dL/di, and the
        time to which they have been taken back.
    turn : ndarray, shape (n,), int64
        Room: where in `fired` a neuron is; -1 before and after.
    sums : ndarray, shape (4,)
        Room.
    """

    x: np.ndarray
    y: np.ndarray
    fired: np.ndarray
    turn: np.ndarray
    sums: np.ndarray


class Sums(NamedTuple):
    """What the backward run adds up; channels are padded.

    Parameters
    ----------
    weight : ndarray, shape ([n_sample_groups,] fan_in * n_lanes)
        dL/dw.
    arrival : ndarray, shape ([n_blocks,] n_spikes)
        dL/dt of each input spike.
    theta, drive : ndarray, shape ([n_sample_groups,] n_lanes), float64
        dL/dtheta, dL/ddrive; the second is empty if there are no drives.
    n_grazing : ndarray, shape (n_blocks * n_sample_groups,), int64
        Crossings with nearly no slope.
    """

    weight: np.ndarray
    arrival: np.ndarray
    theta: np.ndarray
    drive: np.ndarray
    n_grazing: np.ndarray


@jit(inline=True, borrows=True)
def retreat_to(d, block, row, dt, n_fired, sums):
    """Move an adjoint row back by `dt`; neurons that fired know their state."""
    leak, fade = math.exp(-d.alpha * dt), math.exp(-d.beta * dt)
    rise, step = rise_and_step(d, dt, leak, fade)
    if block.is_driven:
        for c in range(row.x.size):
            sums.drive[block.first + c] += row.x[c] * step
    n = np.int64(row.x.size // LANES)
    move_row(row.y, row.x, n, (fade, rise * d.gain, leak))
    real = row.x.dtype.type
    for m in range(n_fired):
        lane = int(row.fired[0, m])
        row.x[lane] = real(row.fired[1, m])
        row.y[lane] = real(row.fired[2, m] * d.gain)


@jit(inline=True, borrows=True)
def put_back(d, row, n_fired, since):
    """Write the adjoint states of neurons that fired, as seen from the base.

    Parameters
    ----------
    d : Dynamics
        Constants.
    row : AdjointRow
        Changed; `fired` holds their states before they fired.
    n_fired : int
        How many.
    since : tuple of float
        From `since_base`, at the time of these states.
    """
    real = row.x.dtype.type
    lift, _, down_a, _, down_b = since
    for m in range(n_fired):
        lane = int(row.fired[0, m])
        x = down_a * row.fired[1, m]
        row.x[lane] = real(x)
        row.y[lane] = real(d.gain * down_b * row.fired[2, m] + lift * x)


@jit(inline=True, borrows=True)
def read_ties(block, row, inputs, first, last, numbers, sums):
    """Read the derivatives of inputs of one time, between which nothing can fire.

    Parameters
    ----------
    block : Block
        The neurons.
    row : AdjointRow
        Their adjoint state.
    inputs : Inputs
        What reaches them.
    first, last : int
        Which of it.
    numbers : tuple of float
        With which an input of value 1 adds to x and y, and their derivatives by time.
    sums : Sums
        Added to, those of the task and sample.
    """
    x, y, weight, d_weight = row.x, row.y, block.weight, sums.weight
    n = np.int64(x.size // LANES)
    a, b, by_a, by_b = numbers
    m = first
    while inputs.value.size == 0 and m + 4 <= last:
        at = (
            place_of_weights(block, inputs, m),
            place_of_weights(block, inputs, m + 1),
            place_of_weights(block, inputs, m + 2),
            place_of_weights(block, inputs, m + 3),
        )
        read_four_rows(
            x, y, weight, d_weight, row.sums, at[0], at[1], at[2], at[3], n, numbers
        )
        for c in range(4):
            sums.arrival[inputs.event[m + c]] += row.sums[c]
        m += 4
    while m < last:
        value = value_of(inputs, inputs.event[m])
        at_one = place_of_weights(block, inputs, m)
        valued = (a * value, b * value, by_a, by_b)
        by_time = read_row(x, y, weight, d_weight, at_one, n, valued)
        sums.arrival[inputs.event[m]] += x.dtype.type(value) * by_time
        m += 1


@jit(inline=True, borrows=True)
def undo_start(d, block, row, sums):
    """Add the share of the synaptic current with which a driven neuron starts."""
    if block.is_driven and d.filters_drive:
        for c in range(row.y.size):
            sums.drive[block.first + c] -= row.y[c] / d.gain
