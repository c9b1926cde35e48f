r"""The linear dynamics that all spiking neuron models here share.

Between events every neuron obeys

.. math::

   \dot v = -\alpha v + i + j, \quad \dot i = -\beta i, \quad
   \dot p = -\rho p + q, \quad \dot q = -\rho q, \qquad u = v + p,

with membrane potential :math:`u`, synaptic current :math:`i`, constant drive
:math:`j`, and, for models with a refractory kernel, its two traces :math:`p, q`.
An input of weight :math:`w` makes :math:`i` jump by ``gain * w`` and :math:`v` by
``kick * w``. The neuron fires when :math:`u` reaches ``factor * theta``, and then

.. math::

   v \leftarrow \mathrm{keep\_v}\, v - \mathrm{drop}\,\theta, \quad
   i \leftarrow \mathrm{keep\_i}\, i + (1 - \mathrm{keep\_i})\, i_0, \quad
   q \leftarrow q - \mathrm{recoil}\,\theta .

A drive that passes the synapse, :math:`\dot i' = -\beta i' + \beta j`, is brought
into this form by counting the current from where it settles, :math:`i = i' - j`;
an erased current is then :math:`i_0 = -j` instead of 0.

A neuron model is a choice of these constants (one file each); what is written
here and in the files beside it is written once for all of them. State is kept at
the last event and moved by exponentials of minus the time since then, so nothing
grows with time and long silences are exact.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from eventsim.jit import jit

UNLIMITED = 2**31 - 1
GRAZING_SLOPE = 1e-6


class Dynamics(NamedTuple):
    """Constants of the shared dynamics; numbers only, to be handed to kernels.

    Parameters
    ----------
    alpha, beta : float, 1 / network time unit
        Leak rate of the potential and decay rate of the synaptic current; 0 = none.
    gain : float
        Jump of the synaptic current per unit of weight.
    kick : float
        Jump of the potential per unit of weight (instantaneous synapse).
    keep_v, drop : float
        Reset of the potential, ``v = keep_v * v - drop * theta``.
    keep_i : float, 0 or 1
        Whether the synaptic current survives a spike.
    rho : float, 1 / network time unit
        Rate of the refractory kernel; 0 = none.
    recoil : float, 1 / network time unit
        Jump of ``q`` at a spike, in units of minus theta.
    factor : float, dimensionless
        The neuron fires at ``factor * theta``.
    refractory : float, network time units
        Absolute refractory period after a spike.
    clamps : bool
        Whether the potential is held during that period; if not, it goes on
        integrating and only firing is forbidden.
    filters_drive : bool
        Whether the drive passes the synapse.
    max_spikes : int
        Spikes after which a neuron falls silent for the rest of a run.
    """

    alpha: float = 0.0
    beta: float = 0.0
    gain: float = 0.0
    kick: float = 0.0
    keep_v: float = 0.0
    drop: float = 0.0
    keep_i: float = 1.0
    rho: float = 0.0
    recoil: float = 0.0
    factor: float = 1.0
    refractory: float = 0.0
    clamps: bool = True
    filters_drive: bool = False
    max_spikes: int = UNLIMITED


@jit(inline=True)
def phi(rate, dt):
    """Return ``(1 - exp(-rate dt)) / rate``, the answer of a leak to a step."""
    return -math.expm1(-rate * dt) / rate if rate > 0 else dt


@jit(inline=True)
def phi_inverse(rate, value, rest):
    """Return the positive time at which `phi` reaches a value, ``inf`` if never.

    Parameters
    ----------
    rate : float, 1 / network time unit
        Of either sign, or 0.
    value : float, network time units
        What `phi` is to be.
    rest : float
        ``1 - rate * value``, what is left of ``exp(-rate t)``; asked for because
        the difference has no digits left where the time is long.
    """
    if not 0 < value < math.inf:
        return math.inf
    y = rate * value
    if abs(y) < 1e-300:
        return value
    if y < 0.5:
        return -math.log1p(-y) / rate
    return -math.log(rest) / rate if rest > 0 else math.inf


@jit(inline=True)
def kappa(alpha, beta, dt):
    """Return the potential at `dt` after a unit jump of the synaptic current.

    ``(exp(-alpha dt) - exp(-beta dt)) / (beta - alpha)``, symmetric in both rates,
    without cancellation where they are close and ``dt exp(-alpha dt)`` where equal.
    """
    slow = min(alpha, beta)
    fast = max(alpha, beta)
    return math.exp(-slow * dt) * phi(fast - slow, dt)


@jit(inline=True)
def start(d, j):
    """Return the synaptic current of a neuron at rest, and after it is erased."""
    return -j if d.filters_drive else 0.0


@jit(inline=True)
def advance(d, v, i, p, q, j, dt):
    """Move the state on by `dt` without events.

    Parameters
    ----------
    d : Dynamics
        Constants.
    v, i, p, q : float
        State.
    j : float
        Constant drive, in units of the potential per time.
    dt : float, network time units
        Not negative.

    Returns
    -------
    tuple of four floats
        State at `dt`.
    """
    leak = math.exp(-d.alpha * dt)
    v = leak * v + kappa(d.alpha, d.beta, dt) * i + phi(d.alpha, dt) * j
    i = math.exp(-d.beta * dt) * i
    if d.recoil != 0:
        decay = math.exp(-d.rho * dt)
        p = decay * (p + q * dt)
        q = decay * q
    return v, i, p, q


@jit(inline=True)
def advance_held(d, v, i, p, q, j, dt):
    """Move the state on by `dt` inside a refractory period that holds ``v``."""
    return v, math.exp(-d.beta * dt) * i, p, q


@jit(inline=True)
def potential(d, v, i, p, q, j, dt):
    """Return the membrane potential ``u`` at `dt` after the given state."""
    u = (
        math.exp(-d.alpha * dt) * v
        + kappa(d.alpha, d.beta, dt) * i
        + phi(d.alpha, dt) * j
    )
    if d.recoil != 0:
        u += math.exp(-d.rho * dt) * (p + q * dt)
    return u


@jit(inline=True)
def potential_slope(d, v, i, p, q, j, dt):
    """Return ``du/dt`` at `dt` after the given state."""
    rise = math.exp(-d.alpha * dt) * (j - d.alpha * v)
    rise += i * (math.exp(-d.beta * dt) - d.alpha * kappa(d.alpha, d.beta, dt))
    if d.recoil != 0:
        rise += math.exp(-d.rho * dt) * (q - d.rho * (p + q * dt))
    return rise


@jit(inline=True)
def slope(d, v, i, p, q, j):
    """Return ``du/dt`` of a state."""
    return -d.alpha * v + i + j + (-d.rho * p + q)


@jit(inline=True)
def grazing_slope(d, theta):
    """Return the slope below which a crossing is grazing."""
    rate = d.alpha + d.beta
    return GRAZING_SLOPE * theta * (rate if rate > 0 else 1.0)


@jit(inline=True)
def receive(d, v, i, weight):
    """Return ``v, i`` after an input of the given weight."""
    return v + d.kick * weight, i + d.gain * weight


@jit(inline=True)
def pin(d, v, p, theta):
    """Return ``v`` with which ``u`` is the firing threshold exactly."""
    return d.factor * theta - p


@jit(inline=True)
def reset(d, v, i, p, q, j, theta):
    """Return the state just after a spike from the state just before it."""
    v = d.keep_v * v - d.drop * theta
    i = d.keep_i * i + (1 - d.keep_i) * start(d, j)
    return v, i, p, q - d.recoil * theta
