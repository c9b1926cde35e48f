r"""Spike response model with a double-exponential kernel and full reset.

With input spikes :math:`t_i` after the neuron's own last spike,

.. math::

   u(t) = \sum_i w_i\,\varepsilon(t - t_i), \qquad
   \varepsilon(t) = \frac{\tau_m}{\tau_m - \tau_s}
   \left(e^{-t/\tau_m} - e^{-t/\tau_s}\right),

and every earlier input is forgotten at the spike: membrane and synapse start from
zero [1]_ (Eq. 1). For :math:`\tau_m = \tau_s = \tau` the kernel is
:math:`(t/\tau) e^{-t/\tau}`. As dynamics: :math:`\alpha = 1/\tau_m`,
:math:`\beta = 1/\tau_s`, an input makes the current jump by :math:`w/\tau_s`, and
``v`` and ``i`` are erased by a spike. A constant input current :math:`c` is input
weight per time: it passes the kernel like a spike train of that density.

Spike times are closed for :math:`\tau_m = 2\tau_s` (a quadratic) and
:math:`\tau_m = \tau_s` (Lambert's W), else bracketed. Since the reset has no
Jacobian and nothing moves just after it, a spike's derivatives involve only the
inputs of its own window; they are

.. math::

   \frac{\partial t}{\partial w_i} = -\frac{\varepsilon(t - t_i)}{\dot u(t)}, \qquad
   \frac{\partial t}{\partial t_i} = \frac{w_i\,\dot\varepsilon(t - t_i)}{\dot u(t)},
   \qquad \sum_i \frac{\partial t}{\partial t_i} = 1 .

Constants: ``tau_m``, ``tau_s``; optional ``max_spikes``, ``refractory`` (the
potential is held at 0, the current goes on).

References
----------
.. [1] Y. Zhu, W. Fang, X. Xie, T. Huang, Z. Yu, "Exploring loss functions for
   time-based training strategy in spiking neural networks", NeurIPS 2023.
"""

from __future__ import annotations

from eventsim.network import Neuron
from eventsim.neurons.constants import (
    RateGradient,
    max_spikes,
    positive,
    refuse_others,
)
from eventsim.neurons.dynamics import Dynamics

CONSTANTS = ("tau_m", "tau_s", "max_spikes", "refractory")


def dynamics(neuron: Neuron) -> Dynamics:
    """Return the neuron's constants in the form of the shared dynamics."""
    refuse_others(neuron, *CONSTANTS)
    tau_m, tau_s = positive(neuron, "tau_m"), positive(neuron, "tau_s")
    return Dynamics(
        alpha=1 / tau_m,
        beta=1 / tau_s,
        gain=1 / tau_s,
        keep_i=0.0,
        refractory=float(neuron.refractory),
        filters_drive=True,
        max_spikes=max_spikes(neuron),
    )


def drive_scale(neuron: Neuron) -> float:
    """Return the drive per unit of constant input current."""
    return 1.0


def by_time_constants(neuron: Neuron, gradient: RateGradient) -> dict[str, float]:
    """Return the derivatives of a loss by tau_m and tau_s."""
    tau_m, tau_s = positive(neuron, "tau_m"), positive(neuron, "tau_s")
    return {
        "tau_m": -gradient.alpha / tau_m**2,
        "tau_s": -(gradient.beta + gradient.gain) / tau_s**2,
    }
