r"""Spike response model with an alpha kernel and a refractory kernel.

With inputs :math:`t_i` and own spikes :math:`T_k`,

.. math::

   u(t) = \sum_i w_i\,\frac{t - t_i}{\tau_s}\,e^{1 - (t - t_i)/\tau_s}
   - s\,\theta \sum_k \frac{t - T_k}{\tau_r}\,e^{1 - (t - T_k)/\tau_r},

with refractory scale :math:`s = 2`: nothing is reset, each spike subtracts a
bump [1]_, [2]_. A spike itself is not depressed by its own kernel, which starts
from 0. As dynamics: :math:`\alpha = \beta = 1/\tau_s`, a jump of :math:`e\,w/\tau_s`;
:math:`\rho = 1/\tau_r`, a recoil of :math:`s\,e/\tau_r`. Just after a spike ``u``
stands at the threshold: the neuron fires again at once if it still rises, so a
steep rise gives several spikes at one time, until their recoils outweigh it; else
it fires when ``u`` next rises to the threshold, see
`eventsim.neurons.refractory_crossing`. A constant input current :math:`c` is input
weight per time.

Constants: ``tau_s``, ``tau_r``; optional ``refractory_scale`` (2), ``max_spikes``.

References
----------
.. [1] S. B. Shrestha, G. Orchard, "SLAYER: spike layer error reassignment in time",
   NeurIPS 2018.
.. [2] S. B. Shrestha, L. Zhu, P. Sun, "Spikemax: spike-based loss methods for
   classification", IJCNN 2022.
"""

from __future__ import annotations

import math

from eventsim.network import Neuron
from eventsim.neurons.constants import (
    RateGradient,
    max_spikes,
    positive,
    refuse_others,
)
from eventsim.neurons.dynamics import Dynamics

CONSTANTS = ("tau_s", "tau_r", "refractory_scale", "max_spikes")
REFRACTORY_SCALE = 2.0


def _scale(neuron: Neuron) -> float:
    if neuron.refractory_scale is None:
        return REFRACTORY_SCALE
    return positive(neuron, "refractory_scale")


def dynamics(neuron: Neuron) -> Dynamics:
    """Return the neuron's constants in the form of the shared dynamics."""
    refuse_others(neuron, *CONSTANTS)
    tau_s, tau_r = positive(neuron, "tau_s"), positive(neuron, "tau_r")
    return Dynamics(
        alpha=1 / tau_s,
        beta=1 / tau_s,
        gain=math.e / tau_s,
        keep_v=1.0,
        rho=1 / tau_r,
        recoil=_scale(neuron) * math.e / tau_r,
        clamps=False,
        filters_drive=True,
        max_spikes=max_spikes(neuron),
    )


def drive_scale(neuron: Neuron) -> float:
    """Return the drive per unit of constant input current."""
    return math.e


def by_time_constants(neuron: Neuron, gradient: RateGradient) -> dict[str, float]:
    """Return the derivatives of a loss by tau_s and tau_r."""
    tau_s, tau_r = positive(neuron, "tau_s"), positive(neuron, "tau_r")
    by_s = gradient.alpha + gradient.beta + math.e * gradient.gain
    by_r = gradient.rho + _scale(neuron) * math.e * gradient.recoil
    return {"tau_s": -by_s / tau_s**2, "tau_r": -by_r / tau_r**2}
