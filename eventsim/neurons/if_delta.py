r"""Integrate-and-fire neuron with instantaneous synapses and soft reset.

.. math:: \dot u = c, \qquad u \leftarrow u + w_i \text{ at } t_i,

and a spike takes theta off the potential. The neuron fires when ``u`` is at least
``threshold_factor * theta`` after all inputs of one time have been added, so its
spikes fall on input times, unless the constant current carries ``u`` across in
between. What is left above the threshold gives the next spike when the refractory
period ends, during which inputs are integrated; without one, several spikes at
once. On integer input times with ``refractory: 1`` the neuron is the discrete one
of [1]_ (Eq. 3-8): a spike per step at most, the rest carried over.

Constants: optional ``refractory``, ``threshold_factor`` (1), ``max_spikes``.

References
----------
.. [1] Q. Meng et al., "Training high-performance low-latency spiking neural
   networks by differentiation on spike representation", CVPR 2022.
"""

from __future__ import annotations

from eventsim.network import Neuron
from eventsim.neurons.constants import RateGradient, max_spikes, refuse_others
from eventsim.neurons.dynamics import Dynamics

CONSTANTS = ("refractory", "threshold_factor", "max_spikes")


def dynamics(neuron: Neuron) -> Dynamics:
    """Return the neuron's constants in the form of the shared dynamics."""
    refuse_others(neuron, *CONSTANTS)
    return Dynamics(
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
    return 1.0


def by_time_constants(neuron: Neuron, gradient: RateGradient) -> dict[str, float]:
    """Return nothing: the model has no time constant."""
    return {}
