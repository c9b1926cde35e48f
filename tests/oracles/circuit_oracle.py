"""Slow truth for small recurrent circuits of leaky neurons with delays.

Potentials are sums of kernels over everything that arrived, looked at on a dense
grid and refined by a root finder; one spike after the other, the earliest first.
Imports nothing that it is meant to check.

With ``k(s) = tau_s/(tau_m - tau_s) (exp(-s/tau_m) - exp(-s/tau_s))``, a neuron that
fired at T is at 0 until R = T + r, and from there on

* ``lif``: ``u(t) = sum_i w_i exp(-(R - t_i)/tau_s) k(t - R)`` over what came before
  R, plus ``w_i k(t - t_i)`` over what came later, plus ``c (1 - exp(-(t - R)/tau_m))``;
* ``srm_lif``: the same with ``tau_m/tau_s k``, but only over what came after T; a
  current c is a train of that density, so its share is an integral of the kernel.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar


@dataclass(frozen=True)
class Cell:
    theta: float
    tau_m: float
    tau_s: float
    forgets: bool = False  # srm_lif: the synaptic current is erased by a spike
    refractory: float = 0.0
    current: float = 0.0


@dataclass(frozen=True)
class Link:
    source: int  # inputs are -1, -2, ... ; cells count from 0
    target: int
    weight: float
    delay: float


def kernel(cell, s):
    """Potential at s after a unit jump of the current, tau_m du/dt = -u + i."""
    gap = cell.tau_s / (cell.tau_m - cell.tau_s)
    return gap * (np.exp(-s / cell.tau_m) - np.exp(-s / cell.tau_s))


def charge(cell, s):
    """Integral of the kernel from 0 to s."""
    return (cell.tau_s / (cell.tau_m - cell.tau_s)) * (
        cell.tau_m * -np.expm1(-s / cell.tau_m)
        - cell.tau_s * -np.expm1(-s / cell.tau_s)
    )


def shares(cell, t, arrivals, last_spike):
    """Return what each cause adds to the potential at times t, one row per cause."""
    t = np.atleast_1d(np.asarray(t, float))
    begin = 0.0 if last_spike is None else last_spike + cell.refractory
    height = cell.tau_m / cell.tau_s if cell.forgets else 1.0
    rows = []
    for time, weight in arrivals:
        if cell.forgets and last_spike is not None and time < last_spike:
            continue
        since = np.maximum(t - max(time, begin), 0)
        fade = math.exp(-max(begin - time, 0) / cell.tau_s)
        rows.append(weight * fade * height * kernel(cell, since))
    since = np.maximum(t - begin, 0)
    if cell.forgets:
        rows.append(cell.current * height * charge(cell, since))
        if last_spike is not None:
            held = cell.tau_s * -np.expm1(-cell.refractory / cell.tau_s)
            rows.append(cell.current * height * held * kernel(cell, since))
    else:
        rows.append(cell.current * -np.expm1(-since / cell.tau_m))
    return np.array(rows)


def first_crossing(cell, now, arrivals, last_spike, t_end, step):
    """Return the first time from now on at which the potential reaches theta."""
    begin = now if last_spike is None else max(now, last_spike + cell.refractory)
    if begin >= t_end:
        return math.inf
    # What comes later than the end by a few roundings is at the end.
    latest = t_end * (1 + 1e-15)

    def excess(t):
        return shares(cell, t, arrivals, last_spike).sum(axis=0) - cell.theta

    kinks = [time for time, _ in arrivals if begin < time < t_end]
    grid = np.arange(begin, t_end, step)
    grid = np.unique(np.concatenate([grid, kinks, [t_end, latest]]))
    values = excess(grid)
    reached = int(np.argmax(values >= 0)) if (values >= 0).any() else grid.size
    # A maximum between two points of the grid may reach the threshold, too.
    inner = values[1:-1]
    peaks = 1 + np.flatnonzero((inner >= values[:-2]) & (inner >= values[2:]))
    for peak in peaks[peaks < reached]:
        if values[peak] > -0.1 * cell.theta:
            left, right = grid[peak - 1], grid[peak + 1]
            top = minimize_scalar(
                lambda t: -excess(t)[0], bounds=(left, right), method="bounded"
            ).x
            if excess(top)[0] >= 0:
                found = brentq(lambda t: excess(t)[0], left, top, xtol=1e-15)
                return min(found, t_end)
    if reached == grid.size:
        return math.inf
    if reached == 0:
        return grid[0]
    left, right = grid[reached - 1], grid[reached]
    found = brentq(lambda t: excess(t)[0], left, right, xtol=1e-15, rtol=8.9e-16)
    return min(found, t_end)


def run(cells, links, inputs, t_end, step=4e-3):
    """Return all spikes as (time, cell, residual), earliest first.

    `inputs` are (time, channel, value); the residual is |u - theta| at the spike
    over the sum of the sizes of what makes up u. All delays between cells must be
    positive.
    """
    arrivals = [[] for _ in cells]
    for time, channel, value in inputs:
        for link in links:
            if link.source == -1 - channel:
                arrivals[link.target].append((time + link.delay, link.weight * value))
    last_spike = [None] * len(cells)
    now, spikes = 0.0, []
    upcoming = [
        first_crossing(cell, now, arrivals[k], None, t_end, step)
        for k, cell in enumerate(cells)
    ]
    while min(upcoming) <= t_end:
        k = int(np.argmin(upcoming))
        now = upcoming[k]
        parts = shares(cells[k], now, arrivals[k], last_spike[k])
        spikes.append((now, k, abs(parts.sum() - cells[k].theta) / abs(parts).sum()))
        last_spike[k] = now
        changed = {k}
        for link in links:
            if link.source == k:
                arrivals[link.target].append((now + link.delay, link.weight))
                changed.add(link.target)
        for m in changed:
            upcoming[m] = first_crossing(
                cells[m], now, arrivals[m], last_spike[m], t_end, step
            )
    return spikes
