"""Slow truth for layers: formulas of papers, restated, and a clocked recursion.

Imports nothing that it is meant to check. Arrivals are arrays of times and weights in
order of time.
"""

import numpy as np
from scipy.special import lambertw


def discrete_spikes(currents, theta, factor, decay=None):
    """Steps, from 1, at which ``V = V + I`` (or ``b V + (1 - b) I``) fires.

    It fires at ``factor * theta`` and then loses theta; currents: one for each step.
    Meng et al. 2022, Eq. 3-8.
    """
    potential, fired = 0.0, []
    for n, current in enumerate(currents, start=1):
        if decay is None:
            potential += current
        else:
            potential = decay * potential + (1 - decay) * current
        if potential >= factor * theta:
            potential -= theta
            fired.append(n)
    return fired


def first_valid(times, candidate):
    """First candidate that lies between the last input it knows and the next one."""
    for n in range(1, len(times) + 1):
        found = candidate(n)
        following = times[n] if n < len(times) else np.inf
        if found is not None and times[n - 1] <= found[0] <= following:
            return found
    return np.inf, None, None


def first_spike_double(times, weights, theta, tau_s):
    """First spike and its derivatives by weights and times, for tau_m = 2 tau_s.

    Göltz et al. 2021 with ``V = sum w (e^(-s/tau_m) - e^(-s/tau_s))``.
    """

    def candidate(n):
        t, w = times[:n], weights[:n]
        e1, e2 = np.exp(t / tau_s), np.exp(t / (2 * tau_s))
        a1, a2 = w @ e1, w @ e2
        square = a2**2 - 4 * a1 * theta
        if square < 0 or a2 + np.sqrt(square) == 0:
            return None
        x = np.sqrt(square)
        ratio = 2 * a1 / (a2 + x)
        if ratio <= 0:
            return None
        spike = 2 * tau_s * np.log(ratio)
        q = (1 + theta / x * np.exp(spike / (2 * tau_s))) / a1
        by_weight = 2 * tau_s * (q * e1 - e2 / x)
        by_time = 2 * w * (q * e1 - e2 / (2 * x))
        return spike, by_weight, by_time

    return first_valid(times, candidate)


def first_spike_equal(times, weights, theta, tau):
    """The same for tau_m = tau_s and ``V = sum w (s/tau) e^(-s/tau)``."""

    def candidate(n):
        t, w = times[:n], weights[:n]
        e = np.exp(t / tau)
        a, b = w @ e, w @ (t / tau * e)
        if a <= 0:
            return None
        z = -theta / a * np.exp(b / a)
        if z < -1 / np.e:
            return None
        root = lambertw(z).real
        spike = tau * (b / a - root)
        by_weight = -e * (spike - t) / (a * (1 + root))
        by_time = -w * e * (spike - t - tau) / (tau * a * (1 + root))
        return spike, by_weight, by_time

    return first_valid(times, candidate)


def first_spike_non_leaky(times, weights, tau):
    """First spike of ``sum w (1 - e^(-s/tau))`` at 1; Mostafa 2018."""

    def candidate(n):
        z, w = np.exp(times[:n] / tau), weights[:n]
        excess = w.sum() - 1
        if excess <= 0:
            return None
        spike = w @ z / excess
        by_weight = tau * (z - spike) / (excess * spike)
        return tau * np.log(spike), by_weight, w * z / (spike * excess)

    return first_valid(times, candidate)


def eventprop(times, weights, theta, tau_m, tau_s, spikes, d_time):
    """dL/dw and dL/dt of the inputs of a neuron that is reset to 0 and keeps I.

    Wunderlich and Pehle 2021, in the form pV' = -pV/tau_m, pI' = -pI/tau_s + pV/tau_m
    in reversed time; ``tau_m V' = -V + I``.
    """
    events = sorted(
        [(t, 0, k) for k, t in enumerate(times)] + [(t, 1, k) for k, t in
                                                    enumerate(spikes)],
        reverse=True,
    )  # fmt: skip
    by_weight, by_time = np.zeros(len(times)), np.zeros(len(times))
    p_v = p_i = 0.0
    now = events[0][0]
    for t, is_spike, k in events:
        dt = now - t
        slow, fast = np.exp(-dt / tau_m), np.exp(-dt / tau_s)
        p_i = p_i * fast + p_v * tau_s / (tau_m - tau_s) * (slow - fast)
        p_v = p_v * slow
        now = t
        if is_spike:
            earlier = times < t
            current = weights[earlier] @ np.exp(-(t - times[earlier]) / tau_s)
            before, after = (current - theta) / tau_m, current / tau_m
            p_v = after / before * p_v - d_time[k] / before
        else:
            by_weight[k] = p_i
            by_time[k] = weights[k] * (p_i / tau_s - p_v / tau_m)
    return by_weight, by_time


def shared_by_age(times, weights, spikes, d_time, tau):
    """dL/dt of the inputs when each spike's is shared by ``w e^(-age/tau)``.

    Only inputs after the spike before take part (Zhu et al. 2023).
    """
    by_time, last = np.zeros(len(times)), 0.0
    for spike, share in zip(spikes, d_time, strict=True):
        window = (times >= last) & (times < spike)
        part = weights * np.exp(-(spike - times) / tau) * window
        by_time += share * part / part.sum()
        last = spike
    return by_time
