r"""Rectified-linear postsynaptic potential (ReL-PSP) neuron, one spike per neuron.

An input spike at :math:`t_i` with weight :math:`w_i` adds a ramp to the membrane
potential,

.. math:: u(t) = \sum_i w_i \max(0, t - t_i),

and the neuron fires once, at the first time at which :math:`u(t)` reaches its
threshold [1]_. Two thresholds exist.

*Dynamic threshold* [2]_. Layer :math:`l` owns the window
:math:`[l T_w, (l+1) T_w]`, in which the threshold falls as
:math:`T_w (l + 1) - t` (Eq. 5); outside it is infinite. All inputs have arrived
before the window opens, so there is no causal set to search. Measure time from
the start of the window in units of :math:`T_w`, call it :math:`r`, and write
:math:`a_i = 1 - r_i` for the activation of input i (0 = silent). With

.. math:: A = \sum_i w_i a_i, \qquad S = \sum_{i\ \text{spiked}} w_i

the potential is :math:`A + S r`, the threshold :math:`1 - r`, and

* :math:`A \ge 1`: spike at the start of the window, :math:`a = 1`;
* :math:`A < 1`, :math:`A + S > 0`: :math:`r = (1 - A)/(1 + S)`, that is
  :math:`a = (A + S)/(1 + S)` (Eq. 6 and 7). :math:`1 + S > 0` follows from the
  two conditions, so the division is always safe;
* otherwise no spike, :math:`a = 0`. A crossing at the very end of the window
  (:math:`A + S = 0`) has :math:`a = 0` and counts as no spike.

Inside the window, with :math:`q = 1/(1 + S)`,
:math:`\partial a/\partial A = q` and :math:`\partial a/\partial S = q r`, which
gives :math:`\partial r/\partial w_i = -(a_i + r)\,q` and
:math:`\partial r/\partial r_i = w_i q` (Eq. 9 and 10); the derivatives are zero
in the other two cases. A common shift of all inputs moves the spike by
:math:`S q = 1 - q`: the rest is the pull of the threshold's clock.

*Static threshold* [1]_. With the causal set :math:`C = \{i : t_i < t\}` and
:math:`S = \sum_C w_i`,

.. math:: t = \frac{\theta + \sum_C w_i t_i}{S}, \qquad
   \frac{\partial t}{\partial w_i} = \frac{t_i - t}{S}, \qquad
   \frac{\partial t}{\partial t_i} = \frac{w_i}{S}.

The engine keeps :math:`u` and its slope :math:`S` at the last input instead of
the sums, so nothing grows with time.

References
----------
.. [1] M. Zhang et al., "Rectified linear postsynaptic potential function for
   backpropagation in deep spiking neural networks", IEEE TNNLS 33(5), 2022.
.. [2] W. Wei et al., "Temporal-coded spiking neural networks with dynamic firing
   threshold: learning with event-driven backpropagation", ICCV 2023.
"""

from __future__ import annotations

import math

from eventsim.jit import jit
from eventsim.network import Neuron
from eventsim.neurons.constants import RateGradient, max_spikes, refuse_others
from eventsim.neurons.dynamics import Dynamics


@jit(inline=True)
def fire_in_window(potential, slope):
    """Return activation and gain of a neuron with the dynamic threshold.

    Parameters
    ----------
    potential : float, dimensionless
        ``A``, the membrane potential at the start of the window over ``T_w``.
    slope : float, dimensionless
        ``S``, the sum of the weights of the inputs that spiked.

    Returns
    -------
    activation : float, dimensionless, in [0, 1]
        1 - relative spike time; 0 = silent.
    gain : float, dimensionless
        ``1/(1 + S)`` for a spike inside the window, else 0 (no gradient).
    """
    zero = potential - potential
    one = zero + 1
    is_inside = (potential < one) and (potential + slope > zero)
    gain = one / (one + slope) if is_inside else zero
    activation = one if potential >= one else (potential + slope) * gain
    return min(activation, one), gain


@jit(inline=True)
def time_to_threshold(u, slope, theta):
    """Return how long after the last input the static threshold is reached.

    Parameters
    ----------
    u : float, network time units
        Membrane potential at the last input, below `theta`.
    slope : float, dimensionless
        Sum of the weights of the inputs so far.
    theta : float, network time units
        Threshold, positive.

    Returns
    -------
    float, network time units
        ``inf`` if the potential does not rise.
    """
    if slope <= 0:
        return math.inf
    return (theta - u) / slope


def dynamics(neuron: Neuron) -> Dynamics:
    """Return the static-threshold neuron in the form of the shared dynamics.

    The ramp is the limit of no leak and no decay: ``v`` rises by ``i``, and an
    input makes ``i`` jump by its weight. One spike per neuron.
    """
    refuse_others(neuron, "max_spikes")
    return Dynamics(
        gain=1.0,
        max_spikes=max_spikes(neuron, 1),
    )


def drive_scale(neuron: Neuron) -> float:
    """Return the drive per unit of constant input current."""
    return 1.0


def by_time_constants(neuron: Neuron, gradient: RateGradient) -> dict[str, float]:
    """Return nothing: the model has no time constant."""
    return {}
