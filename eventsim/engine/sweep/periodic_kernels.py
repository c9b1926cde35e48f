"""Neurons that start again from rest at every spike, driven by a constant current.

Such a neuron fires at the multiples of one period P, the time at which its answer to
a unit drive, ``s(t)``, reaches ``height / j``. For all neurons of a layer that is one
function, inverted once: cubics through a table in ``sqrt(height / j)`` (``s`` begins
like t^2 or t), and Newton steps from there. What these do not settle at once goes to
the search that all other neurons use.
"""

from __future__ import annotations

import math

from eventsim.engine.neuron_run_kernels import CROSSED, GRAZED, put
from eventsim.jit import jit
from eventsim.neurons.crossing import ROUNDINGS, time_to_threshold
from eventsim.neurons.dynamics import (
    grazing_slope,
    potential,
    potential_slope,
    start,
)

# A Newton step this short, relative to the time, squared is below the rounding.
SETTLED = 1e-8
MOST_STEPS = 3
# Relative gap of the rates below which their difference has lost digits.
CLOSE_RATES = 0.05


@jit(inline=True)
def answer(d, t):
    """Return potential and slope at `t` of a neuron of drive 1 that has not fired."""
    gap = d.beta - d.alpha
    if not d.filters_drive and d.alpha > 0:
        a = math.expm1(-d.alpha * t)
        return -a / d.alpha, 1 + a
    if d.alpha > 0 and abs(gap) > CLOSE_RATES * d.alpha:
        a, b = math.expm1(-d.alpha * t), math.expm1(-d.beta * t)
        return (d.alpha * b - d.beta * a) / (d.alpha * gap), (a - b) * d.beta / gap
    i = start(d, 1.0)
    return (
        potential(d, 0.0, i, 0.0, 0.0, 1.0, t),
        potential_slope(d, 0.0, i, 0.0, 0.0, 1.0, t),
    )


@jit()
def tabulate(d, t_end, times, rates):
    """Fill a table of the time at which the answer reaches a height.

    Parameters
    ----------
    d : Dynamics
        Constants.
    t_end : float, network time units
        End of the table, positive.
    times, rates : ndarray, shape (n,)
        Written: time for the squared argument ``(k / (n - 1))^2 s(t_end)``, and its
        derivative by the argument.

    Returns
    -------
    float
        Largest argument, ``sqrt(s(t_end))``.
    """
    n = times.size
    largest = math.sqrt(answer(d, t_end)[0])
    i = start(d, 1.0)
    for k in range(n):
        z = k / (n - 1) * largest
        t = 0.0 if k == 0 else t_end
        if 0 < k < n - 1:
            t = time_to_threshold(d, 0.0, i, 0.0, 0.0, 1.0, z * z, t_end)
            t = min(t, t_end)
        times[k] = t
        slope = answer(d, t)[1]
        rates[k] = 2 * z / slope if k > 0 else 0.0
    # At 0 both vanish; s ~ rate t^2 / 2 where the drive is filtered, else s ~ t.
    if d.filters_drive and d.beta > 0:
        rates[0] = math.sqrt(2 / d.beta)
    return largest


@jit(inline=True)
def guess(times, rates, largest, z):
    """Return the cubic through the table at `z`, from 0 to `largest`."""
    n = times.size
    x = z / largest * (n - 1)
    k = min(int(x), n - 2)
    x -= k
    h = largest / (n - 1)
    rise = times[k + 1] - times[k]
    a, b = h * rates[k] - rise, rise - h * rates[k + 1]
    return times[k] + x * rise + x * (1 - x) * ((1 - x) * a + x * b)


@jit(inline=True)
def period(d, times, rates, largest, level, t_end):
    """Return when the answer reaches `level`, in the table; and its slope there.

    Parameters
    ----------
    d : Dynamics
        Constants.
    times, rates, largest
        Of `tabulate`.
    level : float
        Positive; where the answer stays below it up to `t_end`, the time is ``inf``.
    t_end : float, network time units
        End of the run.

    Returns
    -------
    float, network time units
        Exact up to rounding.
    """
    z = math.sqrt(level)
    if z < largest:
        t = guess(times, rates, largest, z)
        for _ in range(MOST_STEPS):
            value, slope = answer(d, t)
            step = (level - value) / slope
            t += step
            # Near its final value the answer has no slope, and a step no end.
            if abs(step) <= SETTLED * t and t <= t_end:
                return t
    latest = t_end + ROUNDINGS * t_end
    return time_to_threshold(d, 0.0, start(d, 1.0), 0.0, 0.0, 1.0, level, latest)


@jit()
def run_periodic(d, times, rates, largest, theta, j, t_end, found, room):
    """Do what `eventsim.engine.neuron_run_kernels.run_neuron` does, without arrivals.

    Returns
    -------
    int
        Number of spikes, stored or not.
    """
    every = period(d, times, rates, largest, d.factor * theta / j, t_end)
    if every == math.inf:
        return 0
    is_steep = j * answer(d, every)[1] >= grazing_slope(d, theta)
    kind = CROSSED if is_steep else GRAZED
    count = 0
    while count < room.limit:
        t = (count + 1) * every
        if t > t_end * (1 + ROUNDINGS):
            break
        put(found, room, count, min(t, t_end), kind, 0)
        count += 1
    return count


@jit(inline=True)
def unrun_periodic(d, theta, j, fired, n_spikes, clip):
    """Do what `eventsim.engine.neuron_adjoint_kernels.unrun_neuron` does for them.

    Returns
    -------
    d_theta, d_drive : float
        dL/dtheta and dL/dj.
    n_grazing : int
        Grazing crossings that a derivative went through.
    """
    every = fired.time[0]
    value, rise = answer(d, every)
    slope = j * rise
    gain = min(1 / slope, clip) if slope > 0 else 0.0
    later, total, n_grazing = 0.0, 0.0, 0
    # A spike moves with the one before it, by gain times slope: 1 if that is exact.
    for s in range(n_spikes - 1, -1, -1):
        later = fired.d_time[s] + later
        n_grazing += fired.kind[s] == GRAZED and later != 0
        change = later * gain
        total += change
        later = change * slope
    return d.factor * total, -total * value, n_grazing
