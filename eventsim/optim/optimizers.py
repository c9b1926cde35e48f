"""SGD, Adam and AdamW: state in plain arrays, update in place."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from eventsim.config.schema import OptimizerConfig
from eventsim.optim.update_kernels import adam_update, sgd_update


class Optimizer(Protocol):
    """What a trainer needs from an optimiser.

    Attributes
    ----------
    n_updates : int
        Updates done so far.
    slots : dict of str to list of ndarray
        State arrays, shaped like the weights; they go into checkpoints.
    """

    n_updates: int
    slots: dict[str, list[np.ndarray]]

    def update(
        self, weights: list[np.ndarray], gradients: list[np.ndarray], lr: float
    ) -> None:
        """Change the weights in place."""


def gradient_norm(gradients: list[np.ndarray]) -> float:
    """Return the Euclidean norm of all gradients together, summed in float64."""
    # Not np.vdot: it sums in the array's type, split by BLAS over its threads.
    return math.sqrt(
        sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients)
    )


def _clip_scale(gradients: list[np.ndarray], largest: float | None) -> float:
    if largest is None:
        return 1.0
    norm = gradient_norm(gradients)
    return largest / norm if norm > largest else 1.0


class Sgd:
    """Stochastic gradient descent with momentum and L2 decay.

    Parameters
    ----------
    config : OptimizerConfig
        Constants.
    weights : list of ndarray
        Gives shapes and types of the state.
    are_weights : list of bool, optional
        Which arrays have ``weight_decay``; the others have ``norm_decay``. All by
        default.
    """

    def __init__(
        self,
        config: OptimizerConfig,
        weights: list[np.ndarray],
        are_weights: list[bool] | None = None,
    ) -> None:
        self.config = config
        self.n_updates = 0
        self.decays = _decays(config, are_weights or [True] * len(weights))
        self.slots = {"velocity": [np.zeros_like(w) for w in weights]}

    def update(
        self, weights: list[np.ndarray], gradients: list[np.ndarray], lr: float
    ) -> None:
        """Change the weights in place."""
        config = self.config
        scale = _clip_scale(gradients, config.gradient_clip)
        self.n_updates += 1
        for weight, gradient, velocity, decay in zip(
            weights, gradients, self.slots["velocity"], self.decays, strict=True
        ):
            real = weight.dtype.type
            sgd_update(
                weight.ravel(),
                gradient.ravel(),
                velocity.ravel(),
                real(lr),
                real(config.momentum),
                config.nesterov,
                real(decay),
                real(scale),
            )


class Adam:
    """Adam [1]_, with L2 decay in the gradient or decoupled (AdamW [2]_).

    Parameters
    ----------
    config : OptimizerConfig
        Constants; the name ``"adamw"`` decouples the decay.
    weights : list of ndarray
        Gives shapes and types of the state.
    are_weights : list of bool, optional
        See `Sgd`.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization",
       ICLR 2015.
    .. [2] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization",
       ICLR 2019.
    """

    def __init__(
        self,
        config: OptimizerConfig,
        weights: list[np.ndarray],
        are_weights: list[bool] | None = None,
    ) -> None:
        self.config = config
        self.n_updates = 0
        self.decays = _decays(config, are_weights or [True] * len(weights))
        self.slots = {
            "mean": [np.zeros_like(w) for w in weights],
            "square": [np.zeros_like(w) for w in weights],
        }

    def update(
        self, weights: list[np.ndarray], gradients: list[np.ndarray], lr: float
    ) -> None:
        """Change the weights in place."""
        config = self.config
        scale = _clip_scale(gradients, config.gradient_clip)
        self.n_updates += 1
        correction = math.sqrt(1 - config.beta2**self.n_updates)
        step = lr * correction / (1 - config.beta1**self.n_updates)
        is_decoupled = config.name == "adamw"
        for weight, gradient, mean, square, decay in zip(
            weights,
            gradients,
            self.slots["mean"],
            self.slots["square"],
            self.decays,
            strict=True,
        ):
            real = weight.dtype.type
            adam_update(
                weight.ravel(),
                gradient.ravel(),
                mean.ravel(),
                square.ravel(),
                real(step),
                real(config.beta1),
                real(config.beta2),
                real(config.epsilon * correction),
                real(0 if is_decoupled else decay),
                real(1 - lr * decay if is_decoupled else 1),
                real(scale),
            )


def make_optimizer(
    config: OptimizerConfig,
    weights: list[np.ndarray],
    are_weights: list[bool] | None = None,
) -> Optimizer:
    """Return the optimiser that a configuration names."""
    kind = Sgd if config.name == "sgd" else Adam
    return kind(config, weights, are_weights)


def _decays(config: OptimizerConfig, are_weights: list[bool]) -> list[float]:
    other = config.weight_decay if config.norm_decay is None else config.norm_decay
    return [config.weight_decay if is_weight else other for is_weight in are_weights]
