"""One position of a row layer: from input spike to input spike."""

from __future__ import annotations

import numpy as np

from eventsim.engine.sweep.row_bounds import (
    NARROW,
    four_corners,
    share_and_rest,
    two_corners,
)
from eventsim.engine.sweep.row_coefficients import (
    SPAN,
    base_at,
    growth_since,
    since_base,
    step_of,
)
from eventsim.engine.sweep.row_firing_kernels import fire_suspects
from eventsim.engine.sweep.row_lanes import (
    add_and_watch_four,
    add_and_watch_one,
    add_and_watch_two,
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
from eventsim.engine.sweep.row_vectors import LANES
from eventsim.jit import jit


@jit(inline=True, borrows=True)
def add_and_bound(d, block, row, at, ab, dt, since, end, polygon):
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
    polygon : Polygon
        From `polygon_of`, or of a narrow row `flat_polygon_of`.

    Returns
    -------
    mask : int
        Groups.
    corners : tuple of float
        Share and rest of four corners, see `eventsim.engine.sweep.row_bounds`; a
        driven row has none.
    """
    x, y, weight, low = row.x, row.y, block.weight, block.low
    n = np.int64(x.size // LANES)
    if block.is_driven:
        add_row(x, y, weight, at, n, ab)
        none = (0.0, 0.0)
        return watch_driven(d, block, row, dt), (*none, *none, *none, *none)
    z = step_of(d, dt, since[1] * end[1])
    if z <= polygon.corner[0] and n > NARROW:
        one = share_and_rest(d, z, z, since)
        mask = add_and_watch_one(x, y, weight, low, at, n, (*ab, *one))
        return mask, (*one, *one, *one, *one)
    if z <= polygon.corner[1]:
        two = two_corners(d, polygon, z, since)
        mask = add_and_watch_two(x, y, weight, low, at, n, (*ab, *two))
        return mask, (*two, *two)
    four = four_corners(d, polygon, z, since)
    return add_and_watch_four(x, y, weight, low, at, n, (*ab, *four)), four


@jit(inline=True, borrows=True)
def end_of_ties(inputs, m):
    """Return the last input of a position at the time of input `m`."""
    t = inputs.time[inputs.event[m]]
    while m + 1 < inputs.event.size and inputs.time[inputs.event[m + 1]] == t:
        m += 1
    return m


@jit(inline=True, borrows=True)
def run_position(d, block, row, inputs, t_end, polygon, found, out):
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
    polygon : Polygon
        From `polygon_of`, or of a narrow row `flat_polygon_of`.
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
        mask, corners = add_and_bound(
            d, block, row, at, (a * value, b * value), dt, since, end, polygon
        )
        n_fired, before = 0, found
        if mask != 0:
            found, n_fired, n = fire_suspects(
                d, block, row, mask, corners, since, end, t, t_next, found, out
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
