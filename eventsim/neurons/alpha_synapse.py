r"""Neuron with an alpha-shaped postsynaptic potential.

.. math:: u(t) = \sum_i w_i\,(t - t_i)\,e^{-(t - t_i)/\tau} ,

the first spike in closed form by Lambert's W function [1]_ (their decay constant is
:math:`1/\tau`). As dynamics: :math:`\alpha = \beta = 1/\tau_s`, a jump of
:math:`w`; a constant input current charges the membrane, :math:`\dot v \mathrel{+}= c`.

One spike per neuron unless ``max_spikes`` is larger; then ``reset`` says what a
spike does to the potential. The current is kept.

Constants: ``tau_s``; optional ``max_spikes`` (1), ``reset`` (zero), ``refractory``.

References
----------
.. [1] I. M. Comsa et al., "Temporal coding in spiking neural networks with alpha
   synaptic function: learning with backpropagation", IEEE TNNLS 33(10), 2022.
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

CONSTANTS = ("tau_s", "reset", "max_spikes", "refractory")


def dynamics(neuron: Neuron) -> Dynamics:
    """Return the neuron's constants in the form of the shared dynamics."""
    refuse_others(neuron, *CONSTANTS)
    tau_s = positive(neuron, "tau_s")
    subtracts = neuron.reset == "subtract"
    return Dynamics(
        alpha=1 / tau_s,
        beta=1 / tau_s,
        gain=1.0,
        keep_v=1.0 if subtracts else 0.0,
        drop=1.0 if subtracts else 0.0,
        refractory=float(neuron.refractory),
        max_spikes=max_spikes(neuron, 1),
    )


def drive_scale(neuron: Neuron) -> float:
    """Return the drive per unit of constant input current."""
    return 1.0


def by_time_constants(neuron: Neuron, gradient: RateGradient) -> dict[str, float]:
    """Return the derivative of a loss by tau_s, which sets both rates."""
    tau_s = positive(neuron, "tau_s")
    return {"tau_s": -(gradient.alpha + gradient.beta) / tau_s**2}
