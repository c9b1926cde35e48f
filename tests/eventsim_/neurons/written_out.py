"""The dynamics written out: potential and slope as sums of exponentials.

In extended precision where the machine has it. Also random states to try.
"""

import numpy as np

from eventsim.neurons.dynamics import UNLIMITED, Dynamics


def rates(alpha, beta, rho=0.0):
    """Return constants that matter to a silent interval alone."""
    return Dynamics(
        alpha=alpha,
        beta=beta,
        gain=1.0,
        kick=0.0,
        keep_v=1.0,
        drop=0.0,
        keep_i=1.0,
        rho=rho,
        recoil=1.0 if rho > 0 else 0.0,
        factor=1.0,
        refractory=0.0,
        clamps=False,
        filters_drive=False,
        max_spikes=UNLIMITED,
    )


def curve(d, v, i, p, q, j):
    """Return a function from times to potential, slope and size of the parts."""
    v, i, p, q, j = (np.longdouble(x) for x in (v, i, p, q, j))
    alpha, beta, rho = (np.longdouble(x) for x in (d.alpha, d.beta, d.rho))
    gap = abs(beta - alpha)

    def parts(t):
        t = np.asarray(t, np.longdouble)
        leak, fade, decay = (np.exp(-rate * t) for rate in (alpha, beta, rho))
        # exp(-slow t) (1 - exp(-gap t)) / gap, a sum that cancels nothing.
        spread = -np.expm1(-gap * t) / gap if gap > 0 else t
        bump = np.exp(-min(alpha, beta) * t) * spread
        filled = -np.expm1(-alpha * t) / alpha if alpha > 0 else t
        line = decay * (p + q * t)
        u = leak * v + bump * i + filled * j + line
        du = leak * (j - alpha * v) + (fade - alpha * bump) * i
        du = du + decay * q - rho * line
        size = abs(leak * v) + abs(bump * i) + abs(filled * j)
        return u, du, size + decay * (abs(p) + abs(q * t))

    return parts


def random_states(rng, n, alpha, beta):
    """Return v, i, j, theta, v below theta: all signs, sizes over many decades."""

    def sizes():
        decades = np.exp(rng.normal(size=n) * rng.choice([0.5, 0.5, 5, 15], n))
        return rng.choice([0, 1, 1, 1, -1, -1], n) * decades

    theta = np.exp(rng.normal(size=n))
    just_below = 1 - 2.0**-53
    v = theta * rng.choice([0, 0, just_below, 1 - 1e-12, 0.5, -3, -1e3, 0.999], n)
    v = np.where(rng.random(n) < 0.4, theta * rng.uniform(-2, 0.999, n), v)
    i = sizes() * theta * (max(alpha, beta) or 1)
    j = sizes() * theta * (alpha or 1) * (rng.random(n) < 0.6)
    # What long silences leave of a current, and drives far below it.
    i = np.where(rng.random(n) < 0.05, i * 1e-200, i)
    j = np.where(rng.random(n) < 0.05, j * 1e-25, j)
    return v, i, j, theta
