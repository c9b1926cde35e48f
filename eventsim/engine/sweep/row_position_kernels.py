"""One position of a row layer: from input spike to input spike."""

from __future__ import annotations

import math

import numpy as np

from eventsim.engine.sweep.row_coefficients import (
    SHORT,
    SPAN,
    base_at,
    growth_since,
    long_bound,
    short_bound,
    since_base,
)
from eventsim.engine.sweep.row_firing_kernels import fire_suspects
from eventsim.engine.sweep.row_lanes import (
    LANES,
    add_and_watch,
    add_and_watch_long,
    add_row,
)
from eventsim.engine.sweep.row_state_kernels import (
    add_ties,
    move_to,
    place_of_weights,
    put_fired,
    value_of,
    watch_driven,
)
from eventsim.jit import jit


@jit(inline=True, borrows=True)
def add_and_bound(d, block, row, at, ab, dt, since, end, peak):
    """Add an input to a row; tell which groups may fire before the next one.

    Parameters
    ----------
    d : Dynamics
        Constants.
    block : Block
        The neurons.
    row : Row
        Their state.
    at : int
        Where the input's weights begin.
    ab : tuple of float
        What it adds to x and y per unit of weight.
    dt : float, network time units
        Time to the next input, positive.
    since, end : tuple of float
        From `since_base` now, and from `growth_since` at the next input.
    peak : tuple of float
        From `peak_of`.

    Returns
    -------
    mask : int
        Groups.
    bound : tuple of float
        See `long_bound`; all neurons of the groups reach that of a driven row.
    """
    x, y, n = row.x, row.y, np.int64(row.x.size // LANES)
    if block.is_driven:
        add_row(x, y, block.weight, at, n, ab)
        mask = watch_driven(d, block, row, dt, peak)
        bound = (0.0, -math.inf, 0.0, 0.0, 0.0, 0.0)
    elif dt <= longest_short(d):
        bound = short_bound(d, dt, since, end)
        short = (ab[0], ab[1], bound[0], bound[1])
        mask = add_and_watch(x, y, block.weight, block.low, at, n, short)
    else:
        bound = long_bound(d, dt, since, end, peak)
        long = (ab[0], ab[1], *bound)
        mask = add_and_watch_long(x, y, block.weight, block.low, at, n, long)
    return mask, bound


@jit(inline=True)
def longest_short(d):
    """Return the longest interval for the tangent."""
    return SHORT / max(d.alpha + d.beta, 1e-300)


@jit(inline=True, borrows=True)
def end_of_ties(inputs, m):
    """Return the last input of a position at the time of input `m`."""
    t = inputs.time[inputs.event[m]]
    while m + 1 < inputs.event.size and inputs.time[inputs.event[m + 1]] == t:
        m += 1
    return m


@jit(inline=True, borrows=True)
def run_position(d, block, row, inputs, t_end, peak, found, out):
    """Run the row of one position through its input spikes.

    Parameters
    ----------
    d : Dynamics
        Constants.
    block : Block
        The neurons.
    row : Row
        Their state, at rest.
    inputs : Inputs
        What reaches them.
    t_end : float, network time units
        End of the run.
    peak : tuple of float
        From `peak_of`.
    found : int
        Spikes found before.
    out : Found
        Written from `found` on; instead of neurons, lanes.

    Returns
    -------
    found, n_grazing : int
        Spikes found by now, ``room + 1`` if there was no room for all, and crossings
        with nearly no slope.
    """
    span = SPAN / max(d.alpha, d.beta, 1e-300)
    event, growth, n_events, n_grazing = (
        inputs.event,
        inputs.growth,
        inputs.event.size,
        0,
    )
    # A driven row begins with an input of no value at time 0.
    m = -1 if block.is_driven else 0
    base = base_at(growth, -1, 0.0)
    if n_events > 0 and not block.is_driven:
        base = base_at(growth, event[0], float(inputs.time[event[0]]))
    while m < n_events:
        k, t, at, last = np.int64(-1), 0.0, np.int64(block.first), m
        if m >= 0:
            last = end_of_ties(inputs, m)
            k, t = np.int64(event[last]), float(inputs.time[event[last]])
            at = place_of_weights(block, inputs, last)
        since = since_base(d, growth, k, t, base)
        a, b, value = -since[0] * since[3], since[3], value_of(inputs, k)
        add_ties(block, row, inputs, m, last, a, b)
        m = last + 1
        is_last = m >= n_events
        following = np.int64(inputs.time.size if is_last else event[m])
        t_next = t_end if is_last else float(inputs.time[following])
        dt = t_next - t
        if dt <= 0:
            # The end of the run, or a driven row with an input at time 0.
            continue
        end = growth_since(d, growth, following, t_next, base)
        mask, bound = add_and_bound(
            d, block, row, at, (a * value, b * value), dt, since, end, peak
        )
        n_fired, before = 0, found
        if mask != 0:
            found, n_fired, n = fire_suspects(
                d, block, row, mask, bound, since, t, dt, found, out
            )
            n_grazing += n
        if found > out.rank.size:
            break
        for n in range(before, found):
            out.rank[n] = k + 1
        if is_last:
            break
        # Whether the base moves must not depend on who fired: neurons of other
        # blocks would have other bases.
        if block.is_driven or t_next - base[0] > span:
            move_to(d, block, row, t_next - base[0], end[1], end[3])
            base = base_at(growth, following, t_next)
        if n_fired > 0:
            put_fired(row, n_fired, since_base(d, growth, following, t_next, base))
    return found, n_grazing
