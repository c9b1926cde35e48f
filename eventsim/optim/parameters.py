r"""What an optimiser moves, and how a network's arrays follow from it.

`PlainWeights` are the weights themselves. `StandardisedWeights` is weight
standardisation [1]_, as used by [2]_: each unit or channel c has raw weights
:math:`V_c` of any mean and scale, and

.. math::

   W_c = \gamma_c \frac{V_c - \mathrm{mean}(V_c)}{\sqrt{\mathrm{var}(V_c) + \epsilon}}
   + \beta_c

with the unbiased variance over its fan-in. With trained thresholds the scale
:math:`\gamma_c` moves into the threshold after every update ([2]_, appendix,
section 1): :math:`\theta_c \leftarrow \theta_c / \gamma_c`,
:math:`\beta_c \leftarrow \beta_c / \gamma_c`, :math:`\gamma_c \leftarrow 1`. A spike
train depends on :math:`W_c / \theta_c` only, so nothing changes, but thresholds are
updated by a factor and stay positive. An optimiser's moments of :math:`\gamma` and
:math:`\beta` stay as they are, as in the released code of [2]_.

References
----------
.. [1] S. Qiao, H. Wang, C. Liu, W. Shen, A. Yuille, "Micro-batch training with
   batch-channel normalization and weight standardization", 2019.
.. [2] Y. Zhu, W. Fang, X. Xie, T. Huang, Z. Yu, "Exploring loss functions for
   time-based training strategy in spiking neural networks", NeurIPS 2023.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from eventsim.errors import RunError
from eventsim.network import Network
from eventsim.optim.standardise_kernels import standardise, unstandardise

EPSILON = 1e-5


class Parameters(Protocol):
    """What a trainer needs of its parameters.

    Attributes
    ----------
    arrays : list of ndarray
        What the optimiser updates in place.
    are_weights : list of bool
        Which of them are weights; the others may have another weight decay.
    """

    arrays: list[np.ndarray]
    are_weights: list[bool]

    def settle(self) -> None:
        """Follow a change of the arrays, as by an update, and tell the network."""

    def gradients(self, by_weight: list[np.ndarray]) -> list[np.ndarray]:
        """Return the derivatives by the arrays from those by the network's weights."""


class PlainWeights:
    """The weights of the network itself.

    Parameters
    ----------
    network : Network
        Whose weights are updated in place.
    """

    def __init__(self, network: Network) -> None:
        self.arrays = network.weights
        self.are_weights = [True] * len(self.arrays)

    def settle(self) -> None:
        """Do nothing: the arrays are the network's."""

    def gradients(self, by_weight: list[np.ndarray]) -> list[np.ndarray]:
        """Return the derivatives as they are."""
        return by_weight


class StandardisedWeights:
    """Weights of mean beta and standard deviation gamma for each unit or channel.

    Parameters
    ----------
    network : Network
        Its weights are taken as the raw ones and overwritten; its thresholds follow
        the scale if `trains_thresholds`.
    trains_thresholds : bool
        Whether gamma moves into the thresholds after each update; else it stays.
    """

    def __init__(self, network: Network, *, trains_thresholds: bool) -> None:
        self.trains_thresholds = trains_thresholds
        self._layers = [layer for _, layer in network.spiking_layers]
        self.raw = [weight.copy() for weight in network.weights]
        shapes = [weight.shape[-1:] for weight in self.raw]
        self.gamma = [
            np.ones(shape, raw.dtype)
            for shape, raw in zip(shapes, self.raw, strict=True)
        ]
        self.beta = [np.zeros_like(gamma) for gamma in self.gamma]
        self.arrays = [*self.raw, *self.gamma, *self.beta]
        self.are_weights = [k < len(self.raw) for k in range(len(self.arrays))]
        self._moments = [np.zeros((2, gamma.size)) for gamma in self.gamma]
        self.settle()

    def settle(self) -> None:
        """Move the scale into the thresholds, measure and write the weights.

        Raises
        ------
        RunError
            If a scale is no longer positive.
        """
        for layer, raw, gamma, beta, moments in zip(
            self._layers, self.raw, self.gamma, self.beta, self._moments, strict=True
        ):
            assert layer.weight is not None
            assert layer.theta is not None
            if self.trains_thresholds:
                if not gamma.min() > 0:
                    raise RunError(
                        f"the weight scale of a unit of {layer.name} became "
                        f"{gamma.min():g}"
                    )
                layer.theta[...] /= gamma
                beta /= gamma
                gamma[...] = 1
            rows = (-1, gamma.size)
            standardise(
                raw.reshape(rows), gamma, beta, EPSILON, moments,
                layer.weight.reshape(rows),
            )  # fmt: skip

    def gradients(self, by_weight: list[np.ndarray]) -> list[np.ndarray]:
        """Return the derivatives by raw weights, scales and means.

        Parameters
        ----------
        by_weight : list of ndarray
            dL/dW of each layer.

        Returns
        -------
        list of ndarray
            In the order of ``arrays``.
        """
        by_raw = [np.empty_like(raw) for raw in self.raw]
        by_gamma = [np.empty_like(gamma) for gamma in self.gamma]
        by_beta = [np.empty_like(beta) for beta in self.beta]
        for k, gradient in enumerate(by_weight):
            rows = (-1, self.gamma[k].size)
            unstandardise(
                np.ascontiguousarray(gradient).reshape(rows),
                self.raw[k].reshape(rows),
                self.gamma[k],
                self._moments[k],
                by_raw[k].reshape(rows),
                by_gamma[k],
                by_beta[k],
            )
        return [*by_raw, *by_gamma, *by_beta]
