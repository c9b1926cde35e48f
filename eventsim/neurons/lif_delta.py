r"""Leaky integrate-and-fire neuron with instantaneous synapses and soft reset.

.. math:: \tau_m \dot u = -u + c, \qquad u \leftarrow u + w_i \text{ at } t_i,

and a spike takes theta off the potential; everything else is as in
`eventsim.neurons.if_delta`. On integer input times (in units of the step
:math:`\Delta t`) with ``refractory: 1`` and weights times
:math:`1 - e^{-\Delta t/\tau_m}` the neuron is the discrete one of [1]_.

Constants: ``tau_m``; optional ``refractory``, ``threshold_factor`` (1),
``max_spikes``.

References
----------
.. [1] Q. Meng et al., "Training high-performance low-latency spiking neural
   networks by differentiation on spike representation", CVPR 2022.
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

CONSTANTS = ("tau_m", "refractory", "threshold_factor", "max_spikes")


def dynamics(neuron: Neuron) -> Dynamics:
    """Return the neuron's constants in the form of the shared dynamics."""
    refuse_others(neuron, *CONSTANTS)
    tau_m = positive(neuron, "tau_m")
    return Dynamics(
        alpha=1 / tau_m,
        kick=1.0,
        keep_v=1.0,
        drop=1.0,
        factor=float(neuron.threshold_factor),
        refractory=float(neuron.refractory),
        clamps=False,
        max_spikes=max_spikes(neuron),
    )


def drive_scale(neuron: Neuron) -> float:
    """Return the drive per unit of constant input current."""
    return 1 / positive(neuron, "tau_m")


def by_time_constants(neuron: Neuron, gradient: RateGradient) -> dict[str, float]:
    """Return the derivative of a loss by tau_m."""
    tau_m = positive(neuron, "tau_m")
    return {"tau_m": -(gradient.alpha + gradient.drive_scale) / tau_m**2}
