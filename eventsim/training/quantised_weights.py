"""Train with rounded weights: a network runs on them, full-precision ones are moved.

The straight-through estimator [1]_: the derivative by a rounded weight is taken for
that by the full-precision weight behind it, also where rounding clips. The rounding has
no derivative of its own but 0, so this gradient is not exact.

References
----------
.. [1] Y. Bengio, N. Léonard, A. Courville, "Estimating or propagating gradients through
   stochastic neurons for conditional computation", 2013.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eventsim.network import Layer, Network
from eventsim.optim import Parameters
from eventsim.quantisation import Per, best_steps, quantised, rounded


class QuantisedWeights:
    """Parameters of a full-precision network, and a rounded network that follows.

    Weights that are 0 at the start stay 0: absent synapses stay absent.

    Parameters
    ----------
    full : Network
        In full precision; `parameters` changes it.
    parameters : Parameters
        What the optimiser updates, and how `full` follows from it.
    bits : int
        From 2 to 16.
    per : {"layer", "channel"}
        What has a step of its own.

    Attributes
    ----------
    network : Network
        Rounded; it shares its thresholds with `full`.
    """

    def __init__(
        self, full: Network, parameters: Parameters, bits: int, per: Per
    ) -> None:
        self.network = quantised(full, bits, per)
        self.arrays = parameters.arrays
        self.are_weights = parameters.are_weights
        self._full = full
        self._parameters = parameters
        self._bits, self._per = bits, per
        self._absent = [weight == 0 for weight in full.weights]
        self._has_absent = [bool(absent.any()) for absent in self._absent]

    def find_steps(self) -> None:
        """Fit the steps to the full-precision weights and round with them."""
        for layer, full in self._pairs():
            assert layer.weight_step is not None
            layer.weight_step[...] = best_steps(full, self._bits, self._per)
        self._round()

    def settle(self) -> None:
        """Follow a change of the arrays; the steps stay."""
        self._parameters.settle()
        self._round()

    def gradients(self, by_weight: list[np.ndarray]) -> list[np.ndarray]:
        """Return the derivatives by the arrays from those by the rounded weights."""
        masked = [
            np.where(absent, 0, gradient) if any_absent else gradient
            for gradient, absent, any_absent in zip(
                by_weight, self._absent, self._has_absent, strict=True
            )
        ]
        return self._parameters.gradients(masked)

    def _round(self) -> None:
        for layer, full in self._pairs():
            assert layer.weight is not None
            assert layer.weight_step is not None
            layer.weight[...] = rounded(full, layer.weight_step, self._bits)

    def _pairs(self) -> Iterator[tuple[Layer, Layer]]:
        """Yield each layer with neurons, rounded and in full precision."""
        for k, layer in self.network.spiking_layers:
            yield layer, self._full.layers[k - 1]
