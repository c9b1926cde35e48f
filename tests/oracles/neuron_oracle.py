"""Slow truth for one spiking neuron: its written-down equations, scanned.

The potential of every model is a sum of kernels over all inputs and all own spikes;
no state is carried from event to event. Between two events the sum is evaluated on a
dense grid together with its slope, every change of sign of the slope is located by a
root finder, and so every interval on which the potential rises is known, including
one that lies between two points of the grid. Imports nothing that it is meant to
check. Times are network times.

A spike is where the potential rises and is at least the threshold. An input at the
time of a crossing, up to roundings, comes after it. A ``slayer_srm`` neuron that still
rises fires again at once, first without the inputs of that time, as long as it rises,
then with them. Models:

* ``srm_lif``: sum of ``w tau_m/(tau_m - tau_s) (e^(-s/tau_m) - e^(-s/tau_s))`` over
  the inputs since the last own spike, which erases everything;
* ``lif``: ``w tau_s/(tau_m - tau_s) (...)``; ``alpha_synapse``: ``w s e^(-s/tau_s)``;
  ``non_leaky_if``: ``w (1 - e^(-s/tau_s))``; ``relpsp``: ``w s``. A spike takes the
  potential to 0 (or theta off it: the same, as it stands at theta), the current stays;
* ``slayer_srm``: ``w (s/tau_s) e^(1 - s/tau_s)``, and every own spike adds
  ``-scale theta (s/tau_r) e^(1 - s/tau_r)``;
* ``if_delta``, ``lif_delta``: ``w`` or ``w e^(-s/tau_m)``, and every own spike
  subtracts theta in the same way.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

DELTA_MODELS = ("if_delta", "lif_delta")
# A crossing as near to an input, or to the end, as that is at its time.
ROUNDINGS = 1e-15


@dataclass(frozen=True)
class Cell:
    """Constants of one neuron; names as in the model descriptions."""

    model: str
    theta: float = 1.0
    tau_m: float | None = None
    tau_s: float | None = None
    tau_r: float | None = None
    reset: str | None = None
    max_spikes: int | None = None
    refractory: float = 0.0
    threshold_factor: float = 1.0
    refractory_scale: float | None = None
    current: float = 0.0

    @property
    def spike_limit(self):
        if self.max_spikes is not None:
            return self.max_spikes
        is_single = self.model in ("relpsp", "non_leaky_if", "alpha_synapse")
        return 1 if is_single else math.inf

    @property
    def firing_height(self):
        is_delta = self.model in DELTA_MODELS
        return self.theta * (self.threshold_factor if is_delta else 1.0)


# Kernels: value and slope at s >= 0 after a unit input, or of a unit current.


def _difference(s, tau_m, tau_s):
    """(e^(-s/tau_m) - e^(-s/tau_s)) / (tau_m - tau_s) and its slope."""
    slow, fast = max(tau_m, tau_s), min(tau_m, tau_s)
    gap = slow - fast
    if gap == 0:
        value = np.exp(-s / slow) * s / slow**2
    else:
        value = -np.exp(-s / slow) * np.expm1(-s * gap / (slow * fast)) / gap
    return value, np.exp(-s / tau_s) / (tau_m * tau_s) - value / tau_m


def _bump(s, tau):
    """(s/tau) e^(1 - s/tau) and its slope."""
    fall = np.exp(1 - s / tau)
    return s / tau * fall, (1 - s / tau) / tau * fall


def _input_kernel(cell, s):
    if cell.model in ("srm_lif", "lif"):
        value, slope = _difference(s, cell.tau_m, cell.tau_s)
        factor = cell.tau_m if cell.model == "srm_lif" else cell.tau_s
        return factor * value, factor * slope
    if cell.model == "non_leaky_if":
        fall = np.exp(-s / cell.tau_s)
        return -np.expm1(-s / cell.tau_s), fall / cell.tau_s
    if cell.model == "alpha_synapse":
        fall = np.exp(-s / cell.tau_s)
        return s * fall, (1 - s / cell.tau_s) * fall
    if cell.model == "slayer_srm":
        return _bump(s, cell.tau_s)
    if cell.model == "lif_delta":
        fall = np.exp(-s / cell.tau_m)
        return fall, -fall / cell.tau_m
    if cell.model == "if_delta":
        return np.ones_like(s), np.zeros_like(s)
    return s + 0.0, np.ones_like(s)


def _current_kernel(cell, s):
    if cell.model in ("lif", "lif_delta"):
        fall = np.exp(-s / cell.tau_m)
        return -np.expm1(-s / cell.tau_m), fall / cell.tau_m
    if cell.model == "alpha_synapse":
        return -cell.tau_s * np.expm1(-s / cell.tau_s), np.exp(-s / cell.tau_s)
    if cell.model == "srm_lif":
        # The integral of the input kernel: current is weight per time.
        value = _input_kernel(cell, s)[0]
        return cell.tau_m * (-np.expm1(-s / cell.tau_s) - value), value
    if cell.model == "slayer_srm":
        x = s / cell.tau_s
        whole = math.e * cell.tau_s * (-np.expm1(-x) - x * np.exp(-x))
        return whole, _bump(s, cell.tau_s)[0]
    return s + 0.0, np.ones_like(s)


def _own_kernel(cell, s):
    """What an own spike adds, for the models that sum over all of them."""
    if cell.model == "slayer_srm":
        scale = 2.0 if cell.refractory_scale is None else cell.refractory_scale
        value, slope = _bump(s, cell.tau_r)
        return -scale * cell.theta * value, -scale * cell.theta * slope
    tau = {"lif": cell.tau_m, "lif_delta": cell.tau_m}.get(cell.model)
    if cell.model == "alpha_synapse":
        tau = cell.tau_s
    if tau is None:
        return -cell.theta * np.ones_like(s), np.zeros_like(s)
    fall = np.exp(-s / tau)
    return -cell.theta * fall, cell.theta * fall / tau


def _sums_own_spikes(cell):
    if cell.model in ("slayer_srm", *DELTA_MODELS):
        return True
    return cell.reset == "subtract" and cell.refractory == 0


def _survives(cell, s):
    """What is left of a synaptic current after s."""
    return 1.0 if cell.tau_s is None else math.exp(-s / cell.tau_s)


def potential_terms(cell, inputs, own, t):
    """Summands of the potential and of its slope at the times t.

    inputs: (time, weight) pairs, own: spike times so far; all of them count from
    their own time on. t is not before the end of the last refractory period.
    Returns two arrays of shape (n_terms, len(t)).
    """
    t = np.asarray(t, float)
    values, slopes = [], []

    def add(factor, kernel, since):
        s = t - since
        value, slope = kernel(cell, np.maximum(s, 0.0))
        values.append(np.where(s >= 0, factor * value, 0.0))
        slopes.append(np.where(s >= 0, factor * slope, 0.0))

    if _sums_own_spikes(cell):
        for time, weight in inputs:
            add(weight, _input_kernel, time)
        for time in own:
            add(1.0, _own_kernel, time)
        add(cell.current, _current_kernel, 0.0)
    else:
        last = own[-1] if len(own) else 0.0
        start = last + cell.refractory if len(own) else 0.0
        erases = cell.model == "srm_lif"
        for time, weight in inputs:
            if erases and time < last:
                continue
            if time < start:
                add(weight * _survives(cell, start - time), _input_kernel, start)
            else:
                add(weight, _input_kernel, time)
        add(cell.current, _current_kernel, start)
        if erases and start > last:
            held = cell.tau_s * -math.expm1(-(start - last) / cell.tau_s)
            add(cell.current * held, _input_kernel, start)
    return np.array(values), np.array(slopes)


def potential(cell, inputs, own, t):
    """The potential at one time, and the sum of the sizes of its parts."""
    values = potential_terms(cell, inputs, own, [t])[0][:, 0]
    return math.fsum(values), math.fsum(abs(values))


def slope(cell, inputs, own, t):
    """The slope of the potential at one time."""
    return math.fsum(potential_terms(cell, inputs, own, [t])[1][:, 0])


def grid(length, short, long):
    """Times from 0 to `length` that show all that changes at these scales."""
    even = np.linspace(0, min(length, 6 * long), 130)
    ratio = np.geomspace(1e-4 * min(short, length), length, 50)
    return np.unique(np.minimum(np.concatenate([even, ratio, [length]]), length))


def first_rise(curve, t, height, *, stands_at_height=False):
    """First of the times, or between them, at which a rising curve is at a height.

    curve(times) gives its values and its slopes. `stands_at_height`: it does at the
    first time, whatever rounding says, and does not rise there.
    """
    u, du = curve(t)

    def above(x):
        return curve(np.array([x]))[0][0] - height

    def slope_at(x):
        return curve(np.array([x]))[1][0]

    rises = (du[:-1] > 0) | (du[1:] > 0)
    reach = np.maximum(abs(du[:-1]), abs(du[1:])) * np.diff(t)
    for k in np.flatnonzero(rises & (np.maximum(u[:-1], u[1:]) + reach >= height)):
        low, high = t[k], t[k + 1]
        if (du[k] < 0) != (du[k + 1] < 0):
            turn = brentq(slope_at, low, high, xtol=1e-15)
            low, high = (turn, high) if du[k] < 0 else (low, turn)
        if above(low) >= 0 and not (stands_at_height and low == t[0]):
            return low
        if above(high) >= 0:
            if above(low) >= 0:
                return low
            return brentq(above, low, high, xtol=1e-300, rtol=8.9e-16)
    return math.inf


def next_spike(cell, inputs, own, t_end):
    """First spike after the own ones so far, inf if there is none up to t_end."""
    if len(own) >= cell.spike_limit:
        return math.inf
    start = own[-1] + cell.refractory if len(own) else 0.0
    corners = sorted({start, t_end, *(t for t, _ in inputs if start < t < t_end)})
    for low, high in pairwise(corners):
        if high > t_end or low < start:
            continue
        arrived = [(t, w) for t, w in inputs if t <= low]

        def curve(t, arrived=arrived):
            values, slopes = potential_terms(cell, arrived, own, t)
            return values.sum(axis=0), slopes.sum(axis=0)

        latest = high + ROUNDINGS * high
        taus = [x for x in (cell.tau_m, cell.tau_s, cell.tau_r) if x is not None]
        taus = taus or [latest - low]
        found = first_rise(
            curve,
            np.minimum(low + grid(latest - low, min(taus), max(taus)), latest),
            cell.theta,
            stands_at_height=cell.model == "slayer_srm"
            and len(own) > 0
            and low == own[-1],
        )
        if found < math.inf:
            return found if found < high * (1 - ROUNDINGS) else high
    return math.inf


def repeat(cell, inputs, own):
    """Add to the spikes of a ``slayer_srm`` neuron those at the time of the last."""
    t = own[-1]
    for arrived in ([x for x in inputs if x[0] < t], [x for x in inputs if x[0] <= t]):
        while len(own) < cell.spike_limit and slope(cell, arrived, own, t) > 0:
            own.append(t)


def spike_times(cell, inputs, t_end):
    """All spikes in [0, t_end] of a neuron that is at rest at 0.

    inputs: (time, weight) pairs in any order, times not negative.
    """
    inputs = sorted(inputs)
    if cell.model in DELTA_MODELS:
        return _delta_spikes(cell, inputs, t_end)
    own = []
    while True:
        found = next_spike(cell, inputs, own, t_end)
        if found == math.inf:
            return own
        own.append(found)
        if cell.model == "slayer_srm":
            repeat(cell, inputs, own)


def _delta_spikes(cell, inputs, t_end):
    """Spikes of a neuron with instantaneous synapses, time by time."""
    own = []
    height = cell.firing_height
    arrivals = [t for t, _ in inputs if t <= t_end]
    ready = now = 0.0

    def above(t, arrived_by):
        arrived = [(s, w) for s, w in inputs if s <= arrived_by]
        return potential(cell, arrived, own, t)[0] - height

    while True:
        # All inputs of this time are in, then the test, again and again.
        while len(own) < cell.spike_limit and now >= ready and above(now, now) >= 0:
            own.append(now)
            if cell.refractory > 0:
                ready = now + cell.refractory
        if now >= t_end or len(own) >= cell.spike_limit:
            return own
        following = min([t for t in (*arrivals, ready) if t > now], default=t_end)
        following = min(following, t_end)
        # At the time of an input, and of a release, the test decides.
        is_free = following == t_end and t_end not in (*arrivals, ready)
        latest = following * (1 + ROUNDINGS) if is_free else following
        if now >= ready and above(latest, now) > 0:
            # The current carries it across.
            found = brentq(above, now, latest, args=(now,), xtol=1e-300, rtol=8.9e-16)
            found = min(found, following)
            if now < found and (found < following or is_free):
                own.append(found)
                now = found
                ready = found + cell.refractory
                continue
        now = following
