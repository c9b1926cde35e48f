r"""Exact derivatives of the shared dynamics, run backwards through events.

With :math:`x = (v, i, p, q)`, :math:`\dot x = A x + b` between events, and
:math:`\lambda = \partial L/\partial x`:

* over a silent interval, :math:`\lambda(t) = e^{A^T \Delta t}\lambda(t+\Delta t)`;
* an input :math:`x \leftarrow x + w g` at :math:`t_i` has
  :math:`\partial L/\partial w = \lambda\cdot g` and, since it acts later when
  :math:`t_i` grows, :math:`\partial L/\partial t_i = -w\,\lambda\cdot A g`;
* a spike at :math:`T`, where :math:`u` crosses the threshold with slope
  :math:`\dot u^-`, maps :math:`x^+ = R x^- + r`. Its time moves by
  :math:`\delta T = (\mathrm{factor}\,\delta\theta - \delta u^-)/\dot u^-`
  (implicit function theorem), and the state after it by
  :math:`R\,\delta x^- + (R\dot x^- - \dot x^+)\,\delta T`. With
  :math:`s = \partial L/\partial T + \lambda^+\cdot(R\dot x^- - \dot x^+)` and
  :math:`c = s/\dot u^-`,

  .. math:: \lambda^- = R^T\lambda^+ - c\,\nabla_x u, \qquad
     \frac{\partial L}{\partial\theta} = c\,\mathrm{factor} +
     \lambda^+\cdot\frac{\partial r}{\partial\theta} .

* a spike that an instantaneous input, or the end of a refractory period, sets off
  has a time that is given from outside: :math:`\lambda^- = R^T\lambda^+`, and
  :math:`s` belongs to what set it off.

Derivatives by the rates come from the propagators of the silent intervals alone:
a spike's time depends on the rates only through the state.
"""

from __future__ import annotations

import math

from eventsim.jit import jit
from eventsim.neurons.dynamics import kappa, phi, start


@jit(inline=True)
def first_moment(x):
    """Return the integral of ``s exp(-x s)`` over 0..1, ``(1-(1+x)e^-x)/x^2``."""
    if x < 0.03:
        # Taylor; the next term is below 1e-17.
        return (
            1 / 2
            - x / 3
            + x**2 / 8
            - x**3 / 30
            + x**4 / 144
            - x**5 / 840
            + x**6 / 5760
            - x**7 / 45360
        )
    return (-math.expm1(-x) - x * math.exp(-x)) / (x * x)


@jit(inline=True)
def phi_by_rate(rate, dt):
    """Return the derivative of `phi` with respect to its rate."""
    return -dt * dt * first_moment(rate * dt)


@jit(inline=True)
def kappa_by_rates(alpha, beta, dt):
    """Return the derivatives of `kappa` with respect to both rates."""
    slow = min(alpha, beta)
    fast = max(alpha, beta)
    by_fast = math.exp(-slow * dt) * phi_by_rate(fast - slow, dt)
    by_slow = -dt * kappa(alpha, beta, dt) - by_fast
    return (by_slow, by_fast) if alpha <= beta else (by_fast, by_slow)


@jit(inline=True)
def retreat(d, lv, li, lp, lq, dt):
    """Move the adjoint state back by `dt` without events.

    Parameters
    ----------
    d : Dynamics
        Constants.
    lv, li, lp, lq : float
        Derivatives of the loss by the state at the end of the interval.
    dt : float, network time units
        Not negative.

    Returns
    -------
    tuple of four floats
        Derivatives by the state at its beginning.
    """
    li = math.exp(-d.beta * dt) * li + kappa(d.alpha, d.beta, dt) * lv
    lv = math.exp(-d.alpha * dt) * lv
    if d.recoil != 0:
        decay = math.exp(-d.rho * dt)
        lq = decay * (lq + dt * lp)
        lp = decay * lp
    return lv, li, lp, lq


@jit(inline=True)
def retreat_held(d, lv, li, lp, lq, dt):
    """Move the adjoint state back inside a period that holds ``v``."""
    return lv, math.exp(-d.beta * dt) * li, lp, lq


