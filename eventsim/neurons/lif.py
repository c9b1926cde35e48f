r"""Leaky integrate-and-fire neuron with an exponential synaptic current.

.. math::

   \tau_m \dot u = -u + I + c, \qquad \tau_s \dot I = -I, \qquad
   I \leftarrow I + w_i \text{ at } t_i,

so one input gives :math:`u(t) = w\frac{\tau_s}{\tau_m - \tau_s}(e^{-t/\tau_m} -
e^{-t/\tau_s})`. At a spike the current is kept and the potential

* ``reset: zero`` starts again from 0 [1]_;
* ``reset: subtract`` loses theta [2]_.

``max_spikes: 1`` gives the single-spike neurons of [3]_ (their kernel has another
constant factor, which belongs in the weights: for :math:`\tau_m = 2\tau_s` it is
the one here, for :math:`\tau_m = \tau_s` too). As dynamics:
:math:`\alpha = 1/\tau_m`, :math:`\beta = 1/\tau_s`, a jump of :math:`w/\tau_m`.

The current that outlives a spike carries derivatives through it: with
:math:`\dot u^-` the slope before the spike and :math:`\dot u^+` after it, the
adjoint of the potential changes by the factor :math:`\dot u^+/\dot u^-` for the
reset to zero, see `eventsim.neurons.adjoint`.

Constants: ``tau_m``, ``tau_s``; optional ``reset`` (zero), ``max_spikes``,
``refractory`` (the potential is held, the current goes on).

References
----------
.. [1] T. C. Wunderlich, C. Pehle, "Event-based backpropagation can compute exact
   gradients for spiking neural networks", Sci. Rep. 11, 2021.
.. [2] F. Bacho, D. Chu, "Exploring trade-offs in spiking neural networks", Neural
   Comput. 35, 2023 (BATS).
.. [3] J. Göltz et al., "Fast and energy-efficient neuromorphic deep learning with
   first-spike times", Nat. Mach. Intell. 3, 2021.
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

CONSTANTS = ("tau_m", "tau_s", "reset", "max_spikes", "refractory")


def dynamics(neuron: Neuron) -> Dynamics:
    """Return the neuron's constants in the form of the shared dynamics."""
    refuse_others(neuron, *CONSTANTS)
    tau_m, tau_s = positive(neuron, "tau_m"), positive(neuron, "tau_s")
    subtracts = neuron.reset == "subtract"
    return Dynamics(
        alpha=1 / tau_m,
        beta=1 / tau_s,
        gain=1 / tau_m,
        keep_v=1.0 if subtracts else 0.0,
        drop=1.0 if subtracts else 0.0,
        refractory=float(neuron.refractory),
        max_spikes=max_spikes(neuron),
    )


def drive_scale(neuron: Neuron) -> float:
    """Return the drive per unit of constant input current."""
    return 1 / positive(neuron, "tau_m")


def by_time_constants(neuron: Neuron, gradient: RateGradient) -> dict[str, float]:
    """Return the derivatives of a loss by tau_m and tau_s."""
    tau_m, tau_s = positive(neuron, "tau_m"), positive(neuron, "tau_s")
    by_inverse = gradient.alpha + gradient.gain + gradient.drive_scale
    return {"tau_m": -by_inverse / tau_m**2, "tau_s": -gradient.beta / tau_s**2}
