r"""Non-leaky integrate-and-fire neuron with an exponential synaptic current.

.. math:: u(t) = \sum_i w_i \left(1 - e^{-(t - t_i)/\tau_s}\right) + c\,t .

With :math:`z = e^{t/\tau_s}` and the causal set :math:`C`, the first spike is at
:math:`z = \sum_C w_i z_i / (\sum_C w_i - \theta)` [1]_. The engines keep the state
at the last input instead, since :math:`z` overflows after long silences; the time
to the threshold is then :math:`-\tau_s\ln(1 - (\theta - u)/(\tau_s i))`. As
dynamics: :math:`\alpha = 0`, :math:`\beta = 1/\tau_s`, a jump of :math:`w/\tau_s`.

One spike per neuron unless ``max_spikes`` is larger; then ``reset`` says what a
spike does to the potential. The current is kept.

Constants: ``tau_s``; optional ``max_spikes`` (1), ``reset`` (zero), ``refractory``.

References
----------
.. [1] H. Mostafa, "Supervised learning based on temporal coding in spiking neural
   networks", IEEE TNNLS 29(7), 2018.
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
        beta=1 / tau_s,
        gain=1 / tau_s,
        keep_v=1.0 if subtracts else 0.0,
        drop=1.0 if subtracts else 0.0,
        refractory=float(neuron.refractory),
        max_spikes=max_spikes(neuron, 1),
    )


def drive_scale(neuron: Neuron) -> float:
    """Return the drive per unit of constant input current."""
    return 1.0


def by_time_constants(neuron: Neuron, gradient: RateGradient) -> dict[str, float]:
    """Return the derivative of a loss by tau_s."""
    tau_s = positive(neuron, "tau_s")
    return {"tau_s": -(gradient.beta + gradient.gain) / tau_s**2}