@jit(inline=True)
def by_rates(d, v, i, p, q, j, lv, li, lp, lq, dt):
    """Return derivatives by alpha, beta, rho of a silent interval.

    Parameters
    ----------
    d : Dynamics
        Constants.
    v, i, p, q : float
        State at its beginning.
    j : float
        Drive.
    lv, li, lp, lq : float
        Adjoint state at its end.
    dt : float, network time units
        Its length.

    Returns
    -------
    tuple of three floats
        Contributions to dL/dalpha, dL/dbeta, dL/drho.
    """
    leak = math.exp(-d.alpha * dt)
    fade = math.exp(-d.beta * dt)
    kappa_a, kappa_b = kappa_by_rates(d.alpha, d.beta, dt)
    alpha = lv * (-dt * leak * v + kappa_a * i + phi_by_rate(d.alpha, dt) * j)
    beta = lv * kappa_b * i - li * dt * fade * i
    rho = 0.0
    if d.recoil != 0:
        decay = math.exp(-d.rho * dt)
        rho = -dt * decay * (lp * (p + q * dt) + lq * q)
    return alpha, beta, rho


@jit(inline=True)
def by_rates_held(d, i, li, dt):
    """Return dL/dbeta of an interval that holds ``v``."""
    return -li * dt * math.exp(-d.beta * dt) * i


@jit(inline=True)
def by_drive(d, lv, dt):
    """Return dL/dj of a silent interval from the adjoint state at its end."""
    return lv * phi(d.alpha, dt)


@jit(inline=True)
def by_weight(d, lv, li):
    """Return dL/dw of an input that arrived at the adjoint state's time."""
    return d.kick * lv + d.gain * li


@jit(inline=True)
def by_arrival(d, weight, lv, li):
    """Return dL/dt of an input that set off no spike."""
    return -weight * (lv * (d.gain - d.alpha * d.kick) - li * d.beta * d.gain)


@jit(inline=True)
def unfire(d, v, i, p, q, j, theta, is_held, lv, li, lp, lq, d_time):
    """Move the adjoint state back through a spike.

    Parameters
    ----------
    d : Dynamics
        Constants.
    v, i, p, q : float
        State just before the spike; for one that an input set off, before that
        input (its velocity counts), else with ``u`` at the threshold.
    j : float
        Drive.
    theta : float
        Threshold.
    is_held : bool
        Whether ``v`` is held after the spike.
    lv, li, lp, lq : float
        Adjoint state just after it.
    d_time : float
        dL/dT of the spike itself, from all that it caused elsewhere.

    Returns
    -------
    lv, li, lp, lq : float
        ``R^T lambda``, without the share of the crossing: see `cross`.
    total : float
        ``s``: derivative of the loss by the spike time, all else fixed.
    d_theta : float
        Direct share of dL/dtheta, through the reset.
    d_drive : float
        Direct share of dL/dj, through an erased current.

    Notes
    -----
    The velocity after the spike is that of the reset state; for a spike set off by
    an input, ``v`` and ``i`` after it are those of the input added: hand the sum's
    reset in through `unfire_at`.
    """
    v_after = d.keep_v * v - d.drop * theta
    i_after = d.keep_i * i + (1 - d.keep_i) * start(d, j)
    return unfire_at(
        d, v, i, p, q, j, theta, is_held, v_after, i_after, lv, li, lp, lq, d_time
    )


@jit(inline=True)
def unfire_at(
    d, v, i, p, q, j, theta, is_held, v_after, i_after, lv, li, lp, lq, d_time
):
    """Do what `unfire` does, with ``v`` and ``i`` after the spike given."""
    v_dot = -d.alpha * v + i + j
    v_dot_after = 0.0 if is_held else -d.alpha * v_after + i_after + j
    i_dot = -d.beta * i
    i_dot_after = -d.beta * i_after
    total = (
        d_time
        + lv * (d.keep_v * v_dot - v_dot_after)
        + li * (d.keep_i * i_dot - i_dot_after)
        + lp * d.recoil * theta
        - lq * d.rho * d.recoil * theta
    )
    d_theta = -d.drop * lv - d.recoil * lq
    d_drive = -(1 - d.keep_i) * li if d.filters_drive else 0.0
    return d.keep_v * lv, d.keep_i * li, lp, lq, total, d_theta, d_drive


@jit(inline=True)
def cross(d, lv, lp, total, slope, clip):
    """Add the share of a threshold crossing to the adjoint state.

    Parameters
    ----------
    d : Dynamics
        Constants.
    lv, lp : float
        From `unfire`.
    total : float
        ``s`` of `unfire`.
    slope : float
        ``du/dt`` just before the spike.
    clip : float
        Largest ``1 / slope``; ``inf`` is exact.

    Returns
    -------
    lv, lp : float
        Adjoint state before the spike.
    d_theta : float
        Share of dL/dtheta.
    """
    # A crossing without a slope has no derivative; it is counted as grazing.
    gain = min(1 / slope, clip) if slope > 0 else 0.0
    change = total * gain
    return lv - change, lp - change, d.factor * change
